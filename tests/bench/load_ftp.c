/* One client's connections. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, RECORD = 16384, LARGE = 8 << 20, PATIENCE = 60 };

struct options options = {.mode = "",
	.user = "alice",
	.pass = "secret-alice",
	.file = "",
	.command = "NOOP",
	.type = "I",
	.cipher = "TLS_AES_256_GCM_SHA384",
	.usage = "",
	.unlink = "",
	.source = "",
	.n = 1,
	.parallel = 1,
	.expect = -1,
	.lines = -1,
	.seconds = 1000};

static SSL_CTX *context;
static int source = -1;	       /* a file to send, again and again */
static unsigned char *content; /* what uploads send, again and again */

void ftp_prepare(void)
{
	if (options.tls) {
		context = SSL_CTX_new(TLS_client_method());
		if (!context || SSL_CTX_set_ciphersuites(context, options.cipher) != 1)
			exit(2);
		SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	}
	if (*options.source && (source = open(options.source, O_RDONLY)) < 0)
		exit(2);
	content = malloc(BLOCK);
	if (!content)
		exit(2);
	unsigned long random = 88172645463325252UL;
	for (size_t i = 0; i < BLOCK; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		content[i] = (unsigned char)random;
	}
}

bool ftp_fault(struct ftp *ftp, const char *what)
{
	if (!ftp->fault[0])
		(void)snprintf(ftp->fault, sizeof ftp->fault, "%.80s: %.120s", what, ftp->line);
	return false;
}

static int dial(long port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
	struct timeval patience = {.tv_sec = PATIENCE};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		close(fd);
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return fd;
}

/* ---- the control connection ---- */

static bool fill(struct ftp *ftp)
{
	if (ftp->begin == ftp->end)
		ftp->begin = ftp->end = 0;
	char *place = ftp->buffer + ftp->end;
	size_t room = sizeof ftp->buffer - ftp->end;
	ssize_t got =
		ftp->tls ? SSL_read(ftp->tls, place, (int)room) : recv(ftp->fd, place, room, 0);

	if (got <= 0)
		return false;
	ftp->end += (size_t)got;
	return true;
}

static bool read_line(struct ftp *ftp)
{
	for (;;) {
		char *start = ftp->buffer + ftp->begin;
		char *end = memchr(start, '\n', ftp->end - ftp->begin);
		if (end) {
			size_t length = (size_t)(end - start);
			ftp->begin += length + 1;
			length = length < sizeof ftp->line - 1 ? length : sizeof ftp->line - 1;
			memcpy(ftp->line, start, length);
			ftp->line[length] = '\0';
			return true;
		}
		if (!fill(ftp)) {
			ftp->line[0] = '\0';
			return ftp_fault(ftp, "the control connection ended");
		}
	}
}

/* Leaves the reply's last line. */
static bool read_reply(struct ftp *ftp)
{
	do {
		if (!read_line(ftp))
			return false;
	} while (ftp->line[0] < '1' || ftp->line[0] > '5' || strlen(ftp->line) < 4 ||
		 ftp->line[3] != ' ');
	return true;
}

static bool reply(struct ftp *ftp, char kind, const char *to)
{
	if (!read_reply(ftp))
		return false;
	return ftp->line[0] == kind ? true : ftp_fault(ftp, to);
}

static bool send_line(struct ftp *ftp, const char *command)
{
	char line[1024];
	int length = snprintf(line, sizeof line, "%s\r\n", command);
	ssize_t sent = ftp->tls ? SSL_write(ftp->tls, line, length)
				: send(ftp->fd, line, (size_t)length, MSG_NOSIGNAL);

	return sent == length ? true : ftp_fault(ftp, "sending failed");
}

bool ftp_command(struct ftp *ftp, const char *command, char kind)
{
	return send_line(ftp, command) && reply(ftp, kind, command);
}

