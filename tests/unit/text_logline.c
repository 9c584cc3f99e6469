/* logline: one event, one line, and no field that imitates another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "text/logline.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Sun Nov 22 15:25:03 2026 UTC. */
#define SUNDAY INT64_C(1795361103)
#define STAMP "Sun Nov 22 15:25:03 2026 [pid 7] "

static char storage[3 * LOGLINE_MAX];
static struct buffer b;

static int utc(void **state)
{
	(void)state;
	setenv("TZ", "UTC0", 1);
	tzset();
	buffer_start(&b, storage, sizeof(storage));
	return 0;
}

static const char *native(const struct logline *line, bool stamped)
{
	struct logline full = *line;

	full.now = SUNDAY;
	full.pid = 7;
	if (!full.client)
		full.client = "127.0.0.1";
	b.size = 0;
	logline_append_native(&b, &full, stamped);
	return buffer_text(&b);
}

static void check_native(const struct logline *line, const char *expected)
{
	const char *text = native(line, true);

	assert_memory_equal(text, STAMP, strlen(STAMP));
	assert_int_equal(text[b.size - 1], '\n');
	b.size--;
	assert_string_equal(buffer_text(&b) + strlen(STAMP), expected);
	assert_string_equal(native(line, false), expected);
}

static const struct {
	struct logline line;
	const char *expected;
} natives[] = {
	{{.event = LOGLINE_CONNECT}, "CONNECT: Client \"127.0.0.1\""},
	{{.event = LOGLINE_CONNECT, .text = "Connection refused: tcp_wrappers denial."},
		"CONNECT: Client \"127.0.0.1\", \"Connection refused: tcp_wrappers denial.\""},
	{{.event = LOGLINE_CONNECT, .client = "2001:db8::1", .ok = true},
		"CONNECT: Client \"2001:db8::1\""},
	{{.event = LOGLINE_LOGIN, .user = "bob"}, "[bob] FAIL LOGIN: Client \"127.0.0.1\""},
	{{.event = LOGLINE_LOGIN, .user = ""}, "FAIL LOGIN: Client \"127.0.0.1\""},
	{{.event = LOGLINE_LOGIN, .user = "bob", .ok = true},
		"[bob] OK LOGIN: Client \"127.0.0.1\""},
	{{.event = LOGLINE_LOGIN, .user = "ftp", .ok = true, .anonymous_password = "me@ex_ample"},
		"[ftp] OK LOGIN: Client \"127.0.0.1\", anon password \"me@ex_ample\""},
	{{.event = LOGLINE_LOGIN, .user = "ftp", .ok = true, .anonymous_password = ""},
		"[ftp] OK LOGIN: Client \"127.0.0.1\", anon password \"\""},
	{{.event = LOGLINE_UPLOAD,
		 .user = "bob",
		 .ok = true,
		 .text = "/a b",
		 .bytes = 5,
		 .seconds = 0.001},
		"[bob] OK UPLOAD: Client \"127.0.0.1\", \"/a b\", 5 bytes, 4.88Kbyte/sec"},
	{{.event = LOGLINE_DOWNLOAD, .user = "ftp", .text = "/nope"},
		"[ftp] FAIL DOWNLOAD: Client \"127.0.0.1\", \"/nope\", 0.00Kbyte/sec"},
	{{.event = LOGLINE_MKDIR, .user = "ftp", .ok = true, .text = "/in/d"},
		"[ftp] OK MKDIR: Client \"127.0.0.1\", \"/in/d\""},
	{{.event = LOGLINE_RMDIR, .user = "ftp", .text = "/in/d"},
		"[ftp] FAIL RMDIR: Client \"127.0.0.1\", \"/in/d\""},
	{{.event = LOGLINE_DELETE, .user = "ftp", .ok = true, .text = "/in/d"},
		"[ftp] OK DELETE: Client \"127.0.0.1\", \"/in/d\""},
	{{.event = LOGLINE_RENAME, .user = "ftp", .ok = true, .text = "/in/d /in/e"},
		"[ftp] OK RENAME: Client \"127.0.0.1\", \"/in/d /in/e\""},
	{{.event = LOGLINE_CHMOD, .user = "bob", .ok = true, .text = "/f 644"},
		"[bob] OK CHMOD: Client \"127.0.0.1\", \"/f 644\""},
	{{.event = LOGLINE_COMMAND, .user = "ftp", .text = "PASS <password>"},
		"[ftp] FTP command: Client \"127.0.0.1\", \"PASS <password>\""},
	{{.event = LOGLINE_RESPONSE, .ok = true, .text = "331 Please specify the password."},
		"FTP response: Client \"127.0.0.1\", \"331 Please specify the password.\""},
	{{.event = LOGLINE_RESPONSE, .text = ""}, "FTP response: Client \"127.0.0.1\""},
	{{.event = LOGLINE_DEBUG, .user = "ftp", .text = "a word"},
		"[ftp] DEBUG: Client \"127.0.0.1\", \"a word\""},
};

