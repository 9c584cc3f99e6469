/*
 * Points in time as FTP shows them. UTC is computed here; local time is libc's localtime_r with the
 * zone that system/zone loaded before the jail, so nothing here opens a file.
 */
#ifndef SOLOFTPD_TEXT_TIMESTAMP_H
#define SOLOFTPD_TEXT_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/buffer.h"

struct civil {
	int64_t year;
	int month; /* 1 to 12 */
	int day;   /* 1 to 31 */
	int hour, minute, second;
	int weekday;	      /* 0 is Sunday */
	uint32_t nanoseconds; /* set by timestamp_parse_digits alone */
};

/* Seconds since 1970 (any value) to the calendar, in UTC or local time. Local times that libc can't
 * express fall back to UTC. */
void timestamp_split(int64_t seconds, bool local, struct civil *out);

/* The calendar in UTC to seconds since 1970 (proleptic Gregorian; the weekday is ignored). What lies
 * outside int64_t is clamped. */
int64_t timestamp_join(const struct civil *civil);

/* The same for a calendar in local time. */
int64_t timestamp_join_local(const struct civil *civil);

/* ls -l style: "Nov 22 15:25", or "Nov 22  2026" when `seconds` is after `now` or more than 182 days
 * before it (vsftpd's rule; the day is zero-padded). Years outside 0..9999 are clamped, here and in
 * the two forms below. */
void timestamp_append_list(struct buffer *b, int64_t seconds, int64_t now, bool local);

/* ctime style in local time, no line end: "Sun Nov 22 15:25:03 2026"; the day is blank-padded. */
void timestamp_append_log(struct buffer *b, int64_t seconds);

/* RFC 3339 in UTC: "2026-11-22T15:25:03.000120Z". */
void timestamp_append_utc(struct buffer *b, int64_t seconds, uint32_t microseconds);

/* RFC 3659 section 2.3: "20261122152503". */
void timestamp_append_digits(struct buffer *b, int64_t seconds, bool local);

/* Appends the fraction of a second that `nanoseconds` holds as ".sss" (RFC 3659 section 2.3), cut to
 * milliseconds: there are clients that take longer fractions for something else. Nothing if that is 0. */
void timestamp_append_fraction(struct buffer *b, uint32_t nanoseconds);

/* Reads "YYYYMMDDhhmmss" or "YYYYMMDD", with an optional ".digits" behind the first, at the start of
 * `text`, up to a blank, a ';' or the end. Sets the calendar (checked: real month, day of that month,
 * hour, minute, second to 60) and the bytes read. Returns 0 or -EINVAL. */
int timestamp_parse_digits(const char *text, struct civil *out_civil, size_t *out_size);

#endif
