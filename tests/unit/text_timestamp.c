/* timestamp: the calendar, and its forms in FTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "text/timestamp.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define DAY INT64_C(86400)

/* Sun Nov 22 15:25:03 2026 UTC. */
#define SUNDAY INT64_C(1795361103)

static char storage[64];
static struct buffer b;

static int set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
	buffer_start(&b, storage, sizeof(storage));
	return 0;
}

static int utc(void **state)
{
	(void)state;
	return set_zone("UTC0");
}

static const struct {
	int64_t seconds;
	struct civil civil;
} points[] = {
	{0, {1970, 1, 1, 0, 0, 0, 4, 0}},
	{-1, {1969, 12, 31, 23, 59, 59, 3, 0}},
	{SUNDAY, {2026, 11, 22, 15, 25, 3, 0, 0}},
	{951782400, {2000, 2, 29, 0, 0, 0, 2, 0}},
	{951868800, {2000, 3, 1, 0, 0, 0, 3, 0}},
	{4107542399, {2100, 2, 28, 23, 59, 59, 0, 0}},
	{4107542400, {2100, 3, 1, 0, 0, 0, 1, 0}},
	{2147483647, {2038, 1, 19, 3, 14, 7, 2, 0}},
	{2147483648, {2038, 1, 19, 3, 14, 8, 2, 0}},
	{-2147483649, {1901, 12, 13, 20, 45, 51, 5, 0}},
	{253402300799, {9999, 12, 31, 23, 59, 59, 5, 0}},
	{253402300800, {10000, 1, 1, 0, 0, 0, 6, 0}},
	{-62167219200, {0, 1, 1, 0, 0, 0, 6, 0}},
	{-62167219201, {-1, 12, 31, 23, 59, 59, 5, 0}},
	{INT64_MAX, {292277026596, 12, 4, 15, 30, 7, 0, 0}},
	{INT64_MIN, {-292277022657, 1, 27, 8, 29, 52, 0, 0}},
};

static void check_civil(const struct civil *result, const struct civil *expected)
{
	assert_int_equal(result->year, expected->year);
	assert_int_equal(result->month, expected->month);
	assert_int_equal(result->day, expected->day);
	assert_int_equal(result->hour, expected->hour);
	assert_int_equal(result->minute, expected->minute);
	assert_int_equal(result->second, expected->second);
	assert_int_equal(result->weekday, expected->weekday);
}

static void test_split_and_join(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(points); i++) {
		struct civil civil;

		timestamp_split(points[i].seconds, false, &civil);
		check_civil(&civil, &points[i].civil);
		assert_true(timestamp_join(&civil) == points[i].seconds);
	}
}

static void check_like_libc(int64_t seconds)
{
	time_t clock = (time_t)seconds;
	struct civil civil;
	struct civil expected;
	struct tm tm;

	assert_non_null(gmtime_r(&clock, &tm));
	expected = (struct civil){(int64_t)tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec, tm.tm_wday, 0};
	timestamp_split(seconds, false, &civil);
	check_civil(&civil, &expected);
	assert_true(timestamp_join(&civil) == seconds);
}

/* Every day of more than 400 years on both sides of the epoch. */
static void test_every_day(void **state)
{
	(void)state;
	for (int64_t day = -150000; day < 150000; day++)
		check_like_libc(day * DAY + (day * 7919 % DAY + DAY) % DAY);
}

static void test_far_days(void **state)
{
	(void)state;
	for (int64_t i = -1000; i < 1000; i++)
		check_like_libc(i * INT64_C(66000000000123));
}

static void test_join_clamps(void **state)
{
	static const struct civil after = {.year = INT64_MAX, .month = 12, .day = 31};
	static const struct civil before = {.year = INT64_MIN, .month = 1, .day = 1};
	struct civil last = points[14].civil;
	struct civil first = points[15].civil;

	(void)state;
	assert_true(timestamp_join(&after) == INT64_MAX);
	assert_true(timestamp_join(&before) == INT64_MIN);
	last.second++;
	assert_true(timestamp_join(&last) == INT64_MAX);
	first.second--;
	assert_true(timestamp_join(&first) == INT64_MIN);
	first.day--;
	assert_true(timestamp_join(&first) == INT64_MIN);
}

