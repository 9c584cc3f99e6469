/*
 * Where a user's session lives: which directory, in a jail or not, and the way there that gives root
 * up for good. Runs once, as root, after the login has been decided.
 */
#ifndef SOLOFTPD_POLICY_JAIL_H
#define SOLOFTPD_POLICY_JAIL_H

#include "policy/login.h"

/* Enters the user's directory, makes it the root directory where the configuration says so, and takes
 * on the user's identity. Everything the session still needs from outside must be open by now.
 * Returns 0; otherwise -errno, with what went wrong in `problem`, and the session must end: it may
 * have got half-way. */
int jail_enter(const struct config *config, const struct login *login, struct buffer *problem);

#endif
