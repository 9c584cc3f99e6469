#include "ctl/advice.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/language.h"
#include "policy/login.h"
#include "policy/options.h"
#include "system/account.h"
#include "system/file.h"
#include "system/process.h"
#include "system/vfs.h"
#include "text/path.h"

/* ---- settings that wait for another ---- */

/* `option` has no effect unless `needed` has the value `is`. */
struct dependency {
	enum option option, needed;
	bool is;
};

#define NEEDS(option, needed)                          \
	{                                              \
		OPTION_##option, OPTION_##needed, true \
	}

static const struct dependency dependencies[] = {
	NEEDS(anon_root, anonymous_enable),
	NEEDS(no_anon_password, anonymous_enable),
	NEEDS(deny_email_enable, anonymous_enable),
	NEEDS(secure_email_list_enable, anonymous_enable),
	NEEDS(ftp_username, anonymous_enable),
	NEEDS(anon_upload_enable, write_enable),
	NEEDS(anon_mkdir_write_enable, write_enable),
	NEEDS(anon_other_write_enable, write_enable),
	NEEDS(banned_email_file, deny_email_enable),
	NEEDS(email_password_file, secure_email_list_enable),
	NEEDS(local_root, local_enable),
	NEEDS(local_umask, local_enable),
	NEEDS(local_max_rate, local_enable),
	NEEDS(chroot_local_user, local_enable),
	NEEDS(chroot_list_enable, local_enable),
	NEEDS(guest_enable, local_enable),
	NEEDS(pam_service_name, local_enable),
	NEEDS(chroot_list_file, chroot_list_enable),
	NEEDS(guest_username, guest_enable),
	NEEDS(virtual_use_local_privs, guest_enable),
	NEEDS(userlist_file, userlist_enable),
	NEEDS(userlist_deny, userlist_enable),
	NEEDS(userlist_log, userlist_enable),
	NEEDS(message_file, dirmessage_enable),
	NEEDS(ftp_data_port, connect_from_port_20),
	NEEDS(port_promiscuous, port_enable),
	NEEDS(connect_from_port_20, port_enable),
	NEEDS(pasv_address, pasv_enable),
	NEEDS(pasv_min_port, pasv_enable),
	NEEDS(pasv_max_port, pasv_enable),
	NEEDS(pasv_promiscuous, pasv_enable),
	NEEDS(pasv_addr_resolve, pasv_enable),
	NEEDS(pasv_local_networks, pasv_enable),
	NEEDS(xferlog_std_format, xferlog_enable),
	NEEDS(log_ftp_protocol, xferlog_enable),
};

static bool is_set(const struct config *config, enum option option)
{
	return config->origin[option].source > 0;
}

/* Whether a switch stands as it stands anyway: such a line misleads nobody. */
static bool is_off(const struct config *config, enum option option)
{
	const struct option_row *row = &option_rows[option];

	return row->kind == OPTION_BOOL && option_value(config, option).truth == row->on;
}

static bool is_met(const struct config *config, const struct dependency *d)
{
	bool log = d->needed == OPTION_xferlog_enable &&
		   (config->dual_log_enable || config->syslog_enable);

	return log || option_value(config, d->needed).truth == d->is;
}

static void advise_dependencies(const struct config *config, struct report *report)
{
	for (size_t i = 0; i < sizeof(dependencies) / sizeof(dependencies[0]); i++) {
		const struct dependency *d = &dependencies[i];
		char text[128];
		struct buffer b;

		if (!is_set(config, d->option) || is_off(config, d->option) || is_met(config, d))
			continue;
		buffer_start(&b, text, sizeof(text));
		buffer_string(&b, "has no effect while ");
		buffer_string(&b, config_name(d->needed));
		buffer_string(&b, d->is ? " is NO" : " is YES");
		report_warning(report, config, d->option, buffer_text(&b));
	}
}

/* ---- settings that do not go together ---- */

static void advise_contradictions(const struct config *config, struct report *report)
{
	if (config->banner_file && config->ftpd_banner)
		report_warning(report, config, OPTION_ftpd_banner, "banner_file is shown instead");
	if (config->pasv_max_port > 0 && config->pasv_min_port > config->pasv_max_port)
		report_warning(report, config, OPTION_pasv_min_port,
			"is above pasv_max_port: ports from 1024 to pasv_max_port are used");
	if (config->pasv_min_port > 0 && config->pasv_min_port < 1024)
		report_warning(report, config, OPTION_pasv_min_port,
			"privileged ports are not used: the range begins at 1024");
	if (config->anonymous_enable && !is_set(config, OPTION_anonymous_enable))
		report_warning(report, config, OPTION_anonymous_enable,
			"anonymous logins are admitted though no file says so");
	if (config->pasv_promiscuous)
		report_warning(report, config, OPTION_pasv_promiscuous,
			"strangers can take over data connections");
	if (config->port_promiscuous)
		report_warning(report, config, OPTION_port_promiscuous,
			"clients can make this server connect to others (RFC 2577)");
}

