#include "system/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "system/io.h"
#include "text/buffer.h"
#include "text/timestamp.h"

int log_open(const char *path)
{
	int fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	struct stat st;
	int error;

	if (fd < 0)
		return -errno;
	/* A device too: /dev/null is how a log is switched off. */
	if (fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)))
		return fd;
	error = -EINVAL;
	close(fd);
	return error;
}

static void take_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int64_t patience = io_now() + 1000;

	while (fcntl(fd, F_SETLK, &lock) < 0) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return;
		if (io_now() >= patience)
			return;
		(void)io_wait(-1, 0, -1, io_now() + 5);
	}
}

static void release_lock(int fd)
{
	struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	(void)fcntl(fd, F_SETLK, &lock);
}

ssize_t log_append(int fd, bool locked, const char *line, size_t size)
{
	ssize_t written;

	if (locked)
		take_lock(fd);
	do {
		written = write(fd, line, size);
	} while (written < 0 && errno == EINTR);
	if (written < 0)
		written = -errno;
	if (locked)
		release_lock(fd);
	return written;
}

void log_lose(struct log_losses *losses, int cause)
{
	unsigned bit = (unsigned)cause % (8 * sizeof(losses->known));
	uint64_t *word = &losses->known[bit / 64], mask = UINT64_C(1) << bit % 64;

	losses->lines++;
	losses->cause = cause;
	losses->works = false;
	losses->news |= (*word & mask) == 0;
	*word |= mask;
}

/* ---- syslog ---- */

/* Milliseconds to wait for a daemon that does not take lines. */
#define PATIENCE 100

#define TEXT_MAX 2048

static const char *name = "soloftpd";

/* The daemon listens for datagrams, or else for a stream. A stream's socket serves for one connection. */
static struct {
	int current;		     /* one of the next two; -1: not connected */
	int datagram, stream, spare; /* -1: none */
	bool sealed;		     /* no more sockets are made */
	bool clogged;		     /* waited for in vain */
	dev_t device;		     /* of the root directory at the beginning */
	ino_t root;
} daemon_link = {.current = -1, .datagram = -1, .stream = -1, .spare = -1};

void log_system_name(const char *ident)
{
	name = ident;
	/* For the lines of libraries, which libc sends. */
	openlog(name, LOG_PID, LOG_FTP);
}

static int make_socket(int type)
{
	return daemon_link.sealed ? -1 : socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* The socket itself is for everybody to write to. */
static bool is_roots(const char *path, mode_t type)
{
	struct stat st;

	return lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == 0 &&
	       (type == S_IFSOCK || (st.st_mode & (S_IWGRP | S_IWOTH)) == 0);
}

/* In a jail the user may have made what has the daemon's name, or what leads there. */
static bool is_trusted(void)
{
	struct stat st;

	if (stat("/", &st) < 0)
		return false;
	if (daemon_link.root == 0) {
		daemon_link.device = st.st_dev;
		daemon_link.root = st.st_ino;
	}
	if (st.st_dev == daemon_link.device && st.st_ino == daemon_link.root)
		return true;
	return is_roots("/", S_IFDIR) && is_roots("/dev", S_IFDIR) && is_roots(_PATH_LOG, S_IFSOCK);
}

static int connect_socket(int fd)
{
	static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = _PATH_LOG};

	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	daemon_link.current = fd;
	return 0;
}

static int connect_stream(void)
{
	int error;

	if (daemon_link.stream >= 0)
		close(daemon_link.stream);
	daemon_link.stream = daemon_link.spare >= 0 ? daemon_link.spare : make_socket(SOCK_STREAM);
	daemon_link.spare = -1;
	error = connect_socket(daemon_link.stream);
	if (error < 0) {
		daemon_link.spare = daemon_link.stream;
		daemon_link.stream = -1;
	}
	return error;
}

static int connect_to_daemon(void)
{
	int error;

	daemon_link.current = -1;
	if (!is_trusted())
		return -ENOENT;
	if (daemon_link.datagram < 0)
		daemon_link.datagram = make_socket(SOCK_DGRAM);
	error = connect_socket(daemon_link.datagram);
	return error == -EPROTOTYPE ? connect_stream() : error;
}

void log_system_open(void)
{
	daemon_link.sealed = false;
	if (daemon_link.current < 0)
		(void)connect_to_daemon();
	if (daemon_link.datagram < 0)
		daemon_link.datagram = make_socket(SOCK_DGRAM);
	if (daemon_link.spare < 0)
		daemon_link.spare = make_socket(SOCK_STREAM);
	daemon_link.sealed = true;
}

bool log_system_is_stream(void)
{
	return daemon_link.current >= 0 && daemon_link.current == daemon_link.stream;
}

size_t log_system_descriptors(int out[LOG_SYSTEM_DESCRIPTORS])
{
	const int all[LOG_SYSTEM_DESCRIPTORS] = {
		daemon_link.datagram, daemon_link.stream, daemon_link.spare};
	size_t count = 0;

	for (size_t i = 0; i < LOG_SYSTEM_DESCRIPTORS; i++)
		if (all[i] >= 0)
			out[count++] = all[i];
	return count;
}

/* One send a line, and the NUL behind it where nothing else ends a line. */
static int send_once(const char *line, size_t size)
{
	ssize_t sent;

	if (daemon_link.current < 0)
		return -ENOTCONN;
	size += daemon_link.current == daemon_link.stream;
	sent = send(daemon_link.current, line, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	return (size_t)sent == size ? 0 : -EPIPE;
}

/* A daemon that did not make room in time is not waited for again before it has. */
static int send_line(const char *line, size_t size)
{
	int64_t until = io_now() + (daemon_link.clogged ? 0 : PATIENCE);
	int error;

	while ((error = send_once(line, size)) == -EAGAIN && io_now() < until)
		if (io_wait(daemon_link.current, IO_WRITE, -1, until) == -EINTR)
			break;
	daemon_link.clogged = error == -EAGAIN;
	return error;
}

/* "<94>Nov 22 19:00:00 ident[pid]: " (RFC 3164 section 4.1, without the host: as libc does). */
static void append_head(struct buffer *b, int priority)
{
	char stamp[64];
	struct buffer date;

	buffer_start(&date, stamp, sizeof(stamp));
	timestamp_append_log(&date, (int64_t)time(NULL));
	buffer_byte(b, '<');
	buffer_number(b, (uint64_t)(LOG_FTP | priority));
	buffer_byte(b, '>');
	buffer_bytes(b, stamp + 4, sizeof("Nov 22 19:00:00") - 1); /* without the day's name */
	buffer_byte(b, ' ');
	buffer_string(b, name);
	buffer_byte(b, '[');
	buffer_number(b, (uint64_t)getpid());
	buffer_string(b, "]: ");
}

int log_system(enum log_level level, const char *text)
{
	static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO};
	char line[TEXT_MAX + 512];
	struct buffer b;
	int error;

	buffer_start(&b, line, sizeof(line));
	append_head(&b, priorities[level]);
	for (size_t i = 0; i < TEXT_MAX && text[i]; i++)
		buffer_byte(&b, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
	(void)buffer_text(&b);
	error = send_line(line, b.size);
	/* The daemon has gone; another may have come. */
	if (error < 0 && error != -EAGAIN && error != -EMSGSIZE) {
		error = connect_to_daemon();
		if (error == 0)
			error = send_line(line, b.size);
	}
	return error;
}
