/* Pathnames as clients write them: what a handler may hand to the file system. */
#ifndef SOLOFTPD_COMMANDS_NAMES_H
#define SOLOFTPD_COMMANDS_NAMES_H

#include "session.h"

/* Applies the client's notations ("~", backslashes where translate_windows_paths is on). Returns 0 or
 * -ENAMETOOLONG. */
int names_expand(struct session *session, const char *argument, char out[PATH_TEXT]);

/* names_expand, and then deny_file: on the name, and on what it leads to through symbolic links.
 * -EACCES when the name is denied. */
int names_use(struct session *session, const char *argument, char out[PATH_TEXT]);

#endif
