/* hash: HASH, its older forms, and their ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/session_fixture.h"

#include "commands/hash.h"

#define ABC256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* ---- algorithms ---- */

static void test_options(void **state)
{
	(void)state;
	check("OPTS HASH", "200 SHA-256");
	check("OPTS HASH SHA-1", "200 SHA-1");
	check("OPTS HASH", "200 SHA-1");
	check("OPTS hash crc32", "200 CRC32");
	check("OPTS HASH md5", "200 MD5");
	check("OPTS HASH SHA-512", "200 SHA-512");
	assert_int_equal(run("OPTS HASH SHA-3"), 501);
	assert_int_equal(run("OPTS HASH SHA-51"), 501);
	assert_int_equal(run("OPTS HASH SHA-512 x"), 501);
	assert_int_equal(run("OPTS HASH SHA-256*"), 501);
	assert_int_equal(run("OPTS HASHX"), 501);
	check("OPTS HASH", "200 SHA-512"); /* what was refused changes nothing */
	config->hash_enable = false;
	assert_int_equal(run("OPTS HASH"), 501);
	config->hash_enable = true;
	session.login.kind = LOGIN_NONE;
	assert_int_equal(run("OPTS HASH"), 530);
}

static void test_feature(void **state)
{
	static const struct {
		enum digest_algorithm chosen;
		const char *list;
	} cases[] = {
		{DIGEST_SHA256, "SHA-256*;SHA-512;SHA-1;MD5;CRC32"},
		{DIGEST_SHA512, "SHA-256;SHA-512*;SHA-1;MD5;CRC32"},
		{DIGEST_SHA1, "SHA-256;SHA-512;SHA-1*;MD5;CRC32"},
		{DIGEST_MD5, "SHA-256;SHA-512;SHA-1;MD5*;CRC32"},
		{DIGEST_CRC32, "SHA-256;SHA-512;SHA-1;MD5;CRC32*"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[128];
		struct buffer b;
		session.hash = cases[i].chosen;
		buffer_start(&b, text, sizeof(text));
		hash_append_algorithms(&session, &b);
		assert_string_equal(buffer_text(&b), cases[i].list);
	}
}

static void test_every_algorithm(void **state)
{
	static const struct {
		const char *option, *expected;
	} cases[] = {
		{"OPTS HASH SHA-256", "213 SHA-256 0-2 " ABC256 " a"},
		{"OPTS HASH SHA-512",
			"213 SHA-512 0-2 ddaf35a193617abacc417349ae20413112e6fa4e89a97ea2"
			"0a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e"
			"2a9ac94fa54ca49f a"},
		{"OPTS HASH SHA-1", "213 SHA-1 0-2 a9993e364706816aba3e25717850c26c9cd0d89d a"},
		{"OPTS HASH MD5", "213 MD5 0-2 900150983cd24fb0d6963f7d28e17f72 a"},
		{"OPTS HASH CRC32", "213 CRC32 0-2 352441c2 a"},
	};

	(void)state;
	make("a", "abc");
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(cases[i].option), 200);
		check("HASH a", cases[i].expected);
	}
}

/* ---- files ---- */

