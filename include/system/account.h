/* System accounts, read from the name service before the jail. */
#ifndef SOLOFTPD_SYSTEM_ACCOUNT_H
#define SOLOFTPD_SYSTEM_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "text/path.h"

#define ACCOUNT_NAME 129 /* the longest login name with its terminator */
#define ACCOUNT_GROUPS 1024

struct account {
	char name[ACCOUNT_NAME];
	uid_t uid;
	gid_t gid;
	int group_count;
	gid_t groups[ACCOUNT_GROUPS]; /* gid and the supplementary groups */
	char home[PATH_TEXT];
};

/* Looks an account up by name, with its groups. Returns 0, -ENOENT if there is none, -ENAMETOOLONG
 * or -E2BIG when it does not fit, or another -errno of the name service. */
int account_find(const char *name, struct account *out_account);

/* Whether there is an account of that name, as far as the name service can tell. */
bool account_exists(const char *name);

/* Look-ups in the jail, where the name service must not be asked: it would load its libraries from
 * there. account_names_open keeps /etc/passwd and /etc/group open for them, for ever. */
void account_names_open(void);

/* The home directory of a user. -ENOENT if there is none, -ENAMETOOLONG if it does not fit. */
int account_home(const char *name, char *out_home, size_t capacity);

/* Names of owners in listings: the name, or the number as text, valid until the next look-up of the
 * same kind; what was looked up once is remembered. */
const char *account_user_name(uid_t uid);
const char *account_group_name(gid_t gid);

#endif
