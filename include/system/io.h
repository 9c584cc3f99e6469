/*
 * Waiting and moving bytes. This is the only place that polls: every wait has a deadline on the
 * monotonic clock and can watch the control connection as well. SIGTERM ends any wait.
 */
#ifndef SOLOFTPD_SYSTEM_IO_H
#define SOLOFTPD_SYSTEM_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Times are milliseconds on CLOCK_MONOTONIC. */
#define IO_FOREVER INT64_MAX

enum {
	IO_READ = 1,	/* the descriptor can be read, or has ended or failed */
	IO_WRITE = 2,	/* it can be written, or has failed */
	IO_CONTROL = 4, /* the control connection can be read, or has ended or failed */
};

/* Ignores SIGPIPE, SIGXFSZ and SIGHUP and holds SIGTERM back until a wait. Called once. */
void io_start(void);

int64_t io_now(void);

/* The same clock in microseconds, to measure with. */
int64_t io_microseconds(void);

/* The deadline `seconds` from now; 0 seconds means none. */
int64_t io_deadline(unsigned seconds);

/* Waits until `fd` (-1: none) is ready for `want`, or `control` (-1: unwatched) has something to
 * read. Returns the ready bits, -ETIMEDOUT, or -EINTR once SIGTERM has come. */
int io_wait(int fd, unsigned want, int control, int64_t deadline);

/* As io_wait without want, but only a failed or reset control connection counts, not its data. */
int io_wait_hangup(int fd, unsigned want, int control, int64_t deadline);

/* recv and send without waiting and without SIGPIPE: bytes moved (0 at the end of input), or -errno
 * (-EAGAIN: not now). */
ssize_t io_receive(int socket, void *bytes, size_t size);
ssize_t io_send(int socket, const void *bytes, size_t size);

/* Whether the peer of `socket` has closed its side, as far as can be told without reading: nothing is
 * buffered before the end. */
int io_at_end(int socket);

#endif
