/* telnet: commands vanish from the command line, negotiations are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "text/telnet.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A literal with its size, so that it may hold NUL bytes. */
#define BYTES(literal) (literal), sizeof(literal) - 1

struct strip_case {
	const char *in;
	size_t in_size;
	const char *out;
	size_t out_size;
	const char *answers;
	size_t answers_size;
	enum telnet_state state;
};

static const struct strip_case cases[] = {
	{BYTES(""), BYTES(""), BYTES(""), TELNET_DATA},
	{BYTES("USER a\r\n"), BYTES("USER a\r\n"), BYTES(""), TELNET_DATA},
	{BYTES("a\0b"), BYTES("a\0b"), BYTES(""), TELNET_DATA},
	{BYTES("\xFE\xFD\xF1"), BYTES("\xFE\xFD\xF1"), BYTES(""), TELNET_DATA},
	{BYTES("\xFF\xFF"), BYTES("\xFF"), BYTES(""), TELNET_DATA},
	{BYTES("a\xFF\xFF\xFF\xFF"
	       "b"),
		BYTES("a\xFF\xFF"
		      "b"),
		BYTES(""), TELNET_DATA},
	{BYTES("\xFF\xF4\xFF\xF2"
	       "ABOR\r\n"),
		BYTES("ABOR\r\n"), BYTES(""), TELNET_DATA},
	{BYTES("\xF2"
	       "ABOR\r\n"),
		BYTES("\xF2"
		      "ABOR\r\n"),
		BYTES(""), TELNET_DATA},
	{BYTES("a\xFF\xF1"
	       "b\xFF\xF6"
	       "c\xFF\xF0"
	       "d\xFF\xFA"
	       "e"),
		BYTES("abcde"), BYTES(""), TELNET_DATA},
	{BYTES("a\xFF\0"
	       "b"),
		BYTES("ab"), BYTES(""), TELNET_DATA},
	{BYTES("a\xFF\xFD\x06z"), BYTES("az"), BYTES("\xFF\xFC\x06"), TELNET_DATA},
	{BYTES("a\xFF\xFB\x01z"), BYTES("az"), BYTES("\xFF\xFE\x01"), TELNET_DATA},
	{BYTES("a\xFF\xFC\x01\xFF\xFE\x01z"), BYTES("az"), BYTES(""), TELNET_DATA},
	{BYTES("\xFF\xFD\xFFz"), BYTES("z"), BYTES("\xFF\xFC\xFF"), TELNET_DATA},
	{BYTES("\xFF\xFD\xFD\xFF\xFB\xFBz"), BYTES("z"), BYTES("\xFF\xFC\xFD\xFF\xFE\xFB"),
		TELNET_DATA},
	{BYTES("\xFF\xFE\xFFz"), BYTES("z"), BYTES(""), TELNET_DATA},
	{BYTES("a\xFF"), BYTES("a"), BYTES(""), TELNET_IAC},
	{BYTES("a\xFF\xFB"), BYTES("a"), BYTES(""), TELNET_WILL},
	{BYTES("a\xFF\xFC"), BYTES("a"), BYTES(""), TELNET_WONT},
	{BYTES("a\xFF\xFD"), BYTES("a"), BYTES(""), TELNET_DO},
	{BYTES("a\xFF\xFE"), BYTES("a"), BYTES(""), TELNET_DONT},
};

/* Strips the case in pieces that end at `first` and `second`. */
static void check_split(const struct strip_case *c, size_t first, size_t second)
{
	size_t ends[] = {first, second, c->in_size};
	struct telnet telnet = {TELNET_DATA};
	char answer_storage[32];
	struct buffer answers;
	char bytes[32];
	size_t size = 0;
	size_t from = 0;

	buffer_start(&answers, answer_storage, sizeof(answer_storage));
	for (size_t i = 0; i < COUNT(ends); i++) {
		memcpy(bytes + size, c->in + from, ends[i] - from);
		size += telnet_strip(&telnet, bytes + size, ends[i] - from, &answers);
		from = ends[i];
	}
	assert_int_equal(size, c->out_size);
	assert_memory_equal(bytes, c->out, size);
	assert_int_equal(answers.size, c->answers_size);
	assert_memory_equal(answers.data, c->answers, answers.size);
	assert_int_equal(telnet.state, c->state);
}

static void test_strip_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t second = 0; second <= cases[i].in_size; second++) {
			for (size_t first = 0; first <= second; first++)
				check_split(&cases[i], first, second);
		}
	}
}

static size_t strip_with_room(size_t capacity, char *storage, bool *out_cut)
{
	struct telnet telnet = {TELNET_DATA};
	char bytes[] = "\xFF\xFD\x01\xFF\xFD\x02x";
	struct buffer answers;

	buffer_start(&answers, storage, capacity);
	assert_int_equal(telnet_strip(&telnet, bytes, sizeof(bytes) - 1, &answers), 1);
	assert_int_equal(bytes[0], 'x');
	*out_cut = answers.cut;
	return answers.size;
}

static void test_answers_are_dropped_whole(void **state)
{
	char storage[8];
	bool cut;

	(void)state;
	assert_int_equal(strip_with_room(1, storage, &cut), 0);
	assert_int_equal(strip_with_room(3, storage, &cut), 0);
	assert_int_equal(strip_with_room(4, storage, &cut), 3);
	assert_int_equal(strip_with_room(6, storage, &cut), 3);
	assert_false(cut);
	assert_int_equal(strip_with_room(7, storage, &cut), 6);
	assert_memory_equal(storage, "\xFF\xFC\x01\xFF\xFC\x02", 6);
}

static void test_flood(void **state)
{
	static char bytes[65536];
	struct telnet telnet = {TELNET_DATA};
	char storage[4];
	struct buffer answers;

	(void)state;
	buffer_start(&answers, storage, sizeof(storage));
	memset(bytes, 0xFF, sizeof(bytes));
	assert_int_equal(telnet_strip(&telnet, bytes, sizeof(bytes), &answers), sizeof(bytes) / 2);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i % 2 ? 0xF1 : 0xFF);
	assert_int_equal(telnet_strip(&telnet, bytes, sizeof(bytes), &answers), 0);
	assert_int_equal(telnet.state, TELNET_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strip_at_every_split),
		cmocka_unit_test(test_answers_are_dropped_whole),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