/* No calendar, however wrong, is undefined behaviour. */
static void test_join_takes_nonsense(void **state)
{
	static const int ints[] = {INT32_MIN, -1, 0, 13, INT32_MAX};
	static const int64_t years[] = {INT64_MIN, -1, 0, 1970, INT64_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(ints) * COUNT(ints) * COUNT(years); i++) {
		int x = ints[i % 5];
		int y = ints[i / 5 % 5];
		struct civil civil = {years[i / 25], x, y, x, y, x, y, 0};

		(void)timestamp_join(&civil);
	}
}

static void test_local(void **state)
{
	struct civil civil;

	(void)state;
	set_zone("XXX-5:30");
	timestamp_split(SUNDAY, true, &civil);
	check_civil(&civil, &(struct civil){2026, 11, 22, 20, 55, 3, 0, 0});
	timestamp_split(SUNDAY, false, &civil);
	check_civil(&civil, &points[2].civil);
}

static void test_local_falls_back(void **state)
{
	struct civil civil;

	(void)state;
	set_zone("XXX-5:30");
	timestamp_split(INT64_MAX, true, &civil);
	check_civil(&civil, &points[14].civil);
	timestamp_split(INT64_MIN, true, &civil);
	check_civil(&civil, &points[15].civil);
}

static void check_list(int64_t seconds, int64_t now, bool local, const char *expected)
{
	b.size = 0;
	timestamp_append_list(&b, seconds, now, local);
	assert_string_equal(buffer_text(&b), expected);
}

static void test_list(void **state)
{
	(void)state;
	check_list(SUNDAY, SUNDAY, false, "Nov 22 15:25");
	check_list(SUNDAY, SUNDAY + 182 * DAY, false, "Nov 22 15:25");
	check_list(SUNDAY, SUNDAY + 182 * DAY + 1, false, "Nov 22  2026");
	check_list(SUNDAY, SUNDAY - 1, false, "Nov 22  2026");
	check_list(0, SUNDAY, false, "Jan 01  1970");
	check_list(60, 60, false, "Jan 01 00:01");
}

static void test_list_local(void **state)
{
	(void)state;
	set_zone("XXX+16");
	check_list(SUNDAY, SUNDAY, true, "Nov 21 23:25");
	check_list(SUNDAY, SUNDAY, false, "Nov 22 15:25");
	check_list(0, SUNDAY, true, "Dec 31  1969");
}

/* Many times in a row, forth and back, near each other and far; in zones that change within an hour, by half an hour, and
 * that are no whole minutes from UTC. */
static void test_list_of_many(void **state)
{
	static const char *const zones[] = {"UTC0", "CET-1CEST,M3.5.0,M10.5.0/3",
		"LHST-10:30LHDT-11,M10.1.0,M4.1.0", "ODD-0:07:31", "SEC-0:15:31", "NEW+3:30:52"};
	static const int64_t steps[] = {
		1, 59, 60, 61, 421, 899, 900, 901, 1800, -7, -897, 86400 * 3 + 17, -3600};
	int64_t seconds = -2 * DAY;

	(void)state;
	for (size_t i = 0; i < 72000; i++) {
		char expected[16];
		struct civil civil;
		bool local = i % 7 != 0;
		/* A session has one zone. */
		if (i % 12000 == 0) {
			set_zone(zones[i / 12000]);
			seconds += 40 * DAY;
		}
		seconds += steps[(i * 7 + i / 13) % COUNT(steps)];
		timestamp_split(seconds, local, &civil);
		b.size = 0;
		timestamp_append_list(&b, seconds, seconds + 1, local);
		snprintf(expected, sizeof(expected), "%02d %02d:%02d", civil.day % 100,
			civil.hour % 100, civil.minute % 100);
		assert_string_equal(buffer_text(&b) + 4, expected);
	}
}

static void test_list_extremes(void **state)
{
	(void)state;
	check_list(INT64_MAX, SUNDAY, false, "Dec 04  9999");
	check_list(INT64_MIN, SUNDAY, false, "Jan 27  0000");
	check_list(INT64_MIN, INT64_MAX, false, "Jan 27  0000");
	check_list(INT64_MAX, INT64_MIN, false, "Dec 04  9999");
	check_list(-62135596801, SUNDAY, false, "Dec 31  0000");
	check_list(-30000000000, SUNDAY, false, "May 04  1019");
}

static void test_every_month_in_english(void **state)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	(void)state;
	setlocale(LC_ALL, "");
	for (int month = 1; month <= 12; month++) {
		struct civil civil = {.year = 2001, .month = month, .day = 9};

		b.size = 0;
		timestamp_append_list(&b, timestamp_join(&civil), SUNDAY, false);
		assert_memory_equal(buffer_text(&b), names + 3 * (month - 1), 3);
	}
	setlocale(LC_ALL, "C");
}

