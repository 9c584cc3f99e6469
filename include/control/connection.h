/* The control connection: command lines in, replies out, both buffered. */
#ifndef SOLOFTPD_CONTROL_CONNECTION_H
#define SOLOFTPD_CONTROL_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/line.h"
#include "control/reply.h"
#include "system/channel.h"
#include "text/buffer.h"

/* Seconds to wait for a client that does not read its replies. */
#define CONTROL_PATIENCE 300

/* Bytes of replies that wait for each other: those to a buffer full of short commands. */
#define CONTROL_QUEUE 49152

struct control {
	struct channel channel; /* owned */
	bool ended;		/* the client sends no more */
	bool failed;		/* the connection is broken: nothing can be sent */
	unsigned
		patience; /* seconds to wait for a client that does not read its replies; 0: for ever */
	int64_t timeout; /* the socket's, in seconds; 0: none */
	struct buffer out;
	struct line line;
	char out_bytes[CONTROL_QUEUE];
};

/* Takes over the socket `fd`. */
void control_start(struct control *control, int fd, unsigned patience);
void control_close(struct control *control);

/* Queues a reply; it is sent when the next line has to be waited for, or by control_flush. */
void control_reply_lines(struct control *control, const struct reply *reply);
static inline void control_reply(struct control *control, const struct reply *reply)
{
	if (!reply_append_plain(&control->out, reply))
		control_reply_lines(control, reply);
}

/* Queues bytes as they are, but for 0xFF, which goes out twice: the lines of a STAT listing. Returns 0 or
 * -EPIPE. */
int control_bytes(struct control *control, const char *bytes, size_t size);

/* Whether something has arrived that has not been taken as a line. */
bool control_has_input(const struct control *control);

/* Sends what is queued. Returns 0 or -errno; after an error all else fails too. */
int control_flush(struct control *control);

/* Whether a short reply could be sent without waiting. */
bool control_can_send(const struct control *control);

/* control_next where no line is there yet. */
int control_wait(
	struct control *control, unsigned idle, int64_t limit, char **out_text, size_t *out_size);

/* Takes the next line, waiting for it `idle` seconds (0: for ever) and not beyond the time `limit`; replies in the queue are
 * sent before waiting, so that the replies to pipelined commands share one packet. Returns LINE_READY, LINE_TOO_LONG or
 * LINE_FLOOD, or -errno: -ETIMEDOUT, -EINTR (SIGTERM), -EPIPE (the client has ended or gone). */
static inline int control_next(
	struct control *control, unsigned idle, int64_t limit, char **out_text, size_t *out_size)
{
	enum line_event event = line_take(&control->line, out_text, out_size);

	return event == LINE_NONE ? control_wait(control, idle, limit, out_text, out_size)
				  : (int)event;
}

/* Reads what has arrived without waiting. Returns 1 if something came, 0 if not now (or there is no
 * room), -EPIPE when the client has ended or gone. */
int control_gather(struct control *control);

/* Whether control_gather could take anything in. */
bool control_has_room(const struct control *control);

#endif
