/* event: objects of a session without its network, in a pipe instead of a file. What whole sessions log is asked in
 * tests/client/test_events.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "commands/event.h"
#include "commands/logs.h"
#include "commands/names.h"
#include "commands/record.h"

#include "session_fixture.h"

static int log_end;
static char line[32768];

static int start(void **state)
{
	int ends[2];

	if (session_start(state) < 0 || pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	log_end = ends[0];
	session.event_log = ends[1];
	return 0;
}

static int end(void **state)
{
	logs_close(&session);
	close(log_end);
	return session_end(state);
}

static const char *logged(void)
{
	ssize_t got = read(log_end, line, sizeof(line) - 1);

	line[got > 0 ? got : 0] = '\0';
	return line;
}

static void assert_logged(const char *text)
{
	if (!strstr(logged(), text))
		fail_msg("%s: %s", text, line);
}

static void test_reasons(void **state)
{
	static const struct {
		int error;
		const char *word;
	} cases[] = {
		{NAMES_DENIED, "denied"},
		{-ENOENT, "not_found"},
		{-EACCES, "permission"},
		{-EROFS, "permission"},
		{-ENOSPC, "no_space"},
		{-EDQUOT, "quota"},
		{-EIO, "error"},
		{0, "error"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(event_reason(cases[i].error), cases[i].word);
}

static void test_commands(void **state)
{
	(void)state;
	assert_int_equal(run("MKD made"), 257);
	assert_logged("\"user\":\"bob\",\"event\":\"mkdir\",\"ok\":true,\"path\":\"");
	assert_int_equal(run("MKD made"), 550);
	assert_logged("\"event\":\"mkdir\",\"ok\":false,\"reason\":\"exists\",\"path\":\"");
	assert_int_equal(run("NOOP"), 200);
	assert_string_equal(logged(), "");
	config->cmds_denied = "RMD";
	assert_int_equal(run("RMD made"), 550);
	assert_logged("\"event\":\"denied\",\"ok\":false,\"reason\":\"policy\",\"command\":\"RMD\","
		      "\"argument\":\"made\"}\n");
}

/* The longest of everything fits in a line, and what cannot is left out from the end. */
static void test_longest(void **state)
{
	static char path[8192];
	struct event event = {.name = "upload", .path = path, .to = path, .moved = true};

	(void)state;
	memset(path, 0xfe, sizeof(path) - 1);
	memset(session.login.name, 0xfe, sizeof(session.login.name) - 1);
	event_write(&session, &event);
	logged();
	assert_true(strlen(line) <= 16384);
	assert_non_null(strstr(line, "\"bytes\":0,\"seconds\":0.000000,\"cut\":true}\n"));
	event.to = NULL;
	event_write(&session, &event);
	assert_logged("\"bytes\":0,\"seconds\":0.000000,\"cut\":true}\n");
}

/* Lines are lost, counted by cause, and the next one begins a line. */
static void test_losses(void **state)
{
	struct log_losses *losses = &session.losses[LOGS_EVENTS];
	struct event event = {.name = "tls"};
	char piece[4096];

	(void)state;
	while (losses->lines == 0)
		event_write(&session, &event);
	assert_int_equal(losses->cause, EAGAIN);
	assert_true(losses->news);
	while (read(log_end, piece, sizeof(piece)) > 0)
		;
	/* As after a write that was cut short. */
	losses->torn = true;
	event_write(&session, &event);
	assert_false(losses->torn);
	assert_int_equal(logged()[0], '\n');
	assert_int_equal(line[1], '{');
	assert_true(losses->works);
}

static void test_off(void **state)
{
	struct event event = {.name = "tls"};

	(void)state;
	logs_close(&session);
	assert_false(event_is_on(&session));
	event_write(&session, &event);
	assert_int_equal(session.events, 1);
	assert_string_equal(session.name, "");
	assert_int_equal(session.losses[LOGS_EVENTS].lines, 0);
}

static void test_descriptors(void **state)
{
	int out[3] = {-2, -2, -2};

	(void)state;
	assert_int_equal(record_descriptors(&session, out, 3), 1);
	assert_int_equal(out[0], session.event_log);
	assert_int_equal(out[1], -2);
	session.native_log = dup(log_end);
	session.transfer_log = dup(log_end);
	assert_int_equal(record_descriptors(&session, out, 3), 3);
	assert_int_equal(record_descriptors(&session, out, 1), 1);
	logs_close(&session);
	assert_int_equal(record_descriptors(&session, out, 3), 0);
	assert_int_equal(record_kept(&session).logs[0], -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
		cmocka_unit_test_setup_teardown(test_commands, start, end),
		cmocka_unit_test_setup_teardown(test_longest, start, end),
		cmocka_unit_test_setup_teardown(test_losses, start, end),
		cmocka_unit_test_setup_teardown(test_off, start, end),
		cmocka_unit_test_setup_teardown(test_descriptors, start, end),
	};

	return cmocka_run_group_tests(tests, session_directory, session_remove_directory);
}
