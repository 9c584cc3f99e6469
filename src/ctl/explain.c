#include "ctl/explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/access.h"
#include "policy/jail.h"
#include "policy/language.h"
#include "policy/login.h"
#include "policy/options.h"
#include "policy/passive.h"
#include "policy/protection.h"
#include "system/file.h"
#include "system/privilege.h"
#include "system/process.h"
#include "system/standing.h"
#include "system/vfs.h"
#include "system/wrappers.h"

/* Each step prints one line, or several, and says whether to go on. */
static bool go_on(const char *step, const char *text)
{
	printf("ok       %-14s %s\n", step, text);
	return true;
}

static bool note(const char *step, const char *text)
{
	printf("note     %-14s %s\n", step, text);
	return true;
}

static bool refuse(const char *step, const char *text)
{
	printf("REFUSED  %-14s %s\n", step, text);
	return false;
}

static bool refuse_note(const char *step, const struct config_note *error)
{
	char text[640];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	config_append_note(&b, error);
	return refuse(step, buffer_text(&b));
}

/* ---- before the login ---- */

static void print_layers(const struct config *config, unsigned from)
{
	for (unsigned i = from; i < config->source_count; i++)
		(void)go_on("configuration", config->sources[i]);
}

static bool explain_layers(const struct show_question *question, struct config *config)
{
	struct config_note error;

	if (layers_load(config, &question->layers, &error) < 0)
		return refuse_note("configuration", &error);
	print_layers(config, 1);
	if (config->source_count == 1)
		return note("configuration", "no file: built-in defaults alone");
	return true;
}

static bool explain_wrappers(const struct show_question *question, struct config *config)
{
	unsigned known = config->source_count;
	const char *file;
	struct config_note error;

	if (!config->tcp_wrappers)
		return note("tcp wrappers", "not asked: tcp_wrappers is NO");
	if (!question->from)
		return note("tcp wrappers", "not asked: no --from ADDRESS");
	if (!wrappers_foresee(question->from, question->to, question->layers.daemon))
		return refuse(
			"tcp wrappers", "hosts.allow and hosts.deny do not admit the address");
	(void)go_on("tcp wrappers", "the address is admitted");
	file = process_load_file();
	if (file && config_file(config, file, false, &error) < 0)
		return refuse_note("configuration", &error);
	print_layers(config, known);
	return true;
}

static bool explain_whole(const struct config *config)
{
	struct config_note error;

	if (config_validate(config, &error) < 0)
		return refuse_note("configuration", &error);
	return true;
}

/* What only shows when the greeting is made, or an address announced. */
static bool explain_greeting(const struct config *config)
{
	static char text[CONFIG_FILE_MAX + 1];
	struct address address = {.family = ADDRESS_NONE};
	struct config_note error;
	size_t size;
	int status = 0;

	if (config->banner_file)
		status = file_read(config->banner_file, false, text, sizeof(text), &size);
	if (status < 0) {
		config_blame(config, OPTION_banner_file, strerror(-status), &error);
		return refuse_note("configuration", &error);
	}
	if (passive_address(config, &address, &address, &error) < 0 ||
		language_settle(config, &error) < 0)
		return refuse_note("configuration", &error);
	return true;
}

/* ---- TLS ---- */

/* What AUTH would come to; with implicit_ssl there is nothing else. */
static bool explain_offer(const struct config *config, bool needed)
{
	char text[512];
	struct buffer problem;

	buffer_start(&problem, text, sizeof(text));
	if (protection_load(config, &problem) == 0)
		return go_on("tls", config->implicit_ssl ? "from the start (implicit_ssl)"
							 : "offered (AUTH TLS)");
	(void)buffer_text(&problem);
	if (!process_is_root())
		return note("tls", "not tried: run as root to have the keys read");
	return needed ? refuse("tls", text) : note("tls", text);
}

