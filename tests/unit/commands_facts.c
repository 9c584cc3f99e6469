/* facts: SIZE, MDTM, MFMT, MFF, AVBL and SITE UTIME. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/statvfs.h>
#include <time.h>
#include <cmocka.h>

#include "unit/session_fixture.h"

#include "commands/facts.h"

/* The times of a file, as "seconds.nanoseconds". */
static void check_time(const char *name, int64_t seconds, long nanoseconds)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, seconds);
	assert_int_equal(st.st_mtim.tv_nsec, nanoseconds);
	assert_int_equal(st.st_atim.tv_sec, 1); /* as it was made */
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(name, &st), 0);
	return st.st_mode & 07777;
}

/* ---- SIZE ---- */

static void test_size(void **state)
{
	(void)state;
	make("a b", "one\ntwo\r\n\n\rx");
	make("empty", "");
	assert_int_equal(symlink("a b", "link"), 0);
	assert_int_equal(mkdir("sub", 0755), 0);
	check("SIZE a b", "213 12");
	check("SIZE link", "213 12");
	check("SIZE empty", "213 0");
	check("SIZE sub", "550 Could not get file size.");
	check("SIZE /dev/null", "550 Could not get file size.");
	check("SIZE missing", "550 Could not get file size.");
	config->deny_file = "a b";
	check("SIZE a b", "550 Permission denied.");
}

/* RFC 3659 section 4: what a transfer would send now. */
static void test_size_by_type(void **state)
{
	(void)state;
	make("a", "one\ntwo\r\n\n\rx");
	make("empty", "");
	assert_int_equal(run("TYPE A"), 200);
	check("SIZE a", "213 12"); /* nothing is converted */
	config->ascii_download_enable = true;
	check("SIZE a", "213 14");
	check("SIZE empty", "213 0");
	check("SIZE .", "550 Could not get file size.");
	assert_int_equal(run("TYPE I"), 200);
	check("SIZE a", "213 12");
	assert_int_equal(chmod("a", 0200), 0);
	check("SIZE a", "213 12");
	assert_int_equal(run("TYPE A"), 200);
	check("SIZE a", "550 Could not get file size."); /* it would have to be read */
}

static void test_size_of_large_files(void **state)
{
	int fd;

	(void)state;
	config->ascii_download_enable = true;
	assert_int_equal(run("TYPE A"), 200);
	make("large", "\n");
	fd = open("large", O_WRONLY);
	assert_int_equal(ftruncate(fd, 64 * 1024 * 1024), 0);
	check("SIZE large", "213 67108865");
	assert_int_equal(ftruncate(fd, 64 * 1024 * 1024 + 1), 0);
	check("SIZE large", "550 The file is too large for SIZE in ASCII mode.");
	close(fd);
	assert_int_equal(run("TYPE I"), 200);
	check("SIZE large", "213 67108865");
}

/* ---- MDTM ---- */

static void test_mdtm(void **state)
{
	(void)state;
	make("a", "");
	make("20200101000000 a", ""); /* a time, a blank, a name; and a name as a whole */
	check("MDTM a", "213 20010909014640.250");
	check("MDTM 20200101000000 a", "213 20010909014640.250");
	check_time("a", 1000000000, 250000000);
	assert_int_equal(unlink("20200101000000 a"), 0);
	check("MDTM 20200101000000 a", "213 File modification time set.");
	check_time("a", 1577836800, 0);
	check("MDTM a", "213 20200101000000");
	assert_int_equal(run("MDTM 20200101000000.123456789 a"), 213);
	check_time("a", 1577836800, 123456789);
	check("MDTM a", "213 20200101000000.123");
	config->time_fractions = false;
	check("MDTM a", "213 20200101000000");
}

static void test_mdtm_refused(void **state)
{
	(void)state;
	make("a", "");
	check("MDTM missing", "550 Could not get file modification time.");
	check("MDTM .", "550 Could not get file modification time.");
	assert_int_equal(run("MDTM 20200101000000 missing"), 550);
	assert_int_equal(run("MDTM 20201301000000 a"), 550); /* a name, then */
	assert_int_equal(run("MDTM 20200101000000 "), 550);
	assert_int_equal(run("MDTM"), 501);
	config->mdtm_write = false;
	check("MDTM 20200101000000 a", "550 Permission denied.");
	config->mdtm_write = true;
	config->write_enable = false;
	check("MDTM 20200101000000 a", "550 Permission denied.");
	check("MDTM a", "213 20010909014640.250");
}