/* A client goes on with what is there: the old file, if nothing is kept of the new one. */
static void advise_resuming(const struct config *config, struct report *report)
{
	bool deletes = config->delete_failed_uploads;

	if (config->write_enable && config->upload_atomic &&
		(deletes || !config->upload_keep_partial))
		report_warning(report, config,
			deletes ? OPTION_delete_failed_uploads : OPTION_upload_keep_partial,
			"with upload_atomic=YES, a client that goes on with an interrupted upload "
			"by itself adds to the old file");
}

/* What the super-server does now, and what is accepted for nothing. */
static void advise_moot(const struct config *config, struct report *report)
{
	for (enum option option = 0; option < OPTION_COUNT; option++) {
		char text[192];
		struct buffer b;

		if (config_effect(option) != OPTION_MOOT || !is_set(config, option) ||
			is_off(config, option))
			continue;
		buffer_start(&b, text, sizeof(text));
		buffer_string(&b, "accepted without effect: ");
		buffer_string(&b, config_help(option));
		report_warning(report, config, option, buffer_text(&b));
	}
}

/* ---- files ---- */

static void advise_unreadable(
	const struct config *config, struct report *report, enum option option, int error)
{
	struct config_note note;

	config_blame(config, option, strerror(-error), &note);
	report_problem(CONFIG_ERROR, &note, report);
}

/* A list file: readable, and every line the name of an account where it should be one. */
static void advise_list(
	const struct config *config, struct report *report, enum option option, bool accounts)
{
	static char list[CONFIG_FILE_MAX + 1];
	static struct account account;
	const char *file = option_value(config, option).string;
	struct config_note note = {.line = 0};
	struct buffer b;
	size_t size;
	int error = file ? file_read(file, false, list, sizeof(list), &size) : -ENOENT;

	if (error < 0) {
		advise_unreadable(config, report, option, error);
		return;
	}
	if (file_read(file, true, list, sizeof(list), &size) == -EPERM)
		report_warning(report, config, option, "others than root can write to it");
	buffer_start(&b, note.file, sizeof(note.file));
	buffer_string(&b, file);
	buffer_text(&b);
	for (char *line = list; *line;) {
		size_t length = strcspn(line, "\n");
		bool last = line[length] == '\0';
		line[length] = '\0';
		note.line++;
		buffer_start(&b, note.text, sizeof(note.text));
		if (strcspn(line, " \t\r") < length)
			buffer_string(&b,
				"blanks or a carriage return: vsftpd would never match this line");
		else if (accounts && length > 0 && !login_is_anonymous(config, line) &&
			 account_find(line, &account) == -ENOENT) {
			buffer_string(&b, "no such account: ");
			buffer_string(&b, line);
		}
		if (buffer_text(&b)[0])
			report_problem(CONFIG_WARNING, &note, report);
		line += length + !last;
	}
}

static void advise_lists(const struct config *config, struct report *report)
{
	bool accounts = !config->guest_enable;

	if (config->userlist_enable)
		advise_list(config, report, OPTION_userlist_file,
			accounts && config->userlist_deny == 0);
	if (config->chroot_list_enable)
		advise_list(config, report, OPTION_chroot_list_file, accounts);
	if (config->deny_email_enable)
		advise_list(config, report, OPTION_banned_email_file, false);
	if (config->secure_email_list_enable)
		advise_list(config, report, OPTION_email_password_file, false);
}

/* As sessions see it of the files in it: what is root's or one's own, and nobody else's. */
static bool others_can_write(const struct facts *facts)
{
	bool own = facts->uid == 0 || (!process_is_root() && vfs_is_own(facts));

	return !own || (facts->mode & S_IWOTH) != 0 ||
	       ((facts->mode & S_IWGRP) != 0 && facts->gid != 0);
}

static void advise_directory(const struct config *config, struct report *report, enum option option)
{
	const char *path = option_value(config, option).string;
	struct facts facts;
	int error = path ? vfs_stat(path, &facts) : 0;

	if (path && error == 0 && !S_ISDIR(facts.mode))
		error = -ENOTDIR;
	/* Without it every session does, but not as was meant. */
	if (error == -ENOENT)
		report_warning(report, config, option, strerror(ENOENT));
	else if (error < 0)
		advise_unreadable(config, report, option, error);
	else if (path && others_can_write(&facts))
		report_warning(report, config, option, "others than root can write to it");
}

static void advise_charset(const struct config *config, struct report *report)
{
	struct config_note note;

	if (language_settle(config, &note) < 0)
		report_problem(CONFIG_ERROR, &note, report);
}

static void advise_banner(const struct config *config, struct report *report)
{
	static char text[CONFIG_FILE_MAX + 1];
	size_t size;
	int error = 0;

	if (config->banner_file)
		error = file_read(config->banner_file, false, text, sizeof(text), &size);
	if (error < 0)
		advise_unreadable(config, report, OPTION_banner_file, error);
}

