/* access: what the configuration lets a session do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "policy/access.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct config config;

static int start(void **state)
{
	(void)state;
	config_defaults(&config, "soloftpd");
	return 0;
}

/* ---- classes ---- */

static bool *const switches[] = {&config.dirlist_enable, &config.download_enable,
	&config.write_enable, &config.anon_upload_enable, &config.anon_mkdir_write_enable,
	&config.anon_other_write_enable, &config.chmod_enable, &config.mdtm_write,
	&config.pasv_enable, &config.port_enable, &config.hash_enable};

/* The switches above, as bits. */
enum {
	DIRLIST = 1,
	DOWNLOAD = 2,
	WRITE = 4,
	ANON_UPLOAD = 8,
	ANON_MKDIR = 16,
	ANON_OTHER = 32,
	CHMOD = 64,
	MDTM = 128,
	PASV = 256,
	PORT = 512,
	HASH = 1024,
	NEVER = 2048,
};

/* What a class needs of local and of anonymous sessions: all of these, and nothing else. */
static const struct {
	enum access_class class;
	unsigned local, anonymous;
} needs[] = {
	{CLASS_SESSION, 0, 0},
	{CLASS_LIST, DIRLIST, DIRLIST},
	{CLASS_DOWNLOAD, DOWNLOAD, DOWNLOAD},
	{CLASS_UPLOAD, WRITE, WRITE | ANON_UPLOAD},
	{CLASS_MKDIR, WRITE, WRITE | ANON_MKDIR},
	{CLASS_MODIFY, WRITE, WRITE | ANON_OTHER},
	{CLASS_SITE, 0, NEVER},
	{CLASS_CHMOD, WRITE | CHMOD, NEVER},
	{CLASS_TIMES, WRITE | MDTM, WRITE | MDTM | ANON_OTHER},
	{CLASS_PASSIVE, PASV, PASV},
	{CLASS_ACTIVE, PORT, PORT},
	{CLASS_HASH, DOWNLOAD | HASH, DOWNLOAD | HASH},
	/* Its directory is its switch: below. */
	{CLASS_HOST, NEVER, NEVER},
};

static void check_needs(unsigned set)
{
	for (size_t i = 0; i < COUNT(needs); i++) {
		bool local = access_permits(&config, false, needs[i].class);
		bool anonymous = access_permits(&config, true, needs[i].class);
		if (local != ((set & needs[i].local) == needs[i].local))
			fail_msg("class %zu, switches %#x, local", i, set);
		if (anonymous != ((set & needs[i].anonymous) == needs[i].anonymous))
			fail_msg("class %zu, switches %#x, anonymous", i, set);
	}
}

static void test_every_class_under_every_switch(void **state)
{
	(void)state;
	assert_int_equal(COUNT(needs), CLASS_HOST + 1);
	for (unsigned set = 0; set < NEVER; set++) {
		for (size_t i = 0; i < COUNT(switches); i++)
			*switches[i] = (set >> i & 1) != 0;
		check_needs(set);
	}
}

static void test_unknown_class_is_closed(void **state)
{
	(void)state;
	assert_false(access_permits(&config, false, (enum access_class)(CLASS_HOST + 1)));
}

static void test_hosts_need_their_directory(void **state)
{
	(void)state;
	assert_false(access_permits(&config, false, CLASS_HOST));
	config.host_config_dir = "/etc/ftp-hosts";
	assert_true(access_permits(&config, false, CLASS_HOST));
	assert_true(access_permits(&config, true, CLASS_HOST));
}

/* The defaults let nobody write. */
static void test_defaults(void **state)
{
	static const enum access_class writing[] = {
		CLASS_UPLOAD, CLASS_MKDIR, CLASS_MODIFY, CLASS_CHMOD, CLASS_TIMES};

	(void)state;
	for (size_t i = 0; i < COUNT(writing); i++) {
		assert_false(access_permits(&config, false, writing[i]));
		assert_false(access_permits(&config, true, writing[i]));
	}
	assert_true(access_permits(&config, true, CLASS_LIST));
	assert_true(access_permits(&config, true, CLASS_DOWNLOAD));
}

/* ---- verbs ---- */

