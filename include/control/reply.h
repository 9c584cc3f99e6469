/* Replies (RFC 959 4.2): their text form, and the only map from errno to reply codes. */
#ifndef SOLOFTPD_CONTROL_REPLY_H
#define SOLOFTPD_CONTROL_REPLY_H

#include <stdbool.h>

#include "text/buffer.h"

/*
 * What a handler returns. `text` is borrowed: constant, or in storage that lives until the next
 * command. Lines of a multi-line text are separated by LF; an inner line that begins with a blank is
 * sent as it is, any other gets "NNN-" in front, so that none can be taken for the last one.
 */
struct reply {
	const char *text;
	int code;     /* 0: nothing is sent, the connection is gone */
	bool closing; /* the session ends after this reply */
};

/* Two registers: nearly all functions of a command return one. */
_Static_assert(sizeof(struct reply) <= 2 * sizeof(void *), "replies are returned in registers");

static inline struct reply reply(int code, const char *text)
{
	return (struct reply){.code = code, .text = text};
}

static inline struct reply reply_closing(int code, const char *text)
{
	return (struct reply){.code = code, .text = text, .closing = true};
}

/* The reply for a file system error: 450 busy or maybe later, 451 the server's trouble, 452 no
 * space, 552 over a limit, 550 and (where a new name was refused) 553 otherwise. */
struct reply reply_error(int error, const char *text);
struct reply reply_name_error(int error, const char *text);

/* The longest line of a reply, with its code and line end; a path of PATH_MAX with every byte doubled
 * fits. Longer ones are cut. */
#define REPLY_LINE_MAX 12288

/* Appends what nearly every reply is: one line, all of which stands for itself. Returns false, and has done nothing, where it
 * is anything else, or does not fit. */
bool reply_append_plain(struct buffer *b, const struct reply *reply);

/* Appends the line of the reply that begins at `line`, with CR LF, and returns where the next one begins: NULL behind the
 * last. The first begins at reply->text. A CR in a line goes out as CR NUL (RFC 2640 section 3.1), 0xFF twice (RFC 854), any
 * other control character as '?'. */
const char *reply_append_line(struct buffer *b, const struct reply *reply, const char *line);

/* Appends `path` for a 257 reply: quoted, quotes doubled, LF and NUL-safe. */
void reply_append_path(struct buffer *b, const char *path);

#endif
