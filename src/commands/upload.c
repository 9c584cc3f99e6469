/* STOR, STOU, APPE: files that come over the data connection. */
#include <errno.h>
#include <string.h>

#include "commands/entries.h"
#include "commands/names.h"
#include "commands/record.h"
#include "commands/table.h"
#include "commands/transfer.h"
#include "policy/storage.h"
#include "system/draft.h"
#include "system/io.h"
#include "system/process.h"
#include "system/vfs.h"

enum storing { STORING_WHOLE, STORING_END, STORING_UNIQUE };

struct upload {
	enum storing storing;
	char path[PATH_TEXT];	/* as the client is told */
	char target[PATH_TEXT]; /* behind symbolic links: where a draft goes */
	bool resumed;		/* in a draft that was kept */
	bool drafted;		/* in a draft, not in the file itself */
	bool exclusive;		/* nothing may be replaced */
	bool created;		/* by this upload, under its own name */
	struct draft draft;
	struct facts old; /* what data are added to */
	int fd;		  /* of the file itself, or of what the draft will replace; -1: none */
	uint64_t start;	  /* where the data go */
};

static int file_of(const struct upload *upload)
{
	return upload->drafted ? upload->draft.fd : upload->fd;
}

/* ---- in place: the file itself is written ---- */

/* Removes the file, by its name but only if that still is this file's, while its lock is held. */
static void discard(const struct upload *upload)
{
	(void)vfs_remove_open_file(upload->path, upload->fd);
}

static int lock(const struct session *session, int fd)
{
	int error = session->config.lock_upload_files ? vfs_lock(fd, true) : 0;

	/* File systems without locks are no reason to refuse. */
	return error == -ENOLCK || error == -EINVAL || error == -EOPNOTSUPP ? 0 : error;
}

/* Hands a new file to its owner while it is empty; one that could not be handed on does not stay. */
static int give(const struct session *session, int fd)
{
	return vfs_give(fd, (mode_t)session->config.chown_upload_mode, session->owner);
}

static int open_in_place(struct session *session, struct upload *upload)
{
	int error = vfs_open_write(upload->path, session->config.file_open_mode, upload->exclusive,
		&upload->fd, &upload->created);

	if (error < 0)
		return error;
	error = lock(session, upload->fd);
	if (error == 0 && upload->created && session->owner)
		error = give(session, upload->fd);
	/* A file that someone else has locked since it was made is theirs by now. */
	if (error < 0 && error != -EAGAIN && upload->created)
		discard(upload);
	if (error < 0)
		vfs_close(upload->fd);
	return error;
}

/* Where the data go: the end, the restart offset, or the beginning of an emptied file. */
static int position_in_place(struct session *session, struct upload *upload)
{
	int error = 0;

	upload->start = session->pending.restart;
	if (upload->storing == STORING_END && upload->start == 0)
		return vfs_seek_end(upload->fd, &upload->start);
	if (upload->start == 0)
		error = vfs_truncate(upload->fd, 0);
	return error < 0 ? error : vfs_seek(upload->fd, upload->start);
}

/* ---- in a draft ---- */

/* More of an old file is not copied for what is added to it: that goes into the file itself. */
#define COPIED_MOST ((uint64_t)64 * 1024 * 1024)

static bool adds(const struct session *session, const struct upload *upload)
{
	return upload->storing == STORING_END || session->pending.restart > 0;
}

/* A draft that holds what is there already, as far as data are to be added to it. -EXDEV: the old file must be written
 * itself; not where only the disk failed, or is full: the old file would be lost as well. */
static int draft_over(struct session *session, struct upload *upload, const struct facts *old)
{
	uint64_t kept = adds(session, upload) ? old->size : 0;
	int error;

	/* Only new files are given away. */
	if (session->owner || old->links > 1 || kept > COPIED_MOST)
		return -EXDEV;
	/* Until it is like the old one it is nobody else's to open. */
	error = draft_begin(&upload->draft, upload->target, 0600);
	if (error == 0) {
		error = draft_take_after(&upload->draft, upload->fd);
		if (error == 0 && kept > 0)
			error = draft_copy(&upload->draft, upload->fd, kept);
		if (error < 0)
			draft_drop(&upload->draft);
	}
	upload->drafted = error == 0;
	return error == 0 || vfs_is_failure(error) ? error : -EXDEV;
}

