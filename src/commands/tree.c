/* CWD CDUP PWD MKD RMD DELE RNFR RNTO: the tree of files. */
#include <errno.h>
#include <string.h>

#include "commands/entries.h"
#include "commands/message.h"
#include "commands/names.h"
#include "commands/record.h"
#include "commands/table.h"
#include "system/draft.h"
#include "system/vfs.h"

/* ---- directories ---- */

struct reply cmd_cwd(struct session *session, const char *argument)
{
	UNCLEARED char path[PATH_TEXT];
	int error = names_use(session, *argument ? argument : "~", path);

	if (error == 0)
		error = vfs_enter(path);
	if (error < 0)
		return names_error(error, "Failed to change directory.");
	return message_reply(session, 250, "Directory successfully changed.");
}

struct reply cmd_cdup(struct session *session, const char *argument)
{
	(void)argument;
	return cmd_cwd(session, "..");
}

struct reply cmd_pwd(struct session *session, const char *argument)
{
	UNCLEARED char path[PATH_TEXT];
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
	UNCLEARED char path[PATH_TEXT], absolute[PATH_TEXT];
	struct buffer b;
	int error = names_use(session, argument, path);

	if (entries_reserves(session, path))
		error = NAMES_DENIED;
	if (error == 0)
		error = vfs_make_directory(path, 0777);
	record_change(session, LOGLINE_MKDIR, error, path);
	if (error < 0)
		return names_error(error, "Create directory operation failed.");
	/* With links resolved: the client may CWD there from anywhere (RFC 959 appendix II). */
	if (vfs_real(path, absolute, sizeof(absolute)) < 0)
		record_absolute(path, absolute);
	buffer_start(&b, session->text, sizeof(session->text));
	reply_append_path(&b, absolute);
	buffer_string(&b, " created");
	return reply(257, buffer_text(&b));
}

/* What listings do not show must not keep a directory from being removed. */
static int remove_directory(const struct session *session, const char *path)
{
	int error = vfs_remove_directory(path);

	if (error != -ENOTEMPTY || !session->config.upload_atomic)
		return error;
	draft_sweep(path, ENTRIES_SWEPT, true);
	return vfs_remove_directory(path);
}

struct reply cmd_rmd(struct session *session, const char *argument)
{
	UNCLEARED char path[PATH_TEXT];
	int error = names_use(session, argument, path);

	if (error == 0)
		error = remove_directory(session, path);
	record_change(session, LOGLINE_RMDIR, error, path);
	if (error < 0)
		return names_error(error, "Remove directory operation failed.");
	return reply(250, "Remove directory operation successful.");
}

/* With a file goes what an interrupted upload left for its name; where there is only that, it is what is meant. */
static int remove_file(const struct session *session, const char *path)
{
	int error = vfs_remove_file(path);
	bool forgotten = (error == 0 || error == -ENOENT) && entries_keep(session) &&
			 draft_forget(path) == 0;

	return forgotten ? 0 : error;
}

struct reply cmd_dele(struct session *session, const char *argument)
{
	UNCLEARED char path[PATH_TEXT];
	int error = names_use(session, argument, path);

	if (error == 0)
		error = remove_file(session, path);
	record_change(session, LOGLINE_DELETE, error, path);
	if (error < 0)
		return names_error(error, "Delete operation failed.");
	return reply(250, "Delete operation successful.");
}

/* ---- renaming ---- */

struct reply cmd_rnfr(struct session *session, const char *argument)
{
	struct facts facts;
	int error = names_use(session, argument, session->rename_from);

	if (error == 0)
		error = vfs_link_stat(session->rename_from, &facts);
	if (error < 0)
		return names_error(error, "RNFR command failed.");
	session->pending.rename = true;
	return reply(350, "Ready for RNTO.");
}

struct reply cmd_rnto(struct session *session, const char *argument)
{
	UNCLEARED char path[PATH_TEXT];
	int error;

	if (!session->pending.rename)
		return reply(503, "RNFR required first.");
	error = names_use(session, argument, path);
	if (entries_reserves(session, path))
		error = NAMES_DENIED;
	if (error == 0)
		error = vfs_rename(session->rename_from, path);
	if (error == 0 && entries_keep(session))
		(void)draft_forget(path); /* that name has its file now */
	record_rename(session, error, session->rename_from, path);
	if (error < 0)
		return names_error(error, "Rename failed.");
	return reply(250, "Rename successful.");
}
