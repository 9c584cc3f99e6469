/* json: one object in a line, whatever is put into it. tests/client/test_events.py asks Python's parser, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "text/json.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static char storage[4096];

static void check(struct json *json, const char *expected)
{
	json_end(json);
	assert_string_equal(buffer_text(&json->b), expected);
}

static void test_members(void **state)
{
	struct json json;

	(void)state;
	json_start(&json, storage, sizeof(storage));
	check(&json, "{}\n");
	json_start(&json, storage, sizeof(storage));
	json_string(&json, "none", NULL, 10);
	json_string(&json, "empty", "", 10);
	json_string(&json, "text", "a b", 10);
	json_number(&json, "zero", 0);
	json_number(&json, "most", UINT64_MAX);
	json_truth(&json, "yes", true);
	json_truth(&json, "no", false);
	check(&json, "{\"empty\":\"\",\"text\":\"a b\",\"zero\":0,\"most\":18446744073709551615,"
		     "\"yes\":true,\"no\":false}\n");
}

static void test_seconds(void **state)
{
	static const struct {
		int64_t microseconds;
		const char *expected;
	} cases[] = {
		{0, "{\"s\":0.000000}\n"},
		{-1, "{\"s\":0.000000}\n"},
		{1, "{\"s\":0.000001}\n"},
		{12345678, "{\"s\":12.345678}\n"},
		{INT64_MAX, "{\"s\":9223372036854.775807}\n"},
	};
	struct json json;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_start(&json, storage, sizeof(storage));
		json_seconds(&json, "s", cases[i].microseconds);
		check(&json, cases[i].expected);
	}
}

static void test_text(void **state)
{
	static const struct {
		const char *text, *expected; /* what stands between the braces */
	} cases[] = {
		{"\"\\/", "\"k\":\"\\\"\\\\/\""},
		{"\x01\n\x1f \x7f~", "\"k\":\"\\u0001\\u000a\\u001f \\u007f~\""},
		{"Gr\xc3\xbc\xc3\x9f e\xcc\x81 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf",
			"\"k\":\"Gr\xc3\xbc\xc3\x9f e\xcc\x81 \xe2\x82\xac \xf0\x9f\x98\x80 "
			"\xf4\x8f\xbf\xbf\""},
		{"\xc2\x80\xc2\x9f\xc2\xa0", "\"k\":\"\\u0080\\u009f\xc2\xa0\""},
		{"\xd8\x9b\xd8\x9c\xd8\x9d", "\"k\":\"\xd8\x9b\\u061c\xd8\x9d\""},
		{"\xe2\x80\x8d\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\x90",
			"\"k\":\"\xe2\x80\x8d\\u200e\\u200f\xe2\x80\x90\""},
		{"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf",
			"\"k\":\"\xe2\x80\xa7\\u2028\\u202e\xe2\x80\xaf\""},
		{"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa",
			"\"k\":\"\xe2\x81\xa5\\u2066\\u2069\xe2\x81\xaa\""},
		{"\xef\xbb\xbe\xef\xbb\xbf", "\"k\":\"\xef\xbb\xbe\\ufeff\""},
		/* Not UTF-8: single bytes, ends too early, overlong forms, surrogates, beyond U+10FFFF. */
		{"a\xe9", "\"k\":\"a\xef\xbf\xbd\",\"k_hex\":\"61e9\""},
		{"\x80", "\"k\":\"\xef\xbf\xbd\",\"k_hex\":\"80\""},
		{"\xc3", "\"k\":\"\xef\xbf\xbd\",\"k_hex\":\"c3\""},
		{"\xc3(", "\"k\":\"\xef\xbf\xbd(\",\"k_hex\":\"c328\""},
		{"\xe2\x82", "\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"k_hex\":\"e282\""},
		{"\xc0\x80", "\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"k_hex\":\"c080\""},
		{"\xe0\x9f\xbf",
			"\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"k_hex\":\"e09fbf\""},
		{"\xed\xa0\x80",
			"\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"k_hex\":\"eda080\""},
		{"\xf0\x8f\xbf\xbf", "\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
				     "\"k_hex\":\"f08fbfbf\""},
		{"\xf4\x90\x80\x80", "\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
				     "\"k_hex\":\"f4908080\""},
		{"\xf5\xff", "\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"k_hex\":\"f5ff\""},
		/* A real replacement character is no such byte. */
		{"\xef\xbf\xbd", "\"k\":\"\xef\xbf\xbd\""},
	};
	char expected[256];
	struct json json;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_start(&json, storage, sizeof(storage));
		json_string(&json, "k", cases[i].text, 100);
		strcpy(expected, "{");
		strcat(expected, cases[i].expected);
		strcat(expected, "}\n");
		check(&json, expected);
	}
}