static void test_mdtm_local(void **state)
{
	(void)state;
	make("a", "");
	setenv("TZ", "XXX-5:30", 1);
	tzset();
	config->use_localtime = true;
	check("MDTM a", "213 20010909071640.250");
	assert_int_equal(run("MDTM 20200101000000 a"), 213);
	check_time("a", 1577836800 - 19800, 0);
	/* The others are in universal time, whatever is configured. */
	assert_int_equal(run("MFMT 20200101000000 a"), 213);
	check_time("a", 1577836800, 0);
	assert_int_equal(run("MFF modify=20200102000000; a"), 213);
	check_time("a", 1577836800 + 86400, 0);
	assert_int_equal(run("SITE UTIME 20200101000000 a"), 200);
	check_time("a", 1577836800, 0);
	setenv("TZ", "UTC0", 1);
	tzset();
}

/* ---- MFMT ---- */

static void test_mfmt(void **state)
{
	(void)state;
	make("a b", "");
	check("MFMT 20200101000000 a b", "213 Modify=20200101000000; a b");
	check_time("a b", 1577836800, 0);
	check("MFMT 20200101000000.5 a b", "213 Modify=20200101000000.5; a b");
	check_time("a b", 1577836800, 500000000);
	check("MFMT 19691231235959.75 a b", "213 Modify=19691231235959.75; a b");
	check_time("a b", -1, 750000000);
	assert_int_equal(mkdir("sub", 0755), 0);
	assert_int_equal(run("MFMT 20200101000000 sub"), 213);
	assert_int_equal(symlink("a b", "link"), 0);
	assert_int_equal(run("MFMT 20000101000000 link"), 213); /* through the link */
	check_time("a b", 946684800, 0);
}

static void test_mfmt_refused(void **state)
{
	static const char *const bad[] = {"MFMT", "MFMT a", "MFMT 20200101000000",
		"MFMT 20200101000000 ", "MFMT 20200230000000 a", "MFMT 20201301000000 a",
		"MFMT 2020010100000 a", "MFMT 20200101000000. a", "MFMT 20200101000000x a",
		"MFMT 20200101000000;a", "MFMT 20200101000000; a", "MFMT modify=20200101000000 a",
		"MFMT  20200101000000 a"};

	(void)state;
	make("a", "");
	for (size_t i = 0; i < COUNT(bad); i++)
		if (run(bad[i]) != 501)
			fail_msg("%s: %s", bad[i], received);
	assert_int_equal(run("MFMT 20200101000000 missing"), 550);
	config->deny_file = "a";
	check("MFMT 20200101000000 a", "550 Permission denied.");
	config->deny_file = NULL;
	config->mdtm_write = false;
	check("MFMT 20200101000000 a", "550 Permission denied.");
	check_time("a", 1000000000, 250000000);
	assert_int_equal(run("MFCT 20200101000000 a"), 502); /* nothing keeps such a time */
}

/* ---- MFF ---- */

static void test_mff(void **state)
{
	(void)state;
	make("a b", "");
	check("MFF modify=20200101000000; a b", "213 modify=20200101000000; a b");
	check_time("a b", 1577836800, 0);
	check("MFF UNIX.mode=600; a b", "213 UNIX.mode=600; a b");
	assert_int_equal(mode_of("a b"), 0600);
	check("MFF unix.MODE=0640;Modify=20200101000000.5; a b",
		"213 unix.MODE=0640;Modify=20200101000000.5; a b");
	assert_int_equal(mode_of("a b"), 0640);
	check_time("a b", 1577836800, 500000000);
	check("MFF modify=20000101; a b", "213 modify=20000101; a b");
	check_time("a b", 946684800, 0);
	check("MFF UNIX.mode=0; a b", "213 UNIX.mode=0; a b");
	assert_int_equal(mode_of("a b"), 0);
	assert_int_equal(chmod("a b", 0600), 0);
}

