/* listargs: what clients write behind LIST and NLST. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "commands/listargs.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The letters whose flags are on, and the order, as one text. */
static const char *letters(const struct listargs *args)
{
	static char text[16];
	size_t size = 0;

	if (args->all)
		text[size++] = 'a';
	if (args->classify)
		text[size++] = 'F';
	if (args->itself)
		text[size++] = 'd';
	if (args->recurse)
		text[size++] = 'R';
	if (args->reverse)
		text[size++] = 'r';
	if (args->follow)
		text[size++] = 'L';
	if (args->verbose)
		text[size++] = 'l';
	if (args->order == DIRECTORY_BY_TIME)
		text[size++] = 't';
	if (args->order == DIRECTORY_BY_SIZE)
		text[size++] = 'S';
	if (args->order == DIRECTORY_UNSORTED)
		text[size++] = 'U';
	text[size] = '\0';
	return text;
}

static const struct {
	const char *text, *letters, *path;
} cases[] = {
	{"", "", ""},
	{"dir", "", "dir"},
	{"a b", "", "a b"},
	{"dir -l", "", "dir -l"},
	{"-l", "l", ""},
	{"-a", "a", ""},
	{"-A", "a", ""},
	{"-F", "F", ""},
	{"-d", "d", ""},
	{"-R", "R", ""},
	{"-r", "r", ""},
	{"-L", "L", ""},
	{"-t", "t", ""},
	{"-S", "S", ""},
	{"-tS", "S", ""},
	{"-St", "t", ""},
	{"-U", "U", ""},
	{"-tU", "U", ""},
	{"-US", "S", ""},
	{"-laU dir", "alU", "dir"},
	{"-aFdRrLlt", "aFdRrLlt", ""},
	{"-la dir", "al", "dir"},
	{"-la  dir", "al", "dir"},
	{"-la ", "al", ""},
	{"-l -a", "al", ""},
	{"-l -a dir", "al", "dir"},
	{"-l  -a  a b ", "al", "a b "},
	{"-lx", "l", ""},
	{"-xyz0?%s", "", ""},
	{"-", "", ""},
	{"- dir", "", "dir"},
	{"--", "", ""},
	{"-- dir", "", "dir"},
	{"-- -l", "", "-l"},
	{"-a -- -l", "a", "-l"},
	{"-- -- x", "", "-- x"},
	{"--all", "al", ""},	/* letters, all of them */
	{"-l\tdir", "drl", ""}, /* only a blank ends the letters */
	{"*.txt", "", "*.txt"},
	{"/-l", "", "/-l"},
	{"-l /", "l", "/"},
	{"-l \xC3\xA9", "l", "\xC3\xA9"},
	{"-l -\xFF", "l", ""},
};

static void test_cases(void **state)
{
	struct listargs args;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(&args, 0xFF, sizeof(args));
		listargs_read(cases[i].text, &args);
		if (strcmp(letters(&args), cases[i].letters) != 0)
			fail_msg("\"%s\": %s", cases[i].text, letters(&args));
		assert_string_equal(args.path, cases[i].path);
	}
}

/* Whatever the client writes, the path is a part of it, and never begins with a blank behind options. */
static void test_every_short_text(void **state)
{
	static const char alphabet[] = "- la/\t";
	const unsigned long symbols = sizeof(alphabet) - 1;
	char text[7] = "";
	struct listargs args;

	(void)state;
	for (unsigned long n = 0; n < symbols * symbols * symbols * symbols * symbols * symbols;
		n++) {
		unsigned long rest = n;
		for (size_t i = 0; i < 6; i++, rest /= symbols)
			text[i] = alphabet[rest % symbols];
		listargs_read(text, &args);
		assert_true(args.path >= text && args.path <= text + 6);
		assert_true(args.path == text || args.path[0] != ' ');
		assert_true(text[0] == '-' || args.path == text);
	}
}

static void test_long_text(void **state)
{
	static char text[5000];
	struct listargs args;

	(void)state;
	memset(text, 'l', sizeof(text) - 1);
	text[0] = '-';
	listargs_read(text, &args);
	assert_true(args.verbose);
	assert_string_equal(args.path, "");
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 2 ? ' ' : '-';
	listargs_read(text, &args);
	assert_string_equal(args.path, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_every_short_text),
		cmocka_unit_test(test_long_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
