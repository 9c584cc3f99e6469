#include "system/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* Larger pipes make fewer and larger calls; measured best near this size. */
#define PIPE_SIZE (1024 * 1024)

ssize_t copy_to_socket(int socket, int file, uint64_t offset, size_t size)
{
	off_t at = (off_t)offset;
	ssize_t sent;

	do {
		sent = sendfile(socket, file, &at, size);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

int copy_open(struct copy_pipe *pipe)
{
	int size;

	if (pipe2(pipe->ends, O_CLOEXEC) < 0)
		return -errno;
	/* Refused when the user's pipes already use their share: the default size works too. */
	size = fcntl(pipe->ends[1], F_SETPIPE_SZ, PIPE_SIZE);
	pipe->size = size > 0 ? (size_t)size : 65536;
	pipe->held = 0;
	return 0;
}

void copy_close(struct copy_pipe *pipe)
{
	close(pipe->ends[0]);
	close(pipe->ends[1]);
}

ssize_t copy_from_socket(struct copy_pipe *pipe, int socket, size_t size)
{
	ssize_t got;

	do {
		got = splice(socket, NULL, pipe->ends[1], NULL,
			size < pipe->size ? size : pipe->size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	pipe->held += (size_t)got;
	return got;
}

int copy_to_file(struct copy_pipe *pipe, int file)
{
	while (pipe->held > 0) {
		ssize_t moved = splice(pipe->ends[0], NULL, file, NULL, pipe->held, SPLICE_F_MOVE);
		if (moved < 0 && errno == EINTR)
			continue;
		if (moved < 0)
			return -errno;
		if (moved == 0)
			return -EIO;
		pipe->held -= (size_t)moved;
	}
	return 0;
}

ssize_t copy_take(struct copy_pipe *pipe, char *bytes, size_t size)
{
	ssize_t got;

	do {
		got = read(pipe->ends[0], bytes, size < pipe->held ? size : pipe->held);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	pipe->held -= (size_t)got;
	return got;
}
