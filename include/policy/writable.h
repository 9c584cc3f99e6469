/*
 * What can be written while the process is still root, before the login: what PAM and the system's books need, and the
 * directories that users write to after it, since what is closed then stays closed.
 */
#ifndef SOLOFTPD_POLICY_WRITABLE_H
#define SOLOFTPD_POLICY_WRITABLE_H

#include <stdbool.h>

#include "policy/config.h"

/* Whether files that come with the user or the host can open what is closed until then. */
bool writable_can_change(const struct config *config);

/* Whether a session may be allowed to write. */
bool writable_wanted(const struct config *config);

/* Whether PAM may be asked. */
bool writable_asks_pam(const struct config *config);

/* Makes, as root still can, what PAM's modules could not make any more. */
void writable_prepare(const struct config *config);

/* Grants all that in a ruleset of system/landlock, and PAM's own programs. Returns 0 or -errno. */
int writable_grant(int ruleset, const struct config *config);

/* Whether what is below `path` (absolute, without links) can be written after the login, as far as these walls allow. */
bool writable_reaches(const struct config *config, const char *path);

#endif
