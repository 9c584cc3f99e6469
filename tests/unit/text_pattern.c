/* pattern: what matches, what does not, and how little a hostile pattern costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fnmatch.h>
#include <string.h>
#include <cmocka.h>

#include "text/pattern.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool match(const char *pattern, const char *name, unsigned flags)
{
	return pattern_match(pattern, name, strlen(name), flags);
}

struct match_case {
	const char *pattern;
	unsigned flags;
	const char *matching; /* names, separated by blanks; a blank in front is the empty name */
	const char *others;
};

static const struct match_case cases[] = {
	{"", 0, " ", "a"},
	{"a", 0, "a", " b aa A"},
	{"abc", 0, "abc", "ab abcd xabc"},
	{"?", 0, "a \xFF . ?", " ab"},
	{"*", 0, " a . .. abc a/b", NULL},
	{"**", 0, " a abc", NULL},
	{"*?*", 0, "a abc", " "},
	{"a*", 0, "a ab abc", " ba"},
	{"*a", 0, "a ba aa", " ab"},
	{"a*b", 0, "ab aab abb axxb", "a b abc"},
	{"*a*", 0, "a ba ab bab", " b"},
	{"*.txt", 0, "a.txt .txt a.txt.txt", "a.txt.gz txt a.TXT"},
	{"*a*a*b", 0, "aab xaxaxb", "ab aba aa"},
	{"[abc]", 0, "a b c", " d ab ["},
	{"[a-c]x", 0, "ax bx cx", "dx a x"},
	{"[!a-c]", 0, "d - \xFF !", " a b c"},
	{"[^a-c]", 0, "d ! ^", " a b c dd"},
	{"[a!]", 0, "a !", "b"},
	{"[a^]", 0, "a ^", "b"},
	{"[]]", 0, "]", "[ []]"},
	{"[!]]", 0, "a [", "] "},
	{"[]a]", 0, "] a", "[ b"},
	{"[]-a]", 0, "] ^ _ ` a", "\\ b - ["},
	{"[a-]", 0, "a -", "b ]"},
	{"[-a]", 0, "a -", "b"},
	{"[!-a]", 0, "b", "a -"},
	{"[--0]", 0, "- . / 0", ", 1"},
	{"[a-c-e]", 0, "a b c - e", "d"},
	{"[c-a]", 0, NULL, "a b c -"},
	{"[a-a]", 0, "a", "b -"},
	{"[*?]", 0, "* ?", "a"},
	{"[[]", 0, "[", "]"},
	{"[\x80-\xFF]", 0, "\x80 \xC3 \xFF", "a \x7F"},
	{"[\\]", 0, "\\", "]"},
	{"[", 0, "[", " a [["},
	{"[!", 0, "[!", "[ a"},
	{"[!]", 0, "[!]", "! ] a"},
	{"[]", 0, "[]", "[ ]"},
	{"[a", 0, "[a", "a ["},
	{"[[[", 0, "[[[", "["},
	{"[a*", 0, "[a [abc", "a abc"},
	{"a[", 0, "a[", "a"},
	{"x[ab]y[", 0, "xay[ xby[", "xay x["},
	{"\\*", 0, "\\ \\a", "*"},
	{"{a,b}", 0, "{a,b}", "a b"},
	{"{a,b}", PATTERN_BRACES, "a b", "{a,b} ab , "},
	{"{a}", PATTERN_BRACES, "a", "{a}"},
	{"{}", PATTERN_BRACES, " ", "{}"},
	{"x{}y", PATTERN_BRACES, "xy", "x{}y"},
	{"{,a}", PATTERN_BRACES, " a", ","},
	{"{a,}", PATTERN_BRACES, " a", ","},
	{"{,}", PATTERN_BRACES, " ", ","},
	{"x{,,,}y", PATTERN_BRACES, "xy", "x,y"},
	{"x{a,bc,}y", PATTERN_BRACES, "xay xbcy xy", "xaby xby xabcy"},
	{"*.{a,b}", PATTERN_BRACES, "x.a x.b .a", "x.c x. x.ab"},
	{"{*.mp3,*.mov,.private}", PATTERN_BRACES, "x.mp3 y.mov .private .mp3",
		"x.mp4 private x.private mp3"},
	{"{a,b}{c,d}", PATTERN_BRACES, "ac ad bc bd", "a b cd ab"},
	{"{a,b}*{c,d}", PATTERN_BRACES, "ac bxd", "cxa"},
	{"{[ab],c}", PATTERN_BRACES, "a b c", "[ab] d"},
	{"{[,],x}", PATTERN_BRACES, ", x", "[ ]"},
	{"{[}],x}", PATTERN_BRACES, "} x", "[}] ["},
	{"[{,}]", PATTERN_BRACES, "{ , }", "a"},
	{"{a", PATTERN_BRACES, "{a", "a"},
	{"{a,b", PATTERN_BRACES, "{a,b", "a b"},
	{"a}", PATTERN_BRACES, "a}", "a"},
	{"a,b", PATTERN_BRACES, "a,b", "a b"},
	{"{a,b},c}", PATTERN_BRACES, "a,c} b,c}", "c"},
	{"{a{b,c}d}", PATTERN_BRACES, "a{bd} cd}", "abd acd"},
	{"{?,ab}", PATTERN_BRACES, "a ab", " ac"},
	{"{a*,b}c", PATTERN_BRACES, "ac axc bc", "b bxc"},
	{"{{{{", PATTERN_BRACES, "{{{{", "{"},
	{"*", PATTERN_HIDDEN_DOT, " a a.b", ". .a"},
	{"?a", PATTERN_HIDDEN_DOT, "ba", ".a"},
	{"[.]a", PATTERN_HIDDEN_DOT, NULL, ".a [.]a"},
	{"[!b]a", PATTERN_HIDDEN_DOT, "ca", ".a"},
	{".*", PATTERN_HIDDEN_DOT, ". .. .a", "a "},
	{".a", PATTERN_HIDDEN_DOT, ".a", "a"},
	{"*.a", PATTERN_HIDDEN_DOT, "x.a", ".a"},
	{"a*.b", PATTERN_HIDDEN_DOT, "a.b a..b", ".b"},
	{"{*,.x}", PATTERN_HIDDEN_DOT | PATTERN_BRACES, "a .x", ".y"},
	{"{,a}.x", PATTERN_HIDDEN_DOT | PATTERN_BRACES, ".x a.x", "x"},
	{"{*,a}.x", PATTERN_HIDDEN_DOT | PATTERN_BRACES, "b.x", ".x"},
};

