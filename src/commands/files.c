/* RETR, STOR, STOU, APPE: files over the data connection. */
#include "commands/files.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/names.h"
#include "commands/record.h"
#include "commands/table.h"
#include "commands/transfer.h"
#include "system/io.h"
#include "system/process.h"
#include "system/vfs.h"
#include "text/ascii.h"

/* ---- RETR ---- */

/* Clients read a file's size out of "(N bytes)": it stands there only when that many bytes will come. */
static void append_opening(struct buffer *b, bool converts, const char *path, const uint64_t *bytes)
{
	buffer_string(b, converts ? "Opening ASCII" : "Opening BINARY");
	buffer_string(b, " mode data connection for ");
	for (; *path; path++)
		buffer_byte(b, *path == '\n' ? '?' : *path);
	if (bytes) {
		buffer_string(b, " (");
		buffer_number(b, *bytes);
		buffer_string(b, " bytes)");
	}
	buffer_byte(b, '.');
}

int files_open(struct session *session, const char *path, int *out_fd, struct facts *out_facts)
{
	int fd, error = vfs_open_read(path, &fd, out_facts);

	if (error < 0)
		return error;
	if (session->login.anonymous && session->config.anon_world_readable_only &&
		(out_facts->mode & S_IROTH) == 0)
		error = -EACCES;
	if (error == 0 && session->config.lock_upload_files)
		error = vfs_lock(fd, false);
	/* File systems without locks are no reason to refuse. */
	if (error == -ENOLCK || error == -EINVAL || error == -EOPNOTSUPP)
		error = 0;
	if (error == 0)
		*out_fd = fd;
	else
		vfs_close(fd);
	return error;
}

int files_measure_ascii(int fd, uint64_t *out_octets)
{
	static char piece[65536];
	struct ascii state = {.after_cr = false};
	uint64_t octets = 0, bytes = 0;
	ssize_t got;

	while ((got = vfs_read(fd, piece, sizeof(piece))) > 0) {
		bytes += (uint64_t)got;
		if (bytes > FILES_MEASURE_MAX)
			return -EFBIG;
		octets += ascii_wire_size(&state, piece, (size_t)got);
	}
	if (got == 0)
		*out_octets = octets;
	return (int)got;
}

/* What of a file is sent: from byte `start` up to `end`, as they are counted on the wire. */
struct stretch {
	bool converts;
	uint64_t start, end;
	uint64_t size; /* the whole file's */
};

static struct reply send_file(struct session *session, const char *path, int fd,
	const struct stretch *stretch, struct record_transfer *log)
{
	struct watch watch = transfer_watch(session);
	bool whole = !stretch->converts && stretch->start == 0 && stretch->end == stretch->size;
	enum pump_result result;
	struct reply answer;
	struct pump pump;
	struct buffer b;

	if (!transfer_connect(session, &watch, &answer))
		return answer;
	buffer_start(&b, session->text, sizeof(session->text));
	append_opening(&b, stretch->converts, path, whole ? &stretch->size : NULL);
	if (!transfer_begin(session, &watch, buffer_text(&b),
		    &(struct transfer){
			    .verb = "RETR", .path = path, .sends_file = !stretch->converts},
		    &answer))
		return answer;
	pump = transfer_pump(session, &watch);
	session->transfer.moved = &pump.moved;
	transfer_sending(&watch);
	log->started = io_microseconds();
	result = stretch->converts ? pump_download_ascii(&pump, fd, stretch->start)
				   : pump_download(&pump, fd, stretch->start, stretch->end);
	/* The file lost bytes while it was sent: the client must not take it for whole. */
	if (result == PUMP_DONE && pump.moved < stretch->end - stretch->start)
		result = PUMP_FILE;
	log->ok = result == PUMP_DONE;
	log->bytes = pump.moved;
	session->transfer.verb = NULL;
	return transfer_finish(session, &pump, result, false);
}

