/*
 * Command lines out of a stream of bytes (RFC 959 4.2, 5.3; RFC 1123 4.1.2.12): any split of the
 * bytes gives the same lines. CR LF ends a line, and so does a bare LF; Telnet commands are removed.
 */
#ifndef SOLOFTPD_CONTROL_LINE_H
#define SOLOFTPD_CONTROL_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "text/buffer.h"
#include "text/telnet.h"

/* The longest command line without its end: a verb and a path of PATH_MAX. */
#define LINE_MAX_SIZE 4160

/* An over-long line is skipped; when it goes on for more than this, the client is not one. */
#define LINE_SKIP_MAX 65536

/* Room for more than two of them: clients that do not wait for replies send many short ones, and fewer calls take them. */
#define LINE_BUFFER (4 * (LINE_MAX_SIZE + 2))

struct line {
	size_t begin, end; /* of what has not been taken yet */
	size_t seen;	   /* bytes from begin already known to hold no LF */
	size_t skipped;	   /* of the over-long line being skipped; 0: none is */
	struct telnet telnet;
	char bytes[LINE_BUFFER];
};

enum line_event {
	LINE_NONE,     /* no whole line yet */
	LINE_READY,    /* a line */
	LINE_TOO_LONG, /* a line was longer than LINE_MAX_SIZE: reported once, the rest is skipped */
	LINE_FLOOD,    /* it went on past LINE_SKIP_MAX */
};

/* Room for more bytes: where to put them and how many. 0 when the buffer holds all it can; then a
 * line must be taken first. */
size_t line_room(struct line *line, char **out_where);

/* Says that `size` bytes were put there. Answers to Telnet options are appended to `answers`. */
void line_arrived(struct line *line, size_t size, struct buffer *answers);

/* Takes the next line: without its end, NUL-terminated, valid until line_room. It may contain NUL
 * bytes: `out_size` tells. */
enum line_event line_take(struct line *line, char **out_text, size_t *out_size);

/* Looks at the whole lines that wait, without taking them: calls `visit` with each until it returns
 * false. `first` tells the one that would be taken next. */
typedef bool line_visitor(const char *text, size_t size, bool first, void *context);
void line_peek(const struct line *line, line_visitor *visit, void *context);

#endif
