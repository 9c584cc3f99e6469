/* Both connections of a client: replies, and data. */
#include "faults.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void append(struct session *s, const char *prefix, const char *text, size_t size)
{
	int more = snprintf(s->talk + s->talk_size, sizeof(s->talk) - s->talk_size, "    %s%.*s\n",
		prefix, (int)size, text);

	if (more > 0 && s->talk_size + (size_t)more < sizeof(s->talk))
		s->talk_size += (size_t)more;
}

void say(struct session *s, const char *format, ...)
{
	char line[600];
	va_list list;
	int size;

	va_start(list, format);
	size = vsnprintf(line, sizeof(line) - 2, format, list);
	va_end(list);
	append(s, "> ", line, (size_t)size);
	memcpy(line + size, "\r\n", 2);
	/* It may have gone: its reply, or that there is none, tells. */
	(void)send(s->control, line, (size_t)size + 2, MSG_NOSIGNAL);
}

void wrong(struct session *s, const char *format, ...)
{
	va_list list;

	if (s->verdict[0])
		return;
	va_start(list, format);
	vsnprintf(s->verdict, sizeof(s->verdict), format, list);
	va_end(list);
}

static int64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

/* ---- replies ---- */

static bool is_reply_line(const char *line, size_t size)
{
	return size >= 4 && line[0] >= '1' && line[0] <= '5' && line[1] >= '0' && line[1] <= '9' &&
	       line[2] >= '0' && line[2] <= '9' && (line[3] == ' ' || line[3] == '-');
}

/* Takes one whole reply out of what came: its code, 0 for none yet. */
static int take_reply(struct session *s)
{
	size_t at = 0, begin, size;
	int code = 0;
	char *end;

	for (;;) {
		end = memchr(s->waiting + at, '\n', s->waiting_size - at);
		if (!end)
			return 0;
		begin = at;
		size = (size_t)(end - s->waiting) - begin;
		at = begin + size + 1;
		if (size == 0 || s->waiting[begin + size - 1] != '\r')
			wrong(s, "a reply line does not end in CR LF");
		if (code == 0 && !is_reply_line(s->waiting + begin, size))
			wrong(s, "no reply: %.*s", (int)size, s->waiting + begin);
		if (s->verdict[0])
			return -1;
		append(s, "< ", s->waiting + begin, size - 1);
		if (code == 0)
			code = (s->waiting[begin] - '0') * 100 +
			       (s->waiting[begin + 1] - '0') * 10 + (s->waiting[begin + 2] - '0');
		if (is_reply_line(s->waiting + begin, size) && s->waiting[begin + 3] == ' ') {
			snprintf(s->reply, sizeof(s->reply), "%.*s", (int)(size - 5),
				s->waiting + begin + 4);
			memmove(s->waiting, s->waiting + at, s->waiting_size - at);
			s->waiting_size -= at;
			return code;
		}
	}
}