static void test_native(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(natives); i++)
		check_native(&natives[i].line, natives[i].expected);
}

static void check_pid(int pid, const char *expected)
{
	struct logline line = {.event = LOGLINE_CONNECT, .client = "::1", .pid = pid};

	b.size = 0;
	logline_append_native(&b, &line, true);
	assert_string_equal(buffer_text(&b), expected);
}

static void test_pid(void **state)
{
	(void)state;
	check_pid(INT32_MAX, "Thu Jan  1 00:00:00 1970 [pid 2147483647] CONNECT: Client \"::1\"\n");
	check_pid(-1, "Thu Jan  1 00:00:00 1970 [pid 0] CONNECT: Client \"::1\"\n");
}

static const struct {
	uint64_t bytes;
	double seconds;
	const char *expected;
} rates[] = {
	{0, 0, "0.00Kbyte/sec"},
	{1024, 1, ", 1024 bytes, 1.00Kbyte/sec"},
	{1024, 0, ", 1024 bytes, 10.00Kbyte/sec"},
	{1024, -5, ", 1024 bytes, 10.00Kbyte/sec"},
	{1024, (double)NAN, ", 1024 bytes, 10.00Kbyte/sec"},
	{1024, (double)INFINITY, ", 1024 bytes, 0.00Kbyte/sec"},
	{5000, 0.000268, ", 5000 bytes, 18219.45Kbyte/sec"},
	{1, 1, ", 1 bytes, 0.00Kbyte/sec"},
	{6, 1, ", 6 bytes, 0.01Kbyte/sec"},
	{1023, 1, ", 1023 bytes, 1.00Kbyte/sec"},
	{UINT64_MAX, 1e-300, ", 18446744073709551615 bytes, 10000000000000.00Kbyte/sec"},
	{UINT64_MAX, 1e6, ", 18446744073709551615 bytes, 18014398509.48Kbyte/sec"},
};

static void test_rate(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rates); i++) {
		struct logline line = {.event = LOGLINE_UPLOAD,
			.bytes = rates[i].bytes,
			.seconds = rates[i].seconds};

		assert_non_null(strstr(native(&line, false), rates[i].expected));
	}
}

static void check_user(const char *user, const char *expected)
{
	struct logline line = {.event = LOGLINE_LOGIN, .user = user};

	check_native(&line, expected);
}

static void test_hostile_users(void **state)
{
	(void)state;
	check_user("a]b", "[a_b] FAIL LOGIN: Client \"127.0.0.1\"");
	check_user("x] FAIL LOGIN: Client \"8.8.8.8\", y",
		"[x_ FAIL LOGIN: Client _8.8.8.8_, y] FAIL LOGIN: Client \"127.0.0.1\"");
	check_user("[[a", "[__a] FAIL LOGIN: Client \"127.0.0.1\"");
	check_user("a\nb\r\t\x1B\x7F\xC3\xA4", "[a?b??????] FAIL LOGIN: Client \"127.0.0.1\"");
}

