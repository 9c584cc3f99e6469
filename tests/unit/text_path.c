/* path: names as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "text/path.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct two {
	const char *first, *second, *result;
};

static const struct two merges[] = {
	{"/", "", "/"},
	{"/", ".", "/"},
	{"/", "..", "/"},
	{"/", "../../..", "/"},
	{"/", "/", "/"},
	{"/", "//", "/"},
	{"/", "a", "/a"},
	{"/", "a/", "/a"},
	{"/", "a//", "/a"},
	{"/a", "b", "/a/b"},
	{"/a/", "b", "/a/b"},
	{"/a", "", "/a"},
	{"/a", "/b", "/b"},
	{"/a", "//b", "/b"},
	{"/a", "..", "/"},
	{"/a/b", "..", "/a"},
	{"/a/b", "../..", "/"},
	{"/a/b", "../../../c", "/c"},
	{"/a/b", "../c/./d/../e", "/a/c/e"},
	{"/a", "./././b", "/a/b"},
	{"/a", "b/..", "/a"},
	{"/a", "b/../..", "/"},
	{"/a", "/b/../../c", "/c"},
	{"/a", "/../b", "/b"},
	{"/a/../b", "c", "/b/c"},
	{"/a/..", "../b", "/b"},
	{"//a//b//", "c//d", "/a/b/c/d"},
	{"/a", "...", "/a/..."},
	{"/a", "..b", "/a/..b"},
	{"/a", ".b", "/a/.b"},
	{"/a", "b..", "/a/b.."},
	{"/a", "-x", "/a/-x"},
	{"/a", "b c\n\xFF", "/a/b c\n\xFF"},
	{"/x", "/../../..", "/"},
	{"/x", "a/../b/../c/..", "/x"},
	{"/x", "a/b/c/../../../d", "/x/d"},
	{"", "a", "/a"},
};

static void test_merge(void **state)
{
	char out[PATH_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(merges); i++) {
		const struct two *c = &merges[i];

		assert_int_equal(path_merge(c->first, c->second, out, sizeof(out)), 0);
		assert_string_equal(out, c->result);
	}
}

/* Each result fits into exactly its size, and into one byte less not at all. */
static void test_merge_capacity(void **state)
{
	char out[PATH_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(merges); i++) {
		const struct two *c = &merges[i];
		size_t size = strlen(c->result);

		memset(out, 'X', sizeof(out));
		assert_int_equal(path_merge(c->first, c->second, out, size), -ENAMETOOLONG);
		assert_int_equal(out[0], 'X');
		assert_int_equal(path_merge(c->first, c->second, out, size + 1), 0);
		assert_string_equal(out, c->result);
		assert_int_equal(out[size + 1], 'X');
	}
}

static void test_merge_without_storage(void **state)
{
	char out[1] = {'X'};

	(void)state;
	assert_int_equal(path_merge("/", "", out, 0), -ENAMETOOLONG);
	assert_int_equal(path_merge("/", "", out, 1), -ENAMETOOLONG);
	assert_int_equal(out[0], 'X');
}

/* What ".." takes back need not fit. */
static void test_merge_detour(void **state)
{
	char path[3 * PATH_TEXT];
	char out[8];

	(void)state;
	memset(path, 'a', sizeof(path));
	memcpy(path + sizeof(path) - 6, "/../b", 6);
	assert_int_equal(path_merge("/x", path, out, sizeof(out)), 0);
	assert_string_equal(out, "/x/b");
}

/* Merging again changes nothing, from whatever short text of the critical bytes. */
static void test_merge_is_idempotent(void **state)
{
	static const char bytes[] = "/.a";
	char text[8];
	char once[16];
	char twice[16];

	(void)state;
	for (unsigned i = 0; i < 2187; i++) {
		unsigned rest = i;

		for (size_t k = 0; k < 7; k++, rest /= 3)
			text[k] = bytes[rest % 3];
		text[7] = '\0';
		assert_int_equal(path_merge("/d", text, once, sizeof(once)), 0);
		assert_int_equal(path_merge("/e", once, twice, sizeof(twice)), 0);
		assert_string_equal(once, twice);
		assert_null(strstr(once, "//"));
		assert_null(strstr(once, "/../"));
	}
}

static void test_last(void **state)
{
	(void)state;
	assert_string_equal(path_last("/a/b"), "b");
	assert_string_equal(path_last("b"), "b");
	assert_string_equal(path_last("/a/"), "");
	assert_string_equal(path_last("/"), "");
	assert_string_equal(path_last(""), "");
}

static const struct two parents[] = {
	{"/a/b", NULL, "/a"},
	{"b", NULL, "."},
	{"/b", NULL, "/"},
	{"//b", NULL, "/"},
	{"/", NULL, "/"},
	{"//", NULL, "/"},
	{"", NULL, "."},
	{"b/", NULL, "."},
	{"a/b/", NULL, "a"},
	{"a//b//", NULL, "a"},
	{"/a/b///", NULL, "/a"},
	{"../b", NULL, ".."},
	{"a/b/c", NULL, "a/b"},
};

static void test_parent(void **state)
{
	char out[16];

	(void)state;
	for (size_t i = 0; i < COUNT(parents); i++) {
		const struct two *c = &parents[i];
		size_t size = strlen(c->result);

		assert_int_equal(path_parent(c->first, out, size), -ENAMETOOLONG);
		assert_int_equal(path_parent(c->first, out, size + 1), 0);
		assert_string_equal(out, c->result);
	}
	assert_int_equal(path_parent("/", out, 0), -ENAMETOOLONG);
}

static void check_component(const char **cursor, const char *expected)
{
	const char *name;
	size_t length;

	assert_true(path_component(cursor, &name, &length));
	assert_int_equal(length, strlen(expected));
	assert_memory_equal(name, expected, length);
}

static void check_end(const char *cursor)
{
	const char *name = NULL;
	size_t length = 9;

	assert_false(path_component(&cursor, &name, &length));
	assert_false(path_component(&cursor, &name, &length));
	assert_null(name);
	assert_int_equal(length, 9);
}

static void test_component(void **state)
{
	const char *cursor = "//a/../bc///d/";

	(void)state;
	check_component(&cursor, "a");
	check_component(&cursor, "..");
	check_component(&cursor, "bc");
	check_component(&cursor, "d");
	check_end(cursor);
	check_end("");
	check_end("///");
}

static const struct two joins[] = {
	{"/a", "b", "/a/b"},
	{"/a/", "b", "/a/b"},
	{"/", "b", "/b"},
	{"", "b", "b"},
	{"", "/b", "/b"},
	{"/a", "/b", "/a/b"},
	{"/a/", "//b", "/a/b"},
	{"a", "", "a/"},
	{"", "", ""},
	{".", "b", "./b"},
};

static void test_join(void **state)
{
	char out[16];

	(void)state;
	for (size_t i = 0; i < COUNT(joins); i++) {
		const struct two *c = &joins[i];
		size_t size = strlen(c->result);

		assert_int_equal(path_join(c->first, c->second, out, size), -ENAMETOOLONG);
		assert_int_equal(path_join(c->first, c->second, out, size + 1), 0);
		assert_string_equal(out, c->result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_merge_capacity),
		cmocka_unit_test(test_merge_without_storage),
		cmocka_unit_test(test_merge_detour),
		cmocka_unit_test(test_merge_is_idempotent),
		cmocka_unit_test(test_last),
		cmocka_unit_test(test_parent),
		cmocka_unit_test(test_component),
		cmocka_unit_test(test_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
