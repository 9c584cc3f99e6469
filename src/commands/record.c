#include "commands/record.h"

#include <string.h>

#include "commands/event.h"
#include "commands/logs.h"
#include "system/charset.h"
#include "system/io.h"
#include "system/log.h"
#include "system/process.h"
#include "system/vfs.h"
#include "system/zone.h"
#include "text/timestamp.h"

static void write_native(struct session *session, struct logline *line)
{
	char text[LOGLINE_MAX + 1];
	struct buffer b;
	bool file = session->native_log >= 0;

	if (!file && !session->log_to_syslog)
		return;
	line->now = zone_now();
	line->pid = process_id();
	line->client = session->peer_text;
	line->keep_utf8 = session->config.wc_logs_enable;
	if (session->login.kind != LOGIN_NONE)
		line->user = session->login.name;
	else if (session->user[0])
		line->user = session->user;
	buffer_start(&b, text, sizeof(text));
	logline_append_native(&b, line, file);
	if (file)
		logs_append(session, LOGS_NATIVE, b.data, b.size);
	else
		logs_tell(session,
			line->event == LOGLINE_LOGIN && !line->ok ? LOG_LEVEL_WARNING
								  : LOG_LEVEL_INFO,
			buffer_text(&b));
}

/* ---- events ---- */

void record_connect(struct session *session)
{
	struct logline line = {.event = LOGLINE_CONNECT};
	struct event event = {.name = "connect", .protected = true};

	session->announced = true;
	event_write(session, &event);
	write_native(session, &line);
}

void record_refused(struct session *session, const char *reason, const char *text)
{
	struct logline line = {.event = LOGLINE_CONNECT, .text = text};
	struct event event = {.name = "refused", .reason = reason, .detail = text};

	event_write(session, &event);
	write_native(session, &line);
}

void record_tls(struct session *session, const char *problem)
{
	struct event event = {.name = "tls",
		.outcome = problem ? EVENT_FAILED : EVENT_OK,
		.reason = problem ? "handshake" : NULL,
		.detail = problem,
		.protected = !problem};

	event_write(session, &event);
}

void record_login(struct session *session, bool ok, const char *reason)
{
	static const char *const kinds[] = {[LOGIN_NONE] = NULL,
		[LOGIN_ANONYMOUS] = "anonymous",
		[LOGIN_GUEST] = "guest",
		[LOGIN_LOCAL] = "local"};
	struct logline line = {.event = LOGLINE_LOGIN, .ok = ok, .text = reason};
	struct event event = {.name = "login",
		.outcome = EVENT_OK,
		.access = kinds[session->login.kind],
		.protected = true};

	if (ok && session->login.kind == LOGIN_ANONYMOUS)
		line.anonymous_password = event.address = session->login.password;
	if (ok)
		event_write(session, &event);
	write_native(session, &line);
}

void record_login_failed(
	struct session *session, const char *user, const char *reason, const char *detail)
{
	struct event event = {.name = "login_failed",
		.outcome = EVENT_FAILED,
		.user = user,
		.reason = reason,
		.detail = detail,
		.protected = true};

	event_write(session, &event);
}

void record_denied(struct session *session, const char *verb, const char *argument)
{
	bool secret = strcmp(verb, "PASS") == 0 || strcmp(verb, "ACCT") == 0;
	struct event event = {.name = "denied",
		.outcome = EVENT_FAILED,
		.reason = "policy",
		.command = verb,
		.argument = secret || !*argument ? NULL : argument};

	event_write(session, &event);
}

void record_debug(struct session *session, const char *text)
{
	struct logline line = {.event = LOGLINE_DEBUG, .text = text};

	write_native(session, &line);
}

static SELDOM void write_command(struct session *session, const char *verb, const char *argument)
{
	struct logline line = {.event = LOGLINE_COMMAND};
	char text[LINE_MAX_SIZE + 16];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, verb);
	if (strcmp(verb, "PASS") == 0)
		argument = "<password>";
	if (*argument) {
		buffer_byte(&b, ' ');
		buffer_string(&b, argument);
	}
	line.text = buffer_text(&b);
	write_native(session, &line);
}

/* Room is taken, and cleared, only if there is something to write. */
void record_command(struct session *session, const char *verb, const char *argument)
{
	if (session->config.log_ftp_protocol)
		write_command(session, verb, argument);
}

