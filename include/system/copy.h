/* Copying inside the kernel: the fast paths of a transfer. */
#ifndef SOLOFTPD_SYSTEM_COPY_H
#define SOLOFTPD_SYSTEM_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Moves up to `size` bytes of `file` from `offset` on to `socket`, without waiting for the socket.
 * Returns the bytes moved (0 at the end of the file) or -errno; -EINVAL where the file system can't. */
ssize_t copy_to_socket(int socket, int file, uint64_t offset, size_t size);

/* A way from a socket into a file through a pipe. */
struct copy_pipe {
	int ends[2]; /* owned */
	size_t size; /* its capacity in bytes */
	size_t held; /* bytes now in the pipe */
};

/* Makes the pipe. Returns 0 or -errno. */
int copy_open(struct copy_pipe *pipe);
void copy_close(struct copy_pipe *pipe);

/* Takes up to `size` bytes from the socket into the empty pipe, without waiting. Returns the bytes
 * taken (0 at the end of the data) or -errno. */
ssize_t copy_from_socket(struct copy_pipe *pipe, int socket, size_t size);

/* Moves all the pipe holds to the file's position. Returns 0 or -errno; -EINVAL where the file
 * system can't, with the bytes still held: copy_take gets them out. */
int copy_to_file(struct copy_pipe *pipe, int file);

/* Reads what the pipe holds into memory. Returns the bytes read or -errno. */
ssize_t copy_take(struct copy_pipe *pipe, char *bytes, size_t size);

#endif
