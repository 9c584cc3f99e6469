/* utf8: what is a character of RFC 3629, and what would change how a line reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "text/utf8.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static size_t encode(uint32_t point, char out[UTF8_LONGEST + 1])
{
	size_t size = point < 0x80 ? 1 : (point < 0x800 ? 2 : (point < 0x10000 ? 3 : 4));

	memset(out, 0, UTF8_LONGEST + 1);
	for (size_t i = size; i-- > 1; point >>= 6)
		out[i] = (char)(0x80 | (point & 0x3f));
	out[0] = (char)(size == 1 ? point : (0xf00U >> size & 0xff) | point);
	return size;
}

/* Every code point there is, and those behind the last. */
static void test_every_point(void **state)
{
	char text[UTF8_LONGEST + 1];

	(void)state;
	for (uint32_t point = 0; point < 0x1fffff; point++) {
		size_t size = encode(point, text);
		bool valid = point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
		uint32_t got = UINT32_MAX;
		assert_int_equal(utf8_decode(text, size, &got), valid ? size : 0);
		if (valid)
			assert_int_equal(got, point);
		assert_int_equal(utf8_decode(text, size - 1, &got), 0);
	}
}

static void test_no_characters(void **state)
{
	static const char *const cases[] = {"\x80", "\xbf", "\xc0\x80", "\xc0\xaf", "\xc1\xbf",
		"\xc2", "\xc2x", "\xc2\xc2", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xe2\x82",
		"\xe2\x82x", "\xed\xa0\x80", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98",
		"\xf0\x9f\x98\xff", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80",
		"\xfc\x84\x80\x80\x80\x80", "\xfe", "\xff"};
	uint32_t point;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(utf8_decode(cases[i], UTF8_LONGEST, &point), 0);
		assert_false(utf8_is_valid(cases[i]));
	}
}

static void test_texts(void **state)
{
	(void)state;
	assert_true(utf8_is_valid(""));
	assert_true(utf8_is_valid("plain"));
	assert_true(utf8_is_valid("gr\xc3\xbc\xc3\x9f \xed\x95\x9c\xea\xb8\x80 \xf0\x9f\x98\x80"));
	assert_false(utf8_is_valid("gr\xc3\xbc\xc3"));
	assert_false(utf8_is_valid("gr\xfc\xdf"));
}

static void test_what_disturbs(void **state)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {{0, 0x1f}, {0x7f, 0x9f}, {0x61c, 0x61c}, {0x200e, 0x200f}, {0x2028, 0x202e},
		{0x2066, 0x2069}, {0xfeff, 0xfeff}};
	size_t next = 0;

	(void)state;
	for (uint32_t point = 0; point <= 0x10ffff; point++) {
		if (next < COUNT(ranges) && point > ranges[next].last)
			next++;
		assert_int_equal(
			utf8_disturbs(point), next < COUNT(ranges) && point >= ranges[next].first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_point),
		cmocka_unit_test(test_no_characters),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_what_disturbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
