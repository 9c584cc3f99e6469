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

/* Whoever may not have a file does not get to lock it either. */
static int admit(const struct session *session, int fd)
{
	struct facts facts;
	int error;

	if (!session->login.anonymous || !session->config.anon_world_readable_only)
		return 0;
	error = vfs_regular_facts(fd, &facts);
	if (error == 0 && (facts.mode & S_IROTH) == 0)
		error = -EACCES;
	return error;
}

static int lock(const struct session *session, int fd)
{
	int error = session->config.lock_upload_files ? vfs_lock(fd, false) : 0;

	/* File systems without locks are no reason to refuse. */
	return error == -ENOLCK || error == -EINVAL || error == -EOPNOTSUPP ? 0 : error;
}

int files_open(struct session *session, const char *path, int *out_fd, struct facts *out_facts)
{
	int fd = vfs_open_any(path), error;

	if (fd < 0)
		return fd;
	error = admit(session, fd);
	if (error == 0)
		error = lock(session, fd);
	/* Only now: an upload may have come to its end before the lock. */
	if (error == 0)
		error = vfs_regular_facts(fd, out_facts);
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

/* No more than this is read, and put into the socket, without anybody noticing that it takes a while. */
#define BRIEF 65536

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
	transfer_sending(&watch);
	buffer_start(&b, session->text, sizeof(session->text));
	append_opening(&b, stretch->converts, path, whole ? &stretch->size : NULL);
	if (!transfer_begin(session, &watch, buffer_text(&b),
		    &(struct transfer){.verb = "RETR",
			    .path = path,
			    .sends_file = !stretch->converts,
			    .brief = stretch->end - stretch->start <= BRIEF},
		    &answer))
		return answer;
	pump = transfer_pump(session, &watch);
	session->transfer.moved = &pump.moved;
	log->started = io_microseconds();
	result = stretch->converts ? pump_download_ascii(&pump, fd, stretch->start)
				   : pump_download(&pump, fd, stretch->start, stretch->end);
	/* The file lost bytes while it was sent: the client must not take it for whole. */
	if (result == PUMP_DONE && (stretch->converts ? pump.taken < stretch->size
						      : pump.moved < stretch->end - stretch->start))
		result = PUMP_FILE;
	log->bytes = pump.moved;
	session->transfer.verb = NULL;
	answer = transfer_finish(session, &pump, result, false);
	/* In TLS its end may still have failed. */
	log->ok = answer.code == 226;
	return answer;
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
	UNCLEARED char path[PATH_TEXT];
	struct record_transfer log = {.command = "RETR", .path = path, .ascii = session->ascii};
	struct reply answer;
	int error;

	if (!transfer_is_prepared(session, &answer))
		return answer;
	error = names_use(session, argument, path);
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
