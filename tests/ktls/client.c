#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Emulation is slow; no answer takes this long. */
#define PATIENCE 30 /* s */

struct client client = {.control = -1, .data = -1, .listener = -1};

static int limited(int fd)
{
	struct timeval limit = {.tv_sec = PATIENCE};

	if (fd < 0)
		fail("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

/* The connections that a listener accepts have its room. */
static void set_room(int fd)
{
	if (client.small > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &client.small, sizeof(client.small));
}

static int dial(int port, bool data)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = limited(socket(AF_INET, SOCK_STREAM, 0));

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (data)
		set_room(fd);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("connect to port %d: %s", port, strerror(errno));
	return fd;
}

static void hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static SSL *secure(int fd, SSL_SESSION *resumed)
{
	SSL *tls = SSL_new(client.context);

	SSL_set_fd(tls, fd);
	if (resumed)
		SSL_set_session(tls, resumed);
	if (SSL_connect(tls) != 1)
		fail("TLS handshake failed");
	return tls;
}

/* ---- the control connection ---- */

static size_t get(char *to, size_t size)
{
	ssize_t got = client.control_tls ? SSL_read(client.control_tls, to, (int)size)
					 : recv(client.control, to, size, 0);

	if (got <= 0)
		fail("the control connection ended or is silent; the last reply was: %s",
			client.reply);
	return (size_t)got;
}

static void put(const char *text, size_t size)
{
	ssize_t sent = client.control_tls ? SSL_write(client.control_tls, text, (int)size)
					  : send(client.control, text, size, MSG_NOSIGNAL);

	if (sent != (ssize_t)size)
		fail("a command could not be sent");
}

static const char *get_line(char *to, size_t size)
{
	char *start = to;

	while (size > 1) {
		get(to, 1);
		size--;
		if (*to++ == '\n')
			break;
	}
	*to = '\0';
	return start;
}

int hear(void)
{
	size_t used = 0;
	const char *line;

	do {
		line = get_line(client.reply + used, sizeof(client.reply) - used);
		used += strlen(line);
	} while (strlen(line) < 4 || line[3] != ' ' || line[0] < '1' || line[0] > '5');
	return atoi(line);
}

static void say_list(const char *format, va_list arguments)
{
	char text[512];
	int size = vsnprintf(text, sizeof(text) - 2, format, arguments);

	memcpy(text + size, "\r\n", 2);
	put(text, (size_t)size + 2);
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_list(format, arguments);
	va_end(arguments);
}

void expect_reply(int code)
{
	if (hear() != code)
		fail("%d was expected and came: %s", code, client.reply);
}

void expect(int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_list(format, arguments);
	va_end(arguments);
	expect_reply(code);
}

void client_open(int port, const char *ciphers)
{
	client.context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(client.context, client.version);
	SSL_CTX_set_max_proto_version(client.context, client.version);
	SSL_CTX_set_mode(client.context, SSL_MODE_AUTO_RETRY);
	if (ciphers && client.version == TLS1_3_VERSION)
		SSL_CTX_set_ciphersuites(client.context, ciphers);
	else if (ciphers)
		SSL_CTX_set_cipher_list(client.context, ciphers);
	client.control = dial(port, false);
	expect_reply(220);
	expect(234, "AUTH TLS");
	client.control_tls = secure(client.control, NULL);
	expect(331, "USER ftp");
	expect(230, "PASS guest@");
	expect(200, "PBSZ 0");
	expect(200, "PROT P");
	expect(200, "TYPE I");
}

void client_close(void)
{
	data_drop();
	hang_up(&client.listener);
	SSL_free(client.control_tls);
	client.control_tls = NULL;
	hang_up(&client.control);
	SSL_CTX_free(client.context);
	client.context = NULL;
	client.small = 0;
}

/* ---- data connections ---- */

void data_passive(void)
{
	const char *port;

	data_drop();
	expect(229, "EPSV");
	port = strstr(client.reply, "|||");
	if (!port)
		fail("no port in: %s", client.reply);
	client.data = dial(atoi(port + 3), true);
}

void data_listen(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	socklen_t size = sizeof(here);

	data_drop();
	hang_up(&client.listener);
	client.listener = limited(socket(AF_INET, SOCK_STREAM, 0));
	set_room(client.listener);
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(client.listener, (struct sockaddr *)&here, sizeof(here)) < 0 ||
		listen(client.listener, 1) < 0 ||
		getsockname(client.listener, (struct sockaddr *)&here, &size) < 0)
		fail("listen: %s", strerror(errno));
	expect(200, "EPRT |1|127.0.0.1|%d|", ntohs(here.sin_port));
}

void data_start(void)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	SSL_SESSION *session = SSL_get1_session(client.control_tls);

	if (client.listener >= 0) {
		client.data = limited(accept(client.listener, (struct sockaddr *)&peer, &size));
		client.data_peer = ntohs(peer.sin_port);
		hang_up(&client.listener);
	}
	client.data_tls = secure(client.data, session);
	SSL_SESSION_free(session);
	client.size = 0;
	client.notified = false;
}

void data_receive(size_t most)
{
	while (most > 0 && client.size < BYTES_MAX) {
		size_t room = BYTES_MAX - client.size;
		int got, wanted = (int)(most < room ? most : room);
		errno = 0;
		got = SSL_read(client.data_tls, client.bytes + client.size, wanted);
		if (got <= 0) {
			int error = SSL_get_error(client.data_tls, got);
			client.notified = error == SSL_ERROR_ZERO_RETURN;
			if (errno == EAGAIN)
				fail("the data connection is silent after %zu bytes", client.size);
			return;
		}
		client.size += (size_t)got;
		most -= most == SIZE_MAX ? 0 : (size_t)got;
	}
}

void data_send(const void *bytes, size_t size)
{
	if (size > 0 && SSL_write(client.data_tls, bytes, (int)size) != (int)size)
		fail("the data connection does not take %zu bytes", size);
}

void data_finish(void)
{
	char byte;

	SSL_shutdown(client.data_tls);
	if (shutdown(client.data, SHUT_WR) < 0)
		fail("the data connection is broken");
	client.notified = SSL_read(client.data_tls, &byte, 1) <= 0 &&
			  (SSL_get_shutdown(client.data_tls) & SSL_RECEIVED_SHUTDOWN);
	data_drop();
}

void data_send_half(const void *bytes, size_t size)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *record;
	long half;

	SSL_set0_wbio(client.data_tls, memory);
	SSL_write(client.data_tls, bytes, (int)size);
	half = BIO_get_mem_data(memory, &record) / 2;
	if (half <= 0 || send(client.data, record, (size_t)half, MSG_NOSIGNAL) != half)
		fail("half a record could not be sent");
	shutdown(client.data, SHUT_WR);
}

void data_drop(void)
{
	SSL_free(client.data_tls);
	client.data_tls = NULL;
	hang_up(&client.data);
}
