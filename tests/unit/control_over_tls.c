/* connection over TLS: half of what a client sends does not keep the session from its deadlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "control/connection.h"
#include "system/io.h"
#include "unit/tls_peer.h"

static struct pair pair;
static struct control control;

static int begin(void **state)
{
	(void)state;
	server_open(&pair, TLS_CONTROL);
	memset(&control, 0, sizeof(control));
	control_start(&control, pair.ends[0], 1);
	control.channel.tls = pair.tls;
	return 0;
}

static int end(void **state)
{
	(void)state;
	server_close(&pair);
	return 0;
}

static int next(void)
{
	char *text;
	size_t size;

	return control_next(&control, 0, io_now() + 50, &text, &size);
}

/* A loop without end would be found by nobody: it ends the test. */
static void test_half_a_record(void **state)
{
	static const char piece[] = "\x17\x03\x03\x00\x40half of it";

	(void)state;
	alarm(10);
	for (size_t size = 1; size < sizeof(piece) - 1; size++) {
		assert_int_equal(send(pair.ends[1], piece + size - 1, 1, 0), 1);
		assert_int_equal(next(), -ETIMEDOUT);
	}
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_half_a_record, begin, end),
	};

	return cmocka_run_group_tests(tests, server_make_files, server_remove_files);
}
