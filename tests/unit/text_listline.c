/* listline: one entry, one line, in vsftpd's columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <cmocka.h>

#include "text/listline.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Sun Nov 22 15:25:03 2026 UTC. */
#define SUNDAY INT64_C(1795361103)

static const struct {
	uint32_t mode;
	const char *text;
} modes[] = {
	{S_IFREG | 0644, "-rw-r--r--"},
	{S_IFDIR | 0755, "drwxr-xr-x"},
	{S_IFLNK | 0777, "lrwxrwxrwx"},
	{S_IFBLK | 0660, "brw-rw----"},
	{S_IFCHR | 0666, "crw-rw-rw-"},
	{S_IFIFO | 0600, "prw-------"},
	{S_IFSOCK | 0700, "srwx------"},
	{S_IFREG, "----------"},
	{0, "?---------"},
	{S_IFMT | 0111, "?--x--x--x"},
	{S_IFREG | 0222, "--w--w--w-"},
	{S_IFREG | 04755, "-rwsr-xr-x"},
	{S_IFREG | 04655, "-rwSr-xr-x"},
	{S_IFREG | 02755, "-rwxr-sr-x"},
	{S_IFREG | 02745, "-rwxr-Sr-x"},
	{S_IFDIR | 01777, "drwxrwxrwt"},
	{S_IFDIR | 01776, "drwxrwxrwT"},
	{S_IFREG | 07000, "---S--S--T"},
	{S_IFREG | 07777, "-rwsrwsrwt"},
};

static void test_mode(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		char out[11];

		listline_mode(modes[i].mode, out);
		assert_string_equal(out, modes[i].text);
	}
}

static struct listline plain(void)
{
	return (struct listline){.name = "a.txt",
		.owner = "bob",
		.group = "users",
		.mode = S_IFREG | 0644,
		.links = 1,
		.size = 5,
		.modified = SUNDAY};
}

static void check_line(const struct listline *entry, bool classify, const char *expected)
{
	char storage[512];
	struct buffer b;

	buffer_start(&b, storage, sizeof(storage));
	listline_append(&b, entry, SUNDAY, false, classify);
	assert_string_equal(buffer_text(&b), expected);
}

static void test_plain_line(void **state)
{
	struct listline entry = plain();

	(void)state;
	check_line(
		&entry, false, "-rw-r--r--    1 bob      users           5 Nov 22 15:25 a.txt\r\n");
	entry.modified = 0;
	check_line(
		&entry, true, "-rw-r--r--    1 bob      users           5 Jan 01  1970 a.txt\r\n");
}

static void test_wide_columns(void **state)
{
	struct listline entry = plain();

	(void)state;
	entry.owner = "verylongowner";
	entry.group = "12345678";
	entry.links = UINT64_MAX;
	entry.size = UINT64_MAX;
	check_line(&entry, false,
		"-rw-r--r-- 18446744073709551615 verylongowner 12345678 18446744073709551615 "
		"Nov 22 15:25 a.txt\r\n");
}

static void test_symbolic_link(void **state)
{
	struct listline entry = plain();

	(void)state;
	entry.mode = S_IFLNK | 0777;
	entry.target = "../b c";
	check_line(&entry, false,
		"lrwxrwxrwx    1 bob      users           5 Nov 22 15:25 a.txt -> ../b c\r\n");
	check_line(&entry, true,
		"lrwxrwxrwx    1 bob      users           5 Nov 22 15:25 a.txt@ -> ../b c\r\n");
}

static void test_control_bytes(void **state)
{
	struct listline entry = plain();

	(void)state;
	entry.name = "a\r\nrw\x01\x1F\x7F\x80\xC3\xA4 \x1B[2J";
	entry.target = "\nb\t";
	check_line(&entry, false,
		"-rw-r--r--    1 bob      users           5 Nov 22 15:25 "
		"a??rw???\x80\xC3\xA4 ?[2J -> ?b?\r\n");
}

static const struct {
	uint32_t mode;
	const char *end;
} marks[] = {
	{S_IFDIR | 0755, " a.txt/\r\n"},
	{S_IFLNK | 0777, " a.txt@\r\n"},
	{S_IFREG | 0744, " a.txt*\r\n"},
	{S_IFREG | 0654, " a.txt*\r\n"},
	{S_IFREG | 0645, " a.txt*\r\n"},
	{S_IFREG | 0666, " a.txt\r\n"},
	{S_IFIFO | 0755, " a.txt|\r\n"},
	{S_IFSOCK | 0755, " a.txt=\r\n"},
	{S_IFBLK | 0755, " a.txt\r\n"},
	{S_IFCHR | 0755, " a.txt\r\n"},
	{0755, " a.txt\r\n"},
};

static void test_classify(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(marks); i++) {
		struct listline entry = plain();
		char storage[128];
		struct buffer b;

		entry.mode = marks[i].mode;
		buffer_start(&b, storage, sizeof(storage));
		listline_append(&b, &entry, SUNDAY, false, true);
		assert_string_equal(strrchr(buffer_text(&b), ' '), marks[i].end);
	}
}

