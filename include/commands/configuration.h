/* The configuration that holds for this client: read at the start, and anew for HOST. */
#ifndef SOLOFTPD_COMMANDS_CONFIGURATION_H
#define SOLOFTPD_COMMANDS_CONFIGURATION_H

#include "session.h"

/* Reads the layers that need no more than the connection. Returns 0, or -EINVAL: syslog has been told. */
int configuration_load(struct session *session);

/* Reads a further file on top. Returns and complains as above. */
int configuration_add(struct session *session, const char *file);

/* Checks the whole and settles what depends on it: the address PASV announces, the character set. Returns
 * and complains as above. */
int configuration_settle(struct session *session);

/* The greeting's text: banner_file's lines, ftpd_banner, or NULL where none is configured. Valid until the
 * next call. Returns and complains as above. */
int configuration_banner(struct session *session, const char **out_text);

#endif
