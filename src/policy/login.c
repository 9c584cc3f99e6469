#include "policy/login.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "system/file.h"
#include "system/pam.h"
#include "text/path.h"

bool login_is_anonymous(const struct config *config, const char *user)
{
	return config->anonymous_enable &&
	       (strcasecmp(user, "ftp") == 0 || strcasecmp(user, "anonymous") == 0);
}

/* Whether `word` is a line of a list file: 1, 0, or -errno when the list can't be read. */
static int is_listed(const char *file, const char *word)
{
	static char list[CONFIG_FILE_MAX + 1];
	size_t size;
	int error = file ? file_read(file, false, list, sizeof(list), &size) : -ENOENT;

	return error < 0 ? error : file_lists(list, word);
}

enum login_user login_check_user(const struct config *config, const char *user)
{
	bool anonymous = login_is_anonymous(config, user);
	int listed;

	if (!anonymous && !config->local_enable)
		return LOGIN_ANONYMOUS_ONLY;
	if (config->userlist_enable) {
		listed = is_listed(config->userlist_file, user);
		if (listed < 0)
			return LOGIN_BROKEN;
		if (listed && config->userlist_deny)
			return LOGIN_LISTED;
		if (!listed && !config->userlist_deny)
			return LOGIN_UNLISTED;
	}
	return anonymous && config->no_anon_password ? LOGIN_NO_PASSWORD : LOGIN_ASK;
}

static void explain(struct buffer *problem, const char *what, const char *why)
{
	buffer_string(problem, what);
	if (why) {
		buffer_string(problem, ": ");
		buffer_string(problem, why);
	}
}

static enum login_verdict refuse(struct login *login, const char *word, struct buffer *problem,
	const char *what, const char *why)
{
	login->refusal = word;
	explain(problem, what, why);
	return LOGIN_REFUSED;
}

static enum login_verdict fail(struct buffer *problem, const char *what, const char *why)
{
	explain(problem, what, why);
	return LOGIN_FAILED;
}

static void copy(char *out, size_t capacity, const char *text)
{
	struct buffer b;

	buffer_start(&b, out, capacity);
	buffer_string(&b, text);
	buffer_text(&b);
}

/* The anonymous password as the logs know it: one word, never empty. */
static void copy_address(char *out, size_t capacity, const char *password)
{
	copy(out, capacity, *password ? password : "?");
	for (; *out; out++)
		if (*out == ' ')
			*out = '_';
}

static enum login_verdict check_anonymous(const struct config *config, const char *password,
	struct login *login, struct buffer *problem)
{
	int listed;

	if (config->deny_email_enable) {
		listed = is_listed(config->banned_email_file, password);
		if (listed < 0)
			return fail(problem, "banned_email_file", strerror(-listed));
		if (listed)
			return refuse(login, "listed", problem,
				"the address is in banned_email_file", NULL);
	}
	if (config->secure_email_list_enable) {
		listed = is_listed(config->email_password_file, password);
		if (listed < 0)
			return fail(problem, "email_password_file", strerror(-listed));
		if (!listed)
			return refuse(login, "not_listed", problem,
				"the password is not in email_password_file", NULL);
	}
	login->kind = LOGIN_ANONYMOUS;
	login->anonymous = true;
	copy(login->name, sizeof(login->name), config->ftp_username ? config->ftp_username : "ftp");
	copy_address(login->password, sizeof(login->password), password);
	return LOGIN_ADMITTED;
}

bool login_is_plain_name(const char *user)
{
	char first = user[0];
	bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');

	if (strlen(user) >= LOGIN_NAME)
		return false;
	if (!letter && !(first >= '0' && first <= '9') && first != '_' && first != '.')
		return false;
	for (; *user; user++)
		if ((unsigned char)*user <= ' ' || (unsigned char)*user >= 0x7f)
			return false;
	return true;
}

/* A wrong password, or an account that PAM has something against. */
static const char *pam_word(const char *stage)
{
	return strcmp(stage, "authenticate") == 0 ? "wrong_password" : "account";
}

void login_append_verdict(
	const struct config *config, const struct pam_verdict *verdict, struct buffer *problem)
{
	buffer_string(problem, "PAM ");
	buffer_string(problem, verdict->stage);
	buffer_string(problem, ": ");
	buffer_string(problem, verdict->reason);
	if (verdict->hindered && config->login_sandbox)
		buffer_string(problem, " (login_sandbox keeps modules from running programs and "
				       "from making files)");
}