bool ftp_open(struct ftp *ftp)
{
	int one = 1;

	ftp->begin = ftp->end = 0;
	ftp->tls = NULL;
	ftp->fd = dial(options.port);
	if (ftp->fd < 0)
		return ftp_fault(ftp, "no connection");
	(void)setsockopt(ftp->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return reply(ftp, '2', "greeting");
}

static bool protect(struct ftp *ftp)
{
	if (!ftp_command(ftp, "AUTH TLS", '2'))
		return false;
	ftp->tls = SSL_new(context);
	if (!ftp->tls || SSL_set_fd(ftp->tls, ftp->fd) != 1 || SSL_connect(ftp->tls) != 1)
		return ftp_fault(ftp, "no handshake");
	return true;
}

bool ftp_login(struct ftp *ftp)
{
	char line[256];

	if (options.tls && !protect(ftp))
		return false;
	(void)snprintf(line, sizeof line, "USER %s", options.user);
	if (!send_line(ftp, line) || !read_reply(ftp))
		return false;
	/* Some let guests in without a password. */
	(void)snprintf(line, sizeof line, "PASS %s", options.pass);
	if (ftp->line[0] != '2' && !ftp_command(ftp, line, '2'))
		return false;
	return !options.tls || (ftp_command(ftp, "PBSZ 0", '2') && ftp_command(ftp, "PROT P", '2'));
}

/* To the end of the connection: the server has then done what it does at the end. */
bool ftp_quit(struct ftp *ftp)
{
	char rest[512];

	if (!ftp_command(ftp, "QUIT", '2'))
		return false;
	if (ftp->tls)
		(void)SSL_shutdown(ftp->tls);
	while (recv(ftp->fd, rest, sizeof rest, 0) > 0)
		;
	return true;
}

void ftp_close(struct ftp *ftp)
{
	SSL_free(ftp->tls);
	ftp->tls = NULL;
	if (ftp->fd >= 0)
		close(ftp->fd);
	ftp->fd = -1;
}

/* ---- data connections ---- */

static int open_data(struct ftp *ftp)
{
	unsigned a, b, c, d, high, low = 0;
	const char *numbers;

	if (!ftp_command(ftp, options.epsv ? "EPSV" : "PASV", '2'))
		return -1;
	numbers = strchr(ftp->line, '(');
	if (!numbers)
		return -1;
	if (options.epsv ? sscanf(numbers, "(|||%u|", &high) != 1
			 : sscanf(numbers, "(%u,%u,%u,%u,%u,%u", &a, &b, &c, &d, &high, &low) != 6)
		return -1;
	return dial(options.epsv ? (long)high : (long)high * 256 + (long)low);
}

static SSL *protect_data(struct ftp *ftp, int fd)
{
	SSL *tls = SSL_new(context);
	SSL_SESSION *known = SSL_get1_session(ftp->tls);

	if (tls && known && SSL_set_fd(tls, fd) == 1 && SSL_set_session(tls, known) == 1 &&
		SSL_connect(tls) == 1) {
		SSL_SESSION_free(known);
		return tls;
	}
	SSL_SESSION_free(known);
	SSL_free(tls);
	(void)ftp_fault(ftp, "no handshake of data");
	return NULL;
}

/* A data connection for a command that is under way. */
static int begin(struct ftp *ftp, const char *command, SSL **tls)
{
	int fd = open_data(ftp);

	*tls = NULL;
	if (fd < 0) {
		(void)ftp_fault(ftp, "no data connection");
		return -1;
	}
	if (!ftp_command(ftp, command, '1') || (options.tls && !(*tls = protect_data(ftp, fd)))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Encrypted bytes are thrown away as they are, since deciphering would cost this process more than it cost the server. They
 * are a little more than what they stand for, which is all that is checked of them. */
static long discard(SSL *tls, int fd)
{
	static _Thread_local char buffer[BLOCK];
	long bytes = 0;
	bool told = false;
	ssize_t got;

	while ((got = recv(fd, buffer, BLOCK, MSG_TRUNC)) > 0) {
		bytes += got;
		if (!told && bytes >= options.expect) {
			(void)SSL_shutdown(tls);
			told = true;
		}
	}
	return bytes >= options.expect && bytes < options.expect + options.expect / 32 + 8192
		       ? options.expect
		       : bytes;
}

/* What is not counted is thrown away by the kernel (MSG_TRUNC), which costs this process nothing. */
bool ftp_receive(struct ftp *ftp, const char *command, bool count_lines, long *bytes, long *lines)
{
	static _Thread_local char buffer[BLOCK];
	SSL *tls;
	ssize_t got;
	int fd = begin(ftp, command, &tls);

	if (fd < 0)
		return false;
	*bytes = *lines = 0;
	if (tls && options.discard) {
		*bytes = discard(tls, fd);
	} else
		for (;;) {
			if (tls)
				got = SSL_read(tls, buffer, BLOCK);
			else
				got = recv(fd, buffer, BLOCK, count_lines ? 0 : MSG_TRUNC);
			if (got <= 0)
				break;
			*bytes += got;
			for (char *at = buffer;
				count_lines && (at = memchr(at, '\n', (size_t)(buffer + got - at)));
				at++)
				++*lines;
		}
	if (tls && !options.discard)
		(void)SSL_shutdown(tls);
	SSL_free(tls);
	close(fd);
	return reply(ftp, '2', command);
}

/* Encrypts all of it beforehand, so that the cipher of this side does not count, and sends that. */
static bool send_encrypted(struct ftp *ftp, SSL *tls, int fd, long bytes)
{
	static _Thread_local char *ready;
	size_t room = (size_t)(bytes + bytes / 256 + BLOCK), count = 0, sent = 0;
	BIO *records = BIO_new(BIO_s_mem());
	double start = now();
	int got;

	if (!ready)
		ready = malloc(room);
	if (!ready || !records)
		return ftp_fault(ftp, "no memory");
	SSL_set0_wbio(tls, records);
	for (bool last = false; !last; bytes -= RECORD) {
		last = bytes <= RECORD;
		if (SSL_write(tls, content + bytes % (BLOCK - RECORD),
			    last ? (int)bytes : RECORD) <= 0)
			return ftp_fault(ftp, "no encryption");
		if (last)
			(void)SSL_shutdown(tls);
		while ((got = BIO_read(records, ready + count, (int)(room - count))) > 0)
			count += (size_t)got;
	}
	ftp->aside = now() - start;
	while (sent < count) {
		ssize_t done = send(fd, ready + sent, count - sent, MSG_NOSIGNAL);
		if (done <= 0)
			return ftp_fault(ftp, "the data connection ended");
		sent += (size_t)done;
	}
	return true;
}

/* Straight from the file: nothing is copied on this side. */
static bool send_source(struct ftp *ftp, int fd, long bytes)
{
	off_t size = lseek(source, 0, SEEK_END);

	for (long at = 0; at < bytes;) {
		off_t from = at % size;
		long left = bytes - at;
		ssize_t sent = sendfile(
			fd, source, &from, (size_t)(left < size - from ? left : size - from));
		if (sent <= 0)
			return ftp_fault(ftp, "the data connection ended");
		at += sent;
	}
	return true;
}

static bool send_content(struct ftp *ftp, SSL *tls, int fd, long bytes)
{
	while (bytes > 0) {
		size_t piece = bytes < BLOCK ? (size_t)bytes : BLOCK;
		ssize_t sent = tls ? SSL_write(tls, content, (int)piece)
				   : send(fd, content, piece, MSG_NOSIGNAL);
		if (sent <= 0)
			return ftp_fault(ftp, "the data connection ended");
		bytes -= sent;
	}
	if (tls)
		(void)SSL_shutdown(tls);
	return true;
}

bool ftp_send(struct ftp *ftp, const char *command, long bytes)
{
	char rest[512];
	SSL *tls;
	int fd = begin(ftp, command, &tls);

	bool sent;

	if (fd < 0)
		return false;
	if (tls && bytes >= LARGE)
		sent = send_encrypted(ftp, tls, fd, bytes);
	else if (source >= 0)
		sent = send_source(ftp, fd, bytes);
	else
		sent = send_content(ftp, tls, fd, bytes);
	if (tls) {
		(void)shutdown(fd, SHUT_WR);
		while (recv(fd, rest, sizeof rest, 0) > 0)
			;
	}
	SSL_free(tls);
	close(fd);
	return sent && reply(ftp, '2', command);
}
