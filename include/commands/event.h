/* The event log: one JSON object a line (docs/logs.md). Written where json_log_file is open, and costs nothing where it
 * is not. */
#ifndef SOLOFTPD_COMMANDS_EVENT_H
#define SOLOFTPD_COMMANDS_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"

enum event_outcome { EVENT_TOLD, EVENT_OK, EVENT_FAILED };

/* An event: its members in the order of the line. What is NULL, and a number of 0 that no flag asks for, is left
 * out. */
struct event {
	const char *name;
	enum event_outcome outcome;
	const char *reason; /* a word that does not change: programs compare it */
	const char *detail; /* for people */
	const char *user;   /* NULL: the session's */
	const char *level, *log, *command, *argument, *access, *address, *algorithm, *digest, *mode,
		*type, *path, *to;
	const char *modified; /* RFC 3339 */
	bool protected;	      /* with the version and cipher of TLS, if there is TLS */
	uint64_t lines, offset;
	bool moved; /* bytes and seconds */
	uint64_t bytes;
	int64_t microseconds;
	bool summed; /* the session's totals */
};

static inline bool event_is_on(const struct session *session)
{
	return session->event_log >= 0;
}

void event_write(struct session *session, const struct event *event);

/* The word for an error of the file system, or NAMES_DENIED. */
const char *event_reason(int error);

#endif