static void test_mff_refused(void **state)
{
	static const struct {
		const char *line;
		int code;
	} cases[] = {
		{"MFF", 501},
		{"MFF a", 501},
		{"MFF ; a", 501},
		{"MFF  a", 501},
		{"MFF UNIX.mode=600 a", 501},
		{"MFF UNIX.mode=600;", 501},
		{"MFF UNIX.mode=600; ", 501},
		{"MFF UNIX.mode; a", 501},
		{"MFF UNIX.mode=; a", 501},
		{"MFF UNIX.mode=888; a", 501},
		{"MFF UNIX.mode=4755; a", 501}, /* nobody sets a set-user-id bit from here */
		{"MFF UNIX.mode=1777; a", 501},
		{"MFF UNIX.mode=u+s; a", 501},
		{"MFF UNIX.mode=600;; a", 501},
		{"MFF modify=; a", 501},
		{"MFF modify=2020; a", 501},
		{"MFF modify=20200230000000; a", 501},
		{"MFF modify=20200101000000x; a", 501},
		{"MFF modify=20200101000000.0000000000000000000000000000000000; a", 501},
		{"MFF create=20200101000000; a", 504},
		{"MFF UNIX.owner=root; a", 504},
		{"MFF UNIX.uid=0; a", 504},
		{"MFF modif=20200101000000; a", 504},
		{"MFF =x; a", 504},
		/* One that can't be set, and nothing is. */
		{"MFF UNIX.mode=600;create=20200101000000; a", 504},
		{"MFF UNIX.mode=600;modify=x; a", 501},
		{"MFF UNIX.mode=600; missing", 550},
	};

	(void)state;
	make("a", "");
	for (size_t i = 0; i < COUNT(cases); i++)
		if (run(cases[i].line) != cases[i].code)
			fail_msg("%s: %s", cases[i].line, received);
	assert_int_equal(mode_of("a"), 0644);
	check_time("a", 1000000000, 250000000);
}

/* Each fact by its own switch. */
static void test_mff_permissions(void **state)
{
	static const struct {
		bool write, chmod, times, anonymous;
		int mode_code, modify_code;
		const char *settable;
	} cases[] = {
		{true, true, true, false, 213, 213, "modify;UNIX.mode;"},
		{true, false, true, false, 550, 213, "modify;"},
		{true, true, false, false, 213, 550, "UNIX.mode;"},
		{true, false, false, false, 550, 550, ""},
		{false, true, true, false, 550, 550, ""},
		{true, true, true, true, 550, 550, ""},
	};

	(void)state;
	make("a", "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[64];
		struct buffer b;
		config->write_enable = cases[i].write;
		config->chmod_enable = cases[i].chmod;
		config->mdtm_write = cases[i].times;
		session.login.anonymous = cases[i].anonymous;
		assert_int_equal(run("MFF UNIX.mode=644; a"), cases[i].mode_code);
		assert_int_equal(run("MFF modify=20200101000000; a"), cases[i].modify_code);
		buffer_start(&b, text, sizeof(text));
		facts_append_settable(&session, &b);
		assert_string_equal(buffer_text(&b), cases[i].settable);
	}
	config->anon_other_write_enable = true; /* times, but no modes */
	assert_int_equal(run("MFF modify=20200101000000; a"), 213);
	assert_int_equal(run("MFF UNIX.mode=600; a"), 550);
	assert_int_equal(mode_of("a"), 0644);
}

/* ---- AVBL ---- */

static void test_avbl(void **state)
{
	struct statvfs st;
	uint64_t bytes;

	(void)state;
	make("a", "");
	assert_int_equal(run("AVBL"), 213);
	assert_int_equal(run("AVBL "), 213);
	assert_int_equal(run("AVBL a"), 213);
	assert_int_equal(run("AVBL ."), 213);
	bytes = strtoull(received + 4, NULL, 10);
	assert_int_equal(strspn(received + 4, "0123456789"), strlen(received + 4));
	assert_int_equal(statvfs(".", &st), 0);
	assert_true(bytes <= (uint64_t)st.f_blocks * st.f_frsize);
	assert_int_equal(run("AVBL missing"), 550);
	config->deny_file = "a";
	assert_int_equal(run("AVBL a"), 550);
	config->write_enable = false; /* how much fits is for those who may add to it */
	assert_int_equal(run("AVBL"), 550);
}

