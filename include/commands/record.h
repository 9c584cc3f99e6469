/* What a session says and writes down: replies to the client, events to the logs. */
#ifndef SOLOFTPD_COMMANDS_RECORD_H
#define SOLOFTPD_COMMANDS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "control/reply.h"
#include "session.h"
#include "system/filter.h"
#include "text/logline.h"

/* Queues a reply for the client, and logs it under log_ftp_protocol. */
void record_reply(struct session *session, const struct reply *reply);

/* Whether names are sent in client_charset: a client that has not asked for UTF-8. */
bool record_converts(const struct session *session);

/* A preliminary reply (RFC 959 4.2, 1yz): sent at once. Returns 0 or -errno. */
int record_mark(struct session *session, int code, const char *text);

/* Opens the logs that the configuration asks for; a log that can't be opened is replaced by syslog
 * and complained about there. */
void record_open(struct session *session);
void record_close(struct session *session);

/* The native log's lines (vsftpd.log, or syslog). `reason` and `text` may be NULL. */
void record_connect(struct session *session, const char *reason);
void record_login(struct session *session, bool ok, const char *reason);

/* The details of TLS, under debug_ssl. */
void record_debug(struct session *session, const char *text);

void record_command(struct session *session, const char *verb, const char *argument);

/* A change of the tree. `path` as the client wrote it; it is logged as an absolute path. */
void record_change(struct session *session, enum logline_event event, bool ok, const char *path);

/* The same with a text that stands as it is. */
void record_change_text(
	struct session *session, enum logline_event event, bool ok, const char *text);

/* The same for a mode that was set; `mode` as the client wrote it. */
void record_chmod(struct session *session, bool ok, const char *path, const char *mode);

/* A finished transfer, for the native log and the xferlog. */
struct record_transfer {
	bool upload, ok, ascii;
	const char *path; /* absolute */
	uint64_t bytes;
	int64_t started; /* io_microseconds() */
};
void record_transfer(struct session *session, const struct record_transfer *transfer);

/* The absolute form of a path the client wrote, for a log or a reply. Never fails: an over-long or
 * unknown working directory leaves the path as it is. */
void record_absolute(const char *path, char out[PATH_TEXT]);

/* The descriptors from before the login that the session keeps. */
struct filter_kept record_kept(const struct session *session);

/* A problem, for the administrator: syslog, with the client's address in front. */
void record_problem(struct session *session, const char *text);

/* What a client did and what came of it, for syslog too. */
void record_warning(struct session *session, const char *text);

/* A problem with a place in the configuration. */
void record_error(struct session *session, const struct config_note *error);

/* Why a login was refused: for syslog alone, the client and the transfer logs get no reason. */
void record_refusal(struct session *session, const char *why);

/* What the configuration's reader tolerated so far; each is told once, and again after HOST. */
void record_notes(struct session *session);

#endif
