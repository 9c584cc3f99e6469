/* io: waiting, and moving bytes without waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "system/channel.h"
#include "system/io.h"
#include "system/net.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Long enough for anything that ought to happen at once. */
#define SOON (io_now() + 10000)
#define AT_ONCE (io_now())

static int pair[2], control[2];
static char bytes[65536];

static int start(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
			       socketpair(AF_UNIX, SOCK_STREAM, 0, control) < 0
		       ? -1
		       : 0;
}

static int end(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		close(pair[i]);
		close(control[i]);
	}
	return 0;
}

/* Sends until nothing more fits; returns how much did. */
static size_t fill(int fd)
{
	size_t total = 0;
	ssize_t sent;

	while ((sent = io_send(fd, bytes, sizeof(bytes))) > 0)
		total += (size_t)sent;
	assert_int_equal(sent, -EAGAIN);
	return total;
}

/* Runs `body` in a process of its own, which may change signals; it returns 0 if all was well. */
static void run_elsewhere(int (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- clocks ---- */

static void test_clocks(void **state)
{
	int64_t first = io_microseconds(), ms = io_now(), last = io_microseconds();

	(void)state;
	assert_true(first > 0);
	assert_true(first / 1000 <= ms && ms <= last / 1000);
	assert_true(io_deadline(0) == IO_FOREVER);
	assert_true(io_deadline(10) >= ms + 10000);
	assert_true(io_deadline(10) <= io_now() + 10000);
	assert_true(io_deadline(UINT32_MAX) > ms + (int64_t)UINT32_MAX * 999);
}

/* ---- waiting ---- */

static void test_nothing_to_wait_for(void **state)
{
	(void)state;
	assert_int_equal(io_wait(-1, 0, -1, AT_ONCE), -ETIMEDOUT);
	assert_int_equal(io_wait(-1, 0, -1, 0), -ETIMEDOUT);
	assert_int_equal(io_wait(-1, 0, -1, -1000), -ETIMEDOUT);
	assert_int_equal(io_wait(pair[0], IO_READ, control[0], AT_ONCE), -ETIMEDOUT);
}

static void test_deadline_has_passed_when_it_is_reported(void **state)
{
	int64_t deadline = io_now() + 30;

	(void)state;
	assert_int_equal(io_wait(pair[0], IO_READ, control[0], deadline), -ETIMEDOUT);
	assert_true(io_now() >= deadline);
}

static void test_ready(void **state)
{
	(void)state;
	assert_int_equal(io_wait(pair[0], IO_WRITE, -1, SOON), IO_WRITE);
	assert_int_equal(io_wait(pair[0], IO_WRITE, -1, IO_FOREVER), IO_WRITE);
	assert_int_equal(send(pair[1], "x", 1, 0), 1);
	assert_int_equal(io_wait(pair[0], IO_READ, control[0], SOON), IO_READ);
	assert_int_equal(send(control[1], "x", 1, 0), 1);
	assert_int_equal(io_wait(pair[0], IO_READ, control[0], SOON), IO_READ | IO_CONTROL);
	assert_int_equal(io_wait(-1, 0, control[0], SOON), IO_CONTROL);
}

/* What is ready counts, even when the deadline has passed. */
static void test_ready_after_the_deadline(void **state)
{
	(void)state;
	assert_int_equal(send(pair[1], "x", 1, 0), 1);
	assert_int_equal(io_wait(pair[0], IO_READ, control[0], 0), IO_READ);
}

static void test_full_socket(void **state)
{
	(void)state;
	fill(pair[0]);
	assert_int_equal(io_wait(pair[0], IO_WRITE, control[0], io_now() + 20), -ETIMEDOUT);
	assert_int_equal(send(control[1], "x", 1, 0), 1);
	assert_int_equal(io_wait(pair[0], IO_WRITE, control[0], SOON), IO_CONTROL);
	assert_int_equal(io_wait_hangup(pair[0], IO_WRITE, control[0], io_now() + 20), -ETIMEDOUT);
}

static void test_ended_and_failed(void **state)
{
	(void)state;
	shutdown(pair[1], SHUT_WR);
	assert_int_equal(io_wait(pair[0], IO_READ, -1, SOON), IO_READ);
	shutdown(control[1], SHUT_WR);
	assert_int_equal(io_wait(-1, 0, control[0], SOON), IO_CONTROL);
	/* Half of the connection has ended; it has not failed. */
	assert_int_equal(io_wait_hangup(-1, 0, control[0], io_now() + 20), -ETIMEDOUT);
	close(control[1]);
	assert_int_equal(io_wait_hangup(-1, 0, control[0], SOON), IO_CONTROL);
	fill(pair[0]);
	close(pair[1]);
	assert_int_equal(io_wait(pair[0], IO_WRITE, -1, SOON), IO_WRITE);
	pair[1] = control[1] = -1;
}

static void test_hangup_does_not_mind_data(void **state)
{
	(void)state;
	assert_int_equal(send(control[1], "x", 1, 0), 1);
	assert_int_equal(io_wait_hangup(-1, 0, control[0], io_now() + 20), -ETIMEDOUT);
	assert_int_equal(send(pair[1], "x", 1, 0), 1);
	assert_int_equal(io_wait_hangup(pair[0], IO_READ, control[0], SOON), IO_READ);
}

/* ---- moving ---- */

static void test_receive(void **state)
{
	char got[8];

	(void)state;
	assert_int_equal(io_receive(pair[0], got, sizeof(got)), -EAGAIN);
	assert_int_equal(send(pair[1], "abc", 3, 0), 3);
	assert_int_equal(io_receive(pair[0], got, 2), 2);
	assert_int_equal(io_receive(pair[0], got, sizeof(got)), 1);
	assert_int_equal(got[0], 'c');
	close(pair[1]);
	pair[1] = -1;
	assert_int_equal(io_receive(pair[0], got, sizeof(got)), 0);
	assert_int_equal(io_receive(-1, got, sizeof(got)), -EBADF);
}

/* No signal: the default action would end this process. */
static void test_send_to_a_closed_end(void **state)
{
	(void)state;
	close(pair[1]);
	pair[1] = -1;
	assert_int_equal(io_send(pair[0], "x", 1), -EPIPE);
	assert_int_equal(channel_send_all(&(struct channel){.fd = pair[0]}, "x", 1, SOON), -EPIPE);
	assert_int_equal(channel_send_all(&(struct channel){.fd = pair[0]}, "x", 0, SOON), 0);
}

static void test_send_all_runs_out_of_time(void **state)
{
	(void)state;
	fill(pair[0]);
	assert_int_equal(
		channel_send_all(&(struct channel){.fd = pair[0]}, bytes, 1, io_now() + 20),
		-ETIMEDOUT);
	assert_int_equal(
		channel_send_all(&(struct channel){.fd = pair[0]}, bytes, 1, 0), -ETIMEDOUT);
}

static void test_send_all(void **state)
{
	static char large[4 << 20];
	int status;
	pid_t pid = fork();
	size_t total = 0;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		ssize_t got;
		close(pair[0]);
		while ((got = recv(pair[1], bytes, sizeof(bytes), 0)) > 0)
			total += (size_t)got;
		_exit(total == sizeof(large) ? 0 : 1);
	}
	assert_int_equal(channel_send_all(&(struct channel){.fd = pair[0]}, large, sizeof(large),
				 io_now() + 60000),
		0);
	shutdown(pair[0], SHUT_WR);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_at_end(void **state)
{
	char got;

	(void)state;
	assert_int_equal(io_at_end(pair[0]), 0);
	assert_int_equal(send(pair[1], "x", 1, 0), 1);
	assert_int_equal(io_at_end(pair[0]), 0);
	close(pair[1]);
	pair[1] = -1;
	assert_int_equal(io_at_end(pair[0]), 0); /* the byte comes first */
	assert_int_equal(io_receive(pair[0], &got, 1), 1);
	assert_int_equal(io_at_end(pair[0]), 1);
}

/* ---- signals ---- */

static int wait_terminated(void)
{
	int64_t deadline = io_now() + 2000;

	io_start(-1);
	if (kill(getpid(), SIGTERM) < 0)
		return 1;
	/* It is held back until a wait, ends that, and every one after it. */
	if (send(pair[1], "x", 1, 0) != 1)
		return 2;
	for (int i = 0; i < 3; i++)
		if (io_wait(pair[0], IO_READ, -1, IO_FOREVER) != -EINTR)
			return 3;
	/* Nothing is ready: here it is delivered, and no longer pending afterwards. */
	for (int i = 0; i < 2; i++)
		if (io_wait_hangup(-1, 0, control[0], deadline) != -EINTR)
			return 4;
	return io_now() < deadline ? 0 : 5;
}

static int wait_terminated_by_another(void)
{
	pid_t parent = getpid(), pid;

	io_start(-1);
	pid = fork();
	if (pid == 0) {
		usleep(20000);
		kill(parent, SIGTERM);
		_exit(0);
	}
	if (io_wait(pair[0], IO_READ, control[0], IO_FOREVER) != -EINTR)
		return 1;
	return waitpid(pid, NULL, 0) == pid ? 0 : 2;
}

/* Whatever comes first, the signal or the call that it is to end. */
static int receive_terminated(void)
{
	pid_t parent = getpid(), pid;
	char got[4];

	io_start(control[0]);
	pid = fork();
	if (pid == 0) {
		usleep(20000);
		kill(parent, SIGTERM);
		_exit(0);
	}
	if (io_receive_waiting(control[0], got, sizeof(got)) != -EINTR)
		return 1;
	/* What has arrived does not matter any more; nothing else is read, and replies can be sent. */
	if (send(control[1], "x", 1, MSG_NOSIGNAL) >= 0 ||
		io_receive_waiting(control[0], got, sizeof(got)) != -EINTR)
		return 2;
	if (recv(control[0], got, sizeof(got), 0) != 0 || send(control[0], "421", 3, 0) != 3)
		return 3;
	return waitpid(pid, NULL, 0) == pid ? 0 : 4;
}

static int receive_in_time(void)
{
	int64_t started = io_now();
	char got[4];

	io_start(control[0]);
	if (net_set_timeout(control[0], 1) < 0 ||
		io_receive_waiting(control[0], got, sizeof(got)) != -EAGAIN)
		return 1;
	if (io_now() - started < 950)
		return 2;
	if (send(control[1], "abc", 3, 0) != 3 ||
		io_receive_waiting(control[0], got, sizeof(got)) != 3)
		return 3;
	if (shutdown(control[1], SHUT_WR) < 0)
		return 5;
	return io_receive_waiting(control[0], got, sizeof(got)) == 0 ? 0 : 4;
}

static void note(int number)
{
	(void)number;
}

/* Other signals do not end a wait, and do not prolong it. */
static int wait_interrupted(void)
{
	struct sigaction action = {.sa_handler = note};
	pid_t parent = getpid(), pid;
	int result;

	io_start(-1);
	sigaction(SIGUSR1, &action, NULL);
	pid = fork();
	if (pid == 0)
		for (;;) {
			usleep(1000);
			if (kill(parent, SIGUSR1) < 0)
				_exit(0);
		}
	result = io_wait(pair[0], IO_READ, control[0], io_now() + 100);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return result == -ETIMEDOUT ? 0 : 1;
}

static int survive(void)
{
	static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGHUP};

	io_start(-1);
	for (size_t i = 0; i < COUNT(ignored); i++)
		if (kill(getpid(), ignored[i]) < 0)
			return 1;
	return 0;
}

static void test_termination(void **state)
{
	(void)state;
	run_elsewhere(wait_terminated);
}

static void test_termination_by_another(void **state)
{
	(void)state;
	run_elsewhere(wait_terminated_by_another);
	run_elsewhere(receive_terminated);
}

static void test_waiting_receive(void **state)
{
	(void)state;
	run_elsewhere(receive_in_time);
	assert_int_equal(io_seconds_until(IO_FOREVER), 0);
	assert_int_equal(io_seconds_until(io_now() + 10), 1);
	assert_int_equal(io_seconds_until(io_now() + 2000), 2);
	assert_int_equal(io_seconds_until(io_now()), -1);
}

static void test_other_signals(void **state)
{
	(void)state;
	run_elsewhere(wait_interrupted);
	run_elsewhere(survive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clocks),
		cmocka_unit_test_setup_teardown(test_nothing_to_wait_for, start, end),
		cmocka_unit_test_setup_teardown(
			test_deadline_has_passed_when_it_is_reported, start, end),
		cmocka_unit_test_setup_teardown(test_ready, start, end),
		cmocka_unit_test_setup_teardown(test_ready_after_the_deadline, start, end),
		cmocka_unit_test_setup_teardown(test_full_socket, start, end),
		cmocka_unit_test_setup_teardown(test_ended_and_failed, start, end),
		cmocka_unit_test_setup_teardown(test_hangup_does_not_mind_data, start, end),
		cmocka_unit_test_setup_teardown(test_receive, start, end),
		cmocka_unit_test_setup_teardown(test_send_to_a_closed_end, start, end),
		cmocka_unit_test_setup_teardown(test_send_all_runs_out_of_time, start, end),
		cmocka_unit_test_setup_teardown(test_send_all, start, end),
		cmocka_unit_test_setup_teardown(test_at_end, start, end),
		cmocka_unit_test_setup_teardown(test_termination, start, end),
		cmocka_unit_test_setup_teardown(test_termination_by_another, start, end),
		cmocka_unit_test_setup_teardown(test_waiting_receive, start, end),
		cmocka_unit_test_setup_teardown(test_other_signals, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
