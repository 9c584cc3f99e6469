/* machine: MLST, and what OPTS MLST chooses. MLSD needs a data connection: talks have that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/session_fixture.h"

/* ---- OPTS MLST ---- */

static void test_options(void **state)
{
	(void)state;
	check("OPTS MLST type;size;", "200 MLST OPTS type;size;");
	assert_int_equal(session.facts, FACT_TYPE | FACT_SIZE);
	check("OPTS MLST SIZE;Type", "200 MLST OPTS type;size;");
	check("opts mlst UNIX.owner;create;perm;", "200 MLST OPTS perm;UNIX.owner;");
	assert_int_equal(run("OPTS MLST fred;"), 200);
	assert_int_equal(session.facts, 0);
	assert_int_equal(run("OPTS MLST modify;"), 200);
	assert_int_equal(run("OPTS MLST type; size;"), 501);
	assert_int_equal(run("OPTS MLST type;\tsize;"), 501);
	assert_int_equal(run("OPTS MLSTX type;"), 501);
	assert_int_equal(session.facts, FACT_MODIFY); /* what was refused changes nothing */
	assert_int_equal(run("OPTS MLST"), 200);
	assert_int_equal(session.facts, 0);
}

static void test_no_options_before_the_login(void **state)
{
	(void)state;
	session.login.kind = LOGIN_NONE;
	assert_int_equal(run("OPTS MLST type;"), 530);
	assert_int_equal(session.facts, FACTS_DEFAULT);
}

/* ---- facts ---- */

/* Asks for one fact of a name; `received` is then the line of the entry, up to the name. */
static const char *tell(const char *facts, const char *name)
{
	char line[256];
	char *start, *end;

	snprintf(line, sizeof(line), "OPTS MLST %s", facts);
	assert_int_equal(run(line), 200);
	snprintf(line, sizeof(line), "MLST %s", name);
	if (run(line) != 250)
		fail_msg("%s: %s", line, received);
	start = strchr(received, '\n') + 1;
	assert_int_equal(*start, ' ');
	end = strstr(start, " /");
	assert_non_null(end);
	assert_string_equal(strchr(end, '\n'), "\n250 End");
	*end = '\0';
	return start + 1;
}

static void check_facts(const char *facts, const char *name, const char *expected)
{
	const char *told = tell(facts, name);

	if (strcmp(told, expected) != 0)
		fail_msg("%s of %s: %s", facts, name, told);
}

static void test_whole_reply(void **state)
{
	char expected[1024];

	(void)state;
	make("a b", "abc");
	assert_int_equal(mkdir("sub", 0755), 0);
	assert_int_equal(run("OPTS MLST type;size;modify;perm;UNIX.mode;"), 200);
	snprintf(expected, sizeof(expected),
		"250-Listing %s/a b\n"
		" type=file;size=3;modify=20010909014640.250;perm=adfrw;UNIX.mode=0644; %s/a b\n"
		"250 End",
		directory, directory);
	check("MLST a b", expected);
	check("MLST ./sub/..//a b", expected);
	session.facts = 0; /* two blanks: that of the line, and that before the name */
	snprintf(expected, sizeof(expected), "250-Listing %s/a b\n  %s/a b\n250 End", directory,
		directory);
	check("MLST a b", expected);
}

static void test_current_directory(void **state)
{
	char expected[1024];

	(void)state;
	session.facts = FACT_TYPE;
	snprintf(expected, sizeof(expected), "250-Listing %s\n type=dir; %s\n250 End", directory,
		directory);
	check("MLST", expected);
	check("MLST ", expected);
	check("MLST .", expected);
	check("MLST ~", expected);
	check("MLST /", "250-Listing /\n type=dir; /\n250 End");
}

static void test_types(void **state)
{
	(void)state;
	make("a", "abc");
	assert_int_equal(mkdir("sub", 0755), 0);
	assert_int_equal(mkfifo("made", 0600), 0);
	assert_int_equal(symlink("sub", "link"), 0);
	assert_int_equal(symlink("no where", "dangling"), 0);
	check_facts("type;size;", "a", "type=file;size=3;");
	check_facts("type;size;", "sub", "type=dir;");
	check_facts("type;size;", "made", "type=OS.unix=fifo;");
	check_facts("type;size;", "link", "type=OS.unix=slink:sub;");
	check_facts("type;size;", "link/", "type=OS.unix=slink:sub;");
	check_facts("type;size;", "dangling", "type=OS.unix=symlink;");
	check_facts("type;", "/dev/null", "type=OS.unix=chr;");
}

