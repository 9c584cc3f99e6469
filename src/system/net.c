#include "system/net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/process.h"

/* Strangers can connect to a passive port before the client does: they must not fill its queue. */
#define BACKLOG 128

union endpoint {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
	struct sockaddr_storage room;
};

static int to_address(const union endpoint *end, struct address *out)
{
	struct address address = {.family = ADDRESS_NONE};

	switch (end->any.sa_family) {
	case AF_INET:
		address.family = ADDRESS_IPV4;
		memcpy(address.host, &end->ipv4.sin_addr, 4);
		address.port = ntohs(end->ipv4.sin_port);
		break;
	case AF_INET6:
		address.family = ADDRESS_IPV6;
		memcpy(address.host, &end->ipv6.sin6_addr, 16);
		address.scope = end->ipv6.sin6_scope_id;
		address.port = ntohs(end->ipv6.sin6_port);
		address_unmap(&address);
		break;
	default:
		return -EAFNOSUPPORT;
	}
	*out = address;
	return 0;
}

static socklen_t from_address(const struct address *address, union endpoint *out)
{
	memset(out, 0, sizeof(*out));
	if (address->family == ADDRESS_IPV6) {
		out->ipv6.sin6_family = AF_INET6;
		memcpy(&out->ipv6.sin6_addr, address->host, 16);
		out->ipv6.sin6_scope_id = address->scope;
		out->ipv6.sin6_port = htons(address->port);
		return sizeof(out->ipv6);
	}
	out->ipv4.sin_family = AF_INET;
	memcpy(&out->ipv4.sin_addr, address->host, 4);
	out->ipv4.sin_port = htons(address->port);
	return sizeof(out->ipv4);
}

void net_endpoint(const struct address *address, struct sockaddr_storage *out_endpoint)
{
	union endpoint end;

	(void)from_address(address, &end);
	*out_endpoint = end.room;
}

int net_local(int socket, struct address *out_address)
{
	union endpoint end;
	socklen_t size = sizeof(end);

	if (getsockname(socket, &end.any, &size) < 0)
		return -errno;
	return to_address(&end, out_address);
}

int net_peer(int socket, struct address *out_address)
{
	union endpoint end;
	socklen_t size = sizeof(end);

	if (getpeername(socket, &end.any, &size) < 0)
		return -errno;
	return to_address(&end, out_address);
}

static void switch_on(int fd, int level, int option)
{
	static const int on = 1;

	/* These only improve a connection that works without them. */
	(void)setsockopt(fd, level, option, &on, sizeof(on));
}

void net_tune_control(int socket)
{
	switch_on(socket, IPPROTO_TCP, TCP_NODELAY);
	switch_on(socket, SOL_SOCKET, SO_KEEPALIVE);
	switch_on(socket, SOL_SOCKET, SO_OOBINLINE);
}

int net_set_timeout(int socket, int64_t seconds)
{
	const struct timeval timeout = {.tv_sec = (time_t)seconds};

	return setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ? -errno
											  : 0;
}

int net_bind(const struct address *from)
{
	union endpoint end;
	socklen_t size = from_address(from, &end);
	int fd = socket(end.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (from->port != 0)
		switch_on(fd, SOL_SOCKET, SO_REUSEADDR);
	if (bind(fd, &end.any, size) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static int try_listen(struct address *address)
{
	int fd = net_bind(address);
	int error;

	if (fd < 0)
		return fd;
	/* With SO_REUSEADDR two sessions may bind one port; then listen() tells. */
	if (listen(fd, BACKLOG) < 0)
		error = -errno;
	else
		error = net_local(fd, address);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

/* How far apart the ports lie that are tried one after the other: by a step that has no divisor in common with their
 * number, each of them comes once. */
static uint32_t step_through(uint32_t count, uint32_t random)
{
	uint32_t step = random % count + 1, a, b, rest;

	for (;; step++) {
		for (a = count, b = step; b > 0; b = rest) {
			rest = a % b;
			a = b;
		}
		if (a == 1)
			return step;
	}
}

int net_listen(struct address *address, unsigned low, unsigned high, unsigned tries)
{
	uint32_t random[2], count = high - low + 1, offset, step;
	int fd = -EADDRINUSE;

	address->port = 0;
	if (low == 0 && high == 0)
		return try_listen(address);
	if (process_random(random, sizeof(random)) < 0)
		return -EIO;
	offset = random[0] % count;
	step = step_through(count, random[1]);
	for (; tries > 0 && fd == -EADDRINUSE; tries--) {
		address->port = (uint16_t)(low + offset);
		fd = try_listen(address);
		offset = (offset + step) % count;
	}
	return fd;
}

int net_accept(int listener, struct address *out_peer)
{
	union endpoint end;
	socklen_t size = sizeof(end);
	int fd = accept4(listener, &end.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = to_address(&end, out_peer);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

int net_connect(int socket, const struct address *to)
{
	union endpoint end;
	socklen_t size = from_address(to, &end);

	bool interrupted = false;

	while (connect(socket, &end.any, size) < 0) {
		if (interrupted && errno == EISCONN)
			return 0;
		/* It goes on by itself. */
		if (interrupted && errno == EALREADY)
			return -EINPROGRESS;
		if (errno != EINTR)
			return -errno;
		interrupted = true;
	}
	return 0;
}

int net_connect_result(int socket)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

int net_disconnect(int socket)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	return connect(socket, &none, sizeof(none)) < 0 ? -errno : 0;
}

void net_no_delay(int socket)
{
	switch_on(socket, IPPROTO_TCP, TCP_NODELAY);
}

void net_quick_ack(int socket)
{
	switch_on(socket, IPPROTO_TCP, TCP_QUICKACK);
}

void net_wake_at(int socket, int bytes)
{
	/* Without it there are more wake-ups. */
	(void)setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

void net_hold_at_most(int socket, int bytes)
{
	/* The kernel doubles it, and the socket is writable again with a third of it free (socket(7), tcp_poll). */
	int buffer = bytes / 4 * 3;

	(void)setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
}

void net_set_nonblocking(int socket)
{
	int flags = fcntl(socket, F_GETFL);

	if (flags >= 0)
		(void)fcntl(socket, F_SETFL, flags | O_NONBLOCK);
}

int net_unsent(int socket)
{
	int bytes = 0;

	return ioctl(socket, SIOCOUTQ, &bytes) < 0 ? -errno : bytes;
}

int net_resolve(const char *host, struct address *out_address)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	union endpoint end;
	int error = -ENOENT;

	if (getaddrinfo(host, NULL, &hints, &found) != 0 || !found)
		return -ENOENT;
	if (found->ai_addrlen <= sizeof(end)) {
		memcpy(&end, found->ai_addr, found->ai_addrlen);
		error = to_address(&end, out_address);
	}
	freeaddrinfo(found);
	return error;
}

void net_finish(int socket)
{
	(void)shutdown(socket, SHUT_WR);
}

void net_reset_on_close(int socket)
{
	static const struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}