/* Applies REST and RANG. An offset in TYPE A counts what is sent, so the file has to be measured. */
static int settle_stretch(const struct pending *pending, int fd, struct stretch *stretch)
{
	int error = 0;

	stretch->end = stretch->size;
	stretch->start = pending->range ? pending->first : pending->restart;
	if (pending->range && pending->last < stretch->size)
		stretch->end = pending->last + 1;
	if (stretch->converts && stretch->start > 0) {
		error = files_measure_ascii(fd, &stretch->end);
		if (error == 0)
			error = vfs_seek(fd, 0);
	}
	if (error == 0 && (stretch->start > stretch->end ||
				  (pending->range && stretch->start == stretch->end)))
		error = -ERANGE;
	return error;
}

static struct reply retrieve(struct session *session, const char *path, struct record_transfer *log)
{
	struct stretch stretch = {
		.converts = session->ascii && session->config.ascii_download_enable};
	struct facts facts = {.size = 0};
	struct reply answer;
	int fd = -1, error;

	log->error = -ERANGE;
	if (stretch.converts && session->pending.range)
		return reply(550, "No support for RANG in ASCII mode.");
	log->error = error = files_open(session, path, &fd, &facts);
	if (error < 0)
		return reply_error(error, "Failed to open file.");
	stretch.size = facts.size;
	log->error = error = settle_stretch(&session->pending, fd, &stretch);
	log->offset = stretch.start;
	if (error == -ERANGE)
		answer = reply(554, "Restart offset is beyond the end of the file.");
	else if (error == -EFBIG)
		answer = reply(550, "The file is too large for REST in ASCII mode.");
	else if (error < 0)
		answer = reply(451, "Failure reading local file.");
	else
		answer = send_file(session, path, fd, &stretch, log);
	vfs_close(fd);
	return answer;
}

struct reply cmd_retr(struct session *session, const char *argument)
{
	char path[PATH_TEXT], absolute[PATH_TEXT];
	struct record_transfer log = {.command = "RETR", .path = absolute, .ascii = session->ascii};
	struct reply answer;
	int error;

	if (!transfer_is_prepared(session, &answer))
		return answer;
	error = names_use(session, argument, path);
	record_absolute(path, absolute);
	log.started = io_microseconds();
	if (!access_permits_transfer(&session->config, path, false))
		error = NAMES_DENIED;
	log.error = error;
	if (error == NAMES_DENIED)
		answer = reply(550, "Permission denied.");
	else if (error < 0)
		answer = reply_error(error, "Failed to open file.");
	else
		answer = retrieve(session, path, &log);
	record_transfer(session, &log);
	return answer;
}

/* ---- STOR, APPE, STOU ---- */

enum storing { STORING_WHOLE, STORING_END, STORING_UNIQUE };

struct upload {
	enum storing storing;
	const char *path;
	int fd;
	bool created; /* by this upload */
};

/* Removes the file, by its name but only if that still is this file's, while its lock is held. */
static void discard(const struct upload *upload)
{
	(void)vfs_remove_open_file(upload->path, upload->fd);
}

/* Hands a new file to its owner while it is empty; one that could not be handed on does not stay. */
static int give(struct session *session, const struct upload *upload)
{
	int error = vfs_give(upload->fd, (mode_t)session->config.chown_upload_mode, session->owner);

	if (error < 0)
		discard(upload);
	return error;
}

/* Opens the file and takes its lock; its content stays as it is until the data connection stands. */
static int open_upload(struct session *session, struct upload *upload)
{
	const struct config *config = &session->config;
	bool exclusive = upload->storing == STORING_UNIQUE ||
			 (session->login.anonymous && !config->anon_other_write_enable);
	int error = vfs_open_write(
		upload->path, config->file_open_mode, exclusive, &upload->fd, &upload->created);

	if (error < 0)
		return error;
	error = config->lock_upload_files ? vfs_lock(upload->fd, true) : 0;
	if (error == -ENOLCK || error == -EINVAL || error == -EOPNOTSUPP)
		error = 0;
	if (error == 0 && upload->created && session->owner)
		error = give(session, upload);
	if (error < 0)
		vfs_close(upload->fd);
	return error;
}

