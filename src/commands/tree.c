/* CWD CDUP PWD MKD RMD DELE RNFR RNTO SIZE MDTM: the tree of files. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/message.h"
#include "commands/names.h"
#include "commands/record.h"
#include "commands/table.h"
#include "system/vfs.h"
#include "text/timestamp.h"

/* A failure of names_use, or of what was done with the name. */
static struct reply failed(int error, const char *text)
{
	if (error == NAMES_DENIED)
		return reply(550, "Permission denied.");
	return reply_error(error, text);
}

/* ---- directories ---- */

struct reply cmd_cwd(struct session *session, const char *argument)
{
	char path[PATH_TEXT];
	int error = names_use(session, *argument ? argument : "~", path);

	if (error == 0)
		error = vfs_enter(path);
	if (error < 0)
		return failed(error, "Failed to change directory.");
	return message_reply(session, 250, "Directory successfully changed.");
}

struct reply cmd_cdup(struct session *session, const char *argument)
{
	(void)argument;
	return cmd_cwd(session, "..");
}

struct reply cmd_pwd(struct session *session, const char *argument)
{
	char path[PATH_TEXT];
	struct buffer b;
	int error = vfs_current(path, sizeof(path));

	(void)argument;
	if (error < 0)
		return reply(550, "The current directory has no name any more.");
	buffer_start(&b, session->text, sizeof(session->text));
	reply_append_path(&b, path);
	buffer_string(&b, " is the current directory");
	return reply(257, buffer_text(&b));
}

struct reply cmd_mkd(struct session *session, const char *argument)
{
	char path[PATH_TEXT], absolute[PATH_TEXT];
	struct buffer b;
	int error = names_use(session, argument, path);

	if (error == 0)
		error = vfs_make_directory(path, 0777);
	record_change(session, LOGLINE_MKDIR, error == 0, path);
	if (error < 0)
		return failed(error, "Create directory operation failed.");
	/* With links resolved: the client may CWD there from anywhere (RFC 959 appendix II). */
	if (vfs_real(path, absolute, sizeof(absolute)) < 0)
		record_absolute(path, absolute);
	buffer_start(&b, session->text, sizeof(session->text));
	reply_append_path(&b, absolute);
	buffer_string(&b, " created");
	return reply(257, buffer_text(&b));
}

struct reply cmd_rmd(struct session *session, const char *argument)
{
	char path[PATH_TEXT];
	int error = names_use(session, argument, path);

	if (error == 0)
		error = vfs_remove_directory(path);
	record_change(session, LOGLINE_RMDIR, error == 0, path);
	if (error < 0)
		return failed(error, "Remove directory operation failed.");
	return reply(250, "Remove directory operation successful.");
}

struct reply cmd_dele(struct session *session, const char *argument)
{
	char path[PATH_TEXT];
	int error = names_use(session, argument, path);

	if (error == 0)
		error = vfs_remove_file(path);
	record_change(session, LOGLINE_DELETE, error == 0, path);
	if (error < 0)
		return failed(error, "Delete operation failed.");
	return reply(250, "Delete operation successful.");
}

/* ---- renaming ---- */

struct reply cmd_rnfr(struct session *session, const char *argument)
{
	struct facts facts;
	int error = names_use(session, argument, session->pending.rename_from);

	if (error == 0)
		error = vfs_link_stat(session->pending.rename_from, &facts);
	if (error < 0)
		return failed(error, "RNFR command failed.");
	session->pending.rename = true;
	return reply(350, "Ready for RNTO.");
}

static void record_rename(struct session *session, bool ok, const char *from, const char *to)
{
	static char text[2 * PATH_TEXT], absolute[PATH_TEXT];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	record_absolute(from, absolute);
	buffer_string(&b, absolute);
	buffer_byte(&b, ' ');
	record_absolute(to, absolute);
	buffer_string(&b, absolute);
	record_change_text(session, LOGLINE_RENAME, ok, buffer_text(&b));
}

struct reply cmd_rnto(struct session *session, const char *argument)
{
	char path[PATH_TEXT];
	int error;

	if (!session->pending.rename)
		return reply(503, "RNFR required first.");
	error = names_use(session, argument, path);
	if (error == 0)
		error = vfs_rename(session->pending.rename_from, path);
	record_rename(session, error == 0, session->pending.rename_from, path);
	if (error < 0)
		return failed(error, "Rename failed.");
	return reply(250, "Rename successful.");
}

/* ---- facts ---- */

struct reply cmd_size(struct session *session, const char *argument)
{
	char path[PATH_TEXT];
	struct facts facts = {.size = 0};
	struct buffer b;
	int error;

	/* The size on the wire would take reading the whole file (RFC 3659 section 4). */
	if (session->ascii && session->config.ascii_download_enable)
		return reply(550, "SIZE is not available in ASCII mode.");
	error = names_use(session, argument, path);
	if (error == 0)
		error = vfs_stat(path, &facts);
	if (error == 0 && !S_ISREG(facts.mode))
		error = -EINVAL;
	if (error < 0)
		return failed(error, "Could not get file size.");
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_number(&b, facts.size);
	return reply(213, buffer_text(&b));
}

static struct reply set_modified(struct session *session, const char *argument, int64_t seconds)
{
	char path[PATH_TEXT];
	int error;

	if (!access_permits(&session->config, session->login.anonymous, CLASS_TIMES))
		return reply(550, "Permission denied.");
	error = names_use(session, argument, path);
	if (error == 0)
		error = vfs_set_modified(path, seconds);
	if (error < 0)
		return failed(error, "Could not set file modification time.");
	return reply(213, "File modification time set.");
}

static int64_t from_civil(struct session *session, const struct civil *civil)
{
	if (session->config.use_localtime)
		return timestamp_join_local(civil);
	return timestamp_join(civil);
}

/* MDTM with a time in front sets it, unless that whole argument names a file (RFC 3659 section 3.1
 * knows only the names; setting is an older habit of clients). */
struct reply cmd_mdtm(struct session *session, const char *argument)
{
	char path[PATH_TEXT];
	struct facts facts = {.size = 0};
	struct civil civil;
	struct buffer b;
	size_t size;
	int error = names_use(session, argument, path);

	if (error == 0)
		error = vfs_stat(path, &facts);
	if ((error == -ENOENT || error == -ENAMETOOLONG) &&
		timestamp_parse_digits(argument, &civil, &size) == 0 && argument[size] == ' ' &&
		argument[size + 1])
		return set_modified(session, argument + size + 1, from_civil(session, &civil));
	if (error == 0 && !S_ISREG(facts.mode))
		error = -EINVAL;
	if (error < 0)
		return failed(error, "Could not get file modification time.");
	buffer_start(&b, session->text, sizeof(session->text));
	timestamp_append_digits(&b, facts.modified, session->config.use_localtime);
	return reply(213, buffer_text(&b));
}
