/*
 * Waiting and moving bytes. This is the only place that polls: every wait has a deadline on the
 * monotonic clock and can watch the control connection as well. SIGTERM ends any wait.
 */
#ifndef SOLOFTPD_SYSTEM_IO_H
#define SOLOFTPD_SYSTEM_IO_H

#include <stdbool.h>
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

/* Ignores SIGPIPE, SIGXFSZ and SIGHUP; from now on SIGTERM ends the wait that it comes in, or the next one. Of `control`,
 * the socket of the control connection (-1: none), nothing more can be read then. */
void io_start(int control);

/* Whether SIGTERM has come. */
bool io_is_terminated(void);

/* The control connection is about to be closed. */
void io_end(void);

int64_t io_now(void);

/* The same clock in microseconds, to measure with. */
int64_t io_microseconds(void);

/* The deadline `seconds` from now; 0 seconds means none. */
int64_t io_deadline(unsigned seconds);

/* The time left in seconds, rounded up: 0 if there is no deadline, -1 if it is over. */
int64_t io_seconds_until(int64_t deadline);

/* Waits until `fd` (-1: none) is ready for `want`, or `control` (-1: unwatched) has something to
 * read. Returns the ready bits, -ETIMEDOUT, or -EINTR once SIGTERM has come. */
int io_wait(int fd, unsigned want, int control, int64_t deadline);

/* As io_wait without want, but only a failed or reset control connection counts, not its data. */
int io_wait_hangup(int fd, unsigned want, int control, int64_t deadline);

/* recv and send without waiting and without SIGPIPE: bytes moved (0 at the end of input), or -errno
 * (-EAGAIN: not now). */
ssize_t io_receive(int socket, void *bytes, size_t size);
ssize_t io_send(int socket, const void *bytes, size_t size);

/* recv on the control connection, waiting as long as its timeout says (net_set_timeout): bytes moved (0 at the end of
 * input), or -errno: -EINTR once SIGTERM has come, -EAGAIN when the time is over, or earlier. */
ssize_t io_receive_waiting(int socket, void *bytes, size_t size);

/* Whether the peer of `socket` has closed its side, as far as can be told without reading: nothing is
 * buffered before the end. */
int io_at_end(int socket);

#endif
