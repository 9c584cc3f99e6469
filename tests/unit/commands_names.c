/* names: pathnames as clients write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "commands/names.h"
#include "system/account.h"
#include "system/charset.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct session session;
static struct config *const config = &session.config;
static char directory[256];
static char out[PATH_TEXT];

static int make_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(path) || chdir(path) < 0 || !getcwd(directory, sizeof(directory)))
		return -1;
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return chdir("/") < 0 || rmdir(directory) < 0 ? -1 : 0;
}

static int start(void **state)
{
	(void)state;
	memset(&session, 0, sizeof(session));
	config_defaults(config, "soloftpd");
	strcpy(session.home, "/home/bob");
	return 0;
}

static void check(const char *argument, const char *expected)
{
	memset(out, 'X', sizeof(out));
	assert_int_equal(names_expand(&session, argument, out), 0);
	if (strcmp(out, expected) != 0)
		fail_msg("\"%s\" is \"%s\"", argument, out);
}

/* ---- notations ---- */

static const char *const expansions[][2] = {
	{"", ""},
	{"a", "a"},
	{"/a", "/a"},
	{"a/../b", "a/../b"},
	{" a ", " a "},
	{"-a", "-a"},
	{"~", "/home/bob"},
	{"~/", "/home/bob/"},
	{"~/a", "/home/bob/a"},
	{"~/../alice", "/home/bob/../alice"},
	{"a~", "a~"},
	{"a/~", "a/~"},
	{"/~", "/~"},
	{" ~", " ~"},
	{"~~", "~~"},
	{"~bob", "~bob"},
	{"~root/x", "~root/x"},
	{"~ /x", "~ /x"},
	{"a\\b", "a\\b"},
	{"~\\a", "~\\a"},
	{"*", "*"},
	{"\xC3\xA9\xFF", "\xC3\xA9\xFF"},
	{"%s%n", "%s%n"},
	{"a\rb", "a\rb"},
};

static void test_expansions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(expansions); i++)
		check(expansions[i][0], expansions[i][1]);
}

/* A home of "/", as in a jail, makes no odd names. */
static void test_home_is_the_root(void **state)
{
	(void)state;
	strcpy(session.home, "/");
	check("~", "/");
	assert_int_equal(names_expand(&session, "~/a", out), 0);
	assert_true(strcmp(out, "/a") == 0 || strcmp(out, "//a") == 0);
}

static void test_other_users(void **state)
{
	struct passwd *root = getpwnam("root");
	char expected[1024];

	(void)state;
	assert_non_null(root);
	config->tilde_user_enable = true;
	account_names_open();
	check("~root", root->pw_dir);
	snprintf(expected, sizeof(expected), "%s/x/y", root->pw_dir);
	check("~root/x/y", expected);
	check("~no-such-user", "~no-such-user");
	check("~no-such-user/x", "~no-such-user/x");
	check("~roo", "~roo");
	check("~root\\x", "~root\\x");
	check("~", "/home/bob");
}

static void test_over_long_user(void **state)
{
	char name[LOGIN_NAME + 10];

	(void)state;
	config->tilde_user_enable = true;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	name[0] = '~';
	for (size_t size = sizeof(name) - 1; size > LOGIN_NAME - 5; size--) {
		name[size] = '\0';
		check(name, name);
	}
}

static void test_windows_paths(void **state)
{
	(void)state;
	config->translate_windows_paths = true;
	check("a\\b", "a/b");
	check("\\", "/");
	check("\\\\a\\b\\", "//a/b/");
	check("a/b\\c", "a/b/c");
	check("..\\..\\x", "../../x");
	check("a", "a");
}

/* ---- lengths ---- */

static char longest[PATH_TEXT + 1];

static const char *make_long(size_t size, const char *begin)
{
	memset(longest, 'p', size);
	memcpy(longest, begin, strlen(begin));
	longest[size] = '\0';
	return longest;
}

static void test_lengths(void **state)
{
	size_t home = strlen(session.home);

	(void)state;
	assert_int_equal(names_expand(&session, make_long(PATH_TEXT - 1, ""), out), 0);
	assert_string_equal(out, longest);
	assert_int_equal(names_expand(&session, make_long(PATH_TEXT, ""), out), -ENAMETOOLONG);
	assert_int_equal(names_expand(&session, make_long(PATH_TEXT - home, "~/"), out), 0);
	assert_int_equal(strlen(out), PATH_TEXT - 1);
	assert_int_equal(
		names_expand(&session, make_long(PATH_TEXT - home + 1, "~/"), out), -ENAMETOOLONG);
	config->deny_file = "q";
	/* What is too long to be looked up might be denied. */
	assert_int_equal(names_use(&session, make_long(PATH_TEXT - 1, ""), out), NAMES_DENIED);
	assert_int_equal(names_use(&session, make_long(PATH_TEXT, ""), out), -ENAMETOOLONG);
}

