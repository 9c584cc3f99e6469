#include "system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_guarded(const struct stat *st)
{
	bool trusted_owner = st->st_uid == 0 || st->st_uid == geteuid();
	bool foreign_group = (st->st_mode & S_IWGRP) != 0 && st->st_gid != 0;

	return !trusted_owner || foreign_group || (st->st_mode & S_IWOTH) != 0 ? -EPERM : 0;
}

static int read_all(int fd, char *storage, size_t capacity, size_t *out_size)
{
	size_t size = 0;

	for (;;) {
		ssize_t got = read(fd, storage + size, capacity - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		size += (size_t)got;
		if (size == capacity)
			return -EFBIG;
	}
	storage[size] = '\0';
	*out_size = size;
	return memchr(storage, '\0', size) ? -EILSEQ : 0;
}

int file_read(const char *path, bool guarded, char *storage, size_t capacity, size_t *out_size)
{
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		error = -errno;
	else if (!S_ISREG(st.st_mode) && (guarded || !S_ISCHR(st.st_mode)))
		error = -EINVAL;
	else if (guarded)
		error = check_guarded(&st);
	if (error == 0)
		error = read_all(fd, storage, capacity, out_size);
	close(fd);
	return error;
}

bool file_lists(const char *list, const char *word)
{
	size_t length = strlen(word);

	if (length == 0)
		return false;
	for (const char *line = list; *line;) {
		size_t size = strcspn(line, "\n");
		size_t end = size;
		while (end > 0 &&
			(line[end - 1] == ' ' || line[end - 1] == '\t' || line[end - 1] == '\r'))
			end--;
		if (end == length && memcmp(line, word, length) == 0)
			return true;
		line += size + (line[size] == '\n');
	}
	return false;
}
