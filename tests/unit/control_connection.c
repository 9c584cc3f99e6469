/* connection: command lines in and replies out over a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "control/connection.h"
#include "session.h"
#include "system/io.h"

/* Long enough for anything that ought to happen at once. */
#define SOON (io_now() + 10000)
#define AT_ONCE (io_now())

static struct control control;
static int client;
static char received[1 << 18];
static size_t received_size;

static int start(void **state)
{
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -1;
	memset(&control, 0, sizeof(control));
	control_start(&control, ends[0], 1);
	client = ends[1];
	received_size = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	control_close(&control);
	if (client >= 0)
		close(client);
	return 0;
}

static void say(const char *text)
{
	assert_int_equal(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The same many times, in one go: each packet takes up room in the socket. */
static void say_often(const char *text, size_t times)
{
	static char all[1 << 16];
	size_t size = strlen(text);

	for (size_t i = 0; i < times; i++)
		memcpy(all + i * size, text, size);
	assert_int_equal(send(client, all, times * size, MSG_NOSIGNAL), times * size);
}

static void leave(void)
{
	close(client);
	client = -1;
}

/* What the client has got so far. */
static const char *heard(void)
{
	ssize_t got;

	do {
		got = recv(client, received + received_size, sizeof(received) - 1 - received_size,
			MSG_DONTWAIT);
		if (got > 0)
			received_size += (size_t)got;
	} while (got > 0);
	received[received_size] = '\0';
	return received;
}

static void queue(int code, const char *text)
{
	struct reply answer = reply(code, text);

	control_reply(&control, &answer);
}

static void check_next(const char *expected)
{
	char *text;
	size_t size;

	assert_int_equal(control_next(&control, 0, SOON, &text, &size), LINE_READY);
	assert_int_equal(size, strlen(expected));
	assert_string_equal(text, expected);
}

static int next(int64_t deadline)
{
	char *text;
	size_t size;

	return control_next(&control, 0, deadline, &text, &size);
}

static void test_lines(void **state)
{
	(void)state;
	say("USER a\r\nPASS b\nQU");
	check_next("USER a");
	check_next("PASS b");
	assert_int_equal(next(AT_ONCE), -ETIMEDOUT);
	say("IT\r\n");
	check_next("QUIT");
	assert_int_equal(next(AT_ONCE), -ETIMEDOUT);
}

/* While lines wait, replies do too; then all of them go out, before anything is waited for. */
static void test_replies_of_a_pipeline_go_together(void **state)
{
	(void)state;
	say("A\r\nB\r\n");
	check_next("A");
	queue(200, "a");
	check_next("B");
	assert_string_equal(heard(), "");
	queue(201, "b");
	assert_string_equal(heard(), "");
	assert_int_equal(next(AT_ONCE), -ETIMEDOUT);
	assert_string_equal(heard(), "200 a\r\n201 b\r\n");
}

static void test_thousand_commands(void **state)
{
	unsigned lines = 0;

	(void)state;
	say_often("NOOP\r\n", 1000);
	for (int i = 0; i < 1000; i++) {
		check_next("NOOP");
		queue(200, "NOOP ok.");
	}
	assert_int_equal(control_flush(&control), 0);
	for (const char *at = heard(); *at; at += strlen("200 NOOP ok.\r\n"), lines++)
		assert_memory_equal(at, "200 NOOP ok.\r\n", 14);
	assert_int_equal(lines, 1000);
}

static void test_over_long_line(void **state)
{
	static char text[5001];

	(void)state;
	memset(text, 'a', 5000);
	say(text);
	say("\r\nNOOP\r\n");
	assert_int_equal(next(SOON), LINE_TOO_LONG);
	check_next("NOOP");
}

static void test_flood(void **state)
{
	static char text[100001];

	(void)state;
	memset(text, 'a', 100000);
	say(text);
	assert_int_equal(next(SOON), LINE_TOO_LONG);
	assert_int_equal(next(SOON), LINE_FLOOD);
}

static void test_telnet_is_answered(void **state)
{
	(void)state;
	say("\xFF\xFD\x01NOOP\r\n");
	check_next("NOOP");
	queue(200, "ok");
	assert_int_equal(control_flush(&control), 0);
	assert_string_equal(heard(), "\xFF\xFC\x01"
				     "200 ok\r\n");
}

/* ---- ends ---- */

static void test_lines_before_the_end(void **state)
{
	(void)state;
	say("A\r\nB\r\nDELE x");
	shutdown(client, SHUT_WR);
	check_next("A");
	check_next("B");
	assert_int_equal(next(SOON), -EPIPE); /* no LF: no command */
	assert_int_equal(next(SOON), -EPIPE);
}

/* A client that has said all it wants still reads. */
static void test_half_closed_client_gets_its_replies(void **state)
{
	(void)state;
	say("A\r\n");
	shutdown(client, SHUT_WR);
	check_next("A");
	queue(200, "a");
	assert_int_equal(next(SOON), -EPIPE);
	assert_string_equal(heard(), "200 a\r\n");
}

/* The same when the end was noticed while the command ran: during a delay, or a transfer. */
static void test_half_closed_client_gets_its_last_reply(void **state)
{
	(void)state;
	say("RETR a\r\n");
	check_next("RETR a");
	shutdown(client, SHUT_WR);
	assert_int_equal(control_gather(&control), -EPIPE);
	assert_true(control.ended);
	queue(226, "Transfer complete.");
	assert_int_equal(next(SOON), -EPIPE);
	assert_string_equal(heard(), "226 Transfer complete.\r\n");
}

static void test_client_has_gone(void **state)
{
	(void)state;
	leave();
	queue(200, "a");
	assert_int_equal(control_flush(&control), -EPIPE);
	assert_true(control.failed);
	assert_int_equal(control_flush(&control), -EPIPE);
	assert_int_equal(next(SOON), -EPIPE);
	assert_int_equal(control_gather(&control), -EPIPE);
	queue(200, "b"); /* does no harm */
	assert_int_equal(control_bytes(&control, "c", 1), -EPIPE);
}

/* ---- gathering ---- */

static void test_gather(void **state)
{
	(void)state;
	assert_int_equal(control_gather(&control), 0);
	say("ABOR\r\n");
	assert_int_equal(control_gather(&control), 1);
	assert_int_equal(control_gather(&control), 0);
	check_next("ABOR");
	leave();
	assert_int_equal(control_gather(&control), -EPIPE);
	assert_int_equal(control_gather(&control), -EPIPE);
}

static void test_gather_until_there_is_no_room(void **state)
{
	int rounds = 0;

	(void)state;
	say_often("ABOR x\r\n", 4000);
	assert_true(control_has_room(&control));
	while (control_has_room(&control) && rounds++ < 100000)
		assert_int_equal(control_gather(&control), 1);
	assert_false(control_has_room(&control));
	assert_int_equal(control_gather(&control), 0);
	assert_false(control.ended);
	for (int i = 0; i < 4000; i++)
		check_next("ABOR x");
	assert_true(control_has_room(&control));
}

/* ---- much to send ---- */

/* Reads in a process of its own until the end; exits with 0 if it got `size` bytes. */
static pid_t read_elsewhere(size_t size)
{
	pid_t pid = fork();
	size_t total = 0;
	ssize_t got;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	close(control.channel.fd);
	while ((got = recv(client, received, sizeof(received), 0)) > 0)
		total += (size_t)got;
	_exit(total == size ? 0 : 1);
}

static void check_reader(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_many_large_replies(void **state)
{
	static char text[12001];
	pid_t reader = read_elsewhere(200 * (12000 + 6));

	(void)state;
	memset(text, 'x', 12000);
	control.patience = 60;
	for (int i = 0; i < 200; i++)
		queue(200, text);
	assert_int_equal(control_flush(&control), 0);
	shutdown(control.channel.fd, SHUT_WR);
	check_reader(reader);
}

static void test_many_raw_bytes(void **state)
{
	static char text[1000];
	pid_t reader = read_elsewhere(1000 * sizeof(text));

	(void)state;
	memset(text, 'x', sizeof(text));
	control.patience = 60;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(control_bytes(&control, text, sizeof(text)), 0);
	assert_int_equal(control_flush(&control), 0);
	shutdown(control.channel.fd, SHUT_WR);
	check_reader(reader);
}

/* Patience has an end. */
static void test_client_that_never_reads(void **state)
{
	static char text[12001];
	int error = 0;

	(void)state;
	memset(text, 'x', 12000);
	for (int i = 0; i < 1000 && error == 0; i++) {
		queue(200, text);
		error = control_flush(&control);
	}
	assert_int_equal(error, -ETIMEDOUT);
	assert_true(control.failed);
	assert_int_equal(control_flush(&control), -EPIPE);
}

/* ---- the last line of a reply always arrives ---- */

/* Queues the reply behind `before` bytes of others, for a client that reads all the while. */
static void check_last_line(size_t before, int code, const char *text, const char *last)
{
	size_t size = strlen(last);

	start(NULL);
	control.patience = 60;
	for (size_t done = 0; done < before; done += strlen("200 another\r\n"))
		queue(200, "another");
	queue(code, text);
	assert_int_equal(control_flush(&control), 0);
	(void)heard();
	assert_true(received_size > size);
	assert_memory_equal(received + received_size - size, last, size);
	end(NULL);
}

/* Nothing is read until all is sent: the socket must hold it. */
static void check_last_line_anywhere(int code, const char *text, const char *last)
{
	for (size_t before = 0; before < 2 * sizeof(control.out_bytes); before += 1000)
		check_last_line(before, code, text, last);
}

static void test_longest_path(void **state)
{
	static const char bytes[] = "\"\r\xFF";
	static char path[4096], text[SESSION_TEXT];
	struct buffer b;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
		memset(path, bytes[i], sizeof(path) - 1);
		buffer_start(&b, text, sizeof(text));
		reply_append_path(&b, path);
		buffer_string(&b, " created");
		check_last_line_anywhere(257, buffer_text(&b), "\" created\r\n");
	}
}

/* A directory's message of 4000 bytes, vsftpd's limit. */
static void test_message_of_empty_lines(void **state)
{
	static char text[SESSION_TEXT];

	(void)state;
	memset(text, '\n', 4000);
	memcpy(text + 4000, "end", 4);
	check_last_line_anywhere(250, text, "\r\n250 end\r\n");
	memset(text, '\n', sizeof(text) - 4);
	memcpy(text + sizeof(text) - 4, "end", 4);
	check_last_line_anywhere(250, text, "\r\n250 end\r\n");
}

/* A banner's line has no limit but the file's. A client waits for its end. */
static void test_over_long_line_of_a_reply(void **state)
{
	static char text[50001];

	(void)state;
	memset(text, 'x', 50000);
	check_last_line(0, 220, text, "\r\n");
	check_last_line(15000, 220, text, "\r\n");
	memcpy(text + 30000, "\nend", 5);
	check_last_line(0, 220, text, "\r\n220 end\r\n");
	check_last_line(15000, 220, text, "\r\n220 end\r\n");
}

static void test_iac_in_raw_bytes(void **state)
{
	(void)state;
	assert_int_equal(control_bytes(&control, " a\xFF\r\n", 5), 0);
	assert_int_equal(control_flush(&control), 0);
	assert_string_equal(heard(), " a\xFF\xFF\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, start, end),
		cmocka_unit_test_setup_teardown(test_replies_of_a_pipeline_go_together, start, end),
		cmocka_unit_test_setup_teardown(test_thousand_commands, start, end),
		cmocka_unit_test_setup_teardown(test_over_long_line, start, end),
		cmocka_unit_test_setup_teardown(test_flood, start, end),
		cmocka_unit_test_setup_teardown(test_telnet_is_answered, start, end),
		cmocka_unit_test_setup_teardown(test_lines_before_the_end, start, end),
		cmocka_unit_test_setup_teardown(
			test_half_closed_client_gets_its_replies, start, end),
		cmocka_unit_test_setup_teardown(
			test_half_closed_client_gets_its_last_reply, start, end),
		cmocka_unit_test_setup_teardown(test_client_has_gone, start, end),
		cmocka_unit_test_setup_teardown(test_gather, start, end),
		cmocka_unit_test_setup_teardown(test_gather_until_there_is_no_room, start, end),
		cmocka_unit_test_setup_teardown(test_many_large_replies, start, end),
		cmocka_unit_test_setup_teardown(test_many_raw_bytes, start, end),
		cmocka_unit_test_setup_teardown(test_client_that_never_reads, start, end),
		cmocka_unit_test_setup_teardown(test_iac_in_raw_bytes, start, end),
		cmocka_unit_test(test_longest_path),
		cmocka_unit_test(test_message_of_empty_lines),
		cmocka_unit_test(test_over_long_line_of_a_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
