/* charset: names in a client's character set, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "system/charset.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Of each kind there is: one byte, two, up to four; with letters and a backslash as second bytes. */
static const char *const charsets[] = {"CP949", "EUC-KR", "CP932", "EUC-JP", "GB18030", "BIG5",
	"ISO-8859-1", "KOI8-R", "CP1252", "UTF-8"};

static int end(void **state)
{
	(void)state;
	return charset_open(NULL);
}

static void use(const char *name)
{
	if (charset_open(name) != 0 || !charset_is_open())
		fail_msg("%s", name);
}

/* ---- opening ---- */

static void test_known(void **state)
{
	(void)state;
	assert_false(charset_is_open());
	for (size_t i = 0; i < COUNT(charsets); i++) {
		use(charsets[i]);
		use(charsets[i]); /* the same again is the same */
	}
	assert_int_equal(charset_open(NULL), 0);
	assert_false(charset_is_open());
	assert_int_equal(charset_open(NULL), 0);
}

/* Another backslash, another tilde, two bytes a letter, letters behind escapes. */
static void test_without_ascii(void **state)
{
	static const char *const names[] = {"SHIFT_JIS", "SJIS", "UTF-16", "UTF-16LE", "UTF-16BE",
		"UTF-32", "UCS-2", "UTF-7", "ISO-2022-KR", "ISO-2022-JP", "EBCDIC-US", "IBM037",
		"ISO646-KR"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		use("CP949");
		if (charset_open(names[i]) != -EPROTO)
			fail_msg("%s", names[i]);
		assert_false(charset_is_open());
	}
}

/* There, bytes over 127 stand for slashes, line ends and NUL as well. */
static void test_another_ascii(void **state)
{
	(void)state;
	assert_int_equal(charset_open("ISIRI-3342"), -EPROTO);
	assert_false(charset_is_open());
}

static void test_no_name(void **state)
{
	(void)state;
	assert_false(charset_is_open());
	assert_int_equal(charset_open(""), -EINVAL);
}

/* iconv would take wishes behind a slash: replacing what it can't convert makes names that are none. */
static void test_unknown(void **state)
{
	static const char *const names[] = {"no-such-set", "CP949//TRANSLIT", "CP949//IGNORE",
		"CP949//", "CP949/", "/", "//TRANSLIT", "../CP949", "%s%n", "",
		/* Longer than any there is. */
		"CP94900000000000000000000000000000000000000000000000000000000000000000000"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		use("CP949");
		if (charset_open(names[i]) != -EINVAL)
			fail_msg("%s", names[i]);
		assert_false(charset_is_open());
	}
	use("CP949"); /* a failure leaves nothing behind */
}

/* ---- to the client ---- */

static void check_to_client(const char *text, size_t size, const char *expected)
{
	char *out = malloc(CHARSET_GROWTH * size + 1); /* a sanitizer sees one byte more */
	size_t written = charset_to_client(text, size, out);

	assert_int_equal(written, strlen(expected));
	assert_memory_equal(out, expected, written);
	free(out);
}

static const struct {
	const char *charset, *utf8, *bytes;
} words[] = {
	{"CP949", "\xED\x95\x9C\xEA\xB8\x80.txt", "\xC7\xD1\xB1\xDB.txt"},
	{"CP949", "\xEB\x98\xA0",
		"\x8C"
		"c"}, /* a letter as the second byte */
	{"CP949", "\xEB\xB7\x81", "\x94\xEE"},
	{"EUC-KR", "\xED\x95\x9C\xEA\xB8\x80", "\xC7\xD1\xB1\xDB"},
	{"KOI8-R", "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82", "\xF0\xD2\xC9\xD7\xC5\xD4"},
	{"ISO-8859-1", "caf\xC3\xA9", "caf\xE9"},
	{"CP1252", "\xE2\x82\xAC 5", "\x80 5"},
	{"CP932", "\xE8\xA1\xA8\xE3\x82\xBD", "\x95\\\x83\\"}, /* a backslash as the second */
	{"EUC-JP", "\xE8\xA1\xA8", "\xC9\xBD"},
	{"BIG5", "\xE5\x8A\x9F", "\xA5\\"},
	{"GB18030", "\xE4\xB8\xAD\xE6\x96\x87", "\xD6\xD0\xCE\xC4"},
	{"GB18030", "\xF0\x9F\x98\x80",
		"\x94"
		"9\xFC"
		"6"}, /* four bytes, digits among them */
	{"UTF-8", "\xED\x95\x9C\xF0\x9F\x98\x80", "\xED\x95\x9C\xF0\x9F\x98\x80"},
};