/* Whether the user has to use TLS, or must not. */
static bool explain_tls(const struct config *config, const char *user)
{
	bool anonymous = login_is_anonymous(config, user);
	bool forced = anonymous ? config->force_anon_logins_ssl : config->force_local_logins_ssl;
	bool needed = forced || config->implicit_ssl;

	if (!config->ssl_enable)
		return note("tls", "not offered: ssl_enable is NO");
	if (!explain_offer(config, needed))
		return false;
	if (anonymous && !config->allow_anon_ssl)
		return needed ? refuse("tls", "anonymous logins must use it, and may not: "
					      "allow_anon_ssl is NO")
			      : note("tls", "only without: allow_anon_ssl is NO");
	if (forced)
		(void)note("tls", anonymous ? "the login needs it: force_anon_logins_ssl"
					    : "the login needs it: force_local_logins_ssl");
	else if (!needed)
		(void)note("tls", "the login does without, too");
	if (config->require_cert)
		(void)note("tls", "the client must have a certificate: require_cert");
	if (config->ssl_cert_user && !anonymous)
		(void)note("tls", "the client's certificate must be this user's: ssl_cert_user");
	return true;
}

/* The user's own file may have changed that. */
static void explain_data(const struct config *config, bool anonymous)
{
	bool forced = anonymous ? config->force_anon_data_ssl : config->force_local_data_ssl;

	if (config->ssl_enable && forced)
		(void)note("tls", anonymous ? "transfers need it (PROT P): force_anon_data_ssl"
					    : "transfers need it (PROT P): force_local_data_ssl");
}

/* ---- the login ---- */

static bool explain_user(const struct config *config, const char *user, struct login *login)
{
	bool anonymous = login_is_anonymous(config, user);
	struct buffer b;

	switch (login_check_user(config, user)) {
	case LOGIN_ANONYMOUS_ONLY:
		return refuse("user", "not anonymous, and local_enable is NO");
	case LOGIN_LISTED:
		return refuse("user list", "the name is in userlist_file");
	case LOGIN_UNLISTED:
		return refuse(
			"user list", "the name is not in userlist_file, and userlist_deny is NO");
	case LOGIN_BROKEN:
		return refuse("user list", "userlist_file can't be read");
	case LOGIN_ASK:
	case LOGIN_NO_PASSWORD:
		break;
	}
	if (config->userlist_enable)
		(void)go_on("user list", "passed");
	if (!anonymous && !login_is_plain_name(user))
		return refuse("user", "a name that no account can have: PAM is not asked");
	login->kind = anonymous ? LOGIN_ANONYMOUS : LOGIN_LOCAL;
	login->anonymous = anonymous;
	buffer_start(&b, login->name, sizeof(login->name));
	buffer_string(&b, !anonymous ? user : config->ftp_username ? config->ftp_username : "ftp");
	buffer_text(&b);
	return go_on("user", anonymous ? "anonymous" : "a login that PAM checks");
}

static bool explain_list(const struct config *config, enum option option, const char *text)
{
	static char list[CONFIG_FILE_MAX + 1];
	const char *file = option_value(config, option).string;
	struct config_note error;
	size_t size;
	int status = file ? file_read(file, false, list, sizeof(list), &size) : -ENOENT;

	if (status == 0)
		return note("password", text);
	config_blame(config, option, strerror(-status), &error);
	return refuse_note("password", &error);
}

/* The password of an anonymous login. */
static bool explain_address(const struct config *config)
{
	if (config->deny_email_enable &&
		!explain_list(config, OPTION_banned_email_file, "must not be in banned_email_file"))
		return false;
	if (config->secure_email_list_enable)
		return explain_list(
			config, OPTION_email_password_file, "must be in email_password_file");
	return config->deny_email_enable || go_on("password", "any");
}

static bool explain_password(const struct config *config, const struct login *login)
{
	const char *service = config->pam_service_name ? config->pam_service_name : "ftp";
	char path[PATH_TEXT];
	struct facts facts;

	if (login->kind == LOGIN_ANONYMOUS)
		return explain_address(config);
	(void)note("password", "PAM decides: not tried here");
	if (path_join("/etc/pam.d", service, path, sizeof(path)) == 0 &&
		vfs_stat(path, &facts) == 0)
		return go_on("pam service", path);
	return note("pam service", "no file of its own: PAM's service \"other\" decides");
}