static void check_names(const struct match_case *c, const char *names, bool expected)
{
	while (names) {
		const char *blank = strchr(names, ' ');
		size_t size = blank ? (size_t)(blank - names) : strlen(names);

		if (pattern_match(c->pattern, names, size, c->flags) != expected)
			fail_msg("%s against %.*s", c->pattern, (int)size, names);
		names = blank ? blank + 1 : NULL;
	}
}

static void test_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		check_names(&cases[i], cases[i].matching, true);
		check_names(&cases[i], cases[i].others, false);
	}
}

static void test_name_is_counted(void **state)
{
	(void)state;
	assert_true(pattern_match("a*", "abc", 1, 0));
	assert_true(pattern_match("a?c", "a\0c", 3, 0));
	assert_false(pattern_match("a", "a\0", 2, 0));
	assert_true(pattern_match("", NULL, 0, 0));
}

/* The texts over `alphabet`, counted up like a number; false behind the last of `size` bytes. */
static bool next_text(char *text, size_t size, const char *alphabet)
{
	for (size_t i = 0; i < size; i++) {
		const char *next = strchr(alphabet, text[i]) + 1;

		if (*next != '\0') {
			text[i] = *next;
			return true;
		}
		text[i] = alphabet[0];
	}
	return false;
}

static void check_against_libc(const char *pattern)
{
	static const char *const names[] = {"", "a", ".", "-", "[", "]", "!", "ab", "aa", ".a",
		"a.", "..", "a]", "[a", "[]", "[!", "[!]", "-]", "!]", "aab", "a-]", "[a]", ".a]",
		"aba.", "[a-]", "[!a]", "*", "?"};

	for (size_t i = 0; i < COUNT(names); i++) {
		bool plain = fnmatch(pattern, names[i], FNM_NOESCAPE) == 0;
		bool hidden = fnmatch(pattern, names[i], FNM_NOESCAPE | FNM_PERIOD) == 0;

		if (match(pattern, names[i], 0) != plain)
			fail_msg("%s against %s", pattern, names[i]);
		if (match(pattern, names[i], PATTERN_HIDDEN_DOT) != hidden)
			fail_msg("%s against hidden %s", pattern, names[i]);
	}
}