static void test_fractions(void **state)
{
	(void)state;
	make("a", "");
	check_facts("modify;", "a", "modify=20010909014640.250;");
	config->time_fractions = false;
	check_facts("modify;", "a", "modify=20010909014640;");
	config->use_localtime = true; /* these are always in universal time */
	check_facts("modify;", "a", "modify=20010909014640;");
}

static void test_unique(void **state)
{
	char first[128];

	(void)state;
	make("a", "");
	make("b", "");
	assert_int_equal(link("a", "made"), 0);
	strcpy(first, tell("unique;", "a"));
	assert_string_equal(tell("unique;", "made"), first);
	assert_string_equal(tell("unique;", "a"), first);
	assert_string_not_equal(tell("unique;", "b"), first);
}

static void test_owners(void **state)
{
	char expected[64];

	(void)state;
	make("a", "");
	snprintf(expected, sizeof(expected), "UNIX.uid=%u;UNIX.gid=%u;", geteuid(), getegid());
	check_facts("UNIX.uid;UNIX.gid;", "a", expected);
	snprintf(expected, sizeof(expected), "UNIX.owner=%u;UNIX.group=%u;", geteuid(), getegid());
	check_facts("UNIX.owner;UNIX.group;", "a", expected);
	config->hide_ids = true;
	check_facts("UNIX.uid;UNIX.gid;", "a", "");
	check_facts("UNIX.owner;UNIX.group;", "a", "UNIX.owner=ftp;UNIX.group=ftp;");
}

/* ---- perm ---- */

static const struct {
	const char *denied;
	bool write, download;
	const char *file, *directory;
} powers[] = {
	{NULL, true, true, "adfrw", "cdeflmp"}, {NULL, false, true, "r", "el"},
	{NULL, true, false, "adfw", "cdeflmp"}, {NULL, false, false, "", "el"},
	{"APPE", true, true, "dfrw", "cdeflmp"}, {"STOR", true, true, "adfr", "deflmp"},
	{"DELE", true, true, "afrw", "cdeflm"}, {"RNFR", true, true, "adrw", "cdelmp"},
	{"RNTO", true, true, "adrw", "cdelmp"}, {"RETR", true, true, "adfw", "cdeflmp"},
	{"CWD", true, true, "adfrw", "cdflmp"}, {"MKD", true, true, "adfrw", "cdeflp"},
	{"RMD", true, true, "adfrw", "ceflmp"}, {"MLSD", true, true, "adfrw", "cdeflmp"},
	{"LIST", true, true, "adfrw", "cdefmp"}, /* and MLSD with it */
};

static void check_perm(const char *name, const char *letters)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "perm=%s;", letters);
	check_facts("perm;", name, expected);
}

static void test_perm_by_policy(void **state)
{
	(void)state;
	make("a", "");
	assert_int_equal(mkdir("sub", 0755), 0);
	for (size_t i = 0; i < COUNT(powers); i++) {
		config->cmds_denied = powers[i].denied;
		config->write_enable = powers[i].write;
		config->download_enable = powers[i].download;
		check_perm("a", powers[i].file);
		check_perm("sub", powers[i].directory);
	}
}

static void test_perm_of_anonymous_sessions(void **state)
{
	(void)state;
	make("a", "");
	assert_int_equal(mkdir("sub", 0755), 0);
	session.login.anonymous = true;
	check_perm("a", "r");
	check_perm("sub", "el");
	config->anon_upload_enable = true; /* new files, and no others */
	check_perm("a", "r");
	check_perm("sub", "cel");
	config->anon_mkdir_write_enable = true;
	check_perm("sub", "celm");
	config->anon_other_write_enable = true;
	check_perm("a", "adfrw");
	check_perm("sub", "cdeflmp");
	assert_int_equal(chmod("a", 0640), 0);
	assert_int_equal(chmod("sub", 0750), 0);
	check_perm("a", "adfw"); /* not the world's to read */
	check_perm("sub", "cdefmp");
	config->anon_world_readable_only = false;
	check_perm("a", "adfrw");
}

static void test_perm_by_mode(void **state)
{
	static const struct {
		mode_t mode;
		const char *file, *directory;
	} cases[] = {
		{0700, "adfrw", "cdeflmp"},
		{0600, "adfrw", "dfl"},
		{0500, "dfr", "defl"},
		{0400, "dfr", "dfl"},
		{0300, "adfw", "cdefmp"},
		{0200, "adfw", "df"},
		{0100, "df", "def"},
		{0077, "df", "df"},
	};

	(void)state;
	make("a", "");
	assert_int_equal(mkdir("sub", 0755), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(chmod("a", cases[i].mode), 0);
		assert_int_equal(chmod("sub", cases[i].mode), 0);
		check_perm("a", cases[i].file);
		check_perm("sub", cases[i].directory);
	}
}

