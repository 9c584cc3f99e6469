/* reply: what goes out can be read in one way only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "control/reply.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A literal with its size, so that it may hold NUL bytes. */
#define BYTES(literal) (literal), sizeof(literal) - 1

static char storage[4096];
static struct buffer b;

static int start(void **state)
{
	(void)state;
	buffer_start(&b, storage, sizeof(storage));
	return 0;
}

static void append_all(const struct reply *answer)
{
	const char *line = answer->text;

	while (line)
		line = reply_append_line(&b, answer, line);
}

static void append(int code, const char *text)
{
	struct reply answer = reply(code, text);

	start(NULL);
	append_all(&answer);
}

static const struct {
	int code;
	const char *text, *out;
	size_t out_size;
} replies[] = {
	{220, "ready.", BYTES("220 ready.\r\n")},
	{220, "", BYTES("220 \r\n")},
	{200, " blank first", BYTES("200  blank first\r\n")},
	{211, "Features:\n UTF8\nEnd", BYTES("211-Features:\r\n UTF8\r\n211 End\r\n")},
	{220, "a\nb", BYTES("220-a\r\n220 b\r\n")},
	{220, "a\n", BYTES("220-a\r\n220 \r\n")},
	{220, "\n", BYTES("220-\r\n220 \r\n")},
	{220, "\n\nx", BYTES("220-\r\n220-\r\n220 x\r\n")},
	{220, "a\n220 b\nc", BYTES("220-a\r\n220-220 b\r\n220 c\r\n")},
	{220, "220 a\nb", BYTES("220-220 a\r\n220 b\r\n")},
	{220, " a\nb", BYTES("220- a\r\n220 b\r\n")},
	{220, "a\n b\n c", BYTES("220-a\r\n b\r\n220  c\r\n")},
	{220, "a\n\tb\nc", BYTES("220-a\r\n220-\tb\r\n220 c\r\n")},
	{250, "a\rb", BYTES("250 a\r\0b\r\n")},
	{250, "a\r", BYTES("250 a\r\0\r\n")},
	{250, "\r\nb", BYTES("250-\r\0\r\n250 b\r\n")},
	{250, "\x01\x1B[2J\x7F\b", BYTES("250 ??[2J\x7F?\r\n")},
	{250, "caf\xC3\xA9 \xFF", BYTES("250 caf\xC3\xA9 \xFF\xFF\r\n")},
	{250, "%s%n%x", BYTES("250 %s%n%x\r\n")},
	{250, "a\tb", BYTES("250 a\tb\r\n")},
};

static void test_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		append(replies[i].code, replies[i].text);
		assert_int_equal(b.size, replies[i].out_size);
		assert_memory_equal(b.data, replies[i].out, b.size);
	}
}

/* The short way makes the same bytes as the long one, or none. */
static void check_plain(const struct reply *answer, bool plain)
{
	char whole[sizeof(storage)];
	size_t size;

	append(answer->code, answer->text);
	size = b.size;
	memcpy(whole, b.data, size);
	start(NULL);
	assert_int_equal(reply_append_plain(&b, answer), plain);
	assert_int_equal(b.size, plain ? size : 0);
	assert_memory_equal(b.data, whole, b.size);
}

static void test_plain(void **state)
{
	char text[] = "0123456789abcdefghijklmnopqrstuv";
	struct reply answer = reply(226, text);

	(void)state;
	for (size_t at = sizeof(text) - 1; at > 0; at--) {
		text[at] = '\0';
		for (unsigned byte = 1; byte < 256; byte++) {
			text[at - 1] = (char)byte;
			check_plain(&answer, byte >= 0x20 && byte != 0xFF);
		}
		text[at - 1] = 'x';
		text[0] = '\n';
		check_plain(&answer, false);
		text[0] = '0';
	}
	answer.text = "";
	check_plain(&answer, true);
}

/* What does not fit is left alone. */
static void test_plain_without_room(void **state)
{
	struct reply answer = reply(200, "NOOP ok.");

	(void)state;
	for (size_t room = 0; room < 20; room++) {
		buffer_start(&b, storage, room + 1);
		assert_int_equal(reply_append_plain(&b, &answer), room >= 14);
		assert_int_equal(b.size, room >= 14 ? 14 : 0);
	}
}

/* Reads the reply as a client does that knows no more than RFC 959 4.2 and RFC 854: returns the
 * bytes it takes up. */
static size_t read_reply(const char *at, size_t size, const char *code)
{
	size_t begin = 0;
	bool multiline = false;

	for (size_t i = 0; i < size; i++) {
		assert_false(at[i] == '\n');
		if (at[i] != '\r' || at[++i] == '\0')
			continue;
		assert_int_equal(at[i], '\n');
		if (begin == 0)
			assert_memory_equal(at, code, 3);
		if (begin == 0 && at[3] == '-')
			multiline = true;
		else if (i - begin >= 4 && memcmp(at + begin, code, 3) == 0 && at[begin + 3] == ' ')
			return i + 1;
		assert_true(multiline);
		begin = i + 1;
	}
	fail_msg("no last line");
	return 0;
}

