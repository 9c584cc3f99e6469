/* What the administrator is told of: problems, and logs that don't take lines (commands/record.h). */
#include <string.h>

#include "commands/event.h"
#include "commands/logs.h"
#include "commands/record.h"
#include "policy/options.h"
#include "system/io.h"
#include "system/log.h"
#include "system/zone.h"

/* ---- syslog ---- */

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
	logs_tell(session, level, buffer_text(&b));
}

/* The last problem, for the event of a configuration that names a log but can't be used. */
static char last_problem[640];

static void tell_problem(struct session *session, enum log_level level, const char *text)
{
	struct event event = {.name = "problem",
		.level = level == LOG_LEVEL_ERROR ? "error" : "warning",
		.detail = text};
	struct buffer b;

	tell(session, level, text);
	event_write(session, &event);
	buffer_start(&b, last_problem, sizeof(last_problem));
	buffer_string(&b, text);
	buffer_text(&b);
}

static void tell_note(struct session *session, enum log_level level, const struct config_note *note)
{
	char text[640];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	config_append_note(&b, note);
	tell_problem(session, level, buffer_text(&b));
}

void record_problem(struct session *session, const char *text)
{
	tell_problem(session, LOG_LEVEL_ERROR, text);
}

void record_warning(struct session *session, const char *text)
{
	tell_problem(session, LOG_LEVEL_WARNING, text);
}

void record_error(struct session *session, const struct config_note *error)
{
	tell_note(session, LOG_LEVEL_ERROR, error);
}

void record_refusal(struct session *session, const char *user, const char *reason, const char *why)
{
	char text[512];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, "login refused: ");
	buffer_string(&b, why);
	tell(session, LOG_LEVEL_WARNING, buffer_text(&b));
	record_login_failed(session, user, reason, why);
}

void record_notes(struct session *session)
{
	struct config *config = &session->config;

	for (unsigned i = 0; i < config->note_count && i < CONFIG_NOTES; i++)
		tell_note(session, LOG_LEVEL_WARNING, &config->notes[i]);
	config->note_count = 0;
}

/* ---- the logs' files ---- */

static int open_log(struct session *session, const char *path)
{
	int fd = path ? log_open(path) : -1;
	UNCLEARED char text[PATH_TEXT + 64];
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
	/* First, for the problems with the others. */
	if (config->json_log_file)
		session->event_log = open_log(session, config->json_log_file);
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
	logs_close(session);
}

size_t record_descriptors(const struct session *session, int out[], size_t most)
{
	const int all[] = {session->native_log, session->transfer_log, session->event_log};
	size_t count = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] >= 0 && count < most)
			out[count++] = all[i];
	return count;
}

struct filter_kept record_kept(const struct session *session)
{
	struct filter_kept kept = {.utmp = -1};
	size_t count = record_descriptors(session, kept.logs, FILTER_LOGS);

	while (count < FILTER_LOGS)
		kept.logs[count++] = -1;
	return kept;
}

void record_unconfigured(struct session *session)
{
	struct event event = {.name = "refused",
		.reason = "configuration",
		.detail = last_problem[0] ? last_problem : NULL};

	if (session->announced)
		return; /* the end will tell */
	if (session->config.json_log_file && !event_is_on(session))
		session->event_log = open_log(session, session->config.json_log_file);
	event_write(session, &event);
}

/* ---- losses ---- */

static void append_loss(struct buffer *b, const struct log_losses *losses, const char *log)
{
	buffer_number(b, losses->lines);
	buffer_string(b, losses->lines == 1 ? " line of " : " lines of ");
	buffer_string(b, log);
	buffer_string(b, losses->lines == 1 ? " was lost: " : " were lost: ");
	buffer_string(b, strerror(losses->cause));
}

static void write_loss(struct session *session, const char *log, uint64_t lines, int cause)
{
	struct event event = {
		.name = "lost", .log = log, .lines = lines, .detail = strerror(cause)};

	event_write(session, &event);
}

static void tell_missed(struct session *session, bool ending)
{
	struct log_losses *losses = &session->losses[LOGS_SYSLOG];
	struct log_losses before = *losses;
	char text[256];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	append_loss(&b, &before, "syslog");
	tell(session, LOG_LEVEL_WARNING, buffer_text(&b));
	losses->lines = losses->works ? 0 : before.lines;
	if (losses->works || ending)
		write_loss(session, "syslog", before.lines, before.cause);
}

/* As soon as syslog takes lines again it is told how many it has missed. */
static void tell_syslog(struct session *session, bool ending)
{
	const struct log_losses *losses = &session->losses[LOGS_SYSLOG];

	if (losses->lines > 0 && (losses->works || ending))
		tell_missed(session, ending);
}

static void tell_lost(struct session *session, enum session_log log, bool ending)
{
	const char *option = option_rows[logs_option(log)].name;
	struct log_losses *losses = &session->losses[log];
	char text[256];
	struct buffer b;

	losses->news = false;
	buffer_start(&b, text, sizeof(text));
	append_loss(&b, losses, option);
	record_warning(session, buffer_text(&b));
	if (ending && log != LOGS_EVENTS)
		write_loss(session, option, losses->lines, losses->cause);
	if (ending)
		losses->lines = 0;
}

/* That lines are lost is told once for each cause, and how many at the end. */
static void tell_file(struct session *session, enum session_log log, bool ending)
{
	const struct log_losses *losses = &session->losses[log];

	if (losses->lines > 0 && (losses->news || ending))
		tell_lost(session, log, ending);
}

static void tell_losses(struct session *session, bool ending)
{
	tell_file(session, LOGS_NATIVE, ending);
	tell_file(session, LOGS_TRANSFERS, ending);
	tell_file(session, LOGS_EVENTS, ending);
	tell_syslog(session, ending);
}

void record_losses(struct session *session)
{
	tell_losses(session, false);
}

void record_end(struct session *session)
{
	struct event event = {.name = "end",
		.reason = session->ending ? session->ending : "client_gone",
		.microseconds = io_microseconds() - session->started,
		.summed = true};

	tell_losses(session, true);
	if (session->announced)
		event_write(session, &event);
	session->announced = false;
	/* The last line can be lost, too. */
	tell_file(session, LOGS_EVENTS, true);
}