static void test_words(void **state)
{
	char out[64];

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		use(words[i].charset);
		check_to_client(words[i].utf8, strlen(words[i].utf8), words[i].bytes);
		assert_int_equal(charset_from_client(words[i].bytes, out, sizeof(out)), 0);
		assert_string_equal(out, words[i].utf8);
	}
}

/* Lines of a listing: what is ASCII passes, whatever is around it. */
static void test_ascii_passes(void **state)
{
	char text[128], out[sizeof(text)];

	(void)state;
	for (size_t i = 0; i < COUNT(charsets); i++) {
		use(charsets[i]);
		for (size_t c = 0; c < sizeof(text); c++)
			text[c] = (char)((c + 1) % sizeof(text)); /* NUL is last, and a byte */
		assert_int_equal(charset_to_client("", 0, out), 0);
		{
			char converted[CHARSET_GROWTH * sizeof(text)];
			assert_int_equal(
				charset_to_client(text, sizeof(text), converted), sizeof(text));
			assert_memory_equal(converted, text, sizeof(text));
		}
		assert_int_equal(charset_from_client(text, out, sizeof(out)), 0);
		assert_string_equal(out, text);
	}
}

static void test_what_the_set_does_not_have(void **state)
{
	(void)state;
	use("ISO-8859-1");
	check_to_client("\xE2\x82\xAC", 3, "%E2%82%AC");
	check_to_client("a\xE2\x82\xAC\xC3\xA9\xED\x95\x9Cz", 10, "a%E2%82%AC\xE9%ED%95%9Cz");
	check_to_client("\xF0\x9F\x98\x80", 4, "%F0%9F%98%80");
	use("EUC-KR");
	check_to_client("\xEB\x98\xA0", 3, "%EB%98%A0"); /* which CP949 has */
	/* A '%' is itself, and what was escaped before is not escaped again. */
	check_to_client("100%, %E2", 9, "100%, %E2");
}

/* RFC 3629: cut, overlong, surrogates, beyond the last plane, and bytes that are never there. */
static void test_what_is_no_utf8(void **state)
{
	static const struct {
		const char *text, *escaped;
	} cases[] = {
		{"\x80", "%80"},
		{"\xFF", "%FF"},
		{"\xFE\xFF", "%FE%FF"},
		{"a\xBFz", "a%BFz"},
		{"\xC3", "%C3"},
		{"\xE2\x82", "%E2%82"},
		{"\xF0\x9F\x98", "%F0%9F%98"},
		{"\xE2\x82z", "%E2%82z"},
		{"\xE2\x82\r\n", "%E2%82\r\n"},
		{"\xC0\xAF", "%C0%AF"},
		{"\xE0\x80\xAF", "%E0%80%AF"},
		{"\xF0\x80\x80\xAF", "%F0%80%80%AF"},
		{"\xC1\xBF", "%C1%BF"},
		{"\xED\xA0\x80", "%ED%A0%80"},
		{"\xED\xBF\xBF", "%ED%BF%BF"},
		{"\xF4\x90\x80\x80", "%F4%90%80%80"},
		{"\xF5\x80\x80\x80", "%F5%80%80%80"},
		{"\xF8\x88\x80\x80\x80", "%F8%88%80%80%80"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(charsets); i++) {
		use(charsets[i]);
		for (size_t k = 0; k < COUNT(cases); k++) {
			/* From UTF-8 to UTF-8 glibc knows no last plane. */
			if (strcmp(charsets[i], "UTF-8") == 0 &&
				(unsigned char)cases[k].text[0] >= 0xF4)
				continue;
			check_to_client(cases[k].text, strlen(cases[k].text), cases[k].escaped);
		}
	}
}

/* What was in the way does not spoil what follows. */
static void test_after_a_bad_byte(void **state)
{
	(void)state;
	use("CP949");
	check_to_client("\xED\x95\x9C\xFF\xEA\xB8\x80\xE2\x82", 9, "\xC7\xD1%FF\xB1\xDB%E2%82");
	check_to_client("\xED\x95\x9C", 3, "\xC7\xD1");
}

/* Sets with small pictures in place of control characters: to iconv a note is a CR. A name with one would
 * end the line that tells of it. */
static void test_no_control_characters(void **state)
{
	static const char *const names[] = {"CP922", "CP901", "CP902"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		use(names[i]);
		check_to_client("\xE2\x99\xAA", 3, "%E2%99%AA");     /* CR */
		check_to_client("a\xE2\x97\x99z", 5, "a%E2%97%99z"); /* LF */
	}
	use("CP1046");
	check_to_client("\xD9\xAA", 2, "%D9%AA"); /* a '%' */
}

/* Tags, which make flags of emoji: iconv leaves them out without a word. */
static void test_tag_characters(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(charsets); i++) {
		use(charsets[i]);
		if (strcmp(charsets[i], "UTF-8") == 0 || strcmp(charsets[i], "GB18030") == 0)
			continue; /* which have them */
		check_to_client("\xF3\xA0\x81\xA7.txt", 8, "%F3%A0%81%A7.txt");
	}
}

