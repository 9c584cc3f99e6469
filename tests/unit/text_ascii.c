/* ascii: line ends of TYPE A, whole and split anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "text/ascii.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LONGEST 128

struct text {
	char bytes[LONGEST];
	size_t size;
};

typedef size_t convert_function(struct ascii *state, const char *in, size_t size, char *out);

static const char *const nasty[] = {
	"",
	"a",
	"\n",
	"\r",
	"\r\n",
	"\n\r",
	"\r\r",
	"\n\n",
	"\r\r\n",
	"\r\n\n",
	"\r\n\r",
	"\n\r\n",
	"\r\n\r\n",
	"\r\r\r\n\n\n",
	"a\nb\r\nc\rd\n",
	"a\n\nb\r\r\nc\n\rd",
	"no end",
	"\ra\r\nb\r",
	"\n\n\n\r\n\n\r\r\n\r",
	"\xFF\n\x80\r\x00",
	"ends with cr\r",
	"ends with lf\n",
	"ends with both\r\n",
};

/* What the conversions mean, a byte at a time. */
static void expect_to_wire(const char *in, size_t size, struct text *out)
{
	out->size = 0;
	for (size_t i = 0; i < size; i++) {
		if (in[i] == '\n' && (i == 0 || in[i - 1] != '\r'))
			out->bytes[out->size++] = '\r';
		out->bytes[out->size++] = in[i];
	}
}

static void expect_from_wire(const char *in, size_t size, struct text *out)
{
	out->size = 0;
	for (size_t i = 0; i < size; i++) {
		if (in[i] != '\r' || i + 1 == size || in[i + 1] != '\n')
			out->bytes[out->size++] = in[i];
	}
}

/* One piece, in storage of exactly the promised size, so that a sanitizer sees one byte more. */
static void convert_piece(convert_function *convert, struct ascii *state, const char *in,
	size_t size, size_t capacity, struct text *out)
{
	char piece[LONGEST];
	size_t written;

	memset(piece, 0x5A, sizeof(piece));
	written = convert(state, in, size, piece);
	assert_true(written <= capacity);
	for (size_t i = capacity; i < sizeof(piece); i++)
		assert_int_equal(piece[i], 0x5A);
	memcpy(out->bytes + out->size, piece, written);
	out->size += written;
}

static void convert_split(
	convert_function *convert, const char *in, const size_t ends[3], struct text *out)
{
	struct ascii state = {false};
	size_t from = 0;

	out->size = 0;
	for (size_t i = 0; i < 3; i++) {
		size_t size = ends[i] - from;
		size_t capacity = convert == ascii_to_wire ? 2 * size : size + 1;

		convert_piece(convert, &state, in + from, size, capacity, out);
		from = ends[i];
	}
	if (convert == ascii_from_wire)
		out->size += ascii_finish(&state, out->bytes + out->size);
}

static void check_same(const struct text *result, const struct text *expected)
{
	assert_int_equal(result->size, expected->size);
	assert_memory_equal(result->bytes, expected->bytes, expected->size);
}

static void check_every_split(
	convert_function *convert, const char *in, size_t size, const struct text *expected)
{
	struct text result;

	for (size_t second = 0; second <= size; second++) {
		for (size_t first = 0; first <= second; first++) {
			const size_t ends[] = {first, second, size};

			convert_split(convert, in, ends, &result);
			check_same(&result, expected);
		}
	}
}

/* The size that is foretold, piece by piece, is the size that comes. */
static void check_wire_size(const char *in, size_t size, size_t expected)
{
	for (size_t second = 0; second <= size; second++) {
		for (size_t first = 0; first <= second; first++) {
			struct ascii state = {false};
			size_t octets = ascii_wire_size(&state, in, first);

			octets += ascii_wire_size(&state, in + first, second - first);
			octets += ascii_wire_size(&state, in + second, size - second);
			assert_int_equal(octets, expected);
			if (size > 0)
				assert_int_equal(state.after_cr, in[size - 1] == '\r');
		}
	}
}

static void check_text(const char *in, size_t size)
{
	struct text expected;

	expect_to_wire(in, size, &expected);
	check_every_split(ascii_to_wire, in, size, &expected);
	check_wire_size(in, size, expected.size);
	expect_from_wire(in, size, &expected);
	check_every_split(ascii_from_wire, in, size, &expected);
}

static void test_nasty_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(nasty); i++)
		check_text(nasty[i], strlen(nasty[i]));
	check_text("a\0\r\0\n\r\n\0", 8);
}

