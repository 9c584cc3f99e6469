/*
 * The walls around a session: what the kernel refuses it before the login, while it is root, and after it, as the user. Follows
 * the configuration: what no command is allowed to do, the kernel refuses too. docs/security.md tells the whole.
 */
#ifndef SOLOFTPD_POLICY_CONFINEMENT_H
#define SOLOFTPD_POLICY_CONFINEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/config.h"
#include "policy/login.h"
#include "system/filter.h"
#include "system/landlock.h"

/* Before the first byte of the client's is read, with the logs open: capabilities, what may be written, what may be called.
 * Returns 0, or -errno with what went wrong in `problem`: the session must end. */
int confinement_before(const struct config *config, struct buffer *problem);

/* The last step before 230, with ids changed: limits, Landlock, the filter. `owner` is whom uploads are given to, or
 * NULL; `stopped` is told of calls that the filter refuses (system/filter.h). Returns as confinement_before does. */
int confinement_after(const struct config *config, const struct login *login,
	const struct account *owner, const struct filter_kept *kept, void (*stopped)(int call),
	struct buffer *problem);

/* Whether the session that follows will be under the filter: nothing in its root directory can become code then. */
bool confinement_filters(const struct config *config);

/* The rights to files that the command classes open to a session need. */
uint64_t confinement_rights(const struct config *config, bool anonymous);

/* Whether uploads of this login are given to another owner (chown_uploads). */
bool confinement_gives(const struct config *config, const struct login *login);

#endif