/* The old file is opened all the same: whoever may not write it may not replace it. */
static int open_over(struct session *session, struct upload *upload)
{
	int error = vfs_open_update(
		upload->target, session->config.file_open_mode, &upload->fd, &upload->old);

	if (error < 0)
		return error;
	/* Two that add to a file would each lose what the other added; and a client that comes back before its lost connection
	 * has been noticed would add the new file's end to the old one. */
	if (adds(session, upload))
		error = lock(session, upload->fd);
	else if (session->config.lock_upload_files)
		(void)vfs_lock(upload->fd, false);
	if (error == 0)
		error = draft_over(session, upload, &upload->old);
	if (error == -EXDEV)
		error = lock(session, upload->fd);
	if (error < 0)
		vfs_close(upload->fd);
	return error;
}

/* What an interrupted upload left goes on where the client says. Where there is a file of that name, too, it is only meant
 * if the client was told its size, or knows it, and that file must be one that may be written.
 * -ENOENT: nothing was left, or it is not meant. What was left and can't be had, or is another session's by now, must not be
 * taken for nothing: the new data would stand behind a hole. */
static int open_again(struct session *session, struct upload *upload, bool over)
{
	struct facts old;
	uint64_t kept;
	int error = adds(session, upload) && entries_keep(session)
			    ? draft_kept_size(upload->target, &kept)
			    : -ENOENT;

	if (error < 0)
		return vfs_is_failure(error) ? error : -ENOENT;
	if (kept == 0 || session->pending.restart > kept ||
		(over && session->kept_told != kept && session->pending.restart != kept))
		return -ENOENT;
	if (over)
		error = vfs_open_update(
			upload->target, session->config.file_open_mode, &upload->fd, &old);
	if (error < 0)
		return vfs_is_failure(error) ? error : -ENOENT;
	error = draft_resume(&upload->draft, upload->target);
	if (error < 0 && !vfs_is_failure(error))
		error = -EAGAIN;
	if (error == 0 && over) {
		error = draft_take_after(&upload->draft, upload->fd);
		if (error < 0) {
			draft_keep(&upload->draft, upload->target);
			error = vfs_is_failure(error) ? error : -ENOENT;
		}
	}
	if (error < 0 && over) {
		vfs_close(upload->fd);
		upload->fd = -1;
	}
	upload->resumed = upload->drafted = error == 0;
	return error;
}

static int open_new(struct session *session, struct upload *upload)
{
	int error = draft_begin(&upload->draft, upload->target, session->config.file_open_mode);

	upload->drafted = error == 0;
	/* A draft's name can be longer than the file's. */
	return error == -ENAMETOOLONG ? open_in_place(session, upload) : error;
}

/* A file that was given away can't be renamed any more where only owners may. */
static bool may_be_drafted(const struct session *session, const struct upload *upload)
{
	char parent[PATH_TEXT];
	struct facts facts;

	if (!session->config.upload_atomic)
		return false;
	return !session->owner ||
	       (path_parent(upload->target, parent, sizeof(parent)) == 0 &&
		       vfs_stat(parent, &facts) == 0 && (facts.mode & VFS_STICKY) == 0);
}

/* Finds out where the upload goes, and what is there: 0 with `out_old`, -ENOENT for nothing, or what is wrong. */
static int find_target(struct upload *upload, struct facts *out_old)
{
	int error = vfs_link_stat(upload->path, out_old), followed;
	struct facts behind;

	if (upload->path[0] && upload->path[strlen(upload->path) - 1] == '/')
		return -EISDIR;
	if (path_join("", upload->path, upload->target, sizeof(upload->target)) < 0)
		return -ENAMETOOLONG;
	if (error < 0 || !vfs_is_link(out_old))
		return error;
	/* The system does not follow every link (protected_symlinks): it is asked, too. */
	followed = vfs_stat(upload->path, &behind);
	error = vfs_real(upload->path, upload->target, sizeof(upload->target));
	if (error == 0)
		error = vfs_link_stat(upload->target, out_old);
	if (followed != error || (error == 0 && !vfs_is_same(&behind, out_old)))
		return -ELOOP;
	return error;
}

