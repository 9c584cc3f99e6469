/* distance: how many slips make one word of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <string.h>
#include <cmocka.h>

#include "text/distance.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct distance_case {
	const char *a, *b;
	unsigned distance;
};

static const struct distance_case cases[] = {
	{"", "", 0},
	{"", "a", 1},
	{"", "abc", 3},
	{"a", "a", 0},
	{"a", "b", 1},
	{"a", "A", 1},
	{"write_enable", "write_enable", 0},
	/* One slip of each kind, at the start, in the middle, at the end. */
	{"write_enable", "rite_enable", 1},
	{"write_enable", "writ_enable", 1},
	{"write_enable", "write_enabl", 1},
	{"write_enable", "xwrite_enable", 1},
	{"write_enable", "write__enable", 1},
	{"write_enable", "write_enabled", 1},
	{"write_enable", "trite_enable", 1},
	{"write_enable", "write-enable", 1},
	{"write_enable", "write_enably", 1},
	{"write_enable", "rwite_enable", 1},
	{"write_enable", "writ_eenable", 1},
	{"write_enable", "write_enabel", 1},
	/* Neighbours swapped, once and more often. */
	{"ab", "ba", 1},
	{"abc", "acb", 1},
	{"abcd", "badc", 2},
	{"abcdef", "badcfe", 3},
	/* Letters that are no neighbours are not swapped. */
	{"abc", "cba", 2},
	/* What was swapped is not changed again: 2 would be for a swap with a letter put between. */
	{"ca", "abc", 3},
	{"kitten", "sitting", 3},
	{"abcdef", "uvwxyz", 6},
	{"aaaa", "aa", 2},
	{"\xc3\xa4", "\xc3\xb6", 1},
};

/* Every case both ways. */
static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct distance_case *c = &cases[i];

		assert_int_equal(distance_between(c->a, c->b), c->distance);
		assert_int_equal(distance_between(c->b, c->a), c->distance);
	}
}

static const char *const words[] = {"", "a", "b", "ab", "ba", "abc", "acb", "bca", "listen",
	"listne", "tsilen", "pasv_enable", "port_enable", "pasv_max_port", "pasv_min_port"};

static unsigned difference(size_t a, size_t b)
{
	return (unsigned)(a > b ? a - b : b - a);
}

/* The same word alone is at 0; no fewer slips than letters too many; no more than the longer word's. */
static void test_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		for (size_t j = 0; j < COUNT(words); j++) {
			size_t a = strlen(words[i]), b = strlen(words[j]);
			unsigned distance = distance_between(words[i], words[j]);

			assert_int_equal(distance == 0, i == j);
			assert_int_equal(distance, distance_between(words[j], words[i]));
			assert_true(distance >= difference(a, b));
			assert_true(distance <= (a > b ? a : b));
		}
	}
}

/* Optimal string alignment misses the triangle's rule by swaps alone: never by more than double. */
static void test_ways_round(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		for (size_t j = 0; j < COUNT(words); j++) {
			for (size_t k = 0; k < COUNT(words); k++) {
				unsigned round = distance_between(words[i], words[j]) +
						 distance_between(words[j], words[k]);
				assert_true(distance_between(words[i], words[k]) <= 2 * round);
			}
		}
	}
	/* The one of the books: over "ac" it would be 2. */
	assert_int_equal(distance_between("ca", "ac"), 1);
	assert_int_equal(distance_between("ac", "abc"), 1);
	assert_int_equal(distance_between("ca", "abc"), 3);
}

static void fill(char *text, char letter, size_t size)
{
	memset(text, letter, size);
	text[size] = '\0';
}

static void test_long_words(void **state)
{
	char a[130], b[130];

	(void)state;
	fill(a, 'a', 63);
	fill(b, 'b', 63);
	assert_int_equal(distance_between(a, a), 0);
	assert_int_equal(distance_between(a, b), 63);
	assert_int_equal(distance_between(a, ""), 63);
	assert_int_equal(distance_between("", a), 63);
	a[62] = 'b';
	b[62] = 'a';
	assert_int_equal(distance_between(a, b), 62);
	fill(a, 'a', 64);
	assert_int_equal(distance_between(a, ""), UINT_MAX);
	assert_int_equal(distance_between("", a), UINT_MAX);
	assert_int_equal(distance_between(a, a), UINT_MAX);
	assert_int_equal(distance_between(a, b), UINT_MAX);
	assert_int_equal(distance_between(b, a), UINT_MAX);
	fill(a, 'a', 129);
	assert_int_equal(distance_between(a, "a"), UINT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_ways_round),
		cmocka_unit_test(test_long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