/* Where the data go: the end, the restart offset, or the beginning of an emptied file. */
static int position(struct session *session, const struct upload *upload)
{
	uint64_t start = session->pending.restart;
	int error;

	if (upload->storing == STORING_END && start == 0)
		return vfs_seek_end(upload->fd);
	if (start > 0)
		return vfs_seek(upload->fd, start);
	error = vfs_truncate(upload->fd, 0);
	return error < 0 ? error : vfs_seek(upload->fd, 0);
}

/* An upload whose data came to their end may be whole, whatever else went wrong, and one that added to a
 * file did not make what was there before: their files stay. */
static void clean_up(struct session *session, const struct upload *upload, const struct pump *pump)
{
	bool added = upload->storing == STORING_END || session->pending.restart > 0;

	if (session->config.delete_failed_uploads && !pump->ended && (upload->created || !added))
		discard(upload);
}

static struct reply receive_file(
	struct session *session, struct upload *upload, struct record_transfer *log)
{
	struct watch watch = transfer_watch(session);
	struct pump pump = transfer_pump(session, &watch);
	enum pump_result result;
	int error;

	session->transfer.moved = &pump.moved;
	log->started = io_microseconds();
	result = log->ascii && session->config.ascii_upload_enable
			 ? pump_upload_ascii(&pump, upload->fd)
			 : pump_upload(&pump, upload->fd);
	session->transfer.verb = NULL;
	log->bytes = pump.moved;
	if (result != PUMP_DONE)
		clean_up(session, upload, &pump);
	/* Some file systems report a full disk or a quota only now. */
	error = vfs_close(upload->fd);
	if (result == PUMP_DONE && error < 0) {
		result = PUMP_FILE;
		pump.error = error;
	}
	log->ok = result == PUMP_DONE;
	return transfer_finish(session, &pump, result, true);
}

/* Gives up before any data: a file that is only this upload's must not stay behind empty. */
static struct reply abandon(struct upload *upload, struct reply answer)
{
	if (upload->created)
		discard(upload);
	vfs_close(upload->fd);
	return answer;
}

static struct reply store(
	struct session *session, struct upload *upload, struct record_transfer *log)
{
	struct watch watch = transfer_watch(session);
	struct reply answer;
	struct buffer b;
	int error;

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
	error = position(session, upload);
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
	char path[PATH_TEXT];
	struct upload upload = {.storing = storing, .path = path};
	struct reply answer;
	int error;

	if (!transfer_is_prepared(session, &answer))
		return answer;
	if (session->pending.range)
		return reply(550, "RANG is for RETR and HASH.");
	if (session->ascii && session->config.ascii_upload_enable && session->pending.restart > 0)
		return reply(550, "No support for resume of ASCII transfer.");
	error = names_use(session, argument, path);
	if (!access_permits_transfer(&session->config, path, true))
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
static int make_unique(struct session *session, const char *base, struct upload *upload, char *path)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	int error = -EEXIST;

	for (int attempt = 0; attempt < 64 && error == -EEXIST; attempt++) {
		unsigned char random[8];
		struct buffer b;
		buffer_start(&b, path, PATH_TEXT);
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
	char base[PATH_TEXT], path[PATH_TEXT];
	struct upload upload = {.storing = STORING_UNIQUE, .path = path};
	struct reply answer;
	int error;

	if (!transfer_is_prepared(session, &answer))
		return answer;
	if (session->pending.restart > 0 || session->pending.range)
		return reply(550, "STOU can't be restarted.");
	error = names_use(session, *argument ? argument : "file", base);
	if (!access_permits_transfer(&session->config, base, true))
		error = NAMES_DENIED;
	if (error == 0)
		error = make_unique(session, base, &upload, path);
	if (error == 0)
		return store_and_log(session, &upload);
	upload.path = base;
	return refuse_open(session, &upload, error);
}
