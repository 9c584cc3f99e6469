#include "ctl/beside.h"

#include <errno.h>
#include <string.h>

#include "policy/jail.h"
#include "policy/language.h"
#include "policy/login.h"
#include "system/directory.h"
#include "system/privilege.h"
#include "system/process.h"
#include "text/path.h"

static void complain(
	const struct config *config, struct report *report, enum option option, const char *text)
{
	struct config_note note;

	config_blame(config, option, text, &note);
	report_problem(CONFIG_ERROR, &note, report);
}

/* ---- files ---- */

static bool is_plain_name(const char *name, const void *context)
{
	(void)context;
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static void check_file(
	const struct config *config, const char *file, bool late, struct report *report)
{
	static struct config scratch;
	struct config_note note;

	scratch = *config;
	if (config_file_all(&scratch, file, late, report_problem, report) < 0)
		return;
	config_review(&scratch, report_problem, report);
	/* What the main file says is told once. */
	if (scratch.client_charset != config->client_charset &&
		language_settle(&scratch, &note) < 0)
		report_problem(CONFIG_ERROR, &note, report);
}

static void check_directory(
	const struct config *config, const char *path, bool late, struct report *report)
{
	struct directory directory;
	char file[PATH_TEXT];

	if (!path || directory_read(path, is_plain_name, NULL, &directory) < 0)
		return;
	(void)directory_sort(&directory, DIRECTORY_BY_NAME, false);
	for (size_t i = 0; i < directory.count; i++)
		if (path_join(path, directory_name(&directory, i), file, sizeof(file)) == 0)
			check_file(config, file, late, report);
	directory_free(&directory);
}

void beside_check_files(const struct config *config, struct report *report)
{
	check_directory(config, config->user_config_dir, true, report);
	check_directory(config, config->vhost_config_dir, false, report);
	check_directory(config, config->host_config_dir, false, report);
}

/* ---- directories ---- */

static void check_home(
	const struct config *config, struct login *login, enum option option, struct report *report)
{
	static struct jail_plan plan;
	const char *place;
	struct buffer problem;
	char text[512];

	buffer_start(&problem, text, sizeof(text));
	if (login_settle(config, login, &problem) != LOGIN_ADMITTED ||
		jail_plan(config, login, &plan, &problem) < 0)
		return; /* told elsewhere */
	place = plan.root[0] ? plan.root : plan.home;
	if (privilege_enter(&login->account, place) < 0) {
		buffer_string(&problem, "can't enter ");
		buffer_string(&problem, place);
		complain(config, report, option, buffer_text(&problem));
	} else if (plan.jailed && jail_check_root(config, login, place, &problem) < 0) {
		complain(config, report, option, buffer_text(&problem));
	}
}

void beside_check_homes(const struct config *config, struct report *report)
{
	static struct login anonymous = {.kind = LOGIN_ANONYMOUS, .anonymous = true};
	struct buffer b;

	if (!process_is_root() || !config->anonymous_enable)
		return;
	buffer_start(&b, anonymous.name, sizeof(anonymous.name));
	buffer_string(&b, config->ftp_username ? config->ftp_username : "ftp");
	buffer_text(&b);
	check_home(config, &anonymous, config->anon_root ? OPTION_anon_root : OPTION_ftp_username,
		report);
}