static void advise_log(const struct config *config, struct report *report, enum option option)
{
	const char *path = option_value(config, option).string;
	bool events = option == OPTION_json_log_file;
	char directory[PATH_TEXT];
	struct facts facts;

	if (!path || path_parent(path, directory, sizeof(directory)) < 0 ||
		vfs_stat(directory, &facts) < 0)
		report_warning(report, config, option,
			events ? "its directory does not exist: no event will be logged"
			       : "its directory does not exist: lines will go to syslog");
	else if (vfs_stat(path, &facts) == 0 && !S_ISREG(facts.mode) && !S_ISCHR(facts.mode))
		report_warning(report, config, option,
			events ? "is no file: no event will be logged"
			       : "is no file: lines will go to syslog");
	else if (vfs_stat(path, &facts) == 0 && S_ISREG(facts.mode) && (facts.mode & S_IWOTH) != 0)
		report_warning(report, config, option, "everyone can write to it");
}

/* Readers of one log can't make anything of another's lines. */
static bool is_events(const struct config *config, const char *path)
{
	return config->json_log_file && path && strcmp(config->json_log_file, path) == 0;
}

static void advise_logs(const struct config *config, struct report *report)
{
	bool enabled = config->xferlog_enable || config->dual_log_enable;
	bool transfers = enabled && (config->dual_log_enable || config->xferlog_std_format);
	bool native = enabled && !config->syslog_enable &&
		      (config->dual_log_enable || !config->xferlog_std_format);

	if (transfers)
		advise_log(config, report, OPTION_xferlog_file);
	if (native)
		advise_log(config, report, OPTION_vsftpd_log_file);
	if (config->json_log_file)
		advise_log(config, report, OPTION_json_log_file);
	if ((transfers && is_events(config, config->xferlog_file)) ||
		(native && is_events(config, config->vsftpd_log_file)))
		report_warning(report, config, OPTION_json_log_file,
			"names another log's file: their lines would be mixed");
}

/* ---- accounts ---- */

static void advise_account(const struct config *config, struct report *report, enum option option)
{
	static struct account account;
	const char *name = option_value(config, option).string;
	struct config_note note;

	if (account_find(name ? name : "ftp", &account) == 0)
		return;
	config_blame(config, option, "no such account", &note);
	report_problem(CONFIG_ERROR, &note, report);
}

static void advise_pam(const struct config *config, struct report *report)
{
	char path[PATH_TEXT];
	struct facts facts;
	const char *service = config->pam_service_name ? config->pam_service_name : "ftp";

	if (path_join("/etc/pam.d", service, path, sizeof(path)) == 0 && vfs_stat(path, &facts) < 0)
		report_warning(report, config, OPTION_pam_service_name,
			"has no file in /etc/pam.d: PAM's service \"other\" decides");
}

/* ---- TCP wrappers ---- */

/* Whether the daemon list of a rule, what stands before its first colon, names `word`. */
static bool rule_names(const char *rule, const char *word)
{
	size_t list = strcspn(rule, ":\n"), length = strlen(word);

	for (size_t at = 0; at < list;) {
		size_t size = strcspn(rule + at, " ,\t:\n");
		if (size == length && strncmp(rule + at, word, length) == 0)
			return true;
		at += size + 1;
	}
	return false;
}

/* Rules go by the name of the program: those written for vsftpd do not bind soloftpd. */
static void advise_rules(const char *daemon, const char *file, struct report *report)
{
	static char rules[CONFIG_FILE_MAX + 1];
	struct config_note note = {.line = 0};
	struct buffer b;
	size_t size;

	if (file_read(file, false, rules, sizeof(rules), &size) < 0)
		return;
	buffer_start(&b, note.file, sizeof(note.file));
	buffer_string(&b, file);
	buffer_text(&b);
	buffer_start(&b, note.text, sizeof(note.text));
	buffer_string(&b, "this rule is for vsftpd; the name that counts is now ");
	buffer_string(&b, daemon);
	buffer_text(&b);
	for (const char *rule = rules; *rule; rule += strcspn(rule, "\n") + 1) {
		note.line++;
		if (rule_names(rule, "vsftpd") && !rule_names(rule, daemon))
			report_problem(CONFIG_WARNING, &note, report);
		if (rule[strcspn(rule, "\n")] == '\0')
			return;
	}
}

void advice_give(const struct config *config, const char *daemon, struct report *report)
{
	advise_dependencies(config, report);
	advise_contradictions(config, report);
	advise_resuming(config, report);
	advise_moot(config, report);
	advise_lists(config, report);
	advise_logs(config, report);
	advise_banner(config, report);
	advise_directory(config, report, OPTION_user_config_dir);
	advise_directory(config, report, OPTION_vhost_config_dir);
	advise_directory(config, report, OPTION_host_config_dir);
	advise_charset(config, report);
	if (config->anonymous_enable)
		advise_account(config, report, OPTION_ftp_username);
	if (config->guest_enable)
		advise_account(config, report, OPTION_guest_username);
	if (config->local_enable)
		advise_pam(config, report);
	if (config->tcp_wrappers) {
		advise_rules(daemon, "/etc/hosts.allow", report);
		advise_rules(daemon, "/etc/hosts.deny", report);
	}
}