static void test_hostile_texts(void **state)
{
	struct logline line = {.event = LOGLINE_MKDIR,
		.text = "/a\", 1 bytes\n[x] FAIL LOGIN: Client \"8.8.8.8\"",
		.client = "a\"\nb"};

	(void)state;
	check_native(&line, "FAIL MKDIR: Client \"a_?b\", "
			    "\"/a_, 1 bytes?[x] FAIL LOGIN: Client _8.8.8.8_\"");
}

static void test_hostile_password(void **state)
{
	struct logline line = {.event = LOGLINE_LOGIN,
		.ok = true,
		.user = "ftp",
		.anonymous_password = "a b\", [\xFF\n"};

	(void)state;
	check_native(&line, "[ftp] OK LOGIN: Client \"127.0.0.1\", anon password \"a b_, [??\"");
}

static const struct {
	const char *text, *expected;
} sequences[] = {
	{"a", "a"},
	{"\xC3\xA4", "\xC3\xA4"},
	{"\xE2\x82\xAC", "\xE2\x82\xAC"},
	{"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
	{"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
	{"\xC2\xA0", "\xC2\xA0"},
	{"\xED\x9F\xBF\xEE\x80\x80", "\xED\x9F\xBF\xEE\x80\x80"},
	{"\xE0\xA0\x80", "\xE0\xA0\x80"},
	{"\xF0\x90\x80\x80", "\xF0\x90\x80\x80"},
	/* alone, cut short, overlong */
	{"\x80", "?"},
	{"\xBF"
	 "a",
		"?a"},
	{"\xC3", "?"},
	{"\xC3"
	 "a",
		"?a"},
	{"\xC3\xC3\xA4", "?\xC3\xA4"},
	{"\xE2\x82", "??"},
	{"\xE2\x82"
	 "a",
		"??a"},
	{"\xF0\x9F\x98", "???"},
	{"\xC0\x80", "??"},
	{"\xC1\xBF", "??"},
	{"\xE0\x9F\xBF", "???"},
	{"\xE0\x80\x8A", "???"},
	{"\xF0\x8F\xBF\xBF", "????"},
	/* surrogates, beyond Unicode, never a first byte */
	{"\xED\xA0\x80", "???"},
	{"\xED\xBF\xBF", "???"},
	{"\xF4\x90\x80\x80", "????"},
	{"\xF5\x80\x80\x80", "????"},
	{"\xF7\xBF\xBF\xBF", "????"},
	{"\xF8\x88\x80\x80\x80", "?????"},
	{"\xFE\xFF", "??"},
	/* controls, line separators, directions */
	{"\xC2\x80", "??"},
	{"\xC2\x85", "??"},
	{"\xC2\x9B", "??"},
	{"\xC2\x9F", "??"},
	{"\xE2\x80\xA7", "\xE2\x80\xA7"},
	{"\xE2\x80\xA8", "???"},
	{"\xE2\x80\xAA", "???"},
	{"\xE2\x80\xAE", "???"},
	{"\xE2\x80\xAF", "\xE2\x80\xAF"},
	{"\xE2\x81\xA5", "\xE2\x81\xA5"},
	{"\xE2\x81\xA6", "???"},
	{"\xE2\x81\xA9", "???"},
	{"\xE2\x81\xAA", "\xE2\x81\xAA"},
};

static void test_keep_utf8(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sequences); i++) {
		struct logline line = {
			.event = LOGLINE_COMMAND, .text = sequences[i].text, .keep_utf8 = true};
		char expected[64] = "FTP command: Client \"127.0.0.1\", \"";

		strcat(expected, sequences[i].expected);
		strcat(expected, "\"");
		check_native(&line, expected);
	}
}

static void test_keep_utf8_bars_the_same(void **state)
{
	struct logline line = {.event = LOGLINE_LOGIN,
		.user = "\xC3\xA4]\"\n",
		.text = "\xC3\xA4\"",
		.anonymous_password = "\xC3\xA4\"",
		.client = "\xC3\xA4",
		.keep_utf8 = true};

	(void)state;
	check_native(&line, "[\xC3\xA4__?] FAIL LOGIN: Client \"??\", \"\xC3\xA4_\", "
			    "anon password \"\xC3\xA4_\"");
}

