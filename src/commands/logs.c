#include "commands/logs.h"

#include <errno.h>

#include "system/vfs.h"

static int *place(struct session *session, enum session_log log)
{
	switch (log) {
	case LOGS_NATIVE:
		return &session->native_log;
	case LOGS_TRANSFERS:
		return &session->transfer_log;
	case LOGS_EVENTS:
	case LOGS_SYSLOG:
	case LOGS_COUNT:
		break;
	}
	return &session->event_log;
}

enum option logs_option(enum session_log log)
{
	static const enum option options[] = {[LOGS_NATIVE] = OPTION_vsftpd_log_file,
		[LOGS_TRANSFERS] = OPTION_xferlog_file,
		[LOGS_EVENTS] = OPTION_json_log_file};

	return options[log];
}

void logs_close(struct session *session)
{
	for (enum session_log log = LOGS_NATIVE; log <= LOGS_EVENTS; log++) {
		int *fd = place(session, log);
		if (*fd >= 0)
			vfs_close(*fd);
		*fd = -1;
	}
}

/* Returns whether all of it is in the file. */
static bool append(struct session *session, enum session_log log, const char *text, size_t size)
{
	struct log_losses *losses = &session->losses[log];
	bool locked = log != LOGS_EVENTS && !session->config.no_log_lock;
	ssize_t written = log_append(*place(session, log), locked, text, size);
	int cause = written < 0 ? (int)-written : ENOSPC;

	if (written == (ssize_t)size) {
		losses->works = true;
		losses->torn = false;
		return true;
	}
	log_lose(losses, cause);
	losses->torn |= written > 0;
	return false;
}

void logs_append(struct session *session, enum session_log log, const char *line, size_t size)
{
	/* The piece of a line must not become the beginning of this one. */
	if (!session->losses[log].torn || append(session, log, "\n", 1))
		(void)append(session, log, line, size);
}

void logs_tell(struct session *session, enum log_level level, const char *text)
{
	struct log_losses *losses = &session->losses[LOGS_SYSLOG];
	int error = log_system(level, text);

	if (error < 0)
		log_lose(losses, -error);
	else
		losses->works = true;
}
