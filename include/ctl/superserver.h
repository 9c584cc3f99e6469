/* soloftpctl superserver: the entry that does what a configuration asked of vsftpd's own listener. */
#ifndef SOLOFTPD_CTL_SUPERSERVER_H
#define SOLOFTPD_CTL_SUPERSERVER_H

#include "policy/config.h"

/* Prints the entry for `kind` (xinetd, inetd, systemd, tcpserver), for a server that reads `file`, with
 * comments on what can't be carried over. Returns 0, or -ENOENT for another kind. */
int superserver_print(const char *kind, const struct config *config, const char *file);

#endif
