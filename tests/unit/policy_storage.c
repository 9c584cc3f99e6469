/* storage: how much an upload may store, by configuration and by the room there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <cmocka.h>

#include "policy/storage.h"

static struct config config;
static struct storage limit;
static FILE *file;
static int fd;

static int start(void **state)
{
	(void)state;
	config_defaults(&config, "soloftpd");
	file = tmpfile();
	if (!file)
		return -1;
	fd = fileno(file);
	return 0;
}

static int end(void **state)
{
	(void)state;
	return fclose(file);
}

static uint64_t available(void)
{
	struct statvfs st;

	assert_int_equal(fstatvfs(fd, &st), 0);
	return (uint64_t)st.f_bavail * st.f_frsize;
}

static void test_no_limit(void **state)
{
	(void)state;
	assert_int_equal(storage_check(&config, fd, 0, 0), 0);
	assert_int_equal(storage_check(&config, fd, UINT64_MAX, 0), 0);
	assert_int_equal(storage_check(&config, fd, 0, 1), 0);
	storage_limit(&config, fd, 12345, &limit);
	assert_true(limit.bytes == UINT64_MAX);
	assert_int_equal(limit.excess, 0);
}

static void test_largest(void **state)
{
	static const struct {
		uint64_t start, announced;
		int error;
		uint64_t left;
	} cases[] = {
		{0, 0, 0, 2048},
		{0, 2048, 0, 2048},
		{0, 2049, -EFBIG, 2048},
		{0, UINT64_MAX, -EFBIG, 2048},
		{2047, 1, 0, 1},
		{2047, 2, -EFBIG, 1},
		{2048, 0, 0, 0},
		{2048, 1, -EFBIG, 0},
		{2049, 0, -EFBIG, 0},
		{UINT64_MAX, 0, -EFBIG, 0},
		{UINT64_MAX, UINT64_MAX, -EFBIG, 0},
	};

	(void)state;
	config.upload_max_size = 2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int error = storage_check(&config, fd, cases[i].start, cases[i].announced);
		if (error != cases[i].error)
			fail_msg("case %zu: %d", i, error);
		storage_limit(&config, fd, cases[i].start, &limit);
		if (limit.bytes != cases[i].left || limit.excess != -EFBIG)
			fail_msg("case %zu: %ju left", i, (uintmax_t)limit.bytes);
	}
}

/* Sizes are not cut to 32 bits. */
static void test_largest_of_all(void **state)
{
	(void)state;
	config.upload_max_size = UINT32_MAX;
	storage_limit(&config, fd, 0, &limit);
	assert_true(limit.bytes == (uint64_t)UINT32_MAX * 1024);
	assert_int_equal(storage_check(&config, fd, (uint64_t)UINT32_MAX * 1024, 0), 0);
	assert_int_equal(storage_check(&config, fd, (uint64_t)UINT32_MAX * 1024 + 1, 0), -EFBIG);
}

static void test_announced_too_much(void **state)
{
	(void)state;
	assert_int_equal(storage_check(&config, fd, 0, available() * 2 + 1), -ENOSPC);
	assert_int_equal(storage_check(&config, fd, 0, UINT64_MAX), -ENOSPC);
}

/* Others use the same file system meanwhile, so that nothing here is exact. */
static void test_kept_free(void **state)
{
	uint64_t half = available() / 2;

	(void)state;
	config.upload_min_free = (unsigned)(half / 1024);
	assert_int_equal(storage_check(&config, fd, 0, 1), 0);
	assert_int_equal(storage_check(&config, fd, 0, half + half / 2), -ENOSPC);
	storage_limit(&config, fd, 0, &limit);
	assert_true(limit.bytes > 0 && limit.bytes < half + half / 2);
	assert_int_equal(limit.excess, -ENOSPC);
}

static void test_nothing_left(void **state)
{
	(void)state;
	config.upload_min_free = UINT32_MAX;
	if (available() >= (uint64_t)UINT32_MAX * 1024)
		return; /* 4 TiB free: more than can be asked to stay so */
	assert_int_equal(storage_check(&config, fd, 0, 0), -ENOSPC);
	storage_limit(&config, fd, 0, &limit);
	assert_int_equal(limit.bytes, 0);
	assert_int_equal(limit.excess, -ENOSPC);
}

/* The nearer of two limits says what is wrong. */
static void test_both(void **state)
{
	(void)state;
	config.upload_min_free = 1;
	config.upload_max_size = 1;
	storage_limit(&config, fd, 0, &limit);
	assert_int_equal(limit.bytes, 1024);
	assert_int_equal(limit.excess, -EFBIG);
	config.upload_max_size = UINT32_MAX;
	if (available() < (uint64_t)UINT32_MAX * 1024) {
		storage_limit(&config, fd, 0, &limit);
		assert_int_equal(limit.excess, -ENOSPC);
	}
}

/* What does not tell its room is no reason to refuse. */
static void test_untold(void **state)
{
	(void)state;
	config.upload_min_free = 1;
	assert_int_equal(storage_check(&config, -1, 0, UINT64_MAX - 1), 0);
	storage_limit(&config, -1, 0, &limit);
	assert_true(limit.bytes == UINT64_MAX);
	assert_int_equal(limit.excess, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_limit, start, end),
		cmocka_unit_test_setup_teardown(test_largest, start, end),
		cmocka_unit_test_setup_teardown(test_largest_of_all, start, end),
		cmocka_unit_test_setup_teardown(test_announced_too_much, start, end),
		cmocka_unit_test_setup_teardown(test_kept_free, start, end),
		cmocka_unit_test_setup_teardown(test_nothing_left, start, end),
		cmocka_unit_test_setup_teardown(test_both, start, end),
		cmocka_unit_test_setup_teardown(test_untold, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