void record_absolute(const char *path, char out[PATH_TEXT])
{
	UNCLEARED char here[PATH_TEXT];
	struct buffer b;

	if (path[0] != '/' && vfs_current(here, sizeof(here)) < 0)
		here[0] = '\0';
	if ((path[0] == '/' || here[0]) &&
		path_merge(path[0] == '/' ? "/" : here, path, out, PATH_TEXT) == 0)
		return;
	buffer_start(&b, out, PATH_TEXT);
	buffer_string(&b, path);
	buffer_text(&b);
}

/* One line and one event about a change; `path` and what it became are absolute. */
static void write_change(struct session *session, const char *name, int error, struct event *event,
	struct logline *line)
{
	line->ok = error == 0;
	write_native(session, line);
	event->name = name;
	event->outcome = error == 0 ? EVENT_OK : EVENT_FAILED;
	event->reason = error == 0 ? NULL : event_reason(error);
	event_write(session, event);
}

/* Whether anybody wants to know; in any case it has been an event. */
static bool is_event(struct session *session)
{
	session->events++;
	return event_is_on(session);
}

static bool is_recorded(struct session *session)
{
	return is_event(session) || session->native_log >= 0 || session->log_to_syslog;
}

void record_change(struct session *session, enum logline_event change, int error, const char *path)
{
	static const char *const names[] = {
		[LOGLINE_MKDIR] = "mkdir", [LOGLINE_RMDIR] = "rmdir", [LOGLINE_DELETE] = "delete"};
	UNCLEARED char absolute[PATH_TEXT];
	struct logline line = {.event = change, .text = absolute};
	struct event event = {.path = absolute};

	if (!is_recorded(session))
		return;
	record_absolute(path, absolute);
	write_change(session, names[change], error, &event, &line);
}

void record_chmod(struct session *session, int error, const char *path, const char *mode)
{
	UNCLEARED char absolute[PATH_TEXT], text[PATH_TEXT + 16];
	struct event event = {.path = absolute, .mode = mode};
	struct buffer b;

	if (!is_recorded(session))
		return;
	record_absolute(path, absolute);
	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, absolute);
	buffer_byte(&b, ' ');
	buffer_string(&b, mode);
	write_change(session, "chmod", error, &event,
		&(struct logline){.event = LOGLINE_CHMOD, .text = buffer_text(&b)});
}

void record_rename(struct session *session, int error, const char *from, const char *to)
{
	static char text[2 * PATH_TEXT], absolute[2][PATH_TEXT];
	struct event event = {.path = absolute[0], .to = absolute[1]};
	struct buffer b;

	if (!is_recorded(session))
		return;
	record_absolute(from, absolute[0]);
	record_absolute(to, absolute[1]);
	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, absolute[0]);
	buffer_byte(&b, ' ');
	buffer_string(&b, absolute[1]);
	write_change(session, "rename", error, &event,
		&(struct logline){.event = LOGLINE_RENAME, .text = buffer_text(&b)});
}

void record_times(
	struct session *session, int error, const char *path, int64_t seconds, uint32_t nanoseconds)
{
	UNCLEARED char absolute[PATH_TEXT], text[64];
	struct event event = {.name = "times",
		.outcome = error == 0 ? EVENT_OK : EVENT_FAILED,
		.reason = error == 0 ? NULL : event_reason(error),
		.path = absolute};
	struct buffer b;

	if (!is_event(session))
		return;
	buffer_start(&b, text, sizeof(text));
	timestamp_append_utc(&b, seconds, nanoseconds / 1000);
	event.modified = buffer_text(&b);
	record_absolute(path, absolute);
	event_write(session, &event);
}

void record_hash(struct session *session, const struct record_hash *hash)
{
	UNCLEARED char absolute[PATH_TEXT];
	struct event event = {.name = "hash",
		.outcome = hash->digest ? EVENT_OK : EVENT_FAILED,
		.reason = hash->digest ? NULL : event_reason(hash->error),
		.path = absolute,
		.algorithm = hash->algorithm,
		.digest = hash->digest,
		.offset = hash->offset,
		.moved = hash->digest != NULL,
		.bytes = hash->bytes,
		.microseconds = io_microseconds() - hash->started};

	if (!is_event(session))
		return;
	record_absolute(hash->path, absolute);
	event_write(session, &event);
}

static char access_letter(enum login_kind kind)
{
	switch (kind) {
	case LOGIN_ANONYMOUS:
		return 'a';
	case LOGIN_GUEST:
		return 'g';
	case LOGIN_LOCAL:
	case LOGIN_NONE:
		break;
	}
	return 'r';
}

