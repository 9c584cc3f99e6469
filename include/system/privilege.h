/*
 * Giving up root, one function a step, in this order: reduce, enter, jail, drop. Each verifies what it did;
 * after a failure the session must end, because what it would run as is not known.
 */
#ifndef SOLOFTPD_SYSTEM_PRIVILEGE_H
#define SOLOFTPD_SYSTEM_PRIVILEGE_H

#include <stdbool.h>

#include "system/account.h"

/* No program that is executed can have more rights than this process from now on (prctl(2), PR_SET_NO_NEW_PRIVS). Returns
 * 0 or -errno. */
int privilege_forbid_gains(void);

/* Still root, with as few capabilities as the way to the login needs, none for programs it would execute, and no
 * way to more; `gives` keeps the one to give files away, and what it `starts` can read what root can. Returns 0 or -errno. */
int privilege_reduce(bool gives, bool starts);

/* Changes the working directory with the rights of `account`, so that a directory root may not enter
 * (NFS) works and one the user may not enter does not. Root again on return; -errno otherwise. */
int privilege_enter(const struct account *account, const char *directory);

/* Whether `account` could write to the working directory; -errno if that can't be told. */
int privilege_can_write_here(const struct account *account);

/* Makes the working directory the root directory. Returns 0 or -errno. */
int privilege_jail(void);

/* Takes on the account's groups, group and user for good: no identity of root's is kept, no
 * capability (but that to give files away, if it `gives`), and no way to gain either. Verified by reading everything back and
 * by trying to return. Returns 0 or -errno (-EPERM: the drop can't be trusted). */
int privilege_drop(const struct account *account, bool gives);

/* Whether files can be given away; asked after privilege_drop. */
bool privilege_gives(void);

#endif
