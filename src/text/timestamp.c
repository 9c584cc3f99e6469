#include "text/timestamp.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "text/number.h"

#define MINUTE 60
#define QUARTER (15 * MINUTE)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define RECENT (182 * DAY)

/* The Gregorian calendar repeats itself after 400 years. Years are counted from 1 March here, so
 * that the leap day is the last of its year. */
#define ERA_YEARS 400
#define ERA_DAYS 146097
#define MARCH_0000_TO_1970 719468

/* Beyond these years every time is outside int64_t; within them no day count is. */
#define YEAR_LIMIT INT64_C(300000000000)

/* English whatever the locale: clients and log readers parse them. */
static const char months[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static int64_t divide_down(int64_t value, int64_t divisor)
{
	return value / divisor - (value % divisor < 0);
}

static int weekday_of(int64_t days)
{
	/* 1 January 1970 was a Thursday. */
	return (int)(((days % 7) + 7 + 4) % 7);
}

/* Days before the first of a month, counted from 1 March: five months always have 153 days. */
static int64_t days_before_month(int64_t months_since_march)
{
	return (153 * months_since_march + 2) / 5;
}

static int64_t days_before_year(int64_t year_of_era)
{
	return year_of_era * 365 + year_of_era / 4 - year_of_era / 100;
}

static void split_days(int64_t days, struct civil *out)
{
	int64_t era = divide_down(days + MARCH_0000_TO_1970, ERA_DAYS);
	int64_t day = days + MARCH_0000_TO_1970 - era * ERA_DAYS;
	int64_t year = day / 365;
	int64_t month;

	/* 365 is a little less than a year: the guess is right or one too late. */
	if (year == ERA_YEARS || days_before_year(year) > day)
		year--;
	day -= days_before_year(year);
	month = (5 * day + 2) / 153;
	day -= days_before_month(month);
	out->year = era * ERA_YEARS + year + (month >= 10);
	out->month = (int)(month < 10 ? month + 3 : month - 9);
	out->day = (int)day + 1;
}

static int64_t join_days(int64_t year, int month, int day)
{
	int64_t since_march = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
	int64_t era;

	if (month <= 2)
		year--;
	era = divide_down(year, ERA_YEARS);
	return era * ERA_DAYS + days_before_year(year - era * ERA_YEARS) +
	       days_before_month(since_march) + day - 1 - MARCH_0000_TO_1970;
}

static void split_utc(int64_t seconds, struct civil *out)
{
	int64_t days = divide_down(seconds, DAY);
	/* Not days * DAY: that can lie below INT64_MIN. */
	int rest = (int)(seconds % DAY);

	if (rest < 0)
		rest += DAY;
	split_days(days, out);
	out->hour = rest / HOUR;
	out->minute = rest % HOUR / MINUTE;
	out->second = rest % MINUTE;
	out->weekday = weekday_of(days);
}

static void from_tm(const struct tm *tm, struct civil *out)
{
	out->year = (int64_t)tm->tm_year + 1900;
	out->month = tm->tm_mon + 1;
	out->day = tm->tm_mday;
	out->hour = tm->tm_hour;
	out->minute = tm->tm_min;
	out->second = tm->tm_sec;
	out->weekday = tm->tm_wday;
}

void timestamp_split(int64_t seconds, bool local, struct civil *out)
{
	time_t clock = (time_t)seconds;
	struct tm tm;

	if (local && localtime_r(&clock, &tm))
		from_tm(&tm, out);
	else
		split_utc(seconds, out);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
	if (value < low)
		return low;
	return value > high ? high : value;
}

int64_t timestamp_join(const struct civil *civil)
{
	int64_t year = clamp(civil->year, -YEAR_LIMIT, YEAR_LIMIT);
	int64_t days = join_days(year, civil->month, civil->day);
	int64_t rest =
		civil->hour * (int64_t)HOUR + civil->minute * (int64_t)MINUTE + civil->second;
	int64_t seconds;

	/* Takes a day over, so that the first day of int64_t does not overflow half-way. */
	if (days < 0) {
		days++;
		rest -= DAY;
	}
	if (__builtin_mul_overflow(days, DAY, &seconds) ||
		__builtin_add_overflow(seconds, rest, &seconds))
		return days < 0 ? INT64_MIN : INT64_MAX;
	return seconds;
}

static uint64_t shown_year(const struct civil *civil)
{
	return (uint64_t)clamp(civil->year, 0, 9999);
}

static void put_two(char *out, int value)
{
	number_two((unsigned)value, out);
}

static void append_two(struct buffer *b, int value)
{
	char digits[2];

	put_two(digits, value);
	buffer_bytes(b, digits, sizeof(digits));
}

static void put_year(char out[4], const struct civil *civil)
{
	int year = (int)shown_year(civil);

	put_two(out, year / 100);
	put_two(out + 2, year % 100);
}

static void append_clock(struct buffer *b, const struct civil *civil)
{
	char clock[] = "00:00";

	put_two(clock, civil->hour);
	put_two(clock + 3, civil->minute);
	buffer_bytes(b, clock, sizeof(clock) - 1);
}

/* As timestamp_split, in UTC, for many times of which neighbours are often of one day. */
static void split_day(int64_t seconds, struct civil *out)
{
	static struct civil start = {.year = 1970, .month = 1, .day = 1};
	static int64_t day; /* what `start` is of */
	int rest = (int)(seconds % DAY);

	if (seconds < 0) {
		split_utc(seconds, out);
		return;
	}
	if (day != seconds / DAY) {
		day = seconds / DAY;
		split_utc(day * DAY, &start);
	}
	*out = start;
	out->hour = rest / HOUR;
	out->minute = rest % HOUR / MINUTE;
	out->second = rest % MINUTE;
}

/* The same in local time. Zones change at whole quarters of an hour; where they do not, as long ago, nothing is
 * remembered. */
static void split_quarter(int64_t seconds, struct civil *out)
{
	static struct civil start;
	static int64_t quarter = -1; /* what `start` is of */
	int rest = (int)(seconds % QUARTER);

	if (seconds >= 0 && quarter != seconds / QUARTER) {
		timestamp_split(seconds - rest, true, &start);
		quarter = start.minute % 15 == 0 && start.second == 0 ? seconds / QUARTER : -1;
	}
	if (seconds < 0 || quarter < 0) {
		timestamp_split(seconds, true, out);
		return;
	}
	*out = start;
	out->minute += rest / MINUTE;
	out->second = rest % MINUTE;
}

static void split_near(int64_t seconds, bool local, struct civil *out)
{
	if (local)
		split_quarter(seconds, out);
	else
		split_day(seconds, out);
}

void timestamp_append_list(struct buffer *b, int64_t seconds, int64_t now, bool local)
{
	char date[] = "Jan 01 00:00";
	struct civil civil;

	split_near(seconds, local, &civil);
	memcpy(date, months[civil.month - 1], 3);
	put_two(date + 4, civil.day);
	if (seconds > now || (uint64_t)now - (uint64_t)seconds > RECENT) {
		date[7] = ' ';
		put_year(date + 8, &civil);
	} else {
		put_two(date + 7, civil.hour);
		put_two(date + 10, civil.minute);
	}
	buffer_bytes(b, date, sizeof(date) - 1);
}

void timestamp_append_log(struct buffer *b, int64_t seconds)
{
	struct civil civil;

	timestamp_split(seconds, true, &civil);
	buffer_bytes(b, weekdays[civil.weekday], 3);
	buffer_byte(b, ' ');
	buffer_bytes(b, months[civil.month - 1], 3);
	buffer_byte(b, ' ');
	buffer_padded(b, (uint64_t)civil.day, 2, ' ');
	buffer_byte(b, ' ');
	append_clock(b, &civil);
	buffer_byte(b, ':');
	append_two(b, civil.second);
	buffer_byte(b, ' ');
	buffer_padded(b, shown_year(&civil), 4, '0');
}

void timestamp_append_utc(struct buffer *b, int64_t seconds, uint32_t microseconds)
{
	struct civil civil;

	timestamp_split(seconds, false, &civil);
	buffer_padded(b, shown_year(&civil), 4, '0');
	buffer_byte(b, '-');
	append_two(b, civil.month);
	buffer_byte(b, '-');
	append_two(b, civil.day);
	buffer_byte(b, 'T');
	append_clock(b, &civil);
	buffer_byte(b, ':');
	append_two(b, civil.second);
	buffer_byte(b, '.');
	buffer_padded(b, microseconds, 6, '0');
	buffer_byte(b, 'Z');
}

void timestamp_append_digits(struct buffer *b, int64_t seconds, bool local)
{
	struct civil civil;
	char digits[14];

	split_near(seconds, local, &civil);
	put_year(digits, &civil);
	put_two(digits + 4, civil.month);
	put_two(digits + 6, civil.day);
	put_two(digits + 8, civil.hour);
	put_two(digits + 10, civil.minute);
	put_two(digits + 12, civil.second);
	buffer_bytes(b, digits, sizeof(digits));
}

void timestamp_append_fraction(struct buffer *b, uint32_t nanoseconds)
{
	if (nanoseconds < 1000000)
		return;
	buffer_byte(b, '.');
	buffer_padded(b, nanoseconds / 1000000, 3, '0');
}

static int days_of_month(int64_t year, int month)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

static bool is_real(const struct civil *civil)
{
	if (civil->month < 1 || civil->month > 12)
		return false;
	if (civil->day < 1 || civil->day > days_of_month(civil->year, civil->month))
		return false;
	return civil->hour <= 23 && civil->minute <= 59 && civil->second <= 60;
}

static int two_digits(const char *text)
{
	return (text[0] - '0') * 10 + text[1] - '0';
}

/* Reads ".digits": what is behind the ninth digit is less than a nanosecond. */
static size_t parse_fraction(const char *text, uint32_t *out_nanoseconds)
{
	uint32_t unit = 100000000, value = 0;
	size_t digits;

	if (text[0] != '.')
		return 0;
	digits = strspn(text + 1, "0123456789");
	for (size_t i = 1; i <= digits && unit > 0; i++, unit /= 10)
		value += (uint32_t)(text[i] - '0') * unit;
	*out_nanoseconds = value;
	/* Without a digit the '.' stays behind, and is no blank. */
	return digits > 0 ? digits + 1 : 0;
}

int timestamp_parse_digits(const char *text, struct civil *out_civil, size_t *out_size)
{
	struct civil civil = {.hour = 0};
	size_t size = strspn(text, "0123456789");

	if (size != 8 && size != 14)
		return -EINVAL;
	civil.year = two_digits(text) * 100 + two_digits(text + 2);
	civil.month = two_digits(text + 4);
	civil.day = two_digits(text + 6);
	if (size == 14) {
		civil.hour = two_digits(text + 8);
		civil.minute = two_digits(text + 10);
		civil.second = two_digits(text + 12);
		size += parse_fraction(text + size, &civil.nanoseconds);
	}
	if (!strchr(" ;", text[size]) || !is_real(&civil))
		return -EINVAL;
	civil.weekday = weekday_of(join_days(civil.year, civil.month, civil.day));
	*out_civil = civil;
	*out_size = size;
	return 0;
}

int64_t timestamp_join_local(const struct civil *civil)
{
	struct tm parts = {.tm_year = (int)(civil->year - 1900),
		.tm_mon = civil->month - 1,
		.tm_mday = civil->day,
		.tm_hour = civil->hour,
		.tm_min = civil->minute,
		.tm_sec = civil->second,
		.tm_isdst = -1};

	return (int64_t)mktime(&parts);
}
