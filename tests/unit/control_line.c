/* line: command lines out of a stream of bytes, however the stream is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "control/line.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A literal with its size, so that it may hold NUL bytes. */
#define BYTES(literal) (literal), sizeof(literal) - 1

/* The same byte many times, then an end. */
static char stream[1 << 20];

/* What came out: an event and a line, one behind the other, so that two runs can be compared. */
struct transcript {
	char bytes[1 << 20];
	size_t size;
	unsigned ready, too_long, flood;
	size_t last_size; /* of the last line */
};

static struct line line;
static struct transcript whole, cut;
static char answer_storage[4096];
static struct buffer answers;

static int start(void **state)
{
	(void)state;
	memset(&line, 0, sizeof(line));
	buffer_start(&answers, answer_storage, sizeof(answer_storage));
	return 0;
}

static void note(struct transcript *t, enum line_event event, const char *text, size_t size)
{
	assert_true(t->size + size + 2 < sizeof(t->bytes));
	t->bytes[t->size++] = (char)('0' + event);
	if (event == LINE_READY) {
		assert_int_equal(text[size], '\0');
		assert_true(size <= LINE_MAX_SIZE);
		memcpy(t->bytes + t->size, text, size);
		t->size += size;
		t->bytes[t->size++] = '\n';
		t->last_size = size;
	}
	t->ready += event == LINE_READY;
	t->too_long += event == LINE_TOO_LONG;
	t->flood += event == LINE_FLOOD;
}

/* Takes all lines that wait. */
static void take_all(struct transcript *t)
{
	enum line_event event;

	do {
		char *text = NULL;
		size_t size = 0;
		event = line_take(&line, &text, &size);
		if (event != LINE_NONE)
			note(t, event, text, size);
	} while (event != LINE_NONE && event != LINE_FLOOD);
}

/* Puts in up to `size` bytes; returns how many there was room for. */
static size_t put(const char *bytes, size_t size)
{
	char *where;
	size_t room = line_room(&line, &where);

	if (room > size)
		room = size;
	memcpy(where, bytes, room);
	line_arrived(&line, room, &answers);
	return room;
}

/* Feeds one piece of the stream and takes what it makes; false once it is a flood. */
static bool feed(struct transcript *t, const char *bytes, size_t size)
{
	while (size > 0 && t->flood == 0) {
		size_t used = put(bytes, size);
		assert_true(used > 0); /* all lines have been taken: there is room */
		bytes += used;
		size -= used;
		take_all(t);
	}
	return t->flood == 0;
}

static void clear(struct transcript *t)
{
	t->size = 0;
	t->ready = t->too_long = t->flood = 0;
	start(NULL);
}

static void run_pieces(struct transcript *t, const char *bytes, size_t size, size_t piece)
{
	clear(t);
	for (size_t at = 0; at < size; at += piece)
		if (!feed(t, bytes + at, size - at < piece ? size - at : piece))
			return;
}

static void check_same(void)
{
	assert_int_equal(cut.size, whole.size);
	assert_memory_equal(cut.bytes, whole.bytes, whole.size);
}

/* ---- splits ---- */

static const struct {
	const char *in;
	size_t in_size;
	const char *out; /* lines, each with an LF behind it */
	size_t out_size;
} streams[] = {
	{BYTES(""), BYTES("")},
	{BYTES("NOOP"), BYTES("")},
	{BYTES("NOOP\r"), BYTES("")},
	{BYTES("NOOP\r\n"), BYTES("NOOP\n")},
	{BYTES("NOOP\n"), BYTES("NOOP\n")},
	{BYTES("\r\n"), BYTES("\n")},
	{BYTES("\n\n\r\n"), BYTES("\n\n\n")},
	{BYTES("\r\r\n"), BYTES("\r\n")},
	{BYTES("NO\rOP\r\n"), BYTES("NO\rOP\n")},
	{BYTES("A\r\0B\r\n"), BYTES("A\r\0B\n")},
	{BYTES("CWD a\0b\r\nPWD\r\n"), BYTES("CWD a\0b\nPWD\n")},
	{BYTES("\0\n\0\0\r\n"), BYTES("\0\n\0\0\n")},
	{BYTES("USER a\r\nPASS b\nQUIT\r\n"), BYTES("USER a\nPASS b\nQUIT\n")},
	{BYTES("\xFF\xF4\xFF\xF2"
	       "ABOR\r\n"),
		BYTES("ABOR\n")},
	{BYTES("RETR \xFF\xFF\xFF\xFF\r\n"), BYTES("RETR \xFF\xFF\n")},
	{BYTES("NO\xFF\xFD\x01OP\r\xFF\xF1\n\xFF\xFB\x03\r\n"), BYTES("NOOP\n\n")},
	{BYTES("a\xFF\n\n"), BYTES("a\n")}, /* an IAC takes the LF with it */
	{BYTES("a\xFF\r\nb\r\n"), BYTES("a\nb\n")},
	{BYTES("\xFF\xFD\nb\r\n"), BYTES("b\n")},
	{BYTES("a\xFF"), BYTES("")},
	{BYTES("x\r\ny"), BYTES("x\n")},
	{BYTES("\x80\xC3\xA9 \xF2\r\n"), BYTES("\x80\xC3\xA9 \xF2\n")},
	{BYTES("  LIST  -la  \t\r\n"), BYTES("  LIST  -la  \t\n")},
};

