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

/* Opens the logs that the configuration asks for; one of the first two that can't be opened is replaced by syslog, and
 * each is complained about there. */
void record_open(struct session *session);
void record_close(struct session *session);

/* The files among them that are open; returns how many of these are in `out`. */
size_t record_descriptors(const struct session *session, int out[], size_t most);

/* The beginning of a session: for the native log (vsftpd.log, or syslog) and, as all of the following are, for the event
 * log too. Or that TCP wrappers, or the configuration, refuse it. */
void record_connect(struct session *session);
void record_refused(struct session *session, const char *reason, const char *text);
void record_unconfigured(struct session *session);

/* A handshake on the control connection; `problem`: why it failed, or NULL. For the event log alone. */
void record_tls(struct session *session, const char *problem);

/* A login's outcome for the native log, and a success for the event log too. `text` may be NULL. */
void record_login(struct session *session, bool ok, const char *text);

/* A login that was refused, for the event log alone: `user` (NULL: USER's), a word for programs, and words for people
 * (NULL: none). */
void record_login_failed(
	struct session *session, const char *user, const char *reason, const char *detail);

/* A command that policy refused, for the event log alone. */
void record_denied(struct session *session, const char *verb, const char *argument);

/* The details of TLS, under debug_ssl: for the native log. */
void record_debug(struct session *session, const char *text);

void record_command(struct session *session, const char *verb, const char *argument);

/* A change of the tree, or why there was none: `error` is 0, -errno or NAMES_DENIED. Paths are as the client wrote them
 * and are logged as absolute ones, `mode` is as the client wrote it. */
void record_change(struct session *session, enum logline_event event, int error, const char *path);
void record_chmod(struct session *session, int error, const char *path, const char *mode);
void record_rename(struct session *session, int error, const char *from, const char *to);

/* The same for a time of modification, for the event log alone. */
void record_times(struct session *session, int error, const char *path, int64_t seconds,
	uint32_t nanoseconds);

/* A digest, or why there is none; for the event log alone. */
struct record_hash {
	const char *path, *algorithm;
	const char *digest; /* NULL: none, for `error` */
	int error;
	uint64_t offset, bytes;
	int64_t started; /* io_microseconds() */
};
void record_hash(struct session *session, const struct record_hash *hash);

/* A finished transfer, for all logs but syslog. */
struct record_transfer {
	bool upload, ok, ascii;
	const char *command, *path; /* the path is as the client wrote it */
	uint64_t bytes, offset;
	int64_t started; /* io_microseconds() */
	int error;	 /* why it failed, unless session->failure says it */
};
void record_transfer(struct session *session, const struct record_transfer *transfer);

/* A listing over the data connection, for the event log alone. */
void record_listing(struct session *session, const struct record_transfer *listing);

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

/* Why a login was refused: for syslog and the event log, the client and the transfer logs get no reason. The first two
 * are record_login_failed's. */
void record_refusal(struct session *session, const char *user, const char *reason, const char *why);

/* What the configuration's reader tolerated so far; each is told once, and again after HOST. */
void record_notes(struct session *session);

/* Tells of lines that logs did not take, if there is something new; called after each command. */
void record_losses(struct session *session);

/* The end of the session, with all that is still to be said of losses. */
void record_end(struct session *session);

#endif