/* No character and no escape is cut in two. */
static void test_limit(void **state)
{
	static const struct {
		const char *text;
		size_t limit;
		const char *expected;
	} cases[] = {
		{"abc", 3, "{\"k\":\"abc\"}\n"},
		{"abcd", 3, "{\"k\":\"abc\",\"cut\":true}\n"},
		{"a\"b", 2, "{\"k\":\"a\",\"cut\":true}\n"},
		{"a\"b", 3, "{\"k\":\"a\\\"\",\"cut\":true}\n"},
		{"\n", 5, "{\"k\":\"\",\"cut\":true}\n"},
		{"\xe2\x82\xac", 2, "{\"k\":\"\",\"cut\":true}\n"},
		{"\xe2\x82\xac", 3, "{\"k\":\"\xe2\x82\xac\"}\n"},
		{"\xff\xff", 3, "{\"k\":\"\xef\xbf\xbd\",\"k_hex\":\"ff\",\"cut\":true}\n"},
		{"x", 0, "{\"k\":\"\",\"cut\":true}\n"},
	};
	struct json json;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_start(&json, storage, sizeof(storage));
		json_string(&json, "k", cases[i].text, cases[i].limit);
		check(&json, cases[i].expected);
	}
}

/* In too small a storage the object has fewer members, but is one. */
static void test_room(void **state)
{
	static const char whole[] = "{\"a\":\"b\",\"c\":\"\xef\xbf\xbd\",\"c_hex\":\"ff\",\"d\":1,"
				    "\"e\":true,\"f\":0.000001}\n";

	(void)state;
	for (size_t size = JSON_LEAST; size < sizeof(whole) + 20; size++) {
		char *exact = malloc(size); /* for the sanitizers to see its end */
		struct json json;
		const char *text;

		json_start(&json, exact, size);
		json_string(&json, "a", "b", 10);
		json_string(&json, "c", "\xff", 10);
		json_number(&json, "d", 1);
		json_truth(&json, "e", true);
		json_seconds(&json, "f", 1);
		json_end(&json);
		text = buffer_text(&json.b);
		assert_int_equal(text[0], '{');
		assert_string_equal(text + strlen(text) - 2, "}\n");
		if (strcmp(text, whole) != 0)
			assert_non_null(strstr(text, "\"cut\":true}\n"));
		assert_null(strstr(text, ",,"));
		assert_null(strstr(text, "{,"));
		assert_true(size < sizeof(whole) + 13 || strcmp(text, whole) == 0);
		free(exact);
	}
}

/* A text is cut where the storage ends, too; and when not even a member fits, that alone is said. */
static void test_no_room(void **state)
{
	struct json json;
	char small[JSON_LEAST];

	(void)state;
	json_start(&json, small, sizeof(small));
	json_string(&json, "k", "0123456789abcdefghijkl", 100);
	check(&json, "{\"cut\":true}\n");
	json_start(&json, small, sizeof(small));
	json_number(&json, "a-key-that-is-too-long", 1);
	check(&json, "{\"cut\":true}\n");
	json_start(&json, small, sizeof(small));
	json_truth(&json, "a-key-that-is-too-long", true);
	json_seconds(&json, "a-key-that-is-too-long", 1);
	check(&json, "{\"cut\":true}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