static void check_lines(const struct transcript *t, const char *out, size_t size)
{
	char lines[128];
	size_t used = 0;
	bool in_line = false;

	/* Drops the events' digits: all of them are LINE_READY. */
	for (size_t i = 0; i < t->size; i++) {
		if (in_line)
			lines[used++] = t->bytes[i];
		in_line = in_line ? t->bytes[i] != '\n' : true;
	}
	assert_int_equal(used, size);
	assert_memory_equal(lines, out, size);
}

static void test_streams(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(streams); i++) {
		run_pieces(&whole, streams[i].in, streams[i].in_size, sizeof(stream));
		check_lines(&whole, streams[i].out, streams[i].out_size);
	}
}

static void check_splits(const char *in, size_t size)
{
	run_pieces(&whole, in, size, sizeof(stream));
	for (size_t first = 0; first <= size; first++) {
		for (size_t second = first; second <= size; second++) {
			clear(&cut);
			feed(&cut, in, first);
			feed(&cut, in + first, second - first);
			feed(&cut, in + second, size - second);
			check_same();
		}
	}
	run_pieces(&cut, in, size, 1);
	check_same();
}

static void test_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(streams); i++)
		check_splits(streams[i].in, streams[i].in_size);
}

/* All streams of up to seven of the bytes that mean something. */
static void test_every_short_stream(void **state)
{
	static const char alphabet[] = {'\r', '\n', '\0', 'a', '\xFF', '\xFD'};
	char bytes[7];

	(void)state;
	for (unsigned long n = 0; n < 6 * 6 * 6 * 6 * 6 * 6 * 6; n++) {
		unsigned long rest = n;
		for (size_t i = 0; i < sizeof(bytes); i++, rest /= 6)
			bytes[i] = alphabet[rest % 6];
		run_pieces(&whole, bytes, sizeof(bytes), sizeof(bytes));
		run_pieces(&cut, bytes, sizeof(bytes), 1);
		check_same();
	}
}

/* ---- lengths ---- */

static size_t make_long(size_t length, char fill, const char *end)
{
	memset(stream, fill, length);
	memcpy(stream + length, end, strlen(end));
	memcpy(stream + length + strlen(end), "NOOP\r\n", 6);
	return length + strlen(end) + 6;
}

static void check_length(size_t length, const char *end, size_t piece)
{
	bool fits = length <= LINE_MAX_SIZE;

	run_pieces(&whole, stream, make_long(length, 'a', end), piece);
	assert_int_equal(whole.ready, fits ? 2 : 1);
	assert_int_equal(whole.too_long, fits ? 0 : 1);
	assert_int_equal(whole.last_size, 4);
	assert_memory_equal(whole.bytes + whole.size - 6, "1NOOP\n", 6);
	if (!fits)
		return;
	assert_int_equal(whole.size, length + 2 + 6);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(whole.bytes[1 + i], 'a');
}

static void test_lengths(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 4096, 4161, 4162, 4163, sizeof(stream)};

	(void)state;
	for (size_t length = 4150; length <= 4170; length++) {
		for (size_t i = 0; i < COUNT(pieces); i++) {
			check_length(length, "\n", pieces[i]);
			check_length(length, "\r\n", pieces[i]);
		}
	}
}

static void test_longest_line_at_every_split(void **state)
{
	(void)state;
	for (size_t length = LINE_MAX_SIZE - 1; length <= LINE_MAX_SIZE + 2; length++) {
		size_t size = make_long(length, 'a', "\r\n");
		run_pieces(&whole, stream, size, sizeof(stream));
		for (size_t first = 0; first <= size; first++) {
			clear(&cut);
			feed(&cut, stream, first);
			feed(&cut, stream + first, size - first);
			check_same();
		}
	}
}

