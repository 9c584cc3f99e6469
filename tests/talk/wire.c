/* Sockets, each wait with an end. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

bool end_of(struct end *end, const char *address, unsigned int port)
{
	*end = (struct end){0};
	struct sockaddr_in *four = (struct sockaddr_in *)&end->address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&end->address;

	if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		end->size = sizeof(*four);
		return true;
	}
	if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		end->size = sizeof(*six);
		return true;
	}
	return false;
}

unsigned int end_port(const struct end *end)
{
	if (end->address.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&end->address)->sin6_port);
	return ntohs(((const struct sockaddr_in *)&end->address)->sin_port);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whether fd became ready before the time was over. */
static bool ready(int fd, short events, int64_t until)
{
	struct pollfd wait = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = until - now_ms();
		int got = poll(&wait, 1, left > 0 ? (int)left : 0);
		if (got > 0)
			return true;
		if (got == 0 || errno != EINTR)
			return false;
	}
}

int wire_listen(const struct end *at, bool dual)
{
	const int off = dual ? 0 : 1;
	int fd = socket(at->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (at->address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (const struct sockaddr *)&at->address, at->size) < 0 || listen(fd, 8) < 0)
		wire_close(&fd);
	return fd;
}

static int connect_wait(int fd, const struct end *to, unsigned int seconds)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (connect(fd, (const struct sockaddr *)&to->address, to->size) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (!ready(fd, POLLOUT, now_ms() + seconds * 1000))
		return ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

int wire_connect(const struct end *from, const struct end *to, unsigned int seconds)
{
	const int on = 1;
	int fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	int error = 0;
	if (from != NULL && bind(fd, (const struct sockaddr *)&from->address, from->size) < 0)
		error = errno;
	if (error == 0)
		error = connect_wait(fd, to, seconds);
	if (error != 0) {
		wire_close(&fd);
		errno = error;
	}
	return fd;
}

int wire_accept(int listener, unsigned int seconds)
{
	if (!ready(listener, POLLIN, now_ms() + seconds * 1000)) {
		errno = ETIMEDOUT;
		return -1;
	}
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

enum wire wire_receive(int from, void *out, size_t size, unsigned int milliseconds, size_t *out_got)
{
	if (!ready(from, POLLIN, now_ms() + milliseconds))
		return WIRE_TIMEOUT;
	ssize_t got = recv(from, out, size, MSG_DONTWAIT);
	if (got > 0) {
		*out_got = (size_t)got;
		return WIRE_OK;
	}
	if (got == 0)
		return WIRE_EOF;
	return errno == ECONNRESET || errno == EPIPE ? WIRE_RESET : WIRE_ERROR;
}

enum wire wire_send(int to, const void *data, size_t size, int flags, unsigned int seconds)
{
	const unsigned char *at = data;

	while (size > 0) {
		if (!ready(to, POLLOUT, now_ms() + seconds * 1000))
			return WIRE_TIMEOUT;
		ssize_t sent = send(to, at, size, flags | MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EAGAIN)
			continue;
		if (sent < 0)
			return errno == ECONNRESET || errno == EPIPE ? WIRE_RESET : WIRE_ERROR;
		at += sent;
		size -= (size_t)sent;
	}
	return WIRE_OK;
}

void wire_reset(int *fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (*fd >= 0)
		setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	wire_close(fd);
}

void wire_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

const char *wire_text(enum wire wire)
{
	switch (wire) {
	case WIRE_OK:
		return "more";
	case WIRE_EOF:
		return "the end of the connection";
	case WIRE_RESET:
		return "a connection reset";
	case WIRE_TIMEOUT:
		return "nothing in time";
	case WIRE_ERROR:
		break;
	}
	return "an error";
}
