/* Pathnames as clients write them: what a handler may hand to the file system. */
#ifndef SOLOFTPD_COMMANDS_NAMES_H
#define SOLOFTPD_COMMANDS_NAMES_H

#include "control/reply.h"
#include "session.h"

/* Applies the client's notations: its character set (client_charset, and %XX for what that lacks), "~", and
 * backslashes where translate_windows_paths is on. Returns 0 or -ENAMETOOLONG. */
int names_expand(struct session *session, const char *argument, char out[PATH_TEXT]);

/* What names_use returns for a denied name; no -errno has this value. */
#define NAMES_DENIED (-4096)

/* names_expand, and then deny_file: on the name, and on what it leads to through symbolic links. Returns
 * 0, NAMES_DENIED or -ENAMETOOLONG; `out` is set in any case, for the log. */
int names_use(struct session *session, const char *argument, char out[PATH_TEXT]);

/* Whether deny_file forbids the path, as names_use has it; `path` is expanded. */
bool names_denies(struct session *session, const char *path);

/* The reply for a failure of names_use, or of what was done with the name then. */
struct reply names_error(int error, const char *text);

#endif
