/* How an account stands with the checks that PAM's usual modules make: for the administrator's tools,
 * which ask without a password. */
#ifndef SOLOFTPD_SYSTEM_STANDING_H
#define SOLOFTPD_SYSTEM_STANDING_H

#include <stdbool.h>

struct standing {
	char shell[256];
	bool shell_listed; /* in /etc/shells, as pam_shells wants it */
	bool shadow_known; /* the rest could be read: that needs root */
	bool locked;	   /* no password can match */
	bool expired;	   /* the account, not the password */
};

/* Returns 0, or -ENOENT when there is no such account. */
int standing_find(const char *name, struct standing *out_standing);

#endif
