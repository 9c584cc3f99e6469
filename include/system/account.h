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
	char home[PATH_TEXT];
	uid_t uid;
	gid_t gid;
	gid_t groups[ACCOUNT_GROUPS]; /* gid and the supplementary groups */
	int group_count;
};

/* Looks an account up by name, with its groups. Returns 0, -ENOENT if there is none, -ENAMETOOLONG
 * or -E2BIG when it does not fit, or another -errno of the name service. */
int account_find(const char *name, struct account *out_account);

/* Only the home directory, for "~name/". Same errors. */
int account_home(const char *name, char *out_home, size_t capacity);

/* Names of owners in listings. account_names_open keeps /etc/passwd and /etc/group open, so that they
 * can be read in a jail that has neither; account_names_close closes them. The two look-ups return
 * the name, or the number as text, valid until the next look-up of the same kind; what was looked up
 * once is remembered. */
void account_names_open(void);
const char *account_user_name(uid_t uid);
const char *account_group_name(gid_t gid);

#endif