static enum login_verdict check_password(const struct config *config, struct pam_login *ask,
	struct login *login, struct buffer *problem)
{
	struct pam_verdict verdict;
	int error;

	if (strlen(ask->password) >= LOGIN_PASSWORD || !login_is_plain_name(ask->user))
		return refuse(login, "wrong_password", problem,
			"name or password that no account can have", NULL);
	ask->service = config->pam_service_name ? config->pam_service_name : "ftp";
	ask->keep = config->session_support;
	error = pam_check(ask, &verdict);
	if (error == -ENOSYS)
		return fail(problem, "PAM", verdict.reason);
	if (error < 0) {
		login->refusal = pam_word(verdict.stage);
		login_append_verdict(config, &verdict, problem);
		return LOGIN_REFUSED;
	}
	login->kind = LOGIN_LOCAL;
	login->anonymous = false;
	copy(login->name, sizeof(login->name), verdict.user);
	return LOGIN_ADMITTED;
}

enum login_verdict login_check(const struct config *config, const char *user, const char *password,
	const char *host, const struct pam_dialogue *dialogue, struct login *out_login,
	struct buffer *problem)
{
	struct pam_login ask = {
		.user = user, .password = password, .host = host, .dialogue = dialogue};

	if (login_is_anonymous(config, user))
		return check_anonymous(config, password, out_login, problem);
	if (!config->local_enable)
		return refuse(out_login, "anonymous_only", problem, "local_enable is NO", NULL);
	return check_password(config, &ask, out_login, problem);
}

/* A user that the configuration names does not exist, or can't be looked up. */
static enum login_verdict fail_account(const struct config *config, enum option option,
	const char *user, int error, struct buffer *problem)
{
	struct config_note note;

	config_blame(
		config, option, error == -ENOENT ? "no such account" : strerror(-error), &note);
	config_append_note(problem, &note);
	buffer_string(problem, ": ");
	buffer_string(problem, user);
	return LOGIN_FAILED;
}

static const char *account_name(const struct config *config, const struct login *login)
{
	if (login->kind == LOGIN_GUEST)
		return config->guest_username ? config->guest_username : "ftp";
	return login->name;
}

enum login_verdict login_settle(
	const struct config *config, struct login *login, struct buffer *problem)
{
	const char *user;
	int error;

	if (login->kind != LOGIN_ANONYMOUS && config->guest_enable) {
		login->kind = LOGIN_GUEST;
		login->anonymous = !config->virtual_use_local_privs;
	}
	if (config->run_as_launching_user)
		return LOGIN_ADMITTED;
	user = account_name(config, login);
	error = account_find(user, &login->account);
	if (error == 0 && login->account.uid == 0)
		return refuse(login, "account", problem, "root can't log in", user);
	if (error == 0)
		return LOGIN_ADMITTED;
	if (login->kind == LOGIN_ANONYMOUS)
		return fail_account(config, OPTION_ftp_username, user, error, problem);
	/* The same words as for a wrong password: only those with the right one come so far. */
	if (login->kind == LOGIN_GUEST) {
		login->refusal = "account";
		(void)fail_account(config, OPTION_guest_username, user, error, problem);
		return LOGIN_REFUSED;
	}
	/* PAM may know users that the system does not: for the client that is a wrong login. */
	if (error == -ENOENT)
		return refuse(login, "account", problem, "no system account", user);
	return fail(problem, user, strerror(-error));
}

/* All but the strings and the notes, of which there are only ever more, before a user's file. */
static char before[offsetof(struct config, strings)];
static bool before_taken;

void login_unconfigure(struct config *config)
{
	if (before_taken)
		memcpy(config, before, sizeof(before));
	before_taken = false;
}

int login_configure(struct config *config, const struct login *login, struct config_note *out_error)
{
	UNCLEARED char file[PATH_TEXT];
	int error;

	before_taken = false;
	if (!config->user_config_dir || strchr(login->name, '/') || path_is_dots(login->name))
		return 0;
	if (path_join(config->user_config_dir, login->name, file, sizeof(file)) < 0) {
		config_blame(config, OPTION_user_config_dir, "path too long", out_error);
		return -EINVAL;
	}
	memcpy(before, config, sizeof(before));
	before_taken = true;
	error = config_file(config, file, true, out_error);
	if (error == -ENOENT)
		return 0;
	return error < 0 ? error : config_validate(config, out_error);
}