/* A text of more than a line's length, of one repeated character. */
static const char *long_text(const char *character)
{
	static char text[2 * LOGLINE_MAX + 1];
	size_t size = strlen(character);

	for (size_t i = 0; i < 2 * LOGLINE_MAX; i++)
		text[i] = character[i % size];
	return text;
}

static const char *end_of(const char *text, const char *end)
{
	assert_true(strlen(text) >= strlen(end));
	return text + strlen(text) - strlen(end);
}

static void test_native_is_cut_in_the_text(void **state)
{
	static const char end[] = "a\", 5 bytes, 0.05Kbyte/sec\n";
	struct logline line = {.event = LOGLINE_UPLOAD,
		.ok = true,
		.user = "bob",
		.text = long_text("a"),
		.bytes = 5};
	const char *text;

	(void)state;
	text = native(&line, true);
	assert_int_equal(b.size, LOGLINE_MAX);
	assert_string_equal(end_of(text, end), end);
	assert_false(b.cut);
}

static void test_native_is_cut_between_characters(void **state)
{
	struct logline line = {.event = LOGLINE_COMMAND, .keep_utf8 = true};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		static const char end[] = "\xE2\x82\xAC\"\n";
		static const char *const clients[] = {"1", "12", "123"};

		line.client = clients[i];
		line.text = long_text("\xE2\x82\xAC");
		assert_string_equal(end_of(native(&line, true), end), end);
		assert_in_range(b.size, LOGLINE_MAX - 2, LOGLINE_MAX);
	}
}

static void test_native_all_long(void **state)
{
	static const char end[] = "a\", 18446744073709551615 bytes, 10000000000000.00Kbyte/sec\n";
	const char *text = long_text("a");
	struct logline line = {.event = LOGLINE_DOWNLOAD,
		.user = text,
		.client = text,
		.text = text,
		.anonymous_password = text,
		.bytes = UINT64_MAX,
		.seconds = 1e-9};

	(void)state;
	assert_string_equal(end_of(native(&line, true), end), end);
	assert_int_equal(b.size, LOGLINE_MAX);
	assert_non_null(strstr(storage, "a] FAIL DOWNLOAD: Client \"a"));
	assert_non_null(strstr(storage, "a\", \"a"));
	assert_non_null(strstr(storage, "a\", anon password \"a"));
}

/* In a smaller buffer the line still ends as it should. */
static void test_native_in_a_small_buffer(void **state)
{
	struct logline line = {.event = LOGLINE_MKDIR, .client = "::1", .text = long_text("a")};

	(void)state;
	buffer_start(&b, storage, 100);
	buffer_string(&b, "before\n");
	logline_append_native(&b, &line, true);
	assert_int_equal(b.size, 99);
	assert_string_equal(end_of(buffer_text(&b), "aaa\"\n"), "aaa\"\n");
	assert_false(b.cut);
	buffer_start(&b, storage, 20);
	logline_append_native(&b, &line, true);
	assert_true(b.cut);
	assert_int_equal(b.size, 19);
}

static void test_lines_follow_each_other(void **state)
{
	struct logline line = {.event = LOGLINE_MKDIR, .client = "::1", .text = long_text("a")};

	(void)state;
	logline_append_native(&b, &line, true);
	logline_append_native(&b, &line, true);
	assert_int_equal(b.size, 2 * LOGLINE_MAX);
}

static struct xferline plain_xfer(void)
{
	return (struct xferline){.now = SUNDAY,
		.seconds = 1,
		.client = "127.0.0.1",
		.bytes = 5000,
		.path = "/in/a b\xFF.txt",
		.incoming = true,
		.access = 'a',
		.user = "me@ex ample",
		.complete = true};
}

static const char *xfer(const struct xferline *line)
{
	b.size = 0;
	logline_append_xfer(&b, line);
	return buffer_text(&b);
}