/* What pam_unix and pam_shells would say; whether they are asked is the service's affair. */
static void explain_standing(const char *name)
{
	struct standing standing;

	if (standing_find(name, &standing) < 0)
		return;
	if (!standing.shell_listed)
		(void)note("shell", "not in /etc/shells: pam_shells refuses it");
	if (!standing.shadow_known)
		(void)note("shadow", "can't be read: run as root to know");
	if (standing.locked)
		(void)note("shadow", "the password is locked: pam_unix refuses it");
	if (standing.expired)
		(void)note("shadow", "the account has expired: pam_unix refuses it");
}

static bool explain_account(struct config *config, struct login *login)
{
	unsigned known = config->source_count;
	struct config_note error;
	struct buffer problem;
	char text[512];

	if (login_configure(config, login, &error) < 0)
		return refuse_note("configuration", &error);
	print_layers(config, known);
	if (login->kind == LOGIN_LOCAL && !config->guest_enable)
		explain_standing(login->name);
	buffer_start(&problem, text, sizeof(text));
	if (login_settle(config, login, &problem) != LOGIN_ADMITTED)
		return refuse("account", buffer_text(&problem));
	return go_on("account", login->account.name);
}

/* ---- the session ---- */

static bool explain_directory(const struct login *login, const char *step, const char *directory)
{
	int error = privilege_enter(&login->account, directory);

	if (error == 0)
		return go_on(step, directory);
	printf("REFUSED  %-14s %s: %s\n", step, directory, strerror(-error));
	return false;
}

static bool explain_jail(const struct config *config, const struct login *login)
{
	static struct jail_plan plan;
	const char *root;
	struct buffer problem;
	char text[512];

	buffer_start(&problem, text, sizeof(text));
	if (jail_plan(config, login, &plan, &problem) < 0)
		return refuse("jail", buffer_text(&problem));
	if (!process_is_root())
		return note("directories", "run as root to have them tried");
	if (!explain_directory(login, "home", plan.home))
		return false;
	if (plan.root[0] && !plan.jailed && login->kind != LOGIN_ANONYMOUS) {
		if (privilege_enter(&login->account, plan.root) < 0)
			printf("note     %-14s %s can't be entered: the session stays at home\n",
				"root", plan.root);
		else
			(void)go_on("root", plan.root);
	} else if (plan.root[0] && !explain_directory(login, "root", plan.root)) {
		return false;
	}
	jail_warn(config, login, &problem);
	if (problem.size > 0)
		printf("note     %-14s %s\n", "walls", buffer_text(&problem));
	buffer_start(&problem, text, sizeof(text));
	root = plan.root[0] ? plan.root : plan.home;
	if (!plan.jailed)
		return note("jail", "none: the session sees the whole file system");
	if (jail_check_root(config, login, root, &problem) < 0)
		return refuse("jail", buffer_text(&problem));
	return go_on("jail", root);
}

static void explain_rights(const struct config *config, const struct login *login)
{
	static const struct {
		enum access_class class;
		const char *name;
	} rights[] = {{CLASS_LIST, "list"}, {CLASS_DOWNLOAD, "download"}, {CLASS_UPLOAD, "upload"},
		{CLASS_MKDIR, "directories"}, {CLASS_MODIFY, "change"}};

	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		printf("%-8s %-14s %s\n", "right", rights[i].name,
			access_permits(config, login->anonymous, rights[i].class) ? "yes" : "no");
}

int explain_print(const struct show_question *question, struct config *config)
{
	static struct login login;
	const char *user = question->user;

	if (!explain_layers(question, config) || !explain_wrappers(question, config) ||
		!explain_whole(config) || !explain_greeting(config))
		return 1;
	if (!user)
		return 0;
	if (!explain_tls(config, user) || !explain_user(config, user, &login) ||
		!explain_password(config, &login) || !explain_account(config, &login) ||
		!explain_jail(config, &login))
		return 1;
	explain_data(config, login.kind == LOGIN_ANONYMOUS);
	explain_rights(config, &login);
	return 0;
}