static void check_log(int64_t seconds, const char *expected)
{
	b.size = 0;
	timestamp_append_log(&b, seconds);
	assert_string_equal(buffer_text(&b), expected);
}

static void test_log(void **state)
{
	(void)state;
	check_log(SUNDAY, "Sun Nov 22 15:25:03 2026");
	check_log(0, "Thu Jan  1 00:00:00 1970");
	check_log(INT64_MAX, "Sun Dec  4 15:30:07 9999");
	check_log(INT64_MIN, "Sun Jan 27 08:29:52 0000");
	set_zone("XXX+1");
	check_log(0, "Wed Dec 31 23:00:00 1969");
}

static void test_log_like_libc(void **state)
{
	(void)state;
	for (int64_t i = 0; i < 1000; i++) {
		time_t clock = (time_t)(i * 7654321);
		char expected[64];
		struct tm tm;

		localtime_r(&clock, &tm);
		strftime(expected, sizeof(expected), "%a %b %e %H:%M:%S %Y", &tm);
		check_log(clock, expected);
	}
}

static void test_digits(void **state)
{
	(void)state;
	timestamp_append_digits(&b, SUNDAY, false);
	assert_string_equal(buffer_text(&b), "20261122152503");
	b.size = 0;
	timestamp_append_digits(&b, -62167219200, false);
	assert_string_equal(buffer_text(&b), "00000101000000");
	b.size = 0;
	set_zone("XXX+16");
	timestamp_append_digits(&b, SUNDAY, true);
	assert_string_equal(buffer_text(&b), "20261121232503");
}

static void test_utc(void **state)
{
	(void)state;
	set_zone("XXX+1");
	timestamp_append_utc(&b, SUNDAY, 0);
	assert_string_equal(buffer_text(&b), "2026-11-22T15:25:03.000000Z");
	b.size = 0;
	timestamp_append_utc(&b, -1, 999999);
	assert_string_equal(buffer_text(&b), "1969-12-31T23:59:59.999999Z");
	b.size = 0;
	timestamp_append_utc(&b, 951782400, 1);
	assert_string_equal(buffer_text(&b), "2000-02-29T00:00:00.000001Z");
}

static const struct {
	const char *text;
	size_t size;
	struct civil civil;
} good_digits[] = {
	{"20261122152503", 14, {2026, 11, 22, 15, 25, 3, 0, 0}},
	{"20261122152503 name", 14, {2026, 11, 22, 15, 25, 3, 0, 0}},
	{"20261122152503.1", 16, {2026, 11, 22, 15, 25, 3, 0, 0}},
	{"20261122152503.123456789012 a", 27, {2026, 11, 22, 15, 25, 3, 0, 0}},
	{"20261122", 8, {2026, 11, 22, 0, 0, 0, 0, 0}},
	{"20261122 a b", 8, {2026, 11, 22, 0, 0, 0, 0, 0}},
	{"20000229000000", 14, {2000, 2, 29, 0, 0, 0, 2, 0}},
	{"20240229235960", 14, {2024, 2, 29, 23, 59, 60, 4, 0}},
	{"00000101000000", 14, {0, 1, 1, 0, 0, 0, 6, 0}},
	{"99991231235959", 14, {9999, 12, 31, 23, 59, 59, 5, 0}},
};

static void test_parse_digits(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good_digits); i++) {
		struct civil civil;
		size_t size;

		assert_int_equal(timestamp_parse_digits(good_digits[i].text, &civil, &size), 0);
		assert_int_equal(size, good_digits[i].size);
		check_civil(&civil, &good_digits[i].civil);
	}
}

/* ---- fractions ---- */

static const struct {
	const char *text;
	size_t size;
	uint32_t nanoseconds;
} good_fractions[] = {
	{"20261122152503", 14, 0},
	{"20261122", 8, 0},
	{"20261122152503.0", 16, 0},
	{"20261122152503.1", 16, 100000000},
	{"20261122152503.12", 17, 120000000},
	{"20261122152503.123", 18, 123000000},
	{"20261122152503.001", 18, 1000000},
	{"20261122152503.999", 18, 999000000},
	{"20261122152503.123456789", 24, 123456789},
	{"20261122152503.000000001", 24, 1},
	{"20261122152503.999999999", 24, 999999999},
	/* What is behind the ninth digit is cut. */
	{"20261122152503.9999999999", 25, 999999999},
	{"20261122152503.0000000009", 25, 0},
	{"20261122152503.99999999999999999999999999999999", 47, 999999999},
	{"20261122152503.5 name", 16, 500000000},
	{"20261122152503.5;perm", 16, 500000000},
	{"20261122152503;", 14, 0},
	{"20261122;", 8, 0},
};