/* Opens what the data will be written to; what is there stays as it is until the data connection stands, and, in a draft,
 * until all data have come. */
static int open_upload(struct session *session, struct upload *upload)
{
	struct facts old;
	bool over;
	int error;

	upload->fd = -1;
	upload->exclusive = upload->storing == STORING_UNIQUE ||
			    (session->login.anonymous && !session->config.anon_other_write_enable);
	error = find_target(upload, &old);
	if (vfs_is_failure(error))
		return error;
	if (!may_be_drafted(session, upload) || (error < 0 && error != -ENOENT) ||
		(error == 0 && !vfs_is_regular(&old)))
		return open_in_place(session, upload);
	if (error == 0 && upload->exclusive)
		return -EEXIST;
	over = error == 0;
	error = open_again(session, upload, over);
	if (error != -ENOENT)
		return error;
	/* What the client was told of can't be gone on with: zeros in its place are not what is meant. */
	if (session->pending.restart > 0 && session->pending.restart == session->kept_told)
		return -EAGAIN;
	return over ? open_over(session, upload) : open_new(session, upload);
}

static int position_in_draft(struct session *session, struct upload *upload)
{
	int fd = upload->draft.fd, error;

	upload->start = session->pending.restart;
	if (upload->storing == STORING_END && upload->start == 0)
		return vfs_seek_end(fd, &upload->start);
	/* A resumed upload ends where its new data do; a part that is written anew in an old file does not. */
	error = upload->resumed || upload->fd < 0 ? vfs_truncate(fd, upload->start) : 0;
	return error < 0 ? error : vfs_seek(fd, upload->start);
}

/* ---- the end of an upload ---- */

/* Others may have added to the old file, or replaced it, since it was copied. */
static bool is_as_copied(const struct session *session, const struct upload *upload)
{
	struct facts now;

	if (upload->resumed || upload->fd < 0 || !adds(session, upload))
		return true;
	return vfs_link_stat(upload->target, &now) == 0 && vfs_is_same(&now, &upload->old) &&
	       now.size == upload->old.size && now.modified == upload->old.modified &&
	       now.nanoseconds == upload->old.nanoseconds;
}

/* Closes the file, which is when some file systems report a full disk or a quota, and gives it its name. */
static int complete(struct session *session, struct upload *upload)
{
	bool sync = session->config.upload_sync;
	int error = !upload->drafted && sync ? vfs_sync(upload->fd) : 0, closing;

	if (!upload->drafted) {
		closing = vfs_close(upload->fd);
		return error < 0 ? error : closing;
	}
	if (session->owner)
		error = give(session, upload->draft.fd);
	closing = draft_close(&upload->draft, sync);
	if (error == 0)
		error = closing;
	if (error == 0 && !is_as_copied(session, upload))
		error = -ESTALE;
	if (upload->fd >= 0)
		vfs_close(upload->fd);
	if (error == 0)
		error = draft_place(&upload->draft, upload->target, upload->exclusive, sync);
	if (error < 0)
		draft_drop(&upload->draft);
	else if (entries_keep(session))
		(void)draft_forget(upload->target); /* of an earlier try */
	return error;
}

/* An upload in place whose data came to their end may be whole, whatever else went wrong, and one that added to a
 * file did not make what was there before: their files stay. */
static void give_up_in_place(
	struct session *session, const struct upload *upload, const struct pump *pump)
{
	bool added = adds(session, upload);

	if (session->config.delete_failed_uploads && !pump->ended && (upload->created || !added))
		discard(upload);
	vfs_close(upload->fd);
}

/* A draft that came short is kept for the client to go on with. Where it is the disk that failed, its new data are not: they
 * take up room, and may be wrong. */