/* A CR that is not part of the end counts. */
static void test_carriage_returns_at_the_limit(void **state)
{
	for (size_t length = LINE_MAX_SIZE - 3; length <= LINE_MAX_SIZE + 1; length++) {
		size_t size = make_long(length, 'a', "\r\r\n");
		start(state);
		run_pieces(&whole, stream, size, sizeof(stream));
		assert_int_equal(whole.too_long, length + 1 > LINE_MAX_SIZE);
		run_pieces(&cut, stream, size, 1);
		check_same();
	}
}

/* Twice as many bytes arrive as the line has. */
static void test_doubled_iac_at_the_limit(void **state)
{
	(void)state;
	for (size_t length = 4150; length <= 4170; length++) {
		size_t size = make_long(2 * length, '\xFF', "\r\n");
		run_pieces(&whole, stream, size, sizeof(stream));
		assert_int_equal(whole.too_long, length > LINE_MAX_SIZE);
		assert_int_equal(whole.ready, length > LINE_MAX_SIZE ? 1 : 2);
		run_pieces(&cut, stream, size, 1);
		check_same();
		run_pieces(&cut, stream, size, 4097);
		check_same();
	}
}

/* ---- too much ---- */

static void test_skipped_line_is_no_command(void **state)
{
	(void)state;
	memset(stream, 'a', 60000);
	for (size_t at = 0; at + 6 < 60000; at += 100)
		memcpy(stream + at, " QUIT\r", 6); /* no LF: one line all the same */
	stream[59999] = 'a';
	memcpy(stream + 60000, "\r\nNOOP\r\n", 8);
	run_pieces(&whole, stream, 60008, sizeof(stream));
	assert_int_equal(whole.too_long, 1);
	assert_int_equal(whole.ready, 1);
	assert_memory_equal(whole.bytes, "21NOOP\n", 7);
	for (size_t piece = 1; piece < 9000; piece = piece * 3 + 1) {
		run_pieces(&cut, stream, 60008, piece);
		check_same();
	}
}

static void test_many_over_long_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < 200; i++) {
		memset(stream + i * 5000, 'a', 5000);
		stream[i * 5000 + 4999] = '\n';
	}
	run_pieces(&whole, stream, 200 * 5000, sizeof(stream));
	assert_int_equal(whole.too_long, 200);
	assert_int_equal(whole.ready, 0);
	assert_int_equal(whole.flood, 0);
	run_pieces(&cut, stream, 200 * 5000, 77);
	check_same();
}

static void test_flood(void **state)
{
	static const size_t pieces[] = {1, 17, 4096, sizeof(stream)};

	(void)state;
	memset(stream, 'a', sizeof(stream));
	for (size_t i = 0; i < COUNT(pieces); i++) {
		run_pieces(&whole, stream, sizeof(stream), pieces[i]);
		assert_memory_equal(whole.bytes, "23", 2);
		assert_int_equal(whole.size, 2);
	}
}

/* Around the limit a line is skipped or a flood, but never depends on how it was cut. */
static void test_flood_limit_at_splits(void **state)
{
	static const size_t pieces[] = {1, 2, 4161, 5000, 8323};

	(void)state;
	for (size_t length = LINE_SKIP_MAX - 4; length <= LINE_SKIP_MAX + 4; length++) {
		size_t size = make_long(length, 'a', "\r\n");
		run_pieces(&whole, stream, size, sizeof(stream));
		assert_int_equal(whole.too_long, 1);
		assert_int_equal(whole.ready + whole.flood, 1);
		for (size_t i = 0; i < COUNT(pieces); i++) {
			run_pieces(&cut, stream, size, pieces[i]);
			check_same();
		}
	}
}

/* Telnet noise takes no room, whatever its amount. */
static void test_telnet_flood(void **state)
{
	(void)state;
	for (size_t i = 0; i + 3 <= sizeof(stream); i += 3)
		memcpy(stream + i, "\xFF\xFB\x01", 3);
	clear(&whole);
	for (int i = 0; i < 10; i++)
		feed(&whole, stream, sizeof(stream) / 3 * 3);
	assert_int_equal(whole.size, 0);
	feed(&whole, "NOOP\r\n", 6);
	assert_memory_equal(whole.bytes, "1NOOP\n", 6);
	assert_int_equal(answers.size % 3, 0);
	assert_memory_equal(answers.data, "\xFF\xFE\x01", 3);
}

/* ---- room ---- */

