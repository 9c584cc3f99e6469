/*
 * Where a user's session lives: which directory, in a jail or not, and the way there that gives root
 * up for good. Runs once, as root, after the login has been decided.
 */
#ifndef SOLOFTPD_POLICY_JAIL_H
#define SOLOFTPD_POLICY_JAIL_H

#include "policy/login.h"

/* Where a login's session is going to live. */
struct jail_plan {
	bool jailed;
	char home[PATH_TEXT];	/* of the account, or the jail's part of it */
	char inside[PATH_TEXT]; /* where to go inside the jail; "" for its root */
	char root[PATH_TEXT];	/* local_root or anon_root; "" for none */
};

/* Decides that, and does nothing yet. Returns 0, or -errno with what went wrong in `problem`. */
int jail_plan(const struct config *config, const struct login *login, struct jail_plan *out_plan,
	struct buffer *problem);

/* Whether the working directory may be the root directory of the login's jail: 0, or -errno with the
 * reason in `problem`. */
int jail_check_root(const struct config *config, const struct login *login, const char *directory,
	struct buffer *problem);

/* Says in `problem` when the user may write, but nothing can be written below the working directory, since the walls before
 * the login do not allow it: otherwise nobody would learn why. */
void jail_warn(const struct config *config, const struct login *login, struct buffer *problem);

/* Enters the user's directory, makes it the root directory where the configuration says so, and takes
 * on the user's identity. Everything the session still needs from outside must be open by now.
 * Returns 0, with a warning in `problem` if there is one; otherwise -errno, with what went wrong in `problem`, and the session must end: it may
 * have got half-way. */
int jail_enter(const struct config *config, const struct login *login, struct buffer *problem);

#endif