static void give_up(struct session *session, struct upload *upload, const struct pump *pump,
	enum pump_result result)
{
	bool kept = upload->resumed || (pump->moved > 0 && result != PUMP_FILE);

	if (!upload->drafted) {
		give_up_in_place(session, upload, pump);
		return;
	}
	if (upload->fd >= 0)
		vfs_close(upload->fd);
	if (result == PUMP_FILE && kept)
		kept = vfs_truncate(upload->draft.fd, upload->start) == 0;
	if (kept && entries_keep(session) && !session->config.delete_failed_uploads)
		draft_keep(&upload->draft, upload->target);
	else
		draft_drop(&upload->draft);
}

/* Gives up before any data: a file that is only this upload's must not stay behind empty, and what was kept is kept on. */
static struct reply abandon(struct upload *upload, struct reply answer)
{
	if (upload->resumed)
		draft_keep(&upload->draft, upload->target);
	else if (upload->drafted)
		draft_drop(&upload->draft);
	else if (upload->created)
		discard(upload);
	if (upload->fd >= 0)
		vfs_close(upload->fd);
	return answer;
}

/* ---- the transfer ---- */

static struct reply receive_file(
	struct session *session, struct upload *upload, struct record_transfer *log)
{
	struct watch watch = transfer_watch(session);
	struct pump pump = transfer_pump(session, &watch);
	enum pump_result result;
	struct storage limit;
	int error;

	storage_limit(&session->config, file_of(upload), upload->start, &limit);
	pump.most = limit.bytes;
	pump.excess = limit.excess;
	session->transfer.moved = &pump.moved;
	log->started = io_microseconds();
	result = log->ascii && session->config.ascii_upload_enable
			 ? pump_upload_ascii(&pump, file_of(upload))
			 : pump_upload(&pump, file_of(upload));
	session->transfer.verb = NULL;
	log->bytes = pump.moved;
	if (result == PUMP_DONE) {
		error = complete(session, upload);
		if (error < 0) {
			result = PUMP_FILE;
			pump.error = error;
		}
	} else {
		give_up(session, upload, &pump, result);
	}
	log->ok = result == PUMP_DONE;
	return transfer_finish(session, &pump, result, true);
}

/* Sizes and free space are asked for while the client can still be told without having sent anything. */
static struct reply refuse_size(int error)
{
	return error == -EFBIG ? reply(552, "The file would be larger than is allowed.")
			       : reply(452, "Insufficient storage space.");
}

static struct reply store(
	struct session *session, struct upload *upload, struct record_transfer *log)
{
	struct watch watch = transfer_watch(session);
	struct reply answer;
	struct buffer b;
	int error;

	error = storage_check(
		&session->config, file_of(upload), session->pending.restart, session->allocated);
	session->allocated = 0;
	if (error < 0) {
		log->error = error;
		return abandon(upload, refuse_size(error));
	}
	if (!transfer_connect(session, &watch, &answer))
		return abandon(upload, answer);
	buffer_start(&b, session->text, sizeof(session->text));
	if (upload->storing == STORING_UNIQUE) {
		buffer_string(&b, "FILE: ");
		buffer_string(&b, upload->path);
	} else {
		buffer_string(&b, "Ok to send data.");
	}
	/* What is there stays until it is sure that data can come. */
	if (!transfer_begin(session, &watch, buffer_text(&b),
		    &(struct transfer){.verb = "STOR", .path = upload->path}, &answer))
		return abandon(upload, answer);
	error = upload->drafted ? position_in_draft(session, upload)
				: position_in_place(session, upload);
	if (error < 0) {
		session->transfer.verb = NULL;
		data_abort(&session->data);
		log->error = error;
		return abandon(upload, reply_error(error, "Could not seek in file."));
	}
	return receive_file(session, upload, log);
}

