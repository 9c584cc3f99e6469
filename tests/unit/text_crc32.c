/* crc32: the sum as zip, gzip and XCRC have it, whole and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "text/crc32.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What the polynomial means, a bit at a time. */
static uint32_t expect(const unsigned char *bytes, size_t size)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < 8 * size; i++) {
		uint32_t bit = (crc ^ (uint32_t)bytes[i / 8] >> i % 8) & 1;
		crc = crc >> 1 ^ (bit ? 0xEDB88320U : 0);
	}
	return ~crc;
}

static void fill(unsigned char *bytes, size_t size)
{
	uint32_t seed = 1;

	for (size_t i = 0; i < size; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (unsigned char)(seed >> 24);
	}
}

static void test_known_sums(void **state)
{
	static const struct {
		const char *text;
		uint32_t crc;
	} cases[] = {
		{"", 0},
		{"a", 0xE8B7BE43},
		{"abc", 0x352441C2},
		{"123456789", 0xCBF43926}, /* the check value of CRC-32/ISO-HDLC */
		{"The quick brown fox jumps over the lazy dog", 0x414FA339},
	};
	static const unsigned char zeros[32];
	unsigned char ones[32];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(crc32_more(0, cases[i].text, strlen(cases[i].text)), cases[i].crc);
	memset(ones, 0xFF, sizeof(ones));
	assert_int_equal(crc32_more(0, zeros, sizeof(zeros)), 0x190A55AD);
	assert_int_equal(crc32_more(0, ones, sizeof(ones)), 0xFF6CAB0B);
}

static void test_every_split(void **state)
{
	static const char text[] = "123456789";
	unsigned char bytes[67];

	(void)state;
	for (size_t second = 0; second <= 9; second++)
		for (size_t first = 0; first <= second; first++) {
			uint32_t crc = crc32_more(0, text, first);
			crc = crc32_more(crc, text + first, second - first);
			assert_int_equal(crc32_more(crc, text + second, 9 - second), 0xCBF43926);
		}
	fill(bytes, sizeof(bytes));
	for (size_t first = 0; first <= sizeof(bytes); first++)
		assert_int_equal(crc32_more(crc32_more(0, bytes, first), bytes + first,
					 sizeof(bytes) - first),
			expect(bytes, sizeof(bytes)));
}

/* Every length around the eight bytes of a step, and every place to begin in a word. */
static void test_lengths_and_alignments(void **state)
{
	unsigned char bytes[80];

	(void)state;
	fill(bytes, sizeof(bytes));
	for (size_t begin = 0; begin < 16; begin++)
		for (size_t size = 0; size + begin <= sizeof(bytes); size++)
			assert_int_equal(
				crc32_more(0, bytes + begin, size), expect(bytes + begin, size));
}

static void test_every_byte(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		unsigned char bytes[9];
		memset(bytes, (int)i, sizeof(bytes));
		for (size_t size = 0; size <= sizeof(bytes); size++)
			assert_int_equal(crc32_more(0, bytes, size), expect(bytes, size));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_sums),
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_lengths_and_alignments),
		cmocka_unit_test(test_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
