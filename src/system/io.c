#include "system/io.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

/* How long a busy client may go on when SIGTERM has come. */
#define ASK_EVERY_MS 50

static volatile sig_atomic_t terminated;
static sigset_t unblocked;

static void note_termination(int number)
{
	(void)number;
	terminated = 1;
}

void io_start(void)
{
	struct sigaction action = {.sa_handler = SIG_IGN};
	sigset_t blocked;

	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGXFSZ, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	action.sa_handler = note_termination;
	sigaction(SIGTERM, &action, NULL);
	/* Held back everywhere but in ppoll, so that it can't slip in between a check and a wait. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	sigdelset(&unblocked, SIGTERM);
}

int64_t io_microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t io_now(void)
{
	return io_microseconds() / 1000;
}

int64_t io_deadline(unsigned seconds)
{
	return seconds == 0 ? IO_FOREVER : io_now() + (int64_t)seconds * 1000;
}

/* ppoll delivers a signal that was held back only when nothing is ready: a busy client must not keep the
 * session from hearing SIGTERM. To ask after each wait would cost as much as many waits do. */
static bool is_terminated(void)
{
	static int64_t next;
	struct timespec now;
	sigset_t pending;
	int64_t ms;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (!terminated && ms >= next) {
		next = ms + ASK_EVERY_MS;
		if (sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1)
			terminated = 1;
	}
	return terminated;
}

static int wait_for(struct pollfd polled[2], int64_t deadline)
{
	for (;;) {
		struct timespec left, *limit = NULL;
		int ready;

		/* In an earlier wait, whose caller had something left to say. */
		if (terminated)
			return -EINTR;
		if (deadline != IO_FOREVER) {
			int64_t ms = deadline - io_now();
			if (ms < 0)
				ms = 0;
			left.tv_sec = (time_t)(ms / 1000);
			left.tv_nsec = (long)(ms % 1000) * 1000000;
			limit = &left;
		}
		ready = ppoll(polled, 2, limit, &unblocked);
		if (is_terminated())
			return -EINTR;
		if (ready > 0)
			return 0;
		if (ready == 0 && deadline != IO_FOREVER && io_now() >= deadline)
			return -ETIMEDOUT;
		if (ready < 0 && errno != EINTR)
			return -errno;
	}
}

static int wait_with(int fd, unsigned want, int control, short control_events, int64_t deadline)
{
	struct pollfd polled[2] = {{.fd = fd}, {.fd = control, .events = control_events}};
	unsigned ready = 0;
	int error;

	if (want & IO_READ)
		polled[0].events |= POLLIN;
	if (want & IO_WRITE)
		polled[0].events |= POLLOUT;
	error = wait_for(polled, deadline);
	if (error < 0)
		return error;
	if (polled[0].revents)
		ready |= want;
	if (polled[1].revents)
		ready |= IO_CONTROL;
	return (int)ready;
}

int io_wait(int fd, unsigned want, int control, int64_t deadline)
{
	return wait_with(fd, want, control, POLLIN, deadline);
}

int io_wait_hangup(int fd, unsigned want, int control, int64_t deadline)
{
	return wait_with(fd, want, control, 0, deadline);
}

ssize_t io_receive(int socket, void *bytes, size_t size)
{
	ssize_t got;

	do {
		got = recv(socket, bytes, size, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

ssize_t io_send(int socket, const void *bytes, size_t size)
{
	ssize_t sent;

	do {
		sent = send(socket, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

int io_at_end(int socket)
{
	char byte;
	ssize_t got = recv(socket, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}