/* Sets in which iconv keeps a letter until it knows that no accent follows: it must come with its own name,
 * and not with the next, or never. */
static void test_letters_that_wait(void **state)
{
	char out[64];

	(void)state;
	use("BIG5-HKSCS");
	check_to_client("\xC3\x8A", 2, "\x88\x66");
	check_to_client("x", 1, "x");
	check_to_client("\xC3\x8A\xFF", 3, "\x88\x66%FF");
	use("CP1255");
	assert_int_equal(charset_from_client("\xF9\xEC\xE5\xED", out, sizeof(out)), 0);
	assert_string_equal(out, "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D");
	assert_int_equal(charset_from_client("\xE0", out, sizeof(out)), 0);
	assert_string_equal(out, "\xD7\x90");
	assert_int_equal(charset_from_client("\xE0", out, 2), -ENAMETOOLONG);
}

/* What iconv takes for another character would come back as that, and name no file. */
static void test_doubles(void **state)
{
	(void)state;
	use("CP932");
	check_to_client("\xE3\x80\x9C", 3, "%E3%80%9C"); /* the wave dash, for a full-width tilde */
	check_to_client("\xEF\xBD\x9E", 3, "\x81\x60");
	check_to_client("\xC2\xA5", 2, "%C2%A5"); /* the Yen sign, for a backslash */
	use("EUC-KR");
	check_to_client("\xE2\x82\xA9", 3, "%E2%82%A9");
}

/* ---- from the client ---- */

static void test_not_in_the_set(void **state)
{
	static const struct {
		const char *charset, *bytes;
	} cases[] = {
		{"CP949", "\xFF"},
		{"CP949", "\xC7"}, /* a first byte without its second */
		{"CP949", "abc\xC7"},
		{"CP949", "\xC7/"},
		{"CP949", "\xED\x95\x9C"},
		{"EUC-KR", "\xC7"
			   "c"}, /* CP949's alone */
		{"CP932", "\x95"},
		{"EUC-JP", "\x8F\xA2"},
		{"GB18030", "\x94"
			    "9\xFC"},
		{"BIG5", "\xA5/"},
		{"UTF-8", "\xC0\xAF"},
		{"UTF-8", "\xE2\x82"},
		{"CP1252", "\x81"},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		use(cases[i].charset);
		if (charset_from_client(cases[i].bytes, out, sizeof(out)) != -EILSEQ)
			fail_msg("case %zu, %s", i, cases[i].charset);
		/* The next name is a name again. */
		assert_int_equal(charset_from_client("plain", out, sizeof(out)), 0);
		assert_string_equal(out, "plain");
	}
}

static void test_room(void **state)
{
	static const char name[] = "\xC7\xD1x\xB1\xDB"; /* seven bytes of UTF-8 */

	(void)state;
	use("CP949");
	for (size_t capacity = 1; capacity < 16; capacity++) {
		char *out = malloc(capacity);
		int error = charset_from_client(name, out, capacity);
		assert_int_equal(error, capacity < 8 ? -ENAMETOOLONG : 0);
		if (error == 0)
			assert_string_equal(out, "\xED\x95\x9Cx\xEA\xB8\x80");
		assert_int_equal(charset_from_client("", out, capacity), 0);
		assert_string_equal(out, "");
		free(out);
	}
}

/* ---- all there is ---- */