static void test_parse_fractions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good_fractions); i++) {
		struct civil civil = {.nanoseconds = 4711};
		size_t size;

		assert_int_equal(timestamp_parse_digits(good_fractions[i].text, &civil, &size), 0);
		assert_int_equal(size, good_fractions[i].size);
		assert_int_equal(civil.nanoseconds, good_fractions[i].nanoseconds);
		assert_int_equal(civil.day, 22);
	}
}

static void check_fraction(uint32_t nanoseconds, const char *expected)
{
	b.size = 0;
	timestamp_append_fraction(&b, nanoseconds);
	assert_string_equal(buffer_text(&b), expected);
}

/* Milliseconds, cut: a file must not come from the future. */
static void test_fractions(void **state)
{
	(void)state;
	check_fraction(0, "");
	check_fraction(1, "");
	check_fraction(999999, "");
	check_fraction(1000000, ".001");
	check_fraction(1999999, ".001");
	check_fraction(10000000, ".010");
	check_fraction(100000000, ".100");
	check_fraction(123456789, ".123");
	check_fraction(999999999, ".999");
}

static void test_fractions_come_back(void **state)
{
	(void)state;
	for (uint32_t milliseconds = 0; milliseconds < 1000; milliseconds++) {
		struct civil civil;
		size_t size;

		b.size = 0;
		timestamp_append_digits(&b, SUNDAY, false);
		timestamp_append_fraction(&b, milliseconds * 1000000 + 999999);
		assert_int_equal(timestamp_parse_digits(buffer_text(&b), &civil, &size), 0);
		assert_int_equal(size, b.size);
		assert_int_equal(civil.nanoseconds, milliseconds * 1000000);
		assert_true(timestamp_join(&civil) == SUNDAY);
	}
}

static const char *const bad_digits[] = {
	"",
	" 20261122",
	"a",
	"2026112",
	"202611221",
	"2026112215250",
	"202611221525033",
	"20261122.1",
	"20261122152503.",
	"20261122152503. a",
	"20261122152503.1x",
	"20261122152503.1.2",
	"20261122152503.-1",
	"20261122152503.;",
	"20261122152503,1",
	"20261122152503x",
	"20261122152503\t",
	"20261122x",
	"-0261122152503",
	"20261322152503",
	"20260022152503",
	"20261100152503",
	"20261131152503",
	"20260229000000",
	"21000229000000",
	"20261122242503",
	"20261122156003",
	"20261122152561",
	"99999999999999999999999999999999",
	"99999999",
};

static void test_bad_digits(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_digits); i++) {
		struct civil civil = {.year = 4711};
		size_t size = 99;

		assert_int_equal(timestamp_parse_digits(bad_digits[i], &civil, &size), -EINVAL);
		assert_int_equal(civil.year, 4711);
		assert_int_equal(size, 99);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_split_and_join, utc),
		cmocka_unit_test_setup(test_every_day, utc),
		cmocka_unit_test_setup(test_far_days, utc),
		cmocka_unit_test_setup(test_join_clamps, utc),
		cmocka_unit_test_setup(test_join_takes_nonsense, utc),
		cmocka_unit_test_setup(test_local, utc),
		cmocka_unit_test_setup(test_local_falls_back, utc),
		cmocka_unit_test_setup(test_list, utc),
		cmocka_unit_test_setup(test_list_local, utc),
		cmocka_unit_test_setup(test_list_of_many, utc),
		cmocka_unit_test_setup(test_list_extremes, utc),
		cmocka_unit_test_setup(test_every_month_in_english, utc),
		cmocka_unit_test_setup(test_log, utc),
		cmocka_unit_test_setup(test_log_like_libc, utc),
		cmocka_unit_test_setup(test_digits, utc),
		cmocka_unit_test_setup(test_utc, utc),
		cmocka_unit_test_setup(test_parse_digits, utc),
		cmocka_unit_test_setup(test_parse_fractions, utc),
		cmocka_unit_test_setup(test_fractions, utc),
		cmocka_unit_test_setup(test_fractions_come_back, utc),
		cmocka_unit_test_setup(test_bad_digits, utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
