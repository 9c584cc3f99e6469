#include "system/io.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

static volatile sig_atomic_t terminated;
static volatile sig_atomic_t control_socket = -1;

/* The signal may come between the check for it and the wait that it is to end. What waits for the control connection is
 * ended by this all the same, for then there is nothing more to wait for; await() sees to the others. */
static void note_termination(int number)
{
	int error = errno;

	(void)number;
	terminated = 1;
	if (control_socket >= 0)
		(void)shutdown(control_socket, SHUT_RD);
	errno = error;
}

void io_start(int control)
{
	struct sigaction action = {.sa_handler = SIG_IGN};
	sigset_t wanted;

	control_socket = control;

	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGXFSZ, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	/* Calls that are no waits go on. */
	action.sa_handler = note_termination;
	action.sa_flags = SA_RESTART;
	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &wanted, NULL);
}

bool io_is_terminated(void)
{
	return terminated != 0;
}

void io_end(void)
{
	control_socket = -1;
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

int64_t io_seconds_until(int64_t deadline)
{
	int64_t left;

	if (deadline == IO_FOREVER)
		return 0;
	left = deadline - io_now();
	return left <= 0 ? -1 : (left + 999) / 1000;
}

int64_t io_deadline(unsigned seconds)
{
	return seconds == 0 ? IO_FOREVER : io_now() + (int64_t)seconds * 1000;
}

/* Whether SIGTERM makes one of these readable. */
static bool hears_termination(const struct pollfd polled[2])
{
	for (int i = 0; i < 2; i++)
		if (polled[i].fd >= 0 && polled[i].fd == control_socket &&
			(polled[i].events & POLLIN) != 0)
			return true;
	return false;
}

/* As ppoll. SIGTERM ends it also when it has come just before. */
static int await(struct pollfd polled[2], const struct timespec *limit)
{
	sigset_t held, open;
	int ready, error;

	if (hears_termination(polled))
		return ppoll(polled, 2, limit, NULL);
	sigemptyset(&held);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, &open);
	ready = terminated ? 0 : ppoll(polled, 2, limit, &open);
	error = errno;
	sigprocmask(SIG_SETMASK, &open, NULL);
	errno = error;
	return ready;
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
		ready = await(polled, limit);
		if (terminated)
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

ssize_t io_receive_waiting(int socket, void *bytes, size_t size)
{
	ssize_t got = terminated ? 0 : recv(socket, bytes, size, 0);

	if (terminated)
		return -EINTR;
	if (got < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	return got;
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