static size_t encode(uint32_t c, char out[4])
{
	if (c < 0x800) {
		out[0] = (char)(0xC0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xE0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xF0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

static void check_character(uint32_t c, const char *charset)
{
	char text[5] = "", there[CHARSET_GROWTH * 4 + 1], back[16];
	size_t size = encode(c, text);
	size_t written = charset_to_client(text, size, there);

	there[written] = '\0';
	assert_true(written >= 1 && written <= CHARSET_GROWTH * size);
	/* No character becomes the end of a line, or of a part of a path. */
	assert_int_equal(strcspn(there, "\r\n/"), written);
	if (written == CHARSET_GROWTH * size && there[0] == '%')
		return; /* escaped */
	if (charset_from_client(there, back, sizeof(back)) != 0 || strcmp(back, text) != 0)
		fail_msg("U+%04X in %s", c, charset);
}

/* Each character comes back as itself, or is escaped. */
static void test_every_character(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(charsets); i++) {
		use(charsets[i]);
		for (uint32_t c = 0x80; c < 0x10000; c++)
			if (c < 0xD800 || c > 0xDFFF)
				check_character(c, charsets[i]);
		/* And of the other planes some. */
		for (uint32_t c = 0x10000; c < 0x110000; c += 257)
			check_character(c, charsets[i]);
	}
}

static unsigned count_of(const char *text, char c)
{
	unsigned count = 0;

	for (; *text; text++)
		count += *text == c;
	return count;
}

/* Of no two bytes that a client sends a slash or a line end comes that it did not send. */
static void test_every_pair(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(charsets); i++) {
		use(charsets[i]);
		for (unsigned pair = 0x8001; pair < 0x10000; pair++) {
			char text[] = {(char)(pair >> 8), (char)(pair & 255), '\0'}, out[16];
			if ((pair & 255) == 0 || charset_from_client(text, out, sizeof(out)) < 0)
				continue;
			assert_int_equal(count_of(out, '/'), count_of(text, '/'));
			assert_int_equal(count_of(out, '\r'), count_of(text, '\r'));
			assert_int_equal(count_of(out, '\n'), count_of(text, '\n'));
			assert_true(*out != '\0');
		}
	}
}

/* Whatever the bytes are, they stay within what callers have for them. */
static void test_growth(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < COUNT(charsets); i++) {
		use(charsets[i]);
		for (unsigned round = 0; round < 3000; round++) {
			char text[64], *out;
			size_t size = round % (sizeof(text) + 1);
			for (size_t k = 0; k < size; k++) {
				seed = seed * 1664525 + 1013904223;
				/* Often what belongs together in UTF-8. */
				text[k] = (char)(round % 3 ? 0x80 | seed >> 25 : seed >> 24);
			}
			out = malloc(CHARSET_GROWTH * size + 1);
			assert_true(charset_to_client(text, size, out) <= CHARSET_GROWTH * size);
			free(out);
		}
	}
}

/* A mark behind an escape would join its last digit: the name would come back as another. Both are escaped. */
static void test_mark_behind_escape(void **state)
{
	static const char name[] = "E\xe1\xba\xba\xcc\x89"; /* E, E with hook above, hook above */
	char out[CHARSET_GROWTH * sizeof(name)], back[64];
	size_t size;

	(void)state;
	use("CP1258");
	size = charset_to_client(name, strlen(name), out);
	out[size] = '\0';
	assert_string_equal(out, "E%E1%BA%BA%CC%89");
	assert_int_equal(charset_from_client(out, back, sizeof(back)), 0);
	assert_string_equal(back, out);
	/* What joins nothing stays. */
	size = charset_to_client("\xe1\xba\xb9\xcc\x89", 5, out);
	out[size] = '\0';
	assert_string_equal(out, "%E1%BA%B9\xd2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_known, end),
		cmocka_unit_test_teardown(test_without_ascii, end),
		cmocka_unit_test_teardown(test_another_ascii, end),
		cmocka_unit_test_teardown(test_no_name, end),
		cmocka_unit_test_teardown(test_unknown, end),
		cmocka_unit_test_teardown(test_words, end),
		cmocka_unit_test_teardown(test_ascii_passes, end),
		cmocka_unit_test_teardown(test_what_the_set_does_not_have, end),
		cmocka_unit_test_teardown(test_what_is_no_utf8, end),
		cmocka_unit_test_teardown(test_after_a_bad_byte, end),
		cmocka_unit_test_teardown(test_no_control_characters, end),
		cmocka_unit_test_teardown(test_tag_characters, end),
		cmocka_unit_test_teardown(test_doubles, end),
		cmocka_unit_test_teardown(test_letters_that_wait, end),
		cmocka_unit_test_teardown(test_not_in_the_set, end),
		cmocka_unit_test_teardown(test_room, end),
		cmocka_unit_test_teardown(test_every_character, end),
		cmocka_unit_test_teardown(test_every_pair, end),
		cmocka_unit_test_teardown(test_growth, end),
		cmocka_unit_test_teardown(test_mark_behind_escape, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
