/* soloftpctl superserver: the entry that does what a configuration asked of vsftpd's own listener. */
#ifndef SOLOFTPD_CTL_SUPERSERVER_H
#define SOLOFTPD_CTL_SUPERSERVER_H

#include <stdbool.h>

#include "policy/config.h"

/* Whether there are entries of this kind: xinetd, inetd, systemd, tcpserver. */
bool superserver_is_known(const char *kind);

/* Prints the entry of a known kind for the program called `name` that reads `file`, with comments on what
 * can't be carried over. */
void superserver_print(
	const char *kind, const struct config *config, const char *name, const char *file);

#endif
