/* number: decimal and octal text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "text/number.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What the output holds before a call, to see that failure leaves it alone. */
#define UNTOUCHED 4711

struct parse_case {
	const char *text;
	uint64_t max;
	int result;
	uint64_t value;
};

static const struct parse_case decimals[] = {
	{"0", UINT64_MAX, 0, 0},
	{"0", 0, 0, 0},
	{"1", 0, -ERANGE, UNTOUCHED},
	{"007", 10, 0, 7},
	{"00000000000000000000000000000000000042", 42, 0, 42},
	{"10", 10, 0, 10},
	{"11", 10, -ERANGE, UNTOUCHED},
	{"20", 10, -ERANGE, UNTOUCHED},
	{"9", 9, 0, 9},
	{"10", 9, -ERANGE, UNTOUCHED},
	{"255", 255, 0, 255},
	{"256", 255, -ERANGE, UNTOUCHED},
	{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
	{"18446744073709551616", UINT64_MAX, -ERANGE, UNTOUCHED},
	{"184467440737095516150", UINT64_MAX, -ERANGE, UNTOUCHED},
	{"9223372036854775807", INT64_MAX, 0, INT64_MAX},
	{"9223372036854775808", INT64_MAX, -ERANGE, UNTOUCHED},
	{"", 9, -EINVAL, UNTOUCHED},
	{" 1", 9, -EINVAL, UNTOUCHED},
	{"1 ", 9, -EINVAL, UNTOUCHED},
	{"+1", 9, -EINVAL, UNTOUCHED},
	{"-1", 9, -EINVAL, UNTOUCHED},
	{"0x1", 99, -EINVAL, UNTOUCHED},
	{"1.0", 99, -EINVAL, UNTOUCHED},
	{"/", 99, -EINVAL, UNTOUCHED},
	{":", 99, -EINVAL, UNTOUCHED},
	{"\xB2", 99, -EINVAL, UNTOUCHED},
	{"999999999999999999999999x", 9, -EINVAL, UNTOUCHED},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decimals); i++) {
		const struct parse_case *c = &decimals[i];
		uint64_t value = UNTOUCHED;

		assert_int_equal(number_parse(c->text, c->max, &value), c->result);
		assert_int_equal(value, c->value);
	}
}

static void test_parse_bytes_is_bounded(void **state)
{
	uint64_t value = UNTOUCHED;

	(void)state;
	assert_int_equal(number_parse_bytes("123,4", 3, 999, &value), 0);
	assert_int_equal(value, 123);
	assert_int_equal(number_parse_bytes("123,4", 4, 999, &value), -EINVAL);
	assert_int_equal(number_parse_bytes("123", 0, 999, &value), -EINVAL);
	assert_int_equal(number_parse_bytes("1\0", 2, 999, &value), -EINVAL);
	assert_int_equal(number_parse_bytes("123", 3, 99, &value), -ERANGE);
	assert_int_equal(value, 123);
}

static const struct parse_case octals[] = {
	{"0", 07777, 0, 0},
	{"644", 07777, 0, 0644},
	{"0644", 07777, 0, 0644},
	{"7777", 07777, 0, 07777},
	{"10000", 07777, -ERANGE, UNTOUCHED},
	{"777777777777777777777777777", UINT32_MAX, -ERANGE, UNTOUCHED},
	{"37777777777", UINT32_MAX, 0, UINT32_MAX},
	{"8", 07777, -EINVAL, UNTOUCHED},
	{"648", 07777, -EINVAL, UNTOUCHED},
	{"", 07777, -EINVAL, UNTOUCHED},
	{"-7", 07777, -EINVAL, UNTOUCHED},
	{"0o7", 07777, -EINVAL, UNTOUCHED},
};

static void test_parse_octal(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(octals); i++) {
		const struct parse_case *c = &octals[i];
		unsigned value = UNTOUCHED;

		assert_int_equal(number_parse_octal(c->text, (unsigned)c->max, &value), c->result);
		assert_int_equal(value, c->value);
	}
}

static void check_format(uint64_t value, const char *text)
{
	char out[NUMBER_TEXT];
	uint64_t back;

	assert_int_equal(number_format(value, out), strlen(text));
	assert_string_equal(out, text);
	assert_int_equal(number_parse(out, UINT64_MAX, &back), 0);
	assert_int_equal(back, value);
}

static void test_format(void **state)
{
	(void)state;
	check_format(0, "0");
	check_format(9, "9");
	check_format(10, "10");
	check_format(1234567890, "1234567890");
	check_format(INT64_MAX, "9223372036854775807");
	check_format(UINT64_MAX, "18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_bytes_is_bounded),
		cmocka_unit_test(test_parse_octal),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