/* ---- denied names ---- */

static void test_nothing_is_denied(void **state)
{
	(void)state;
	assert_int_equal(names_use(&session, "~/secret", out), 0);
	assert_string_equal(out, "/home/bob/secret");
}

static const struct {
	const char *argument;
	bool denied;
} uses[] = {
	{"a", false},
	{"secret", true},
	{"./secret", true},
	{"secret/", true},
	{"a/../secret", true},
	{"secret/a", true},
	{"a/secret/b", true},
	{"//secret", true},
	{"/x/secret/../y", false},
	{"~/secret", true},
	{"~/a", false},
	{"../x/secret", true},
	{"Secret", false},
	{"a/secret", true},
	{"new-secret", false},
	{"secret.", false},
};

static void test_denied(void **state)
{
	(void)state;
	config->deny_file = "{secret,*.key}";
	for (size_t i = 0; i < COUNT(uses); i++)
		if (names_use(&session, uses[i].argument, out) !=
			(uses[i].denied ? NAMES_DENIED : 0))
			fail_msg("%s", uses[i].argument);
	assert_int_equal(names_use(&session, "x.key", out), NAMES_DENIED);
	assert_string_equal(out, "x.key");
	assert_int_equal(names_use(&session, "x.keys", out), 0);
}

static void test_denied_behind_notations(void **state)
{
	(void)state;
	config->deny_file = "{secret}";
	config->translate_windows_paths = true;
	assert_int_equal(names_use(&session, "a\\secret\\b", out), NAMES_DENIED);
	strcpy(session.home, "/home/secret");
	assert_int_equal(names_use(&session, "~", out), NAMES_DENIED);
	assert_int_equal(names_use(&session, "~/a", out), NAMES_DENIED);
}

static void test_denied_by_the_working_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdir("secret", 0700), 0);
	assert_int_equal(chdir("secret"), 0);
	config->deny_file = "{secret}";
	assert_int_equal(names_use(&session, "a", out), NAMES_DENIED);
	assert_int_equal(names_use(&session, ".", out), NAMES_DENIED);
	assert_int_equal(names_use(&session, "..", out), 0);
	assert_int_equal(chdir(".."), 0);
	assert_int_equal(rmdir("secret"), 0);
}

/* A name that would be made where a link points to. */
static void test_denied_through_dangling_links(void **state)
{
	(void)state;
	assert_int_equal(mkdir("sub", 0700), 0);
	assert_int_equal(symlink("../secret", "sub/open"), 0);
	assert_int_equal(symlink("sub/open", "chain"), 0);
	assert_int_equal(symlink("/secret", "far"), 0);
	config->deny_file = "{secret}";
	assert_int_equal(names_use(&session, "sub/open", out), NAMES_DENIED);
	assert_int_equal(names_use(&session, "chain", out), NAMES_DENIED);
	assert_int_equal(names_use(&session, "far", out), NAMES_DENIED);
	assert_int_equal(unlink("far"), 0);
	assert_int_equal(unlink("chain"), 0);
	assert_int_equal(unlink("sub/open"), 0);
	assert_int_equal(rmdir("sub"), 0);
}

