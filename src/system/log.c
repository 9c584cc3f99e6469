#include "system/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "system/io.h"

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

int log_append(int fd, bool locked, const char *line, size_t size)
{
	ssize_t written;

	if (locked)
		take_lock(fd);
	do {
		written = write(fd, line, size);
	} while (written < 0 && errno == EINTR);
	if (locked)
		release_lock(fd);
	if (written < 0)
		return -errno;
	return (size_t)written == size ? 0 : -ENOSPC;
}

static const char *name = "soloftpd";
static bool named; /* syslog knows the name */

void log_system_name(const char *ident)
{
	name = ident;
	named = false;
}

void log_system_open(void)
{
	openlog(name, LOG_PID | LOG_NDELAY, LOG_FTP);
}

void log_system(enum log_level level, const char *text)
{
	static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO};
	char line[2048];
	size_t size = 0;

	if (!named)
		openlog(name, LOG_PID, LOG_FTP);
	named = true;
	for (; size < sizeof(line) - 1 && text[size]; size++) {
		unsigned char byte = (unsigned char)text[size];
		line[size] = byte < 0x20 || byte == 0x7f ? '?' : text[size];
	}
	line[size] = '\0';
	syslog(LOG_FTP | priorities[level], "%s", line);
}
