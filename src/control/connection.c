#include "control/connection.h"

#include <errno.h>
#include <unistd.h>

#include "system/io.h"
#include "system/net.h"

void control_start(struct control *control, int fd, unsigned patience)
{
	control->channel = (struct channel){.fd = fd};
	control->ended = false;
	control->failed = false;
	control->patience = patience;
	control->timeout = 0;
	buffer_start(&control->out, control->out_bytes, sizeof(control->out_bytes));
}

void control_close(struct control *control)
{
	if (!control->failed)
		(void)channel_finish(&control->channel, io_now());
	channel_drop(&control->channel);
	close(control->channel.fd);
	control->channel.fd = -1;
}

/* Most replies leave in one call, and nobody asks how late it is. */
static int send_queue(struct control *control)
{
	const struct buffer *out = &control->out;
	ssize_t sent = channel_send(&control->channel, out->data, out->size);
	size_t done = sent > 0 ? (size_t)sent : 0;

	if (sent < 0 && sent != -EAGAIN)
		return (int)sent;
	if (done == out->size)
		return 0;
	return channel_send_all(&control->channel, out->data + done, out->size - done,
		io_deadline(control->patience));
}

int control_flush(struct control *control)
{
	int error = 0;

	if (control->failed)
		return -EPIPE;
	if (control->out.size > 0)
		error = send_queue(control);
	buffer_start(&control->out, control->out_bytes, sizeof(control->out_bytes));
	control->failed = error < 0;
	return error;
}

void control_reply_lines(struct control *control, const struct reply *reply)
{
	const char *line = reply->text;

	while (line) {
		if (buffer_room(&control->out) < REPLY_LINE_MAX)
			(void)control_flush(control);
		line = reply_append_line(&control->out, reply, line);
	}
}

int control_bytes(struct control *control, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (buffer_room(&control->out) < 2 && control_flush(control) < 0)
			return -EPIPE;
		buffer_byte(&control->out, bytes[i]);
		if ((unsigned char)bytes[i] == 0xff)
			buffer_byte(&control->out, bytes[i]);
	}
	return control->failed ? -EPIPE : 0;
}

bool control_can_send(const struct control *control)
{
	return !control->failed && control->out.size == 0 &&
	       io_wait(control->channel.fd, IO_WRITE, -1, io_now()) > 0;
}

bool control_has_input(const struct control *control)
{
	/* Half a Telnet command is something, too. */
	return control->line.end > control->line.begin || control->line.telnet.state != TELNET_DATA;
}

bool control_has_room(const struct control *control)
{
	const struct line *line = &control->line;

	return line->end - line->begin < sizeof(line->bytes);
}

/* What a receiving call has brought: 1 if something, 0 if nothing yet. The end that SIGTERM makes is not the client's: the
 * next wait will tell. */
static int take(struct control *control, ssize_t got)
{
	if (got == -EAGAIN || (got <= 0 && io_is_terminated()))
		return 0;
	if (got <= 0) {
		control->ended = true;
		/* Clients that end without close_notify lose nothing here. */
		control->failed = got < 0 && got != -ECONNABORTED;
		return -EPIPE;
	}
	line_arrived(&control->line, (size_t)got, &control->out);
	return 1;
}

int control_gather(struct control *control)
{
	int got, arrived = 0;
	size_t room;
	char *where;

	if (control->ended || control->failed)
		return -EPIPE;
	do {
		room = line_room(&control->line, &where);
		got = room > 0 ? take(control, channel_receive(&control->channel, where, room)) : 0;
		arrived |= got > 0;
		/* What TLS holds back nobody could wait for. */
	} while (got > 0 && channel_has_more(&control->channel));
	return got < 0 ? got : arrived;
}

/* Waits for what can be decrypted. */
static int wait_and_gather(struct control *control, int64_t deadline)
{
	int ready = IO_READ;

	if (!channel_has_more(&control->channel))
		ready = io_wait(control->channel.fd, IO_READ, -1, deadline);
	return ready < 0 ? ready : control_gather(control);
}

/* Waits and reads in one call, by the socket's own timeout: most clients send a line, and wait for its reply. The timeout
 * is in whole seconds, and so stays the same from line to line. */
static int wait_for_input(struct control *control, int64_t deadline)
{
	int64_t seconds = io_seconds_until(deadline);
	char *where;
	size_t room = line_room(&control->line, &where);
	ssize_t got;

	if (seconds < 0)
		return -ETIMEDOUT;
	if (room == 0 ||
		(seconds != control->timeout && net_set_timeout(control->channel.fd, seconds) < 0))
		return wait_and_gather(control, deadline);
	control->timeout = seconds;
	got = io_receive_waiting(control->channel.fd, where, room);
	/* The time is over, or whoever passed the socket on made it one that never waits. */
	if (got == -EAGAIN)
		return wait_and_gather(control, deadline);
	return got == -EINTR ? -EINTR : take(control, got);
}

int control_wait(
	struct control *control, unsigned idle, int64_t limit, char **out_text, size_t *out_size)
{
	int64_t deadline = 0;
	enum line_event event;

	do {
		int got = control_flush(control);
		if (got == 0 && control->ended)
			got = -EPIPE;
		if (deadline == 0) {
			deadline = io_deadline(idle);
			deadline = limit < deadline ? limit : deadline;
		}
		if (got == 0)
			got = control->channel.tls ? wait_and_gather(control, deadline)
						   : wait_for_input(control, deadline);
		if (got < 0)
			return got;
		event = line_take(&control->line, out_text, out_size);
	} while (event == LINE_NONE);
	return (int)event;
}
