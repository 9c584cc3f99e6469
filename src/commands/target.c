#include "commands/target.h"

#include <errno.h>
#include <string.h>

#include "commands/entries.h"
#include "system/attributes.h"
#include "system/vfs.h"

int target_file(const struct upload *upload)
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

/* An unfinished file that nobody goes on with is written anew, so that it is this upload's end that is found if the session is
 * killed. What is added to a file then goes on from the end that this had. */
static int begin(struct session *session, struct upload *upload, mode_t mode)
{
	bool keeps = entries_keep(session) && !adds(session, upload);

	return draft_begin(&upload->draft, upload->target, mode, keeps);
}

/* Gives up a draft that has no data yet: what was kept is kept on. */
static void forsake(struct upload *upload)
{
	if (upload->draft.found)
		draft_keep(&upload->draft, upload->target);
	else
		draft_drop(&upload->draft);
}

/* The draft can take the old file's place only where a name can: one that another file was mounted on keeps it. */
static int be_like_old(const struct upload *upload)
{
	if (!attributes_share_mount(upload->draft.fd, upload->fd))
		return -EXDEV;
	return attributes_take_after(upload->draft.fd, upload->fd);
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
	error = begin(session, upload, 0600);
	if (error == 0) {
		error = be_like_old(upload);
		if (error == 0 && kept > 0)
			error = vfs_copy(upload->draft.fd, upload->fd, kept);
		if (error < 0)
			forsake(upload);
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
		return error == -ENOENT || vfs_is_failure(error) ? error : -EAGAIN;
	if (session->pending.restart > kept ||
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
		error = be_like_old(upload);
		if (error < 0) {
			draft_keep(&upload->draft, upload->target);
			error = vfs_is_failure(error) ? error : -ENOENT;
		}
	}
	if (error < 0 && over) {
		vfs_close(upload->fd);
		upload->fd = -1;
	}
	upload->drafted = error == 0;
	return error;
}

static int open_new(struct session *session, struct upload *upload)
{
	int error = begin(session, upload, session->config.file_open_mode);

	upload->drafted = error == 0;
	/* A draft's name can be longer than the file's. */
	return error == -ENAMETOOLONG ? open_in_place(session, upload) : error;
}

/* A file that was given away can't be renamed any more where only owners may. */
static bool may_be_drafted(const struct session *session, const struct upload *upload)
{
	UNCLEARED char parent[PATH_TEXT];
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

int target_open(struct session *session, struct upload *upload)
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
	if (error == -ENOENT && session->owner && !session->gives)
		return -EPERM;
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
	if (!adds(session, upload) && !upload->draft.found)
		return 0; /* it is empty */
	if (upload->storing == STORING_END && upload->start == 0)
		return vfs_seek_end(fd, &upload->start);
	/* A resumed upload ends where its new data do; a part that is written anew in an old file does not. */
	error = upload->draft.found || upload->fd < 0 ? vfs_truncate(fd, upload->start) : 0;
	return error < 0 ? error : vfs_seek(fd, upload->start);
}

int target_position(struct session *session, struct upload *upload)
{
	return upload->drafted ? position_in_draft(session, upload)
			       : position_in_place(session, upload);
}

/* ---- the end of an upload ---- */

/* Others may have added to the old file, or replaced it, since it was copied. */
static bool is_as_copied(const struct session *session, const struct upload *upload)
{
	struct facts now;

	if (upload->draft.found || upload->fd < 0 || !adds(session, upload))
		return true;
	return vfs_link_stat(upload->target, &now) == 0 && vfs_is_same(&now, &upload->old) &&
	       now.size == upload->old.size && now.modified == upload->old.modified &&
	       now.nanoseconds == upload->old.nanoseconds;
}

int target_complete(struct session *session, struct upload *upload)
{
	bool sync = session->config.upload_sync;
	int error = !upload->drafted && sync ? vfs_sync(upload->fd) : 0, closing;

	if (!upload->drafted) {
		closing = vfs_close(upload->fd);
		return error < 0 ? error : closing;
	}
	if (session->owner)
		error = give(session, upload->draft.fd);
	/* Rights may have been changed meanwhile. */
	if (error == 0 && upload->fd >= 0)
		error = attributes_take_after(upload->draft.fd, upload->fd);
	closing = draft_close(&upload->draft, upload->target, sync);
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
	else if (!upload->draft.kept && entries_keep(session))
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
void target_give_up(struct session *session, struct upload *upload, const struct pump *pump,
	enum pump_result result)
{
	bool kept = result == PUMP_FILE
			    ? upload->draft.found && upload->start > 0
			    : pump->moved > 0 || (upload->draft.found && upload->start > 0);

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

struct reply target_abandon(struct upload *upload, struct reply answer)
{
	if (upload->drafted)
		forsake(upload);
	else if (upload->created)
		discard(upload);
	if (upload->fd >= 0)
		vfs_close(upload->fd);
	return answer;
}
