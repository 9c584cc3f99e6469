/*
 * Who the client is: anonymous, a guest, or a local user. Decides by configuration, user lists and PAM;
 * what then confines the user is policy/jail's.
 */
#ifndef SOLOFTPD_POLICY_LOGIN_H
#define SOLOFTPD_POLICY_LOGIN_H

#include <stdbool.h>

#include "policy/config.h"
#include "system/account.h"
#include "system/pam.h"

/* The longest user name and password that are looked at (vsftpd's limits), with terminator. */
#define LOGIN_NAME ACCOUNT_NAME
#define LOGIN_PASSWORD PAM_ANSWER

enum login_kind { LOGIN_NONE, LOGIN_ANONYMOUS, LOGIN_GUEST, LOGIN_LOCAL };

struct login {
	enum login_kind kind;
	bool anonymous;	       /* has the rights of anonymous: anonymous itself, and most guests */
	char name[LOGIN_NAME]; /* the login name, after PAM */
	char password[LOGIN_PASSWORD]; /* of an anonymous login only: an address, for the log */
	const char *refusal;	       /* why a login was refused: a word for programs */
	struct account account;	       /* the system user the session becomes; until it has */
};

/* What USER leads to. */
enum login_user {
	LOGIN_ASK,	      /* a password is needed */
	LOGIN_NO_PASSWORD,    /* anonymous, and none is wanted */
	LOGIN_ANONYMOUS_ONLY, /* not anonymous, and nobody else is admitted */
	LOGIN_LISTED,	      /* refused by userlist_file */
	LOGIN_UNLISTED,	      /* not admitted by userlist_file */
	LOGIN_BROKEN,	      /* userlist_file can't be read: nobody may be let in */
};

/* Whether the name may be handed to PAM at all: vsftpd's rule, and its limit on the length. */
bool login_is_plain_name(const char *user);

bool login_is_anonymous(const struct config *config, const char *user);
enum login_user login_check_user(const struct config *config, const char *user);

enum login_verdict {
	LOGIN_ADMITTED,
	LOGIN_REFUSED,
	LOGIN_FAILED, /* not the client's fault: the session must end */
};

/* Checks user and password and fills in `out_login` but for the account. `host` is the client's
 * numeric address; `dialogue` is for what PAM asks beyond the password. Unless admitted, `problem` says
 * why, for the log alone, and if refused, the login's `refusal`. */
enum login_verdict login_check(const struct config *config, const char *user, const char *password,
	const char *host, const struct pam_dialogue *dialogue, struct login *out_login,
	struct buffer *problem);

/* Appends why PAM refused something, and what may help against it. */
void login_append_verdict(
	const struct config *config, const struct pam_verdict *verdict, struct buffer *problem);

/* With the user's own configuration read: settles guest or local, and finds the account. */
enum login_verdict login_settle(
	const struct config *config, struct login *login, struct buffer *problem);

/* Reads the user's own file of user_config_dir, if there is one. 0, or -EINVAL with `out_error`. */
int login_configure(
	struct config *config, const struct login *login, struct config_note *out_error);

/* Takes back what login_configure has read, for a login that was refused after it: the next one has settings of its own. */
void login_unconfigure(struct config *config);

#endif