static void test_files(void **state)
{
	(void)state;
	make("a b", "abc");
	make("empty", "");
	assert_int_equal(symlink("a b", "link"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(mkdir("sub", 0755), 0);
	check("HASH a b", "213 SHA-256 0-2 " ABC256 " a b");
	check("HASH link", "213 SHA-256 0-2 " ABC256 " link");
	check("HASH sub/../a b", "213 SHA-256 0-2 " ABC256 " sub/../a b");
	check("HASH empty", "213 SHA-256 0-0 " EMPTY256 " empty");
	check("HASH sub", "553 Not a file.");
	check("HASH /dev/null", "553 Not a file.");
	assert_int_equal(run("HASH missing"), 550);
	assert_int_equal(run("HASH dangling"), 550);
	assert_int_equal(run("HASH"), 501);
}

static void test_permissions(void **state)
{
	(void)state;
	make("a", "abc");
	config->deny_file = "a";
	check("HASH a", "550 Permission denied.");
	check("XCRC a", "550 Permission denied.");
	config->deny_file = NULL;
	config->download_file = "*.txt";
	check("HASH a", "550 Permission denied.");
	config->download_file = NULL;
	config->download_enable = false;
	check("HASH a", "550 Permission denied.");
	config->download_enable = true;
	assert_int_equal(chmod("a", 0200), 0);
	check("HASH a", "550 Failed to open file.");
	assert_int_equal(chmod("a", 0640), 0);
	check("HASH a", "213 SHA-256 0-2 " ABC256 " a");
	session.login.anonymous = true;
	config->anon_world_readable_only = true;
	assert_int_equal(run("HASH a"), 550);
}

/* More than is read between two looks at the client. */
static void test_large_file(void **state)
{
	int fd;

	(void)state;
	make("large", "");
	fd = open("large", O_WRONLY);
	assert_int_equal(ftruncate(fd, 3 * 1024 * 1024 + 1), 0);
	close(fd);
	config->hash_max_seconds = 0;
	assert_int_equal(run("OPTS HASH CRC32"), 200);
	check("HASH large", "213 CRC32 0-3145728 a07cfa47 large");
	config->hash_max_seconds = 60;
	check("HASH large", "213 CRC32 0-3145728 a07cfa47 large");
}

/* ---- ranges ---- */

static void test_range(void **state)
{
	(void)state;
	make("a", "xabcx");
	check("RANG 1 3", "350 Range accepted (1 to 3).");
	check("HASH a", "213 SHA-256 1-3 " ABC256 " a");
	assert_false(session.pending.range); /* it was for one command */
	assert_int_equal(run("RANG 1 3"), 350);
	assert_int_equal(run("NOOP"), 200);
	check("HASH a", "213 SHA-256 1-3 " ABC256 " a");
	/* What is behind the end is not there. */
	assert_int_equal(run("OPTS HASH CRC32"), 200);
	assert_int_equal(run("RANG 4 9223372036854775807"), 350);
	check("HASH a", "213 CRC32 4-4 8cdc1683 a");
	assert_int_equal(run("RANG 0 0"), 350);
	check("HASH a", "213 CRC32 0-0 8cdc1683 a");
	assert_int_equal(run("RANG 5 5"), 350);
	check("HASH a", "554 The range is beyond the end of the file.");
	assert_int_equal(run("RANG 9223372036854775807 9223372036854775807"), 350);
	assert_int_equal(run("HASH a"), 554);
}

static void test_range_forms(void **state)
{
	static const char *const bad[] = {"RANG", "RANG 1", "RANG 1 ", "RANG a b", "RANG -1 2",
		"RANG 1 2 3", "RANG 1  2", "RANG 1,2", "RANG 3 2", "RANG 2 0",
		"RANG 9223372036854775808 1", "RANG 1 9223372036854775808"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (run(bad[i]) != 501)
			fail_msg("%s: %s", bad[i], received);
	assert_int_equal(run("RANG 1 2"), 350);
	check("RANG 1 0", "350 Range reset.");
	assert_false(session.pending.range);
	/* REST and RANG replace each other. */
	assert_int_equal(run("REST 5"), 350);
	assert_int_equal(run("RANG 1 2"), 350);
	assert_int_equal(session.pending.restart, 0);
	assert_int_equal(run("REST 5"), 350);
	assert_false(session.pending.range);
	assert_int_equal(session.pending.restart, 5);
}

/* ---- the older forms ---- */

static void test_old_forms(void **state)
{
	(void)state;
	make("a", "abc");
	make("empty", "");
	check("XCRC a", "250 352441c2");
	check("XMD5 a", "250 900150983cd24fb0d6963f7d28e17f72");
	check("XSHA1 a", "250 a9993e364706816aba3e25717850c26c9cd0d89d");
	check("XSHA256 a", "250 " ABC256);
	assert_int_equal(run("XSHA512 a"), 250);
	assert_memory_equal(received, "250 ddaf35a193617aba", 20);
	check("xcrc empty", "250 00000000");
	check("XCRC \"a\"", "250 352441c2");
	assert_int_equal(run("XCRC missing"), 550);
	assert_int_equal(run("XCRC ."), 553);
	assert_int_equal(run("XCRC"), 501);
	config->hash_enable = false;
	assert_int_equal(run("XCRC a"), 550);
}

/* START counts from 0; END is the first byte that no longer counts. */
static void test_old_ranges(void **state)
{
	(void)state;
	make("a", "xabcx");
	check("XCRC a 1 4", "250 352441c2");
	check("XCRC \"a\" 1 4", "250 352441c2");
	check("XCRC a 4", "250 8cdc1683");
	check("XCRC a 4 99", "250 8cdc1683");
	check("XCRC a 0 1", "250 8cdc1683");
	check("XCRC a 0 0", "250 00000000");
	check("XCRC a 2 2", "250 00000000");
	assert_int_equal(run("XCRC a 3 2"), 501);
	assert_int_equal(run("XCRC a 5"), 554);
	assert_int_equal(run("XCRC \"a\" 1 x"), 501);
	assert_int_equal(run("XCRC \"a\" x"), 501);
	assert_int_equal(run("XCRC \"a\" 1 2 3"), 501);
	assert_int_equal(run("XCRC a x"), 550); /* a name */
	assert_int_equal(run("XCRC a 9223372036854775808"), 550);
}

/* A file that has such a name is meant. */
static void test_names_that_end_in_numbers(void **state)
{
	(void)state;
	make("a", "xabcx");
	make("a 1", "abc");
	make("a 1 2", "x");
	check("XCRC a 1", "250 352441c2");
	check("XCRC a 1 2", "250 8cdc1683");
	check("XCRC a 1 1 4", "250 c2a92b38"); /* "bc" of "a 1" */
	check("XCRC a 4 5", "250 8cdc1683");
	check("XCRC \"a\" 4", "250 8cdc1683");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_options, session_start, session_end),
		cmocka_unit_test_setup_teardown(test_feature, session_start, session_end),
		cmocka_unit_test_setup_teardown(test_every_algorithm, session_start, session_end),
		cmocka_unit_test_setup_teardown(test_files, session_start, session_end),
		cmocka_unit_test_setup_teardown(test_permissions, session_start, session_end),
		cmocka_unit_test_setup_teardown(test_large_file, session_start, session_end),
		cmocka_unit_test_setup_teardown(test_range, session_start, session_end),
		cmocka_unit_test_setup_teardown(test_range_forms, session_start, session_end),
		cmocka_unit_test_setup_teardown(test_old_forms, session_start, session_end),
		cmocka_unit_test_setup_teardown(test_old_ranges, session_start, session_end),
		cmocka_unit_test_setup_teardown(
			test_names_that_end_in_numbers, session_start, session_end),
	};

	return cmocka_run_group_tests(tests, session_directory, session_remove_directory);
}
