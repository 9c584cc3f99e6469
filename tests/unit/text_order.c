/* order: names sorted by their bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "text/order.h"

#define MOST 5000
#define NAME 64

static char names[MOST * NAME + ORDER_SLACK];
static struct order_entry entries[MOST], spare[MOST];
static size_t count, size;

static void start(void)
{
	count = size = 0;
}

static void add(const char *name)
{
	entries[count] = (struct order_entry){.name = (uint32_t)size, .place = (uint32_t)count};
	count++;
	memcpy(names + size, name, strlen(name) + 1);
	size += strlen(name) + 1;
	/* What is read there does not matter. */
	memset(names + size, (int)count, ORDER_SLACK);
}

/* Sorts, and sees that each is there once, with its place, behind the one before it. */
static void check_sorted(void)
{
	static bool seen[MOST];
	static uint32_t starts[MOST];
	struct order_entry *sorted;

	for (size_t i = 0; i < count; i++)
		starts[i] = entries[i].name;
	order_set_keys(entries, count, names);
	sorted = order_sort(entries, spare, count, names);
	assert_true(sorted == entries || sorted == spare);
	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < count; i++) {
		assert_in_range(sorted[i].place, 0, count - 1);
		assert_false(seen[sorted[i].place]);
		seen[sorted[i].place] = true;
		assert_int_equal(sorted[i].name, starts[sorted[i].place]);
		if (i > 0)
			assert_true(
				strcmp(names + sorted[i - 1].name, names + sorted[i].name) <= 0);
	}
}

/* The same numbers every time. */
static uint32_t next_random(void)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return state >> 8;
}

static void test_numbered(void **state)
{
	static const char *const before[] = {"", "file_", "they all begin with this ", "\xFF\x80"};
	static const char *const behind[] = {"", ".dat", " and end with this", "\x01"};
	char name[NAME];

	(void)state;
	for (size_t form = 0; form < 8; form++)
		for (unsigned most = 0; most <= MOST; most = most * 2 + 1) {
			start();
			for (unsigned i = 0; i < most; i++) {
				snprintf(name, sizeof(name), form < 4 ? "%s%u%s" : "%s%07u%s",
					before[form % 4], i * 7919 % most, behind[form % 4]);
				add(name);
			}
			check_sorted();
		}
}

/* Names of few letters have much in common, are alike in the first eight bytes, and end everywhere. */
static void test_of_few_letters(void **state)
{
	static const char *const alphabets[] = {"ab", "\x01\x02", "\x7F\x80", "\x01\xFF", "a"};
	char name[NAME];

	(void)state;
	for (size_t alphabet = 0; alphabet < sizeof(alphabets) / sizeof(alphabets[0]); alphabet++)
		for (size_t longest = 1; longest < NAME; longest += 7) {
			size_t letters = strlen(alphabets[alphabet]);
			start();
			while (count < 1500) {
				size_t length = 1 + next_random() % longest;
				for (size_t i = 0; i < length; i++)
					name[i] = alphabets[alphabet][next_random() % letters];
				name[length] = '\0';
				add(name);
			}
			check_sorted();
		}
}

static void test_any_bytes(void **state)
{
	char name[NAME];

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		start();
		while (count < 2000) {
			size_t length = next_random() % 20;
			for (size_t i = 0; i < length; i++)
				name[i] = (char)(1 + next_random() % 255);
			name[length] = '\0';
			add(name);
		}
		check_sorted();
	}
}

/* The caller's keys come before the names, with all their bits. */
static void test_keys(void **state)
{
	static const unsigned counts[] = {2, 100, 3000};
	char name[NAME];

	(void)state;
	for (size_t round = 0; round < sizeof(counts) / sizeof(counts[0]); round++)
		for (unsigned bits = 1; bits <= 64; bits += 7) {
			struct order_entry *sorted;
			start();
			while (count < counts[round]) {
				snprintf(name, sizeof(name), "%u", next_random());
				add(name);
				entries[count - 1].key =
					((uint64_t)next_random() << 48 ^
						(uint64_t)next_random() << 24 ^ next_random()) >>
					(64 - bits);
			}
			sorted = order_sort(entries, spare, count, names);
			for (size_t i = 1; i < count; i++) {
				const struct order_entry *left = &sorted[i - 1],
							 *right = &sorted[i];
				assert_true(left->key < right->key ||
					    (left->key == right->key &&
						    strcmp(names + left->name,
							    names + right->name) <= 0));
			}
		}
}

static void test_holds(void **state)
{
	(void)state;
	start();
	order_set_keys(entries, count, names);
	assert_true(order_holds(entries, count, names, false));
	add("b");
	order_set_keys(entries, count, names);
	assert_true(order_holds(entries, count, names, false));
	assert_true(order_holds(entries, count, names, true));
	add("c");
	add("cc");
	order_set_keys(entries, count, names);
	assert_true(order_holds(entries, count, names, false));
	assert_false(order_holds(entries, count, names, true));
	order_reverse(entries, count);
	assert_false(order_holds(entries, count, names, false));
	assert_true(order_holds(entries, count, names, true));
	assert_string_equal(names + entries[0].name, "cc");
	assert_string_equal(names + entries[1].name, "c");
	assert_string_equal(names + entries[2].name, "b");
	order_reverse(entries, 0);
	order_reverse(entries, 2);
	assert_string_equal(names + entries[0].name, "c");
	assert_string_equal(names + entries[1].name, "cc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbered),
		cmocka_unit_test(test_of_few_letters),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
