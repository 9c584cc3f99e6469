/* channel: the same bytes with and without TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "system/channel.h"
#include "system/io.h"
#include "unit/tls_peer.h"

#define LARGE ((size_t)3 << 20)

static struct pair pair;
static struct channel channel;

static int clear(void **state)
{
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.ends), 0);
	channel = (struct channel){.fd = pair.ends[0]};
	return 0;
}

static int end_clear(void **state)
{
	(void)state;
	close(pair.ends[0]);
	close(pair.ends[1]);
	return 0;
}

static int secure(void **state)
{
	(void)state;
	server_open(&pair, TLS_DATA);
	channel = (struct channel){.fd = pair.ends[0], .tls = pair.tls};
	return 0;
}

static int end_secure(void **state)
{
	(void)state;
	server_close(&pair);
	return 0;
}

/* ---- in clear ---- */

static void test_clear_bytes(void **state)
{
	char bytes[16];

	(void)state;
	assert_int_equal(channel_receive(&channel, bytes, sizeof(bytes)), -EAGAIN);
	assert_int_equal(channel.want, IO_READ);
	assert_int_equal(send(pair.ends[1], "NOOP", 4, 0), 4);
	assert_false(channel_has_more(&channel));
	assert_int_equal(channel_receive(&channel, bytes, sizeof(bytes)), 4);
	assert_int_equal(channel_send(&channel, "200", 3), 3);
	assert_int_equal(recv(pair.ends[1], bytes, sizeof(bytes), 0), 3);
	assert_true(channel_sends_files(&channel));
	assert_int_equal(channel_finish(&channel, io_deadline(1)), 0);
	assert_int_equal(recv(pair.ends[1], bytes, sizeof(bytes), 0), -1); /* nothing was said */
	shutdown(pair.ends[1], SHUT_WR);
	assert_int_equal(channel_receive(&channel, bytes, sizeof(bytes)), 0);
}

static void test_clear_client_that_never_reads(void **state)
{
	static char bytes[LARGE];

	(void)state;
	assert_int_equal(
		channel_send_all(&channel, bytes, sizeof(bytes), io_now() + 50), -ETIMEDOUT);
}

/* ---- with TLS ---- */

static void test_secure_bytes(void **state)
{
	char bytes[16];

	(void)state;
	assert_int_equal(channel_receive(&channel, bytes, sizeof(bytes)), -EAGAIN);
	assert_int_equal(channel.want, IO_READ);
	assert_int_equal(SSL_write(pair.client, "NOOP", 4), 4);
	assert_int_equal(channel_receive(&channel, bytes, 1), 1);
	assert_true(channel_has_more(&channel));
	assert_int_equal(channel_receive(&channel, bytes, sizeof(bytes)), 3);
	assert_false(channel_has_more(&channel));
	assert_int_equal(channel_send(&channel, "200", 3), 3);
	assert_int_equal(SSL_read(pair.client, bytes, sizeof(bytes)), 3);
	assert_false(channel_sends_files(&channel));
}

static void test_secure_end(void **state)
{
	char bytes[16];

	(void)state;
	assert_int_equal(channel_finish(&channel, io_deadline(1)), 0);
	assert_int_equal(SSL_read(pair.client, bytes, sizeof(bytes)), 0);
	assert_int_equal(SSL_get_error(pair.client, 0), SSL_ERROR_ZERO_RETURN);
	shutdown(pair.ends[1], SHUT_WR);
	assert_int_equal(channel_receive(&channel, bytes, sizeof(bytes)), -ECONNABORTED);
}

static void test_secure_client_that_never_reads(void **state)
{
	static char bytes[LARGE];

	(void)state;
	assert_int_equal(
		channel_send_all(&channel, bytes, sizeof(bytes), io_now() + 50), -ETIMEDOUT);
}

/* Nor takes the close_notify. */
static void test_secure_end_that_waits(void **state)
{
	static const char bytes[LARGE];

	(void)state;
	while (send(pair.ends[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(channel_finish(&channel, io_now() + 50), -ETIMEDOUT);
}

/* Where the kernel does not encrypt, a file is not sent in clear instead. */
static void test_secure_file(void **state)
{
	char byte;
	int file = open("/proc/self/exe", O_RDONLY);

	(void)state;
	assert_true(file >= 0);
	assert_true(channel_send_file(&channel, file, 0, 100) < 0);
	assert_int_equal(recv(pair.ends[1], &byte, 1, MSG_DONTWAIT), -1);
	close(file);
}

/* Reads to the end in a process of its own; exits with 0 if all came, and a close_notify behind it. */
static pid_t read_elsewhere(size_t size)
{
	static char bytes[1 << 16];
	pid_t pid = fork();
	size_t total = 0;
	int got;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	close(pair.ends[0]);
	(void)fcntl(pair.ends[1], F_SETFL, 0);
	while ((got = SSL_read(pair.client, bytes, sizeof(bytes))) > 0)
		total += (size_t)got;
	_exit(total == size && SSL_get_error(pair.client, got) == SSL_ERROR_ZERO_RETURN ? 0 : 1);
}

static void test_secure_much(void **state)
{
	static char bytes[LARGE];
	pid_t reader = read_elsewhere(sizeof(bytes));
	int status = -1;

	(void)state;
	assert_int_equal(channel_send_all(&channel, bytes, sizeof(bytes), io_deadline(60)), 0);
	assert_int_equal(channel_finish(&channel, io_deadline(60)), 0);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
}

/* Its end leaves the connection open. */
static void test_drop(void **state)
{
	char byte;

	(void)state;
	channel_drop(&channel);
	pair.tls = NULL;
	assert_null(channel.tls);
	channel_drop(&channel);
	assert_int_equal(channel_receive(&channel, &byte, 1), -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clear_bytes, clear, end_clear),
		cmocka_unit_test_setup_teardown(
			test_clear_client_that_never_reads, clear, end_clear),
		cmocka_unit_test_setup_teardown(test_secure_bytes, secure, end_secure),
		cmocka_unit_test_setup_teardown(test_secure_end, secure, end_secure),
		cmocka_unit_test_setup_teardown(
			test_secure_client_that_never_reads, secure, end_secure),
		cmocka_unit_test_setup_teardown(test_secure_end_that_waits, secure, end_secure),
		cmocka_unit_test_setup_teardown(test_secure_file, secure, end_secure),
		cmocka_unit_test_setup_teardown(test_secure_much, secure, end_secure),
		cmocka_unit_test_setup_teardown(test_drop, secure, end_secure),
	};

	return cmocka_run_group_tests(tests, server_make_files, server_remove_files);
}
