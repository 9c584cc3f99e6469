/* STOR, STOU, APPE: files that come over the data connection. */
#include <errno.h>
#include <string.h>

#include "commands/entries.h"
#include "commands/names.h"
#include "commands/record.h"
#include "commands/table.h"
#include "commands/target.h"
#include "commands/transfer.h"
#include "policy/storage.h"
#include "system/io.h"
#include "system/process.h"
#include "system/vfs.h"

/* ---- the transfer ---- */

static struct reply receive_file(
	struct session *session, struct upload *upload, struct record_transfer *log)
{
	struct watch watch = transfer_watch(session);
	struct pump pump = transfer_pump(session, &watch);
	enum pump_result result;
	struct storage limit;
	int error;

	storage_limit(&session->config, target_file(upload), upload->start, &limit);
	pump.most = limit.bytes;
	pump.excess = limit.excess;
	session->transfer.moved = &pump.moved;
	log->started = io_microseconds();
	result = log->ascii && session->config.ascii_upload_enable
			 ? pump_upload_ascii(&pump, target_file(upload))
			 : pump_upload(&pump, target_file(upload));
	session->transfer.verb = NULL;
	log->bytes = pump.moved;
	if (result == PUMP_DONE) {
		error = target_complete(session, upload);
		if (error < 0) {
			result = PUMP_FILE;
			pump.error = error;
		}
	} else {
		target_give_up(session, upload, &pump, result);
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

	error = storage_check(&session->config, target_file(upload), session->pending.restart,
		session->allocated);
	session->allocated = 0;
	if (error < 0) {
		log->error = error;
		return target_abandon(upload, refuse_size(error));
	}
	if (!transfer_connect(session, &watch, &answer))
		return target_abandon(upload, answer);
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
		return target_abandon(upload, answer);
	error = target_position(session, upload);
	if (error < 0) {
		session->transfer.verb = NULL;
		data_abort(&session->data);
		log->error = error;
		return target_abandon(upload, reply_error(error, "Could not seek in file."));
	}
	return receive_file(session, upload, log);
}

static struct record_transfer new_log(const struct session *session, const struct upload *upload)
{
	static const char *const commands[] = {
		[STORING_WHOLE] = "STOR", [STORING_END] = "APPE", [STORING_UNIQUE] = "STOU"};

	return (struct record_transfer){.upload = true,
		.ascii = session->ascii,
		.command = commands[upload->storing],
		.path = upload->path,
		.offset = session->pending.restart,
		.started = io_microseconds()};
}

/* Why an upload can't begin, and the log's line about it. */
static struct reply refuse(
	struct session *session, const struct upload *upload, int error, struct reply answer)
{
	struct record_transfer log = new_log(session, upload);

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
	struct record_transfer log = new_log(session, upload);
	struct reply answer;

	answer = store(session, upload, &log);
	record_transfer(session, &log);
	return answer;
}

/* Not all of it is cleared: the names in it are long, and written before they are read. */
static void prepare(struct upload *upload, enum storing storing)
{
	upload->storing = storing;
	upload->path[0] = upload->target[0] = upload->draft.name[0] = '\0';
	upload->drafted = upload->exclusive = upload->created = false;
	upload->draft.kept = upload->draft.found = false;
	upload->draft.fd = upload->fd = -1;
	upload->start = 0;
}

static struct reply store_named(struct session *session, const char *argument, enum storing storing)
{
	static struct upload upload;
	struct reply answer;
	int error;

	prepare(&upload, storing);
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
		error = target_open(session, &upload);
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
		error = target_open(session, upload);
	}
	return error;
}

struct reply cmd_stou(struct session *session, const char *argument)
{
	UNCLEARED char base[PATH_TEXT];
	static struct upload upload;
	struct reply answer;
	int error;

	prepare(&upload, STORING_UNIQUE);
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
