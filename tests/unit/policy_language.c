/* language: the character set of a client's names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "policy/language.h"
#include "system/charset.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct config config;
static struct config_note note;

static int start(void **state)
{
	(void)state;
	config_defaults(&config, "soloftpd");
	memset(&note, 0, sizeof(note));
	return 0;
}

static int end(void **state)
{
	(void)state;
	return charset_open(NULL);
}

static void set(const char *setting)
{
	if (config_setting(&config, setting, &note) != 0)
		fail_msg("%s: %s", setting, note.text);
}

static void test_default(void **state)
{
	(void)state;
	assert_null(config.client_charset);
	assert_int_equal(language_settle(&config, &note), 0);
	assert_false(charset_is_open());
	set("client_charset=");
	assert_int_equal(language_settle(&config, &note), 0);
	assert_false(charset_is_open());
}

/* A user's file may name another set, or none. */
static void test_one_after_the_other(void **state)
{
	char out[8];

	(void)state;
	set("client_charset=CP949");
	assert_int_equal(language_settle(&config, &note), 0);
	assert_int_equal(charset_from_client("\xC7\xD1", out, sizeof(out)), 0);
	assert_string_equal(out, "\xED\x95\x9C");
	set("client_charset=KOI8-R");
	assert_int_equal(language_settle(&config, &note), 0);
	assert_int_equal(charset_from_client("\xC7", out, sizeof(out)), 0);
	assert_string_equal(out, "\xD0\xB3");
	assert_int_equal(language_settle(&config, &note), 0);
	assert_true(charset_is_open());
	set("client_charset=");
	assert_int_equal(language_settle(&config, &note), 0);
	assert_false(charset_is_open());
	assert_string_equal(note.text, "");
}

static void test_refused(void **state)
{
	static const struct {
		const char *setting, *text;
	} cases[] = {
		{"client_charset=no-such-set",
			"client_charset: is no character set that iconv knows"},
		{"client_charset=CP949//TRANSLIT",
			"client_charset: is no character set that iconv knows"},
		{"client_charset=UTF-16", "client_charset: is a character set without ASCII"},
		{"client_charset=SHIFT_JIS", "client_charset: is a character set without ASCII"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		start(state);
		set(cases[i].setting);
		assert_int_equal(language_settle(&config, &note), -EINVAL);
		assert_string_equal(note.text, cases[i].text);
		assert_string_equal(note.file, "-o");
		assert_false(charset_is_open());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_default, start, end),
		cmocka_unit_test_setup_teardown(test_one_after_the_other, start, end),
		cmocka_unit_test_setup_teardown(test_refused, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