static void test_verbs(void **state)
{
	static const struct {
		const char *allowed, *denied, *verb;
		bool permitted;
	} cases[] = {
		{NULL, NULL, "DELE", true},
		{NULL, "DELE", "DELE", false},
		{NULL, "dele", "DELE", false},
		{NULL, "RETR,DELE,STOR", "DELE", false},
		{NULL, "XDELE", "DELE", true},
		{NULL, "DEL", "DELE", true},
		{"RETR", NULL, "RETR", true},
		{"retr", NULL, "RETR", true},
		{"RETR", NULL, "QUIT", false},
		{"RETR,QUIT", NULL, "QUIT", true},
		{"RETR", "RETR", "RETR", false},
		{"RETR,STOR", "STOR", "RETR", true},
		{"RETR,STOR", "STOR", "STOR", false},
		{",", NULL, "RETR", false},
		{NULL, ",", "RETR", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		config.cmds_allowed = cases[i].allowed;
		config.cmds_denied = cases[i].denied;
		if (access_permits_verb(&config, cases[i].verb) != cases[i].permitted)
			fail_msg("case %zu: %s", i, cases[i].verb);
	}
}

/* ---- names ---- */

struct match {
	const char *pattern, *name;
	bool matches;
};

static const struct match denials[] = {
	{NULL, "/secret", false},
	{"secret", "/secret", true},
	{"secret", "/a/secret", true},
	{"secret", "/secret/a", true},
	{"secret", "/a/secret/b/c", true},
	{"secret", "/a/topsecrets", true}, /* found in it as it stands */
	{"secret", "/a/Secret", false},
	{"*.mp3", "/a.mp3", true},
	{"*.mp3", "/a/b.mp3", true},
	{"*.mp3", "/a.mp3/b", true},
	{"*.mp3", "/a.mp3x", false},
	{"*.mp3", "/.mp3", true},
	{"{*.mp3,*.mov}", "/x/y.mov", true},
	{"{*.mp3,*.mov}", "/x/y.mo", false},
	{"{*.mp3,*.mov,.private}", "/x/.private/y", true},
	{".*", "/x/.ssh/id", true},
	{".*", "/x/ssh", false},
	{"/etc/passwd", "/etc/passwd", true},
	{"/etc/*", "/etc/passwd", true},
	{"/etc/passwd", "/jail/etc/passwd", true},
	{"?", "/ab/c/de", true},
	{"?", "/ab/cd", false},
	{"[ab]", "/a", true},
	{"[ab]", "/c", false},
	{"\xC3\xA9", "/caf\xC3\xA9", true},
	{"*", "/", true},
	{"secret", "/", false},
};

static void test_denies(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(denials); i++) {
		config.deny_file = denials[i].pattern;
		if (access_denies(&config, denials[i].name) != denials[i].matches)
			fail_msg("%s on %s", denials[i].pattern, denials[i].name);
	}
}

static const struct match hidings[] = {
	{NULL, "a", false},
	{"*.bak", "a.bak", true},
	{"*.bak", "a.back", false},
	{"{*.bak,lost+found}", "lost+found", true},
	{"hidden", "hidden", true},
	{"hidden", "unhidden", true},
	{".*", ".profile", true},
	{".*", "profile", false},
	{"[", "a[b", true},
};

static void test_hides(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hidings); i++) {
		config.hide_file = hidings[i].pattern;
		if (access_hides(&config, hidings[i].name) != hidings[i].matches)
			fail_msg("%s on %s", hidings[i].pattern, hidings[i].name);
	}
}

static const struct match admissions[] = {
	{NULL, "/a/b", true},
	{"*.txt", "/a/b.txt", true},
	{"*.txt", "/a.txt/b", false},
	{"*.txt", "b.txt", true},
	{"*.txt", "/b.txt/", false},
	{"*.txt", "/b.txt.exe", false},
	{"b", "/b", true},
	{"b", "/abc", false}, /* here the whole name counts */
	{"{*.txt,*.csv}", "/d/x.csv", true},
	{"*", "/a/.b", true},
};

static void test_transfers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(admissions); i++) {
		const struct match *m = &admissions[i];
		config.upload_file = m->pattern;
		config.download_file = NULL;
		assert_int_equal(access_permits_transfer(&config, m->name, true), m->matches);
		assert_true(access_permits_transfer(&config, m->name, false));
		config.download_file = m->pattern;
		config.upload_file = NULL;
		assert_int_equal(access_permits_transfer(&config, m->name, false), m->matches);
		assert_true(access_permits_transfer(&config, m->name, true));
	}
}

/* A hostile name against a hostile pattern ends soon; the answer is not the point. */
static void test_costly_patterns(void **state)
{
	static char path[4096], pattern[1025];

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	for (size_t i = 0; i < sizeof(path) - 1; i += 256)
		path[i] = '/';
	for (size_t i = 0; i < sizeof(pattern) - 1; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[sizeof(pattern) - 2] = 'b';
	config.deny_file = pattern;
	assert_false(access_denies(&config, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_class_under_every_switch, start),
		cmocka_unit_test_setup(test_unknown_class_is_closed, start),
		cmocka_unit_test_setup(test_hosts_need_their_directory, start),
		cmocka_unit_test_setup(test_defaults, start),
		cmocka_unit_test_setup(test_verbs, start),
		cmocka_unit_test_setup(test_denies, start),
		cmocka_unit_test_setup(test_hides, start),
		cmocka_unit_test_setup(test_transfers, start),
		cmocka_unit_test_setup(test_costly_patterns, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