static void test_room(void **state)
{
	char *where, *text;
	size_t size, total = 0;

	(void)state;
	assert_true(line_room(&line, &where) > LINE_MAX_SIZE + 2);
	memset(stream, '\n', sizeof(stream));
	do {
		size = put(stream, 1000);
		total += size;
	} while (size == 1000);
	assert_int_equal(line_room(&line, &where), 0);
	assert_true(total >= LINE_MAX_SIZE + 2);
	assert_int_equal(line_take(&line, &text, &size), LINE_READY);
	assert_int_equal(line_room(&line, &where), 1);
	clear(&whole);
}

/* ---- looking ahead ---- */

struct peeked {
	struct transcript *t;
	unsigned visits, firsts, stop_after;
};

static bool visit(const char *text, size_t size, bool first, void *context)
{
	struct peeked *peeked = context;
	char copy[LINE_MAX_SIZE + 1];

	assert_true(size <= LINE_MAX_SIZE);
	memcpy(copy, text, size);
	copy[size] = '\0';
	note(peeked->t, LINE_READY, copy, size);
	assert_int_equal(first, peeked->visits == 0);
	peeked->visits++;
	return peeked->visits != peeked->stop_after;
}

/* Puts in what fits, looks ahead, then takes: both see the same lines. */
static void check_peek(const char *bytes, size_t size, size_t before)
{
	struct peeked peeked = {.t = &whole};

	clear(&whole);
	clear(&cut);
	if (before > 0) {
		put(bytes, before);
		take_all(&whole);
		whole.size = 0;
	}
	put(bytes + before, size - before);
	line_peek(&line, visit, &peeked);
	take_all(&cut);
	check_same();
}

static void test_peek_agrees_with_take(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(streams); i++)
		for (size_t before = 0; before <= streams[i].in_size; before++)
			check_peek(streams[i].in, streams[i].in_size, before);
	check_peek(stream, make_long(LINE_MAX_SIZE, 'a', "\r\n"), 0);
	memset(stream, '\n', 3000);
	check_peek(stream, 3000, 0);
}

static void test_peek_changes_nothing(void **state)
{
	struct peeked peeked = {.t = &whole, .stop_after = 2};
	char *text;
	size_t size;

	(void)state;
	clear(&whole);
	put("one\r\ntwo\r\nthree\r\nfo", 19);
	line_peek(&line, visit, &peeked);
	assert_int_equal(peeked.visits, 2);
	assert_int_equal(line_take(&line, &text, &size), LINE_READY);
	assert_string_equal(text, "one");
	peeked = (struct peeked){.t = &whole};
	line_peek(&line, visit, &peeked);
	assert_int_equal(peeked.visits, 2);
	assert_int_equal(line_take(&line, &text, &size), LINE_READY);
	assert_string_equal(text, "two");
	assert_int_equal(line_take(&line, &text, &size), LINE_READY);
	assert_int_equal(line_take(&line, &text, &size), LINE_NONE);
	put("ur\n", 3);
	assert_int_equal(line_take(&line, &text, &size), LINE_READY);
	assert_string_equal(text, "four");
}

/* The rest of a line that was too long is not a line. */
static void test_peek_while_skipping(void **state)
{
	struct peeked peeked = {.t = &whole};

	(void)state;
	clear(&whole);
	memset(stream, 'a', 5000);
	put(stream, 5000);
	take_all(&whole);
	assert_int_equal(whole.too_long, 1);
	put("\r\n", 2);
	line_peek(&line, visit, &peeked);
	assert_int_equal(peeked.visits, 0);
	put("ABOR\r\n", 6);
	take_all(&whole);
	assert_int_equal(whole.ready, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_streams, start),
		cmocka_unit_test_setup(test_every_split, start),
		cmocka_unit_test_setup(test_every_short_stream, start),
		cmocka_unit_test_setup(test_lengths, start),
		cmocka_unit_test_setup(test_longest_line_at_every_split, start),
		cmocka_unit_test_setup(test_carriage_returns_at_the_limit, start),
		cmocka_unit_test_setup(test_doubled_iac_at_the_limit, start),
		cmocka_unit_test_setup(test_skipped_line_is_no_command, start),
		cmocka_unit_test_setup(test_many_over_long_lines, start),
		cmocka_unit_test_setup(test_flood, start),
		cmocka_unit_test_setup(test_flood_limit_at_splits, start),
		cmocka_unit_test_setup(test_telnet_flood, start),
		cmocka_unit_test_setup(test_room, start),
		cmocka_unit_test_setup(test_peek_agrees_with_take, start),
		cmocka_unit_test_setup(test_peek_changes_nothing, start),
		cmocka_unit_test_setup(test_peek_while_skipping, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