/* What can be done to a name is its directory's business. */
static void test_perm_by_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdir("sub", 0755), 0);
	make("sub/a", "");
	check_perm("sub/a", "adfrw");
	assert_int_equal(chmod("sub", 0555), 0);
	check_perm("sub/a", "arw");
	assert_int_equal(chmod("sub", 01777), 0);
	check_perm("sub/a", "adfrw"); /* one's own: the sticky bit keeps it for its owner */
	check_perm("/", "el");
	check_perm("/dev/null", "");
	assert_int_equal(chmod("sub", 0755), 0);
}

/* Somebody else's file in a directory like /tmp: only root can make that. */
static void test_perm_by_sticky_directory(void **state)
{
	(void)state;
	if (getuid() != 0)
		return;
	become(true);
	assert_int_equal(mkdir("sub", 0755), 0);
	make("sub/a", "");
	assert_int_equal(chmod("sub/a", 0666), 0);
	assert_int_equal(chmod("sub", 01777), 0);
	become(false);
	check_perm("sub/a", "arw");
	become(true);
	assert_int_equal(chmod("sub", 0777), 0);
	become(false);
	check_perm("sub/a", "adfrw");
	become(true);
	assert_int_equal(chown("sub/a", NOBODY_ID, NOBODY_ID), 0);
	assert_int_equal(chmod("sub", 01777), 0);
	become(false);
	check_perm("sub/a", "adfrw");
	assert_int_equal(unlink("sub/a"), 0);
	become(true);
	assert_int_equal(rmdir("sub"), 0);
	become(false);
}

/* A link is renamed and removed itself, and read through. */
static void test_perm_of_links(void **state)
{
	(void)state;
	make("a", "");
	assert_int_equal(symlink("a", "link"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	check_perm("link", "adfrw");
	assert_int_equal(chmod("a", 0400), 0);
	check_perm("link", "dfr");
	check_perm("dangling", "df");
}

static void test_perm_by_patterns(void **state)
{
	(void)state;
	make("a", "");
	config->download_file = "*.txt";
	check_perm("a", "adfw");
	config->download_file = NULL;
	config->upload_file = "*.txt";
	check_perm("a", "dfr");
	config->upload_file = "a";
	check_perm("a", "adfrw");
}

/* ---- what is not told ---- */

static void test_refused(void **state)
{
	(void)state;
	make("a", "");
	assert_int_equal(run("MLST missing"), 550);
	assert_int_equal(run("MLST a/b"), 550);
	config->hide_file = "a";
	assert_int_equal(run("MLST a"), 550);
	config->hide_file = NULL;
	config->deny_file = "a";
	check("MLST a", "550 Permission denied.");
	config->deny_file = NULL;
	config->dirlist_enable = false;
	check("MLST a", "550 Permission denied.");
	check("MLSD", "550 Permission denied.");
	config->dirlist_enable = true;
	assert_int_equal(run("MLSD"), 425); /* nowhere to send it */
	session.login.kind = LOGIN_NONE;
	assert_int_equal(run("MLST a"), 530);
}

/* ---- FEAT ---- */

static void test_feature(void **state)
{
	(void)state;
	assert_int_equal(run("FEAT"), 211);
	assert_non_null(strstr(received, "\n MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;"
					 "UNIX.uid*;UNIX.gid*;UNIX.owner;UNIX.group;\n"));
	assert_null(strstr(received, "MLSD"));
	assert_int_equal(run("OPTS MLST size;"), 200);
	assert_int_equal(run("FEAT"), 211);
	assert_non_null(strstr(received, "\n MLST type;size*;modify;perm;unique;UNIX.mode;"
					 "UNIX.uid;UNIX.gid;UNIX.owner;UNIX.group;\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, session_start, session_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_options),
		TEST(test_no_options_before_the_login),
		TEST(test_whole_reply),
		TEST(test_current_directory),
		TEST(test_types),
		TEST(test_fractions),
		TEST(test_unique),
		TEST(test_owners),
		TEST(test_perm_by_policy),
		TEST(test_perm_of_anonymous_sessions),
		TEST(test_perm_by_mode),
		TEST(test_perm_by_directory),
		TEST(test_perm_by_sticky_directory),
		TEST(test_perm_of_links),
		TEST(test_perm_by_patterns),
		TEST(test_refused),
		TEST(test_feature),
	};

	return cmocka_run_group_tests(tests, session_directory, session_remove_directory);
}
