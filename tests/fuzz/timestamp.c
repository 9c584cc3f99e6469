/*
 * text/timestamp: what is read is what is written of it; any number of seconds is a day of the calendar and back.
 *
 * Input: eight bytes of seconds, eight of another time, then a text as MFMT has it.
 */
#include "fuzz.h"
#include "text/timestamp.h"

static void must_be_real(const struct civil *c)
{
	must(c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= 31);
	must(c->hour >= 0 && c->hour <= 23 && c->minute >= 0 && c->minute <= 59);
	must(c->second >= 0 && c->second <= 60 && c->weekday >= 0 && c->weekday <= 6);
}

static void check_read(const char *text)
{
	struct civil civil = {0}, again;
	struct buffer b = exact_buffer(32);
	size_t size = 0;

	if (timestamp_parse_digits(text, &civil, &size) == 0) {
		int64_t seconds = timestamp_join(&civil);
		must_be_real(&civil);
		must(size >= 8 && size <= strlen(text));
		must(text[size] == '\0' || text[size] == ' ' || text[size] == ';');
		must(civil.nanoseconds < 1000000000);
		timestamp_split(seconds, false, &again);
		must(civil.second == 60 || again.weekday == civil.weekday);
		timestamp_append_digits(&b, seconds, false);
		must(!b.cut && b.size == 14);
		if (civil.second < 60)
			must(strncmp(text, buffer_text(&b), 8) == 0);
		if (civil.second < 60 && size >= 14)
			must(strncmp(text, buffer_text(&b), 14) == 0);
		(void)timestamp_join_local(&civil);
		buffer_start(&b, b.data, b.capacity);
		timestamp_append_fraction(&b, civil.nanoseconds);
		must(b.size == 0 || b.size == 4);
		must(b.size == 0 || strncmp(text + 14, b.data, size - 14 < 4 ? size - 14 : 4) == 0);
	}
	free(b.data);
}

static void check_seconds(int64_t seconds)
{
	struct civil civil;
	int64_t days = seconds / 86400 - (seconds % 86400 < 0);

	timestamp_split(seconds, false, &civil);
	must_be_real(&civil);
	must(timestamp_join(&civil) == seconds);
	must((days % 7 + 11) % 7 == civil.weekday);
	timestamp_split(seconds, true, &civil);
	must_be_real(&civil);
}

/* All forms have one width, and nothing but digits, letters and what stands between them. */
static void check_forms(int64_t seconds, int64_t now, uint32_t micros)
{
	struct buffer b = exact_buffer(256);

	for (int local = 0; local < 2; local++) {
		timestamp_append_list(&b, seconds, now, local);
		timestamp_append_digits(&b, seconds, local);
	}
	must(b.size == (size_t)2 * (12 + 14));
	timestamp_append_log(&b, seconds);
	must(b.size == 52 + 24);
	timestamp_append_utc(&b, seconds, micros);
	must(b.size == 76 + 27 && !b.cut);
	for (size_t i = 0; i < b.size; i++)
		must(!is_control(b.data[i]) && !(b.data[i] & 0x80));
	free(b.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	int64_t seconds = (int64_t)take_number(&in, 8), now = (int64_t)take_number(&in, 8);
	char *text = take_text(&in);

	check_read(text);
	check_seconds(seconds);
	check_seconds((int64_t)(int32_t)seconds);
	check_forms(seconds, now, (uint32_t)((uint64_t)now % 1000000));
	check_forms((int32_t)seconds, (int32_t)now, 0);
	free(text);
	return 0;
}