/* A link by another name leads there all the same. */
static void test_denied_through_links(void **state)
{
	(void)state;
	assert_int_equal(mkdir("secret", 0700), 0);
	assert_int_equal(symlink("secret", "open"), 0);
	assert_int_equal(symlink("open", "chain"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	config->deny_file = "{secret}";
	assert_int_equal(names_use(&session, "open", out), NAMES_DENIED);
	assert_int_equal(names_use(&session, "chain", out), NAMES_DENIED);
	assert_int_equal(names_use(&session, "open/new", out), NAMES_DENIED);
	assert_int_equal(names_use(&session, "open/", out), NAMES_DENIED);
	assert_int_equal(names_use(&session, "loop", out), 0); /* leads nowhere */
	assert_int_equal(names_use(&session, "missing/new", out), 0);
	assert_int_equal(unlink("open"), 0);
	assert_int_equal(unlink("chain"), 0);
	assert_int_equal(unlink("loop"), 0);
	assert_int_equal(rmdir("secret"), 0);
}

/* ---- the client's character set ---- */

static int start_korean(void **state)
{
	return start(state) < 0 ? -1 : charset_open("CP949");
}

/* Removes what the tests below make. */
static int end_korean(void **state)
{
	static const char *const names[] = {"d\xFF/f\xFF", "caf\xE9", "caf%E9", "100%", "d\xFF"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		if (unlink(names[i]) < 0)
			rmdir(names[i]);
	return charset_open(NULL);
}

static void make_file(const char *name)
{
	FILE *stream = fopen(name, "w");

	assert_non_null(stream);
	assert_int_equal(fclose(stream), 0);
}

static void test_converted(void **state)
{
	(void)state;
	check("a", "a");
	check("\xC7\xD1/\xB1\xDB.txt", "\xED\x95\x9C/\xEA\xB8\x80.txt");
	check("~/\xC7\xD1", "/home/bob/\xED\x95\x9C");
	check("\x8C"
	      "c",
		"\xEB\x98\xA0");
	session.utf8 = true; /* OPTS UTF8 ON */
	check("\xED\x95\x9C", "\xED\x95\x9C");
	check("\xC7\xD1", "\xC7\xD1");
}

/* What is not in the set is taken as it is: a client that writes UTF-8 and does not say so. */
static void test_not_converted(void **state)
{
	(void)state;
	check("\xED\x95\x9C", "\xED\x95\x9C");
	check("\xC7\xD1\xFF", "\xC7\xD1\xFF");
	check("caf\xC3", "caf\xC3");
	charset_open(NULL);
	check("\xC7\xD1", "\xC7\xD1");
}

/* A listing shows as "%E9" what can't be converted; so it can be asked for. */
static void test_escapes(void **state)
{
	(void)state;
	check("caf%E9", "caf%E9"); /* nothing of that name: one to be made */
	make_file("caf\xE9");
	check("caf%E9", "caf\xE9");
	check("./caf%E9", "./caf\xE9");
	check("caf%e9", "caf%e9"); /* it is never shown so */
	check("caf%E", "caf%E");
	check("caf%E9x", "caf%E9x");
	make_file("caf%E9");
	check("caf%E9", "caf%E9"); /* the name as it stands comes first */
	session.utf8 = true;
	assert_int_equal(unlink("caf%E9"), 0);
	check("caf%E9", "caf%E9");
}

static void test_escapes_in_directories(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d\xFF", 0700), 0);
	make_file("d\xFF/f\xFF");
	check("d%FF", "d\xFF");
	check("d%FF/", "d\xFF/");
	check("d%FF//f%FF", "d\xFF//f\xFF");
	check("d%FF/new%FF", "d\xFF/new%FF");
	check("d%FF/../d%FF/f%FF", "d\xFF/../d\xFF/f\xFF");
	check("x%FF/f%FF", "x%FF/f%FF");
}

/* Nothing of ASCII is ever escaped: not a '%', not a slash, not a dot. */
static void test_percent_signs(void **state)
{
	(void)state;
	make_file("100%");
	check("100%", "100%");
	check("100%25", "100%25");
	check("%2E%2E%2Fx", "%2E%2E%2Fx");
	check("%00", "%00");
	check("%7F", "%7F");
	check("%", "%");
	check("%%E9", "%%E9");
}

static void test_escapes_are_denied_too(void **state)
{
	(void)state;
	make_file("caf\xE9");
	config->deny_file = "caf\xE9";
	assert_int_equal(names_use(&session, "caf%E9", out), NAMES_DENIED);
	config->deny_file = "\xED\x95\x9C";
	assert_int_equal(names_use(&session, "\xC7\xD1", out), NAMES_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_expansions, start),
		cmocka_unit_test_setup(test_home_is_the_root, start),
		cmocka_unit_test_setup(test_other_users, start),
		cmocka_unit_test_setup(test_over_long_user, start),
		cmocka_unit_test_setup(test_windows_paths, start),
		cmocka_unit_test_setup(test_lengths, start),
		cmocka_unit_test_setup(test_nothing_is_denied, start),
		cmocka_unit_test_setup(test_denied, start),
		cmocka_unit_test_setup(test_denied_behind_notations, start),
		cmocka_unit_test_setup(test_denied_by_the_working_directory, start),
		cmocka_unit_test_setup(test_denied_through_links, start),
		cmocka_unit_test_setup(test_denied_through_dangling_links, start),
		cmocka_unit_test_setup_teardown(test_converted, start_korean, end_korean),
		cmocka_unit_test_setup_teardown(test_not_converted, start_korean, end_korean),
		cmocka_unit_test_setup_teardown(test_escapes, start_korean, end_korean),
		cmocka_unit_test_setup_teardown(
			test_escapes_in_directories, start_korean, end_korean),
		cmocka_unit_test_setup_teardown(test_percent_signs, start_korean, end_korean),
		cmocka_unit_test_setup_teardown(
			test_escapes_are_denied_too, start_korean, end_korean),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
