/* buffer: bounded append. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "text/buffer.h"

static char storage[64];
static struct buffer b;

static int start(void **state)
{
	(void)state;
	memset(storage, 'X', sizeof(storage));
	buffer_start(&b, storage, sizeof(storage));
	return 0;
}

static void test_start_is_empty(void **state)
{
	(void)state;
	assert_int_equal(b.size, 0);
	assert_false(b.cut);
	assert_int_equal(buffer_room(&b), sizeof(storage) - 1);
	assert_string_equal(buffer_text(&b), "");
}

static void test_appends(void **state)
{
	(void)state;
	buffer_string(&b, "220 ");
	buffer_byte(&b, 'a');
	buffer_bytes(&b, "b\0c", 3);
	assert_int_equal(b.size, 8);
	assert_memory_equal(buffer_text(&b), "220 ab\0c", 9);
	assert_false(b.cut);
}

static void test_empty_range_may_be_null(void **state)
{
	(void)state;
	buffer_bytes(&b, NULL, 0);
	assert_int_equal(b.size, 0);
	assert_false(b.cut);
}

static void test_text_can_be_continued(void **state)
{
	(void)state;
	buffer_string(&b, "ab");
	assert_string_equal(buffer_text(&b), "ab");
	buffer_string(&b, "cd");
	assert_string_equal(buffer_text(&b), "abcd");
}

static void test_number(void **state)
{
	(void)state;
	buffer_number(&b, 0);
	buffer_byte(&b, ' ');
	buffer_number(&b, UINT64_MAX);
	assert_string_equal(buffer_text(&b), "0 18446744073709551615");
}

static void test_padded(void **state)
{
	(void)state;
	buffer_padded(&b, 7, 3, '0');
	buffer_padded(&b, 7, 3, ' ');
	buffer_padded(&b, 1234, 3, ' ');
	buffer_padded(&b, 123, 3, ' ');
	assert_string_equal(buffer_text(&b), "007  71234123");
}

static void test_left(void **state)
{
	(void)state;
	buffer_left(&b, "ftp", 5);
	buffer_left(&b, "", 2);
	buffer_left(&b, "exact", 5);
	buffer_left(&b, "toolong", 3);
	assert_string_equal(buffer_text(&b), "ftp    exacttoolong");
}

static void test_octal(void **state)
{
	(void)state;
	buffer_octal(&b, 0);
	buffer_byte(&b, ' ');
	buffer_octal(&b, 0644);
	buffer_byte(&b, ' ');
	buffer_octal(&b, 07777);
	buffer_byte(&b, ' ');
	buffer_octal(&b, UINT32_MAX);
	assert_string_equal(buffer_text(&b), "0 644 7777 37777777777");
}

/* Fills a buffer that has room for three bytes, and no more, with one append. */
static void check_cut(void (*append)(struct buffer *), const char *kept)
{
	start(NULL);
	buffer_start(&b, storage, 4);
	append(&b);
	assert_true(b.cut);
	assert_int_equal(b.size, 3);
	assert_string_equal(buffer_text(&b), kept);
	assert_int_equal(storage[4], 'X');
}

static void cut_string(struct buffer *to)
{
	buffer_string(to, "abcd");
}

static void cut_byte(struct buffer *to)
{
	buffer_string(to, "abc");
	buffer_byte(to, 'd');
}

static void cut_number(struct buffer *to)
{
	buffer_number(to, 12345);
}

static void cut_padded(struct buffer *to)
{
	buffer_padded(to, 1, 9, '0');
}

static void cut_left(struct buffer *to)
{
	buffer_left(to, "a", UINT32_MAX);
}

static void cut_octal(struct buffer *to)
{
	buffer_octal(to, 07654);
}

static void test_cut_keeps_what_fits(void **state)
{
	(void)state;
	check_cut(cut_string, "abc");
	check_cut(cut_byte, "abc");
	check_cut(cut_number, "123");
	check_cut(cut_padded, "000");
	check_cut(cut_left, "a  ");
	check_cut(cut_octal, "765");
}

static void test_exact_fit_is_no_cut(void **state)
{
	(void)state;
	buffer_start(&b, storage, 4);
	buffer_string(&b, "abc");
	assert_false(b.cut);
	assert_int_equal(buffer_room(&b), 0);
	buffer_string(&b, "");
	assert_false(b.cut);
}

static void test_cut_is_sticky(void **state)
{
	(void)state;
	buffer_start(&b, storage, 4);
	buffer_string(&b, "abcd");
	buffer_string(&b, "");
	assert_true(b.cut);
	buffer_start(&b, storage, 4);
	assert_false(b.cut);
}

static void test_smallest(void **state)
{
	(void)state;
	buffer_start(&b, storage, 1);
	assert_int_equal(buffer_room(&b), 0);
	buffer_byte(&b, 'a');
	assert_true(b.cut);
	assert_string_equal(buffer_text(&b), "");
	assert_int_equal(storage[1], 'X');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_start_is_empty, start),
		cmocka_unit_test_setup(test_appends, start),
		cmocka_unit_test_setup(test_empty_range_may_be_null, start),
		cmocka_unit_test_setup(test_text_can_be_continued, start),
		cmocka_unit_test_setup(test_number, start),
		cmocka_unit_test_setup(test_padded, start),
		cmocka_unit_test_setup(test_left, start),
		cmocka_unit_test_setup(test_octal, start),
		cmocka_unit_test_setup(test_cut_keeps_what_fits, start),
		cmocka_unit_test_setup(test_exact_fit_is_no_cut, start),
		cmocka_unit_test_setup(test_cut_is_sticky, start),
		cmocka_unit_test_setup(test_smallest, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
