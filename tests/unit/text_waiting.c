/* waiting: a stack of paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "text/waiting.h"

static void check_next(struct waiting *waiting, const char *expected)
{
	char path[PATH_TEXT];

	waiting_take(waiting, path);
	assert_string_equal(path, expected);
}

static void test_last_is_first(void **state)
{
	char storage[64];
	struct waiting waiting = {.paths = storage, .capacity = sizeof(storage)};

	(void)state;
	waiting_add(&waiting, "", "a");
	waiting_add(&waiting, "a", "b");
	waiting_add(&waiting, "/", "c");
	check_next(&waiting, "/c");
	check_next(&waiting, "a/b");
	waiting_add(&waiting, "a/b", "d e");
	check_next(&waiting, "a/b/d e");
	check_next(&waiting, "a");
	assert_int_equal(waiting.size, 0);
}

/* What fits to the last byte is taken; what does not is left out, and what comes behind it may fit again. */
static void test_bounds(void **state)
{
	char storage[10];
	struct waiting waiting = {.paths = storage, .capacity = sizeof(storage)};

	(void)state;
	waiting_add(&waiting, "", "12345");
	waiting_add(&waiting, "", "6789");
	waiting_add(&waiting, "a", "b");
	assert_int_equal(waiting.size, sizeof(storage));
	waiting_add(&waiting, "", "x");
	check_next(&waiting, "a/b");
	check_next(&waiting, "12345");
	assert_int_equal(waiting.size, 0);
}

static void test_long_path(void **state)
{
	static char storage[3 * PATH_TEXT], name[PATH_TEXT];
	struct waiting waiting = {.paths = storage, .capacity = sizeof(storage)};

	(void)state;
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = 'x';
	waiting_add(&waiting, "a", name);
	assert_int_equal(waiting.size, 0);
	waiting_add(&waiting, "", name);
	check_next(&waiting, name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_is_first),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_long_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
