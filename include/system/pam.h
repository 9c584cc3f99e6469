/* Password checks by PAM: the only user of libpam, which is loaded when the first password arrives. */
#ifndef SOLOFTPD_SYSTEM_PAM_H
#define SOLOFTPD_SYSTEM_PAM_H

#include <stdbool.h>

#include "system/account.h"

struct pam_login {
	const char *service;  /* file in /etc/pam.d */
	const char *user;     /* as the client gave it */
	const char *password; /* borrowed; PAM wipes its own copy */
	const char *host;     /* PAM_RHOST: the client's numeric address */
};

struct pam_verdict {
	char user[ACCOUNT_NAME]; /* after PAM: a module may have mapped the name */
	const char *stage; /* of a refusal: "authenticate", "account", ...; NULL if admitted */
	char reason[128];  /* of a refusal, for the log alone */
};

/* Runs authentication, account management and credentials. The answer to every prompt that hides
 * its input is the password; a prompt that shows it fails the conversation. PAM's own delay is
 * switched off: the caller waits with the client listening. Returns 0 if the user is admitted, -EACCES if refused, or
 * -ENOSYS when PAM itself can't be used; the last two with stage and reason. */
int pam_check(const struct pam_login *login, struct pam_verdict *out_verdict);

#endif