static void write_xfer(
	struct session *session, const struct record_transfer *transfer, double seconds)
{
	const struct login *login = &session->login;
	struct xferline line = {.now = zone_now(),
		.seconds = (uint64_t)seconds,
		.client = session->peer_text,
		.bytes = transfer->bytes,
		.path = transfer->path,
		.ascii = transfer->ascii,
		.incoming = transfer->upload,
		.access = access_letter(login->kind),
		.user = login->kind == LOGIN_ANONYMOUS ? login->password : login->name,
		.complete = transfer->ok,
		.keep_utf8 = session->config.wc_logs_enable};
	char text[LOGLINE_MAX + 1];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	logline_append_xfer(&b, &line);
	logs_append(session, LOGS_TRANSFERS, b.data, b.size);
}

static void write_transfer_event(struct session *session, const char *name,
	const struct record_transfer *transfer, int64_t microseconds)
{
	struct event event = {.name = name,
		.outcome = transfer->ok ? EVENT_OK : EVENT_FAILED,
		.command = transfer->command,
		.type = transfer->ascii ? "ascii" : "binary",
		.path = transfer->path,
		.offset = transfer->offset,
		.moved = true,
		.bytes = transfer->bytes,
		.microseconds = microseconds};

	if (!transfer->ok)
		event.reason = session->failure ? session->failure : event_reason(transfer->error);
	event_write(session, &event);
}

static void add_up(struct session *session, const struct record_transfer *transfer)
{
	if (transfer->upload) {
		session->uploads += transfer->ok;
		session->bytes_in += transfer->bytes;
	} else {
		session->downloads += transfer->ok;
		session->bytes_out += transfer->bytes;
	}
}

void record_transfer(struct session *session, const struct record_transfer *transfer)
{
	UNCLEARED char absolute[PATH_TEXT];
	struct record_transfer copy = *transfer;
	int64_t microseconds = io_microseconds() - transfer->started;
	double seconds = (double)microseconds / 1000000;
	struct logline line = {.event = transfer->upload ? LOGLINE_UPLOAD : LOGLINE_DOWNLOAD,
		.ok = transfer->ok,
		.text = absolute,
		.bytes = transfer->bytes,
		.seconds = seconds};

	add_up(session, transfer);
	if (!is_recorded(session) && session->transfer_log < 0)
		return;
	record_absolute(transfer->path, absolute);
	copy.path = absolute;
	if (session->transfer_log >= 0)
		write_xfer(session, &copy, seconds);
	write_native(session, &line);
	write_transfer_event(
		session, transfer->upload ? "upload" : "download", &copy, microseconds);
}

void record_listing(struct session *session, const struct record_transfer *listing)
{
	UNCLEARED char absolute[PATH_TEXT];
	struct record_transfer copy = *listing;

	if (!is_event(session))
		return;
	record_absolute(listing->path, absolute);
	copy.path = absolute;
	write_transfer_event(session, "list", &copy, io_microseconds() - listing->started);
}

/* ---- replies ---- */

static SELDOM void log_reply_lines(struct session *session, const struct reply *reply)
{
	static char text[REPLY_LINE_MAX];
	const char *next = reply->text;
	struct buffer b;

	while (next) {
		struct logline line = {.event = LOGLINE_RESPONSE};
		buffer_start(&b, text, sizeof(text));
		next = reply_append_line(&b, reply, next);
		b.size -= 2; /* CR LF */
		line.text = buffer_text(&b);
		write_native(session, &line);
	}
}

bool record_converts(const struct session *session)
{
	return charset_is_open() && !session->utf8;
}

/* Names, messages, banners: all text is UTF-8 here. */
static SELDOM void send_converted(struct session *session, const struct reply *original)
{
	static char text[CHARSET_GROWTH * CONFIG_FILE_MAX + 1];
	struct reply answer = *original;
	size_t size = strlen(original->text);

	text[charset_to_client(
		original->text, size < CONFIG_FILE_MAX ? size : CONFIG_FILE_MAX, text)] = '\0';
	answer.text = text;
	control_reply(&session->control, &answer);
}

void record_reply(struct session *session, const struct reply *reply)
{
	if (session->config.log_ftp_protocol)
		log_reply_lines(session, reply);
	if (record_converts(session))
		send_converted(session, reply);
	else
		control_reply(&session->control, reply);
}

int record_mark(struct session *session, int code, const char *text)
{
	struct reply mark = reply(code, text);

	record_reply(session, &mark);
	return control_flush(&session->control);
}