static void test_local_time(void **state)
{
	struct listline entry = plain();
	char storage[128];
	struct buffer b;

	(void)state;
	setenv("TZ", "XXX+16", 1);
	tzset();
	buffer_start(&b, storage, sizeof(storage));
	listline_append(&b, &entry, SUNDAY, true, false);
	assert_non_null(strstr(buffer_text(&b), " Nov 21 23:25 a.txt\r\n"));
}

static void test_lines_follow_each_other(void **state)
{
	struct listline entry = plain();
	char storage[128];
	struct buffer b;

	(void)state;
	buffer_start(&b, storage, sizeof(storage));
	buffer_string(&b, "\n");
	listline_append(&b, &entry, SUNDAY, false, false);
	assert_memory_equal(b.data, "\n-rw", 4);
}

static void test_cut(void **state)
{
	struct listline entry = plain();
	char storage[128];
	struct buffer b;

	(void)state;
	for (size_t capacity = 1; capacity <= 63; capacity++) {
		buffer_start(&b, storage, capacity);
		listline_append(&b, &entry, SUNDAY, false, false);
		assert_true(b.cut);
		assert_int_equal(b.size, capacity - 1);
	}
	buffer_start(&b, storage, 64);
	listline_append(&b, &entry, SUNDAY, false, false);
	assert_false(b.cut);
}

static void test_append_name(void **state)
{
	char storage[16];
	struct buffer b;

	(void)state;
	buffer_start(&b, storage, sizeof(storage));
	buffer_string(&b, "\t");
	listline_append_name(&b, "a\nb\xFF");
	listline_append_name(&b, "");
	assert_string_equal(buffer_text(&b), "\ta?b\xFF");
	listline_append_name(&b, "\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
	assert_true(b.cut);
	assert_string_equal(buffer_text(&b), "\ta?b\xFF??????????");
}

/* Each byte at each place of names of each length up to three words. */
static void test_every_byte(void **state)
{
	char storage[32], name[25];
	struct buffer b;

	(void)state;
	for (size_t size = 1; size < sizeof(name); size++) {
		for (size_t at = 0; at < size; at++) {
			for (unsigned byte = 1; byte < 256; byte++) {
				memset(name, 'n', size);
				name[size] = '\0';
				name[at] = (char)byte;
				buffer_start(&b, storage, sizeof(storage));
				listline_append_name(&b, name);
				if (byte < 0x20 || byte == 0x7F)
					name[at] = '?';
				assert_string_equal(buffer_text(&b), name);
			}
		}
	}
}

static bool append_told(struct buffer *b, const char *prefix, const char *name)
{
	char copy[64 + LISTLINE_SLACK] = "";

	strcpy(copy, prefix);
	return listline_append_told(b, copy, strlen(copy), name);
}

/* Names as NLST tells them: all bytes but CR and LF, whatever lies behind, in any room. */
static void test_told(void **state)
{
	char name[300 + LISTLINE_SLACK], storage[320];
	struct buffer b;

	(void)state;
	for (size_t size = 0; size < 270; size++)
		for (unsigned kind = 0; kind < 4; kind++) {
			memset(name, kind == 1 ? 0xC3 : 'x', sizeof(name));
			if (size > 0 && kind == 2)
				name[size / 2] = '\t';
			if (size > 0 && kind == 3)
				name[size - 1] = '\x7F';
			name[size] = '\0';
			buffer_start(&b, storage, sizeof(storage));
			assert_true(append_told(&b, "d/", name));
			assert_int_equal(b.size, 2 + size + 2);
			assert_memory_equal(storage, "d/", 2);
			assert_memory_equal(storage + 2, name, size);
			assert_memory_equal(storage + 2 + size, "\r\n", 2);
			/* Cut to fit. */
			buffer_start(&b, storage, 100);
			assert_true(append_told(&b, "directory/", name));
			assert_int_equal(b.size, 12 + size < 99 ? 12 + size : 99);
			assert_memory_equal(storage, "directory/", 10);
			assert_memory_equal(storage + 10, name, size < 89 ? size : 89);
			assert_int_equal(b.cut, 12 + size > 99);
		}
	for (size_t size = 1; size < 40; size++)
		for (size_t at = 0; at < size; at++) {
			memset(name, at % 3 ? 'x' : 0xFF, sizeof(name));
			name[size] = '\0';
			name[at] = size % 2 ? '\r' : '\n';
			buffer_start(&b, storage, sizeof(storage));
			assert_false(append_told(&b, "a directory/", name));
			assert_int_equal(b.size, 0);
			assert_true(listline_has_line_end(name, size));
			/* Behind the end they do not matter. */
			assert_false(listline_has_line_end(name, at));
			name[at] = '\0';
			name[at + 1] = '\n';
			assert_true(append_told(&b, "", name));
			assert_int_equal(b.size, at + 2);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_plain_line),
		cmocka_unit_test(test_wide_columns),
		cmocka_unit_test(test_symbolic_link),
		cmocka_unit_test(test_control_bytes),
		cmocka_unit_test(test_classify),
		cmocka_unit_test(test_local_time),
		cmocka_unit_test(test_lines_follow_each_other),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_append_name),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