static struct record_transfer new_log(
	const struct session *session, const struct upload *upload, char absolute[PATH_TEXT])
{
	static const char *const commands[] = {
		[STORING_WHOLE] = "STOR", [STORING_END] = "APPE", [STORING_UNIQUE] = "STOU"};

	record_absolute(upload->path, absolute);
	return (struct record_transfer){.upload = true,
		.ascii = session->ascii,
		.command = commands[upload->storing],
		.path = absolute,
		.offset = session->pending.restart,
		.started = io_microseconds()};
}

/* Why an upload can't begin, and the log's line about it. */
static struct reply refuse(
	struct session *session, const struct upload *upload, int error, struct reply answer)
{
	char absolute[PATH_TEXT];
	struct record_transfer log = new_log(session, upload, absolute);

	log.error = error;
	record_transfer(session, &log);
	return answer;
}

static struct reply refuse_open(struct session *session, const struct upload *upload, int error)
{
	if (error == NAMES_DENIED)
		return refuse(session, upload, error, reply(550, "Permission denied."));
	if (error == -EAGAIN)
		return refuse(session, upload, error,
			reply(450, "The file is being transferred by someone else."));
	return refuse(session, upload, error, reply_name_error(error, "Could not create file."));
}

static struct reply store_and_log(struct session *session, struct upload *upload)
{
	char absolute[PATH_TEXT];
	struct record_transfer log = new_log(session, upload, absolute);
	struct reply answer;

	answer = store(session, upload, &log);
	record_transfer(session, &log);
	return answer;
}

static struct reply store_named(struct session *session, const char *argument, enum storing storing)
{
	static struct upload upload;
	struct reply answer;
	int error;

	upload = (struct upload){.storing = storing};
	if (!transfer_is_prepared(session, &answer))
		return answer;
	if (session->pending.range)
		return reply(550, "RANG is for RETR and HASH.");
	if (session->ascii && session->config.ascii_upload_enable && session->pending.restart > 0)
		return reply(550, "No support for resume of ASCII transfer.");
	error = names_use(session, argument, upload.path);
	if (!access_permits_transfer(&session->config, upload.path, true) ||
		entries_reserves(session, upload.path))
		error = NAMES_DENIED;
	if (error == 0)
		error = open_upload(session, &upload);
	return error < 0 ? refuse_open(session, &upload, error) : store_and_log(session, &upload);
}

struct reply cmd_stor(struct session *session, const char *argument)
{
	return store_named(session, argument, STORING_WHOLE);
}

struct reply cmd_appe(struct session *session, const char *argument)
{
	return store_named(session, argument, STORING_END);
}

/* A name that is not taken and that nobody can foresee: the client's own, or "file", and a suffix. */
static int make_unique(struct session *session, const char *base, struct upload *upload)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	int error = -EEXIST;

	for (int attempt = 0; attempt < 64 && error == -EEXIST; attempt++) {
		unsigned char random[8];
		struct buffer b;
		buffer_start(&b, upload->path, sizeof(upload->path));
		buffer_string(&b, base);
		if (process_random(random, sizeof(random)) < 0)
			return -EIO;
		buffer_byte(&b, '.');
		for (size_t i = 0; i < sizeof(random); i++)
			buffer_byte(&b, letters[random[i] % 32]);
		buffer_text(&b);
		if (b.cut)
			return -ENAMETOOLONG;
		error = open_upload(session, upload);
	}
	return error;
}

struct reply cmd_stou(struct session *session, const char *argument)
{
	char base[PATH_TEXT];
	static struct upload upload;
	struct reply answer;
	int error;

	upload = (struct upload){.storing = STORING_UNIQUE};
	if (!transfer_is_prepared(session, &answer))
		return answer;
	if (session->pending.restart > 0 || session->pending.range)
		return reply(550, "STOU can't be restarted.");
	error = names_use(session, *argument ? argument : "file", base);
	if (!access_permits_transfer(&session->config, base, true) ||
		entries_reserves(session, base))
		error = NAMES_DENIED;
	if (error == 0)
		error = make_unique(session, base, &upload);
	if (error == 0)
		return store_and_log(session, &upload);
	memcpy(upload.path, base, sizeof(base));
	return refuse_open(session, &upload, error);
}