/* All short texts of the bytes that could confuse a client. */
static void test_hostile_texts(void **state)
{
	static const char alphabet[] = " \n\r2-\t\xFF";
	const unsigned long letters = sizeof(alphabet) - 1;
	char text[7] = "";

	(void)state;
	for (unsigned long n = 0; n < letters * letters * letters * letters * letters; n++) {
		unsigned long rest = n;
		for (size_t i = 0; i < 5; i++, rest /= letters)
			text[i] = alphabet[rest % letters];
		append(222, text);
		assert_int_equal(read_reply(b.data, b.size, "222"), b.size);
	}
}

static void test_forged_ends(void **state)
{
	static const char *const texts[] = {"222 x\n222 y\n222 z", "a\n222 b\n222-c\n222",
		"\n222 \n", "222-\n222 \n222-", "a\r\n222 b\r\n222 c", "a\n 222 b\nc"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		append(222, texts[i]);
		assert_int_equal(read_reply(b.data, b.size, "222"), b.size);
	}
}

static void test_replies_follow_one_another(void **state)
{
	struct reply first = reply(220, "a\nb"), second = reply(221, "c");

	start(state);
	append_all(&first);
	append_all(&second);
	assert_string_equal(buffer_text(&b), "220-a\r\n220 b\r\n221 c\r\n");
}

/* ---- names ---- */

static void test_paths(void **state)
{
	static const struct {
		const char *path, *out;
	} cases[] = {
		{"/", "\"/\""},
		{"", "\"\""},
		{"/a b", "\"/a b\""},
		{"/a\"b", "\"/a\"\"b\""},
		{"/\"", "\"/\"\"\""},
		{"\"\"", "\"\"\"\"\"\""},
		{"/a\nb", "\"/a?b\""},
		{"/\xC3\xA9\xFF", "\"/\xC3\xA9\xFF\""},
		{"/a\rb", "\"/a\rb\""},
		{"/\\", "\"/\\\""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		start(state);
		reply_append_path(&b, cases[i].path);
		assert_string_equal(buffer_text(&b), cases[i].out);
	}
}

/* A name in a 257 reply makes no line of its own, and a CR in it goes out as CR NUL. */
static void test_hostile_path_in_a_reply(void **state)
{
	char text[64];
	struct buffer inner;
	struct reply answer;

	(void)state;
	buffer_start(&inner, text, sizeof(text));
	reply_append_path(&inner, "/a\r\n257 \"/\"\n226 x\r");
	answer = reply(257, buffer_text(&inner));
	append_all(&answer);
	assert_int_equal(read_reply(b.data, b.size, "257"), b.size);
	assert_memory_equal(b.data, "257 \"/a\r\0?257 \"\"/\"\"?226 x\r\0\"\r\n", b.size);
}

/* ---- errors ---- */

static const struct {
	int error, code, name_code;
} errors[] = {
	{-EAGAIN, 450, 450},
	{-EBUSY, 450, 450},
	{-ETXTBSY, 450, 450},
	{-EINTR, 450, 450},
	{-EIO, 451, 451},
	{-ENOMEM, 451, 451},
	{-EMFILE, 451, 451},
	{-ENFILE, 451, 451},
	{-ESTALE, 451, 451},
	{-ENOSPC, 452, 452},
	{-EDQUOT, 552, 552},
	{-EFBIG, 552, 552},
	{-ENOENT, 550, 553},
	{-EACCES, 550, 553},
	{-EPERM, 550, 553},
	{-EEXIST, 550, 553},
	{-ENOTDIR, 550, 553},
	{-EISDIR, 550, 553},
	{-ENAMETOOLONG, 550, 553},
	{-EROFS, 550, 553},
	{-ELOOP, 550, 553},
	{-EINVAL, 550, 553},
	{-EXDEV, 550, 553},
	{-ENOTEMPTY, 550, 553},
	{-ENXIO, 550, 553},
	{-EILSEQ, 550, 553},
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++) {
		struct reply file = reply_error(errors[i].error, "a");
		struct reply name = reply_name_error(errors[i].error, "b");
		assert_int_equal(file.code, errors[i].code);
		assert_int_equal(name.code, errors[i].name_code);
		assert_string_equal(file.text, "a");
		assert_string_equal(name.text, "b");
		assert_false(file.closing || name.closing);
	}
}

/* Whatever the system says, the reply is one of the codes that RFC 959 gives file commands. */
static void test_every_error(void **state)
{
	static const int codes[] = {450, 451, 452, 550, 552};

	(void)state;
	for (int error = -4096; error < 0; error++) {
		int code = reply_error(error, "").code;
		bool known = false;
		for (size_t i = 0; i < COUNT(codes); i++)
			known |= codes[i] == code;
		assert_true(known);
	}
}

static void test_makers(void **state)
{
	(void)state;
	assert_false(reply(200, "x").closing);
	assert_true(reply_closing(421, "x").closing);
	assert_int_equal(reply_closing(421, "x").code, 421);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_replies, start),
		cmocka_unit_test_setup(test_plain, start),
		cmocka_unit_test_setup(test_plain_without_room, start),
		cmocka_unit_test_setup(test_hostile_texts, start),
		cmocka_unit_test_setup(test_forged_ends, start),
		cmocka_unit_test_setup(test_replies_follow_one_another, start),
		cmocka_unit_test_setup(test_paths, start),
		cmocka_unit_test_setup(test_hostile_path_in_a_reply, start),
		cmocka_unit_test_setup(test_errors, start),
		cmocka_unit_test_setup(test_every_error, start),
		cmocka_unit_test_setup(test_makers, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