/* Every pattern of up to five such bytes means what libc's fnmatch makes of it. */
static void test_like_libc(void **state)
{
	static const char alphabet[] = "a.*?[]!-";

	(void)state;
	for (size_t size = 1; size <= 5; size++) {
		char pattern[6] = {0};

		memset(pattern, alphabet[0], size);
		do {
			/* To libc "[." inside a set starts a collating symbol. */
			if (!strstr(pattern, "[."))
				check_against_libc(pattern);
		} while (next_text(pattern, size, alphabet));
	}
}

static void test_adversaries(void **state)
{
	char name[256];
	char stars[PATTERN_MAX + 1];

	(void)state;
	memset(name, 'a', 255);
	name[255] = '\0';
	assert_false(match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", name, 0));
	assert_true(match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*", name, 0));
	memset(stars, '*', 255);
	stars[255] = '\0';
	assert_true(match(stars, name, 0));
	memcpy(stars + 254, "b", 2);
	assert_false(match(stars, name, 0));
}

/* Fills a pattern of the longest size with a text, over and over. */
static void fill(char pattern[PATTERN_MAX + 1], const char *text)
{
	size_t size = strlen(text);

	for (size_t i = 0; i < PATTERN_MAX; i++)
		pattern[i] = text[i % size];
	pattern[PATTERN_MAX] = '\0';
}

static void test_longest_patterns(void **state)
{
	static const char *const texts[] = {"*a", "*?", "[!b]*", "{a,*}", "{,,,}", "[", "{", "{,",
		"}", "[]", "[a-", "{[,]}", "*{", "{*,*,*,*,*,*,*,*,*,*,*,*,*}"};
	char pattern[PATTERN_MAX + 1];
	char name[4096];
	size_t matches = 0;

	(void)state;
	memset(name, 'a', sizeof(name));
	for (size_t i = 0; i < COUNT(texts); i++) {
		fill(pattern, texts[i]);
		for (unsigned flags = 0; flags < 4; flags++)
			matches += pattern_match(pattern, name, sizeof(name), flags);
	}
	/* "*a" and "*?" always, "[!b]*" (its end is cut) never, "{a,*}" with braces. */
	assert_in_range(matches, 10, 16);
}

static void test_longest_literal(void **state)
{
	char pattern[PATTERN_MAX + 2];

	(void)state;
	memset(pattern, 'a', sizeof(pattern));
	pattern[PATTERN_MAX] = '\0';
	assert_true(match(pattern, pattern, 0));
	assert_false(pattern_match(pattern, pattern, PATTERN_MAX - 1, 0));
	pattern[PATTERN_MAX] = '*';
	pattern[PATTERN_MAX + 1] = '\0';
	assert_false(match(pattern, pattern, 0));
	pattern[PATTERN_MAX - 1] = '*';
	pattern[PATTERN_MAX] = '\0';
	assert_true(match(pattern, pattern, 0));
}

/* Around the borders of the simulation's words. */
static void test_every_length(void **state)
{
	char pattern[200];
	char name[200];

	(void)state;
	for (size_t size = 1; size < sizeof(pattern); size++) {
		memset(pattern, '?', size);
		pattern[size] = '\0';
		memset(name, 'x', size);
		assert_true(pattern_match(pattern, name, size, 0));
		assert_false(pattern_match(pattern, name, size - 1, 0));
		pattern[size - 1] = '*';
		assert_true(pattern_match(pattern, name, size - 1, 0));
		pattern[size - 1] = 'y';
		assert_false(pattern_match(pattern, name, size, 0));
	}
}

static void test_is_one(void **state)
{
	char text[PATTERN_MAX + 2];

	(void)state;
	assert_true(pattern_is_one("*", 0));
	assert_true(pattern_is_one("a?", 0));
	assert_true(pattern_is_one("a[b]", 0));
	assert_true(pattern_is_one("{a,b}", PATTERN_BRACES));
	assert_true(pattern_is_one("{}", PATTERN_BRACES));
	assert_false(pattern_is_one("", PATTERN_BRACES));
	assert_false(pattern_is_one("{a,b}", 0));
	assert_false(pattern_is_one("a.b\\,}-!^]", PATTERN_BRACES | PATTERN_HIDDEN_DOT));
	assert_false(pattern_is_one("{a,b", PATTERN_BRACES));
	assert_false(pattern_is_one("a[b", 0));
	assert_false(pattern_is_one("[!]", 0));
	memset(text, '*', sizeof(text));
	text[PATTERN_MAX + 1] = '\0';
	assert_false(pattern_is_one(text, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_name_is_counted),
		cmocka_unit_test(test_like_libc),
		cmocka_unit_test(test_adversaries),
		cmocka_unit_test(test_longest_patterns),
		cmocka_unit_test(test_longest_literal),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
