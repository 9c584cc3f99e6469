/* pace: the rate holds, in simulated time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/pace.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What the pump moves at most at once. */
#define MOST ((size_t)256 * 1024)

static const uint64_t rates[] = {1, 2, 3, 7, 10, 99, 100, 1000, 4095, 4096, 4097, 10000, 40960,
	65536, 99999, 1000000, 1048576, 12345678, 100000000, 999999999, 1000000000};

/* ---- chunks ---- */

static void test_chunk_without_limit(void **state)
{
	struct pace pace = {.rate = 0};

	(void)state;
	assert_int_equal(pace_chunk(&pace, 0, MOST), MOST);
	assert_int_equal(pace_chunk(&pace, 1, MOST), MOST);
	assert_int_equal(pace_chunk(&pace, 1000000000, MOST), MOST);
}

/* A wait for a chunk is never long, and never too short to be worth a call. */
static void test_chosen_chunks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rates); i++) {
		struct pace pace = {.rate = rates[i]};
		size_t chunk = pace_chunk(&pace, 0, MOST);
		assert_true(chunk >= 1 && chunk <= MOST);
		assert_true(chunk <= rates[i]); /* a second at most */
		if (rates[i] >= 40960)
			assert_true(chunk == MOST || chunk == rates[i] / 10);
		if (rates[i] >= 4096)
			assert_true(chunk >= 4096);
	}
}

static void test_given_chunks(void **state)
{
	static const size_t chunks[][2] = {{1, 4096}, {4095, 4096}, {4096, 4096}, {5000, 5000},
		{MOST, MOST}, {MOST + 1, MOST}, {SIZE_MAX, MOST}, {UINT32_MAX, MOST}};

	(void)state;
	for (size_t i = 0; i < COUNT(rates); i++) {
		struct pace pace = {.rate = rates[i]};
		for (size_t k = 0; k < COUNT(chunks); k++)
			assert_int_equal(pace_chunk(&pace, chunks[k][0], MOST), chunks[k][1]);
	}
}

static void test_small_most(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rates); i++) {
		struct pace pace = {.rate = rates[i]};
		assert_true(pace_chunk(&pace, 0, 100) <= 100);
		assert_int_equal(pace_chunk(&pace, 5000, 100), 100);
		assert_int_equal(pace_chunk(&pace, 0, 1), 1);
	}
}

/* ---- charges ---- */

static void test_no_limit(void **state)
{
	struct pace pace = {.rate = 0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(pace_charge(&pace, 5, MOST) <= 5);
}

/* Moves pieces and waits as told, until two seconds at least ought to have passed; each piece also
 * takes `work` milliseconds by itself. Returns how long it ought to take and how long it took. */
static void simulate(
	uint64_t rate, size_t piece, int64_t work, uint64_t *out_ought, uint64_t *out_took)
{
	struct pace pace = {.rate = rate};
	int64_t begin = 123456789, now = begin;
	uint64_t moved = 0;

	pace_begin(&pace, begin);
	for (unsigned n = 0; moved < 2 * rate || n < 4; n++) {
		int64_t until = pace_charge(&pace, now += work, piece);
		moved += piece;
		if (until > now)
			now = until;
	}
	*out_ought = moved * 1000 / rate;
	*out_took = (uint64_t)(now - begin);
}

static void check_rate(uint64_t rate, size_t piece)
{
	uint64_t ought, took;

	simulate(rate, piece, 0, &ought, &took);
	if (took + 1 < ought - ought / 100 || took > ought + ought / 100 + 1)
		fail_msg("%llu bytes/s in pieces of %zu: %llu ms, not %llu",
			(unsigned long long)rate, piece, (unsigned long long)took,
			(unsigned long long)ought);
}

static void test_rate_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rates); i++) {
		struct pace pace = {.rate = rates[i]};
		check_rate(rates[i], pace_chunk(&pace, 0, MOST));
		check_rate(rates[i], pace_chunk(&pace, 4096, MOST));
		check_rate(rates[i], MOST);
	}
}

/* What a network hands over at once is often less than was asked for. */
static void test_rate_holds_for_packets(void **state)
{
	static const size_t pieces[] = {1, 536, 1448, 1460, 9000};

	(void)state;
	for (size_t i = 0; i < COUNT(rates); i++)
		for (size_t k = 0; k < COUNT(pieces); k++)
			if (pieces[k] > 1 || rates[i] <= 1000000)
				check_rate(rates[i], pieces[k]);
}

/* However long moving itself takes, it never goes faster. */
static void test_rate_is_a_limit(void **state)
{
	uint64_t ought, took;

	(void)state;
	for (size_t i = 0; i < COUNT(rates); i++) {
		simulate(rates[i], 65536, 1, &ought, &took);
		assert_true(took + 1 >= ought - ought / 100);
	}
}

static void test_idle_time_earns_nothing(void **state)
{
	struct pace pace = {.rate = 1000};

	(void)state;
	pace_begin(&pace, 1000);
	assert_int_equal(pace_charge(&pace, 1000, 1000), 2000);
	pace_begin(&pace, 1000000);
	assert_int_equal(pace_charge(&pace, 1000000, 1000), 1001000);
	assert_int_equal(pace_charge(&pace, 1001000, 1000), 1002000);
}

/* Within a transfer what a slow piece cost is made up for, but no more than a tenth of a second. */
static void test_lost_time_is_made_up_for(void **state)
{
	struct pace pace = {.rate = 1000};

	(void)state;
	pace_begin(&pace, 0);
	assert_int_equal(pace_charge(&pace, 60, 100), 100);
	assert_int_equal(pace_charge(&pace, 160, 100), 200);
	assert_int_equal(pace_charge(&pace, 5000, 100), 5000);
}

static void test_debt_is_carried(void **state)
{
	struct pace pace = {.rate = 1000};

	(void)state;
	for (int i = 1; i <= 10; i++)
		assert_int_equal(pace_charge(&pace, 0, 500), i * 500);
	assert_int_equal(pace_charge(&pace, 4000, 500), 5500);
	assert_int_equal(pace_charge(&pace, 5499, 0), 5500);
}

static void test_slowest_and_largest(void **state)
{
	struct pace pace = {.rate = 1};

	(void)state;
	assert_int_equal(pace_charge(&pace, 0, (size_t)4 << 20), ((int64_t)4 << 20) * 1000);
	pace = (struct pace){.rate = UINT32_MAX};
	pace_begin(&pace, 7);
	assert_true(pace_charge(&pace, 7, MOST) >= 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunk_without_limit),
		cmocka_unit_test(test_chosen_chunks),
		cmocka_unit_test(test_given_chunks),
		cmocka_unit_test(test_small_most),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_rate_holds),
		cmocka_unit_test(test_rate_holds_for_packets),
		cmocka_unit_test(test_rate_is_a_limit),
		cmocka_unit_test(test_idle_time_earns_nothing),
		cmocka_unit_test(test_lost_time_is_made_up_for),
		cmocka_unit_test(test_debt_is_carried),
		cmocka_unit_test(test_slowest_and_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
