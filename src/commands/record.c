#include "commands/record.h"

#include <string.h>

#include "system/charset.h"
#include "system/io.h"
#include "system/log.h"
#include "system/process.h"
#include "system/vfs.h"
#include "system/zone.h"

/* User and file names are in it, which a client may have chosen: only plain characters go through. */
static void tell(struct session *session, enum log_level level, const char *text)
{
	char line[1024];
	struct buffer b;

	buffer_start(&b, line, sizeof(line));
	if (session->peer_text[0]) {
		buffer_string(&b, session->peer_text);
		buffer_string(&b, ": ");
	}
	for (; *text; text++)
		buffer_byte(&b, *text < ' ' || *text > '~' ? '?' : *text);
	log_system(level, buffer_text(&b));
}

static void tell_note(struct session *session, enum log_level level, const struct config_note *note)
{
	char text[640];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	config_append_note(&b, note);
	tell(session, level, buffer_text(&b));
}

void record_problem(struct session *session, const char *text)
{
	tell(session, LOG_LEVEL_ERROR, text);
}

void record_warning(struct session *session, const char *text)
{
	tell(session, LOG_LEVEL_WARNING, text);
}

void record_error(struct session *session, const struct config_note *error)
{
	tell_note(session, LOG_LEVEL_ERROR, error);
}

void record_refusal(struct session *session, const char *why)
{
	char text[512];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, "login refused: ");
	buffer_string(&b, why);
	tell(session, LOG_LEVEL_WARNING, buffer_text(&b));
}

void record_notes(struct session *session)
{
	struct config *config = &session->config;

	for (unsigned i = 0; i < config->note_count && i < CONFIG_NOTES; i++)
		tell_note(session, LOG_LEVEL_WARNING, &config->notes[i]);
	config->note_count = 0;
}

/* ---- logs ---- */

static int open_log(struct session *session, const char *path)
{
	int fd = path ? log_open(path) : -1;
	char text[PATH_TEXT + 64];
	struct buffer b;

	if (fd >= 0)
		return fd;
	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, "can't open log file ");
	buffer_string(&b, path ? path : "(none)");
	if (fd != -1) {
		buffer_string(&b, ": ");
		buffer_string(&b, strerror(-fd));
	}
	record_problem(session, buffer_text(&b));
	return -1;
}

void record_open(struct session *session)
{
	const struct config *config = &session->config;
	bool enabled = config->xferlog_enable || config->dual_log_enable;
	bool native = config->dual_log_enable || !config->xferlog_std_format;
	bool transfers = config->dual_log_enable || config->xferlog_std_format;

	session->log_to_syslog = config->syslog_enable;
	if (enabled || config->syslog_enable)
		zone_load();
	if (config->syslog_enable)
		log_system_open();
	/* Nothing goes unlogged: the native lines in syslog tell of transfers too. */
	if (enabled && transfers) {
		session->transfer_log = open_log(session, config->xferlog_file);
		session->log_to_syslog |= session->transfer_log < 0;
	}
	if (enabled && native && !config->syslog_enable) {
		session->native_log = open_log(session, config->vsftpd_log_file);
		session->log_to_syslog |= session->native_log < 0;
	}
}

void record_close(struct session *session)
{
	if (session->native_log >= 0)
		vfs_close(session->native_log);
	if (session->transfer_log >= 0)
		vfs_close(session->transfer_log);
	session->native_log = session->transfer_log = -1;
}

struct filter_kept record_kept(const struct session *session)
{
	struct filter_kept kept = {.utmp = -1};

	for (unsigned i = 0; i < FILTER_LOGS; i++)
		kept.logs[i] = -1;
	kept.logs[0] = session->native_log;
	kept.logs[1] = session->transfer_log;
	return kept;
}

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
		(void)log_append(session->native_log, !session->config.no_log_lock, b.data, b.size);
	else
		log_system(line->event == LOGLINE_LOGIN && !line->ok ? LOG_LEVEL_WARNING
								     : LOG_LEVEL_INFO,
			buffer_text(&b));
}

void record_connect(struct session *session, const char *reason)
{
	struct logline line = {.event = LOGLINE_CONNECT, .text = reason};

	write_native(session, &line);
}

void record_login(struct session *session, bool ok, const char *reason)
{
	struct logline line = {.event = LOGLINE_LOGIN, .ok = ok, .text = reason};

	if (ok && session->login.kind == LOGIN_ANONYMOUS)
		line.anonymous_password = session->login.password;
	write_native(session, &line);
}

void record_debug(struct session *session, const char *text)
{
	struct logline line = {.event = LOGLINE_DEBUG, .text = text};

	write_native(session, &line);
}

void record_command(struct session *session, const char *verb, const char *argument)
{
	struct logline line = {.event = LOGLINE_COMMAND};
	char text[LINE_MAX_SIZE + 16];
	struct buffer b;

	if (!session->config.log_ftp_protocol)
		return;
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

void record_absolute(const char *path, char out[PATH_TEXT])
{
	char here[PATH_TEXT];
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

void record_change_text(
	struct session *session, enum logline_event event, bool ok, const char *text)
{
	struct logline line = {.event = event, .ok = ok, .text = text};

	write_native(session, &line);
}

void record_change(struct session *session, enum logline_event event, bool ok, const char *path)
{
	char absolute[PATH_TEXT];

	if (session->native_log < 0 && !session->log_to_syslog)
		return;
	record_absolute(path, absolute);
	record_change_text(session, event, ok, absolute);
}

void record_chmod(struct session *session, bool ok, const char *path, const char *mode)
{
	char absolute[PATH_TEXT], text[PATH_TEXT + 16];
	struct buffer b;

	record_absolute(path, absolute);
	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, absolute);
	buffer_byte(&b, ' ');
	buffer_string(&b, mode);
	record_change_text(session, LOGLINE_CHMOD, ok, buffer_text(&b));
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
	(void)log_append(session->transfer_log, !session->config.no_log_lock, b.data, b.size);
}

void record_transfer(struct session *session, const struct record_transfer *transfer)
{
	double seconds = (double)(io_microseconds() - transfer->started) / 1000000;
	struct logline line = {.event = transfer->upload ? LOGLINE_UPLOAD : LOGLINE_DOWNLOAD,
		.ok = transfer->ok,
		.text = transfer->path,
		.bytes = transfer->bytes,
		.seconds = seconds};

	if (session->transfer_log >= 0)
		write_xfer(session, transfer, seconds);
	write_native(session, &line);
}

/* ---- replies ---- */

static void log_reply_lines(struct session *session, const struct reply *reply)
{
	static char text[REPLY_LINE_MAX];
	const char *cursor = reply->text;
	bool more = true;
	struct buffer b;

	while (more) {
		struct logline line = {.event = LOGLINE_RESPONSE};
		buffer_start(&b, text, sizeof(text));
		more = reply_append_line(&b, reply, &cursor);
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
static void send_converted(struct session *session, const struct reply *original)
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
	if (record_converts(session))
		send_converted(session, reply);
	else
		control_reply(&session->control, reply);
	if (session->config.log_ftp_protocol)
		log_reply_lines(session, reply);
}

int record_mark(struct session *session, int code, const char *text)
{
	struct reply mark = reply(code, text);

	record_reply(session, &mark);
	return control_flush(&session->control);
}