/* ---- SITE UTIME ---- */

static void test_site_utime(void **state)
{
	static const struct {
		const char *line;
		int64_t seconds;
		long nanoseconds;
	} cases[] = {
		{"SITE UTIME 20200101000001 a b", 1577836801, 0},
		{"SITE UTIME 202001010001 a b", 1577836860, 0}, /* without seconds */
		{"SITE UTIME 20200101 a b", 1577836800, 0},
		{"SITE UTIME 20200101000000.25 a b", 1577836800, 250000000},
		{"site utime 20200101000002 a b", 1577836802, 0},
		/* Of access, modification and change, the second counts. */
		{"SITE UTIME a b 20000101000000 20200101000003 19990101000000 UTC", 1577836803, 0},
		{"SITE UTIME a b 20000101000000 20200101000004 19990101000000 utc", 1577836804, 0},
	};

	(void)state;
	make("a b", "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		check(cases[i].line, "200 SITE UTIME command ok.");
		check_time("a b", cases[i].seconds, cases[i].nanoseconds);
	}
	/* What looks like it and is a name. */
	make("a", "");
	assert_int_equal(symlink("a", "20200101 UTC"), 0);
	assert_int_equal(run("SITE UTIME 20200102 20200101 UTC"), 200);
	assert_int_equal(unlink("20200101 UTC"), 0);
	check_time("a", 1577836800 + 86400, 0);
}

static void test_site_utime_refused(void **state)
{
	static const char *const bad[] = {"SITE UTIME", "SITE UTIME a", "SITE UTIME 20200101000000",
		"SITE UTIME 20200101000000 ", "SITE UTIME 2020010100 a",
		"SITE UTIME 20200230000000 a", "SITE UTIME 202013010000 a",
		"SITE UTIME 202001010000", "SITE UTIME 202001010000 ",
		"SITE UTIME a 20000101000000 20200101000003 19990101000000 CET",
		"SITE UTIME a 20000101000000 20200101000003 19990101000000",
		"SITE UTIME a 20000101000000 x 19990101000000 UTC",
		"SITE UTIME 20000101000000 20200101000003 19990101000000 UTC UTC"};

	(void)state;
	make("a", "");
	for (size_t i = 0; i < COUNT(bad) - 1; i++)
		if (run(bad[i]) != 501)
			fail_msg("%s: %s", bad[i], received);
	/* A time and a name, though an odd one. */
	assert_int_equal(run(bad[COUNT(bad) - 1]), 550);
	assert_int_equal(run("SITE UTIME 20200101000000 missing"), 550);
	config->mdtm_write = false;
	check("SITE UTIME 20200101000000 a", "550 Permission denied.");
	check_time("a", 1000000000, 250000000);
}

static void test_site_idle(void **state)
{
	(void)state;
	session.idle_granted = 300;
	check("SITE IDLE", "200 The idle time limit is 300 seconds.");
	check("SITE IDLE 60", "200 The idle time limit is 60 seconds.");
	assert_int_equal(config->idle_session_timeout, 60);
	check("SITE IDLE 300", "200 The idle time limit is 300 seconds.");
	assert_int_equal(run("SITE IDLE 301"), 501);
	assert_int_equal(run("SITE IDLE 0"), 501);
	assert_int_equal(run("SITE IDLE -1"), 501);
	assert_int_equal(run("SITE IDLE 1 2"), 501);
	assert_int_equal(config->idle_session_timeout, 300);
	session.idle_granted = 0; /* no limit was configured */
	config->idle_session_timeout = 0;
	check("SITE IDLE 4294967295", "200 The idle time limit is 4294967295 seconds.");
	assert_int_equal(run("SITE IDLE 4294967296"), 501);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, session_start, session_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_size),
		TEST(test_size_by_type),
		TEST(test_size_of_large_files),
		TEST(test_mdtm),
		TEST(test_mdtm_refused),
		TEST(test_mdtm_local),
		TEST(test_mfmt),
		TEST(test_mfmt_refused),
		TEST(test_mff),
		TEST(test_mff_refused),
		TEST(test_mff_permissions),
		TEST(test_avbl),
		TEST(test_site_utime),
		TEST(test_site_utime_refused),
		TEST(test_site_idle),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, session_directory, session_remove_directory);
}