static void test_xfer(void **state)
{
	struct xferline line = plain_xfer();

	(void)state;
	assert_string_equal(xfer(&line), "Sun Nov 22 15:25:03 2026 1 127.0.0.1 5000 "
					 "/in/a_b?.txt b _ i a me@ex_ample ftp 0 * c\n");
	line.complete = false;
	line.incoming = false;
	line.ascii = true;
	line.access = 'r';
	line.seconds = 0;
	line.bytes = UINT64_MAX;
	line.user = "bob";
	line.path = "/a";
	assert_string_equal(xfer(&line), "Sun Nov 22 15:25:03 2026 1 127.0.0.1 "
					 "18446744073709551615 /a a _ o r bob ftp 0 * i\n");
	line.seconds = 77;
	assert_non_null(strstr(xfer(&line), " 2026 77 127.0.0.1 "));
}

static size_t count_columns(const char *text)
{
	size_t columns = 1;

	for (; *text != '\0'; text++) {
		assert_true(*text != ' ' || (unsigned char)text[1] > 0x20);
		columns += *text == ' ';
	}
	return columns;
}

static void test_xfer_columns(void **state)
{
	static const char *const texts[] = {"", " ", "a b  c", "\t\n\r\v\f", "\x7F", "\"]",
		"\xC2\xA0", "\xE2\x80\xA8", "* c\nSun Nov 22"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct xferline line = plain_xfer();

		line.path = texts[i];
		line.user = texts[i];
		line.client = texts[i];
		assert_int_equal(count_columns(xfer(&line)), 5 + 13);
		line.keep_utf8 = true;
		assert_int_equal(count_columns(xfer(&line)), 5 + 13);
		assert_ptr_equal(strchr(storage, '\n'), storage + b.size - 1);
	}
}

static void test_xfer_empty_user(void **state)
{
	struct xferline line = plain_xfer();

	(void)state;
	line.user = "";
	assert_non_null(strstr(xfer(&line), " i a ? ftp 0 * c\n"));
}

static void test_xfer_keeps_utf8(void **state)
{
	struct xferline line = plain_xfer();

	(void)state;
	line.path = "/\xC3\xA4 \xFF";
	line.user = "\xC3\xA4";
	line.keep_utf8 = true;
	assert_non_null(strstr(xfer(&line), " /\xC3\xA4_? b _ i a \xC3\xA4 ftp "));
	line.keep_utf8 = false;
	assert_non_null(strstr(xfer(&line), " /??_? b _ i a ?? ftp "));
}

static void test_xfer_is_cut_in_the_path(void **state)
{
	struct xferline line = plain_xfer();

	(void)state;
	line.path = long_text("/a");
	assert_non_null(strstr(xfer(&line), " b _ i a me@ex_ample ftp 0 * c\n"));
	assert_int_equal(b.size, LOGLINE_MAX);
	line.user = line.path;
	line.client = line.path;
	assert_int_equal(count_columns(xfer(&line)), 5 + 13);
	assert_int_equal(b.size, LOGLINE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_native, utc),
		cmocka_unit_test_setup(test_pid, utc),
		cmocka_unit_test_setup(test_rate, utc),
		cmocka_unit_test_setup(test_hostile_users, utc),
		cmocka_unit_test_setup(test_hostile_texts, utc),
		cmocka_unit_test_setup(test_hostile_password, utc),
		cmocka_unit_test_setup(test_keep_utf8, utc),
		cmocka_unit_test_setup(test_keep_utf8_bars_the_same, utc),
		cmocka_unit_test_setup(test_native_is_cut_in_the_text, utc),
		cmocka_unit_test_setup(test_native_is_cut_between_characters, utc),
		cmocka_unit_test_setup(test_native_all_long, utc),
		cmocka_unit_test_setup(test_native_in_a_small_buffer, utc),
		cmocka_unit_test_setup(test_lines_follow_each_other, utc),
		cmocka_unit_test_setup(test_xfer, utc),
		cmocka_unit_test_setup(test_xfer_columns, utc),
		cmocka_unit_test_setup(test_xfer_empty_user, utc),
		cmocka_unit_test_setup(test_xfer_keeps_utf8, utc),
		cmocka_unit_test_setup(test_xfer_is_cut_in_the_path, utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
