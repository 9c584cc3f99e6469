/* Password checks by PAM: the only user of libpam, which is loaded when the first password arrives. */
#ifndef SOLOFTPD_SYSTEM_PAM_H
#define SOLOFTPD_SYSTEM_PAM_H

#include <stdbool.h>
#include <stddef.h>

#include "system/account.h"

/* How modules reach the client beyond its password. Both functions get `data`. */
struct pam_dialogue {
	/* Asks the client and sets its answer, which this module wipes. Returns 0, or -errno when there
	 * is none: the conversation fails, and the login with it. */
	int (*ask)(void *data, const char *prompt, char *out_answer, size_t capacity);
	/* What a module wants the user to be told. */
	void (*tell)(void *data, const char *text);
	void *data;
};

struct pam_login {
	const char *service;		     /* file in /etc/pam.d */
	const char *user;		     /* as the client gave it */
	const char *password;		     /* borrowed; PAM wipes its own copy */
	const char *host;		     /* PAM_RHOST: the client's numeric address */
	const struct pam_dialogue *dialogue; /* borrowed; NULL: only the password is known */
	bool keep; /* an admitted user's session may be opened: pam_leave must be called */
};

/* The longest answer, with its terminator. */
#define PAM_ANSWER 129

struct pam_verdict {
	char user[ACCOUNT_NAME]; /* after PAM: a module may have mapped the name */
	const char *stage; /* of a refusal: "authenticate", "account", ...; NULL if admitted */
	char reason[128];  /* of a refusal, for the log alone */
	bool hindered;	   /* a module may have been kept from something that it wanted to do */
};

/* Runs authentication, account management and credentials. The first prompt that hides its input is given
 * the password, and so is each further one that asks for the same; all others are the dialogue's. PAM's own
 * delay is switched off: the caller waits with the client listening. Returns 0 if the user is admitted,
 * -EACCES if refused, or -ENOSYS when PAM itself can't be used; the last two with stage and reason. */
int pam_check(const struct pam_login *login, struct pam_verdict *out_verdict);

/* Opens the session of the user that pam_check admitted and kept. 0, or -EACCES with stage and reason. No
 * question can be asked any more. */
int pam_enter(struct pam_verdict *out_verdict);

/* Closes the session, if one was opened, and takes the credentials back, as far as this process still may;
 * nothing if nobody was kept. 0, or -EACCES with stage and reason of the first failure. */
int pam_leave(struct pam_verdict *out_verdict);

#endif
