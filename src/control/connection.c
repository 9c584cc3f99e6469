#include "control/connection.h"

#include <errno.h>
#include <unistd.h>

#include "system/io.h"

void control_start(struct control *control, int fd, unsigned patience)
{
	control->channel = (struct channel){.fd = fd};
	control->ended = false;
	control->failed = false;
	control->patience = patience;
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

int control_flush(struct control *control)
{
	int error = 0;

	if (control->failed)
		return -EPIPE;
	if (control->out.size > 0)
		error = channel_send_all(&control->channel, control->out.data, control->out.size,
			io_deadline(control->patience));
	buffer_start(&control->out, control->out_bytes, sizeof(control->out_bytes));
	control->failed = error < 0;
	return error;
}

void control_reply(struct control *control, const struct reply *reply)
{
	const char *cursor = reply->text;
	bool more = true;

	while (more) {
		if (buffer_room(&control->out) < REPLY_LINE_MAX)
			(void)control_flush(control);
		more = reply_append_line(&control->out, reply, &cursor);
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

static int receive(struct control *control, char *where, size_t room)
{
	ssize_t got = channel_receive(&control->channel, where, room);

	if (got == -EAGAIN)
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
		got = room > 0 ? receive(control, where, room) : 0;
		arrived |= got > 0;
		/* What TLS holds back nobody could wait for. */
	} while (got > 0 && channel_has_more(&control->channel));
	return got < 0 ? got : arrived;
}

static int wait_for_input(struct control *control, int64_t deadline)
{
	if (channel_has_more(&control->channel))
		return IO_READ;
	return io_wait(control->channel.fd, IO_READ, -1, deadline);
}

int control_next(struct control *control, int64_t deadline, char **out_text, size_t *out_size)
{
	for (;;) {
		enum line_event event = line_take(&control->line, out_text, out_size);
		int got;
		if (event != LINE_NONE)
			return (int)event;
		got = control_flush(control);
		if (got == 0 && control->ended)
			got = -EPIPE;
		if (got == 0)
			got = wait_for_input(control, deadline);
		if (got > 0)
			got = control_gather(control);
		if (got < 0)
			return got;
	}
}