/* What comes on the control connection: false when there is no more. */
static bool hear(struct session *s)
{
	ssize_t got = recv(s->control, s->waiting + s->waiting_size,
		sizeof(s->waiting) - s->waiting_size, MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return true;
	if (got > 0)
		s->waiting_size += (size_t)got;
	else if (s->waiting_size > 0)
		wrong(s, "the connection ended in the middle of a reply");
	return got > 0;
}

int next_reply(struct session *s)
{
	int64_t end = now() + s->patience;

	for (;;) {
		struct pollfd polled = {.fd = s->control, .events = POLLIN};
		int code = take_reply(s);
		if (code != 0)
			return code;
		if (poll(&polled, 1, (int)(end - now() > 0 ? end - now() : 0)) == 0) {
			wrong(s, "no reply within %d ms", s->patience);
			return -1;
		}
		if (!hear(s)) {
			append(s, "", "(closed)", 8);
			return s->verdict[0] ? -1 : 0;
		}
	}
}

/* ---- data connections ---- */

struct data {
	int listener, fd; /* -1: none */
	size_t to_send, sent;
	bool receives, ended;
};

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int new_listener(int *out_port)
{
	struct sockaddr_in at = loopback(0);
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0 ||
		getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		abort();
	*out_port = ntohs(at.sin_port);
	return fd;
}

int connect_to(int port)
{
	struct sockaddr_in to = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Announces a data connection, and makes a passive one: the reply's code. */
static int prepare_data(struct session *s, struct data *data)
{
	unsigned a, b, c, d, high, low;
	const char *list;
	int code, port;

	*data = (struct data){.listener = -1, .fd = -1, .to_send = s->scenario->sent};
	data->receives = data->to_send == 0;
	if (s->scenario->active) {
		data->listener = new_listener(&port);
		say(s, "PORT 127,0,0,1,%d,%d", port / 256, port % 256);
		return next_reply(s);
	}
	say(s, "PASV");
	code = next_reply(s);
	if (code != 227)
		return code;
	list = strchr(s->reply, '(');
	if (!list || sscanf(list, "(%u,%u,%u,%u,%u,%u)", &a, &b, &c, &d, &high, &low) != 6) {
		wrong(s, "227 without an address");
		return -1;
	}
	data->fd = connect_to((int)(high * 256 + low));
	if (data->fd < 0 && !s->tracee.hit_control)
		wrong(s, "nobody listens where 227 says");
	return data->fd < 0 ? 0 : code;
}

static void pour(struct data *data)
{
	static char content[LARGE];

	if (!content[0])
		for (size_t i = 0; i < sizeof(content); i++)
			content[i] = new_byte(i);
	while (data->sent < data->to_send) {
		ssize_t sent = send(data->fd, content + data->sent, data->to_send - data->sent,
			MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0) {
			data->ended = true;
			return;
		}
		data->sent += (size_t)sent;
	}
	if (!data->ended)
		shutdown(data->fd, SHUT_WR);
	data->ended = true;
}

static void drink(struct session *s, struct data *data)
{
	struct bytes *into = &s->received;
	ssize_t got =
		recv(data->fd, into->at + into->size, (size_t)2 * LARGE - into->size, MSG_DONTWAIT);

	if (got > 0)
		into->size += (size_t)got;
	else if (got == 0 || errno != EAGAIN)
		data->ended = true;
}

static void attend_data(struct session *s, struct data *data)
{
	if (data->fd < 0) {
		data->fd = accept4(data->listener, NULL, NULL, SOCK_CLOEXEC);
		if (data->fd < 0)
			return;
	}
	if (data->receives)
		drink(s, data);
	else
		pour(data);
}

static void poll_both(struct session *s, struct data *data, bool control)
{
	struct pollfd polled[2] = {{.fd = control ? s->control : -1, .events = POLLIN},
		{.fd = data->ended	? -1
			: data->fd >= 0 ? data->fd
					: data->listener,
			.events = (short)(data->receives || data->fd < 0 ? POLLIN : POLLOUT)}};

	(void)poll(polled, 2, 100);
	if (polled[1].revents)
		attend_data(s, data);
}

static void close_data(struct data *data)
{
	if (data->fd >= 0)
		close(data->fd);
	if (data->listener >= 0)
		close(data->listener);
}

static void note_unique(struct session *s)
{
	if (strncmp(s->reply, "FILE: ", 6) == 0)
		snprintf(s->unique, sizeof(s->unique), "%.200s", s->reply + 6);
}

/* Moves the data until the final reply is here: its code. */
static int move_data(struct session *s, struct data *data)
{
	int64_t end = now() + s->patience;

	while (now() < end) {
		int code = take_reply(s);
		if (code >= 200 || code < 0)
			return code;
		if (code != 0) {
			note_unique(s);
			continue;
		}
		poll_both(s, data, true);
		if (!hear(s)) {
			append(s, "", "(closed)", 8);
			return s->verdict[0] ? -1 : 0;
		}
	}
	wrong(s, "no final reply within %d ms", s->patience);
	return -1;
}

int transfer(struct session *s)
{
	struct data data;
	int code = prepare_data(s, &data);

	for (size_t i = 0; i < 2 && s->scenario->before[i] && code >= 200 && code < 300; i++) {
		say(s, "%s", s->scenario->before[i]);
		code = next_reply(s);
		code = code == 350 ? 200 : code;
	}
	if (code >= 200 && code < 300) {
		/* All that fits is there before the command, so that each run is like the last. */
		if (data.fd >= 0 && !data.receives)
			pour(&data);
		say(s, "%s", s->scenario->command);
		code = move_data(s, &data);
		for (int64_t end = now() + s->patience;
			code == 226 && data.receives && !data.ended && now() < end;)
			poll_both(s, &data, false);
		if (code == 226 && data.receives && !data.ended)
			wrong(s, "226, but the data do not end");
	}
	close_data(&data);
	return code;
}
