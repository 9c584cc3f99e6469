/* Names of owners and homes, out of files that are told here: fopen() below is what account_names_open finds. */
#include "system/account.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char users[] = "root:x:0:0:root:/root:/bin/sh\n"
			    "# a:x:11:11::/comment:\n"
			    "+nis:x:12:12::/nis:\n"
			    "-nis:x:12:12::/nis:\n"
			    "+::::::\n"
			    "\n"
			    "short\n"
			    "alice:x:1801\n"
			    "word:x:1802a:5::/word:\n"
			    "minus:x:-1:5::/minus:\n"
			    "large:x:4294967296:5::/large:\n"
			    "alice:x:1801:1801:Alice,,,:/srv/home/alice:/bin/sh:more\n"
			    "second:x:1801:1801::/second:/bin/sh\n"
			    "bare:x:1803:5::\n"
			    "empty:x:1804:5:::/bin/sh\n"
			    "nobody:*:4294967295:5::/nowhere:\n"
			    "a-name-of-thirty-three-characters:x:1805:5::/a:\n"
			    "last:x:1806:5::/last:/bin/sh";
static char groups[60000];

static void write_groups(void)
{
	size_t size = 0;

	strcpy(groups, "root:x:0:\nmany:x:5:");
	size = strlen(groups);
	while (size < 50000)
		size += (size_t)snprintf(groups + size, 8, "member,");
	strcpy(groups + size, "\nafter:x:6:alice,bob\nlast:x:7:");
}

FILE *fopen(const char *path, const char *mode)
{
	union {
		const char *in;
		void *out;
	} text = {.in = strcmp(path, "/etc/passwd") == 0 ? users : groups};

	assert_string_equal(mode, "re");
	return fmemopen(text.out, strlen(text.in), "r");
}

static void test_nothing_open(void **state)
{
	char home[10];

	(void)state;
	assert_int_equal(account_home("root", home, sizeof(home)), -ENOENT);
	assert_string_equal(account_user_name(1), "1");
	assert_string_equal(account_group_name(1), "1");
}

static void test_user_names(void **state)
{
	(void)state;
	account_names_open();
	assert_string_equal(account_user_name(0), "root");
	assert_string_equal(account_user_name(1801), "alice");
	assert_string_equal(account_user_name(4294967295), "nobody");
	assert_string_equal(account_user_name(1806), "last");
	assert_string_equal(account_user_name(0), "root");
	/* It has as many places as names have columns in listings. */
	assert_string_equal(account_user_name(1805), "1805");
	assert_string_equal(account_user_name(11), "11");
	assert_string_equal(account_user_name(12), "12");
	assert_string_equal(account_user_name(1802), "1802");
	assert_string_equal(account_user_name(1807), "1807");
}

static void test_group_names(void **state)
{
	(void)state;
	assert_string_equal(account_group_name(7), "last");
	assert_string_equal(account_group_name(5), "many");
	assert_string_equal(account_group_name(6), "after");
	assert_string_equal(account_group_name(1801), "1801");
}

static void test_homes(void **state)
{
	char home[16];

	(void)state;
	assert_int_equal(account_home("alice", home, sizeof(home)), 0);
	assert_string_equal(home, "/srv/home/alice");
	assert_int_equal(account_home("empty", home, sizeof(home)), 0);
	assert_string_equal(home, "");
	assert_int_equal(account_home("last", home, sizeof(home)), 0);
	assert_string_equal(home, "/last");
	assert_int_equal(account_home("alice", home, sizeof(home) - 1), -ENAMETOOLONG);
	assert_int_equal(account_home("Alice", home, sizeof(home)), -ENOENT);
	assert_int_equal(account_home("bare", home, sizeof(home)), 0);
	assert_string_equal(home, "");
	assert_int_equal(account_home("short", home, sizeof(home)), -ENOENT);
	assert_int_equal(account_home("+nis", home, sizeof(home)), -ENOENT);
	assert_int_equal(account_home("large", home, sizeof(home)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_open),
		cmocka_unit_test(test_user_names),
		cmocka_unit_test(test_group_names),
		cmocka_unit_test(test_homes),
	};

	write_groups();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