/* All texts of eight bytes from these three. */
static void test_all_short_texts(void **state)
{
	static const char bytes[] = "\r\na";
	char text[8];

	(void)state;
	for (unsigned i = 0; i < 6561; i++) {
		unsigned rest = i;

		for (size_t k = 0; k < sizeof(text); k++, rest /= 3)
			text[k] = bytes[rest % 3];
		check_text(text, sizeof(text));
	}
}

#define PIECE 700

/* A text in pieces of random sizes, each in storage of exactly its size, with room for the result and no more. */
static size_t convert_in_heap(convert_function *convert, const char *in, size_t size, char *out)
{
	struct ascii state = {false};
	size_t written = 0;

	for (size_t at = 0, piece; at < size; at += piece) {
		piece = 1 + (size_t)rand() % PIECE;
		piece = piece < size - at ? piece : size - at;
		size_t capacity = convert == ascii_to_wire ? 2 * piece : piece + 1, made;
		char *from = malloc(piece), *to = malloc(capacity);
		assert_non_null(from);
		assert_non_null(to);
		memcpy(from, in + at, piece);
		made = convert(&state, from, piece, to);
		assert_true(made <= capacity);
		memcpy(out + written, to, made);
		written += made;
		free(from);
		free(to);
	}
	if (convert == ascii_from_wire)
		written += ascii_finish(&state, out + written);
	return written;
}

/* From nothing but line ends to lines much longer than what is looked at at once. */
static void test_long_texts(void **state)
{
	static char text[20000], out[2 * sizeof(text)], expected[2 * sizeof(text)];
	static const int between[] = {1, 2, 5, 20, 80, 400, 3000};

	(void)state;
	srand(1);
	for (size_t i = 0; i < 10 * COUNT(between); i++) {
		int rarity = between[i % COUNT(between)];
		size_t size = 0;
		for (size_t k = 0; k < sizeof(text); k++)
			text[k] = (char)(rand() % rarity > 0 ? rand() % 256 : "\r\n"[rand() % 2]);
		for (size_t k = 0; k < sizeof(text); k++) {
			if (text[k] == '\n' && (k == 0 || text[k - 1] != '\r'))
				expected[size++] = '\r';
			expected[size++] = text[k];
		}
		assert_int_equal(convert_in_heap(ascii_to_wire, text, sizeof(text), out), size);
		assert_memory_equal(out, expected, size);
		assert_int_equal(ascii_wire_size(&(struct ascii){false}, text, sizeof(text)), size);
		size = 0;
		for (size_t k = 0; k < sizeof(text); k++)
			if (text[k] != '\r' || k + 1 == sizeof(text) || text[k + 1] != '\n')
				expected[size++] = text[k];
		assert_int_equal(convert_in_heap(ascii_from_wire, text, sizeof(text), out), size);
		assert_memory_equal(out, expected, size);
	}
}

/* A text that has no CR LF of its own comes back from the wire as it was. */
static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(nasty); i++) {
		size_t size = strlen(nasty[i]);
		const size_t ends[] = {0, 0, size};
		struct text wire;
		struct text disk;

		if (strstr(nasty[i], "\r\n"))
			continue;
		convert_split(ascii_to_wire, nasty[i], ends, &wire);
		convert_split(ascii_from_wire, wire.bytes, (size_t[]){0, 0, wire.size}, &disk);
		assert_int_equal(disk.size, size);
		assert_memory_equal(disk.bytes, nasty[i], size);
	}
}

/* An empty piece says nothing about the byte before it. */
static void test_wire_size_of_nothing(void **state)
{
	struct ascii ascii = {false};

	(void)state;
	assert_int_equal(ascii_wire_size(&ascii, "\r", 1), 1);
	assert_int_equal(ascii_wire_size(&ascii, "", 0), 0);
	assert_true(ascii.after_cr);
	assert_int_equal(ascii_wire_size(&ascii, "\n", 1), 1);
	assert_false(ascii.after_cr);
	assert_int_equal(ascii_wire_size(&ascii, "\n", 1), 2);
}

static void test_cr_is_held_back(void **state)
{
	struct ascii ascii = {false};
	char out[4];

	(void)state;
	assert_int_equal(ascii_from_wire(&ascii, "a\r", 2, out), 1);
	assert_int_equal(ascii_from_wire(&ascii, "", 0, out), 0);
	assert_true(ascii.after_cr);
	assert_int_equal(ascii_from_wire(&ascii, "\r", 1, out), 1);
	assert_int_equal(out[0], '\r');
	assert_int_equal(ascii_finish(&ascii, out), 1);
	assert_int_equal(out[0], '\r');
	assert_int_equal(ascii_finish(&ascii, out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nasty_texts),
		cmocka_unit_test(test_all_short_texts),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_wire_size_of_nothing),
		cmocka_unit_test(test_cr_is_held_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
