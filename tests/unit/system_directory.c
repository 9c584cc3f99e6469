/* directory: names read and sorted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "system/directory.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static char path[256];
static struct directory d;

static int make_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(path, sizeof(path), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(path) && chdir(path) == 0 ? 0 : -1;
}

static bool is_entry(const char *name, const void *context)
{
	const char *prefix = context;

	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       (!prefix || strncmp(name, prefix, strlen(prefix)) == 0);
}

static int remove_directory(void **state)
{
	(void)state;
	return chdir("/") < 0 || rmdir(path) < 0 ? -1 : 0;
}

/* Removes all there is. */
static int end(void **state)
{
	struct directory all;

	(void)state;
	if (directory_read(".", is_entry, NULL, &all) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++)
		if (unlink(directory_name(&all, i)) < 0)
			rmdir(directory_name(&all, i));
	directory_free(&all);
	return 0;
}

static void make(const char *name, size_t size, int64_t modified)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = modified}};
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

/* Reads what begins with `prefix`, sorts it, and compares the names. */
static void check_order(
	const char *prefix, enum directory_order order, bool reverse, const char *expected)
{
	char names[4096] = "";

	assert_int_equal(directory_read(".", is_entry, prefix, &d), 0);
	assert_int_equal(directory_sort(&d, order, reverse), 0);
	for (size_t i = 0; i < d.count; i++) {
		strcat(names, i > 0 ? " " : "");
		strcat(names, directory_name(&d, i));
	}
	assert_string_equal(names, expected);
	directory_free(&d);
}

/* ---- reading ---- */

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(directory_read(".", is_entry, NULL, &d), 0);
	assert_int_equal(d.count, 0);
	for (unsigned way = 0; way < 6; way++)
		assert_int_equal(directory_sort(&d, (enum directory_order)(way / 2), way % 2), 0);
	directory_free(&d);
	assert_int_equal(directory_read(".", NULL, NULL, &d), 0);
	assert_int_equal(d.count, 2);
	directory_free(&d);
}

static void test_errors(void **state)
{
	static const struct {
		const char *path;
		int error;
	} cases[] = {
		{"missing", -ENOENT},
		{"", -ENOENT},
		{"file", -ENOTDIR},
		{"fifo", -ENOTDIR},
		{"file/x", -ENOTDIR},
		{"loop", -ELOOP},
		{"/dev/null", -ENOTDIR},
	};

	(void)state;
	make("file", 0, 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	memset(&d, 0x55, sizeof(d));
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(directory_read(cases[i].path, NULL, NULL, &d), cases[i].error);
	assert_int_equal(d.fd, 0x55555555);
}

static void test_filter(void **state)
{
	(void)state;
	make("a1", 0, 0);
	make("a2", 0, 0);
	make("b1", 0, 0);
	check_order("a", DIRECTORY_BY_NAME, false, "a1 a2");
	check_order("b", DIRECTORY_BY_NAME, false, "b1");
	check_order("c", DIRECTORY_BY_NAME, false, "");
}

/* More than one call's worth, with names of all lengths. */
static void test_many(void **state)
{
	char name[256];
	size_t count = 3000;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		memset(name, 'x', sizeof(name));
		snprintf(name, sizeof(name), "%07zu", i * 7919 % count);
		name[7] = 'x';
		name[8 + i % 247] = '\0';
		make(name, 0, 0);
	}
	assert_int_equal(directory_read(".", is_entry, NULL, &d), 0);
	assert_int_equal(d.count, count);
	assert_int_equal(directory_sort(&d, DIRECTORY_BY_NAME, false), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(strtoul(directory_name(&d, i), NULL, 10), i);
	directory_free(&d);
}

/* ---- one entry after the other ---- */

static struct directory_stream stream;

/* Whether the stream offers `name`; counts the rest. */
static bool offers(const char *name, size_t *out_count)
{
	const char *next;
	bool found = false;
	int more;

	*out_count = 0;
	assert_int_equal(directory_open(".", &stream), 0);
	while ((more = directory_next(&stream, &next)) > 0) {
		found |= strcmp(next, name) == 0;
		++*out_count;
	}
	assert_int_equal(more, 0);
	assert_int_equal(directory_next(&stream, &next), 0); /* the end stays the end */
	directory_close(&stream);
	return found;
}

static void test_stream(void **state)
{
	size_t count;

	(void)state;
	assert_true(offers(".", &count));
	assert_true(offers("..", &count));
	assert_int_equal(count, 2);
	make("a", 0, 0);
	make(".hidden", 0, 0);
	make("\xFF\r\n", 0, 0);
	assert_true(offers("a", &count));
	assert_true(offers(".hidden", &count));
	assert_true(offers("\xFF\r\n", &count));
	assert_false(offers("b", &count));
	assert_int_equal(count, 5);
}

/* More than one call to the kernel: each name once, and whole. */
static void test_stream_of_many(void **state)
{
	static bool seen[700];
	char name[256];
	const char *next;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(seen); i++) {
		memset(name, 'x', sizeof(name));
		snprintf(name, sizeof(name), "%05zu", i);
		name[5] = 'x';
		name[6 + i % 249] = '\0';
		make(name, 0, 0);
	}
	memset(seen, 0, sizeof(seen));
	assert_int_equal(directory_open(".", &stream), 0);
	while (directory_next(&stream, &next) > 0) {
		size_t i = strtoul(next, NULL, 10);
		if (next[0] == '.')
			continue;
		assert_true(i < COUNT(seen) && !seen[i]);
		assert_int_equal(strlen(next), 6 + i % 249);
		seen[i] = true;
		count++;
	}
	directory_close(&stream);
	assert_int_equal(count, COUNT(seen));
}

static void test_stream_facts(void **state)
{
	struct facts facts = {.size = 4711};
	char target[5];
	int fd;

	(void)state;
	make("file", 7, 1000000000);
	assert_int_equal(symlink("file", "link"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(directory_open(".", &stream), 0);
	fd = stream.fd;
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(directory_next_facts(&stream, "missing", false, &facts), -ENOENT);
	assert_int_equal(directory_next_facts(&stream, "dangling", true, &facts), -ENOENT);
	assert_int_equal(facts.size, 4711);
	assert_int_equal(directory_next_facts(&stream, "file", false, &facts), 0);
	assert_int_equal(facts.size, 7);
	assert_int_equal(facts.modified, 1000000000);
	assert_int_equal(directory_next_facts(&stream, "link", false, &facts), 0);
	assert_true(S_ISLNK(facts.mode));
	assert_int_equal(directory_next_facts(&stream, "link", true, &facts), 0);
	assert_true(S_ISREG(facts.mode));
	assert_int_equal(directory_next_facts(&stream, "..", true, &facts), 0);
	assert_true(S_ISDIR(facts.mode));
	directory_next_target(&stream, "link", target, sizeof(target));
	assert_string_equal(target, "file");
	directory_next_target(&stream, "dangling", target, sizeof(target));
	assert_string_equal(target, "nowh"); /* cut to fit */
	directory_next_target(&stream, "file", target, sizeof(target));
	assert_string_equal(target, "");
	directory_next_target(&stream, "missing", target, sizeof(target));
	assert_string_equal(target, "");
	directory_close(&stream);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_stream_errors(void **state)
{
	static const struct {
		const char *path;
		int error;
	} cases[] = {{"missing", -ENOENT}, {"", -ENOENT}, {"file", -ENOTDIR}, {"fifo", -ENOTDIR},
		{"loop", -ELOOP}, {"/dev/null", -ENOTDIR}};
	const char *name = "untouched";

	(void)state;
	make("file", 0, 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	stream.fd = -7;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(directory_open(cases[i].path, &stream), cases[i].error);
	assert_int_equal(stream.fd, -7);
	stream = (struct directory_stream){.fd = open("file", O_RDONLY)};
	assert_int_equal(directory_next(&stream, &name), -ENOTDIR);
	directory_close(&stream);
	assert_int_equal(directory_next(&stream, &name), -EBADF);
	assert_string_equal(name, "untouched");
}

/* ---- sorting ---- */

/* In the order of strcmp, which is that of unsigned bytes; the first eight bytes often agree. */
static const char *const names[] = {"\x01", " ", "!", "-", ".hidden", "0", "1", "10", "2", "A", "B",
	"_", "a", "aa", "aaaaaaa", "aaaaaaaa", "aaaaaaaa\x01", "aaaaaaaaa", "aaaaaaaaaa",
	"aaaaaaaab", "aaaaaaab", "ab", "b", "\x7F", "\x80", "\xC3\xA9", "\xFF", "\xFF\xFF"};

static void check_names(bool reverse)
{
	size_t count = COUNT(names);

	assert_int_equal(directory_read(".", is_entry, NULL, &d), 0);
	assert_int_equal(d.count, count);
	assert_int_equal(directory_sort(&d, DIRECTORY_BY_NAME, reverse), 0);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(directory_name(&d, i), names[reverse ? count - 1 - i : i]);
	directory_free(&d);
}

static void test_by_name(void **state)
{
	(void)state;
	/* Made in an order that is not the result's. */
	for (size_t i = 0; i < COUNT(names); i++)
		make(names[i * 11 % COUNT(names)], 0, 0);
	check_names(false);
	check_names(true);
}

/* Read in the order of their names, the other way round, and with two that are out of it; alike up to their ends. */
static void test_in_order(void **state)
{
	static const char *const orders[] = {
		"abcdefgh", "hgfedcba", "abcdefhg", "hgfedcab", "a", "ba"};

	(void)state;
	for (size_t i = 0; i < COUNT(orders); i++) {
		char made[64], sorted[64] = "";
		struct order_entry entries[8];
		size_t count = strlen(orders[i]);
		for (size_t j = 0; j < count; j++) {
			snprintf(made, sizeof(made), "they all begin with this %c", orders[i][j]);
			make(made, 0, 0);
		}
		assert_int_equal(directory_read(".", is_entry, NULL, &d), 0);
		/* Whatever order the file system has: now it is this one. */
		for (size_t j = 0; j < count; j++)
			for (size_t k = 0; k < count; k++)
				if (directory_name(&d, k)[25] == orders[i][j])
					entries[j] = d.entries[k];
		memcpy(d.entries, entries, count * sizeof(*entries));
		assert_int_equal(directory_sort(&d, DIRECTORY_BY_NAME, i == 3), 0);
		for (size_t j = 0; j < count; j++)
			sorted[j] = directory_name(&d, j)[25];
		assert_memory_equal(sorted, i == 3 ? "hgfedcba" : "abcdefgh", count);
		directory_free(&d);
		assert_int_equal(end(NULL), 0);
	}
}

static void test_every_count(void **state)
{
	char name[8];

	(void)state;
	for (size_t count = 1; count < 70; count++) {
		snprintf(name, sizeof(name), "%02zu", (count - 1) * 37 % 69);
		make(name, 0, 0);
		assert_int_equal(directory_read(".", is_entry, NULL, &d), 0);
		assert_int_equal(directory_sort(&d, DIRECTORY_BY_NAME, false), 0);
		assert_int_equal(d.count, count);
		for (size_t i = 1; i < count; i++)
			assert_true(strcmp(directory_name(&d, i - 1), directory_name(&d, i)) < 0);
		directory_free(&d);
	}
}

static void test_by_time(void **state)
{
	(void)state;
	make("new", 0, 2000000000);
	make("old", 0, 1);
	make("older", 0, -1);
	make("oldest", 0, -1000000000);
	make("future", 0, 4000000000);
	make("same-b", 0, 1000);
	make("same-a", 0, 1000);
	check_order(NULL, DIRECTORY_BY_TIME, false, "future new same-a same-b old older oldest");
	check_order(NULL, DIRECTORY_BY_TIME, true, "oldest older old same-b same-a new future");
}

static void test_by_size(void **state)
{
	(void)state;
	make("empty", 0, 0);
	make("giant", (size_t)1 << 40, 0);
	make("large", 1 << 20, 0);
	make("small", 1, 0);
	make("twin-b", 100, 0);
	make("twin-a", 100, 0);
	check_order(NULL, DIRECTORY_BY_SIZE, false, "giant large twin-a twin-b small empty");
	check_order(NULL, DIRECTORY_BY_SIZE, true, "empty small twin-b twin-a large giant");
}

/* ---- facts ---- */

static size_t find(const char *name)
{
	for (size_t i = 0; i < d.count; i++)
		if (strcmp(directory_name(&d, i), name) == 0)
			return i;
	fail_msg("no %s", name);
	return 0;
}

static void check_facts(const char *name, bool follow, mode_t kind, uint64_t size)
{
	struct facts facts;

	assert_int_equal(directory_facts(&d, find(name), follow, &facts), 0);
	assert_int_equal(facts.mode & S_IFMT, kind);
	assert_int_equal(facts.size, size);
}

/* Whatever the order, an entry keeps its own facts. */
static void test_facts(void **state)
{
	(void)state;
	make("file", 123, 456);
	make("larger", 1000, 789);
	assert_int_equal(symlink("file", "link"), 0);
	assert_int_equal(symlink("missing", "dangling"), 0);
	for (unsigned way = 0; way < 6; way++) {
		struct facts facts;
		assert_int_equal(directory_read(".", is_entry, NULL, &d), 0);
		assert_int_equal(directory_sort(&d, (enum directory_order)(way / 2), way % 2), 0);
		check_facts("file", false, S_IFREG, 123);
		check_facts("file", true, S_IFREG, 123);
		check_facts("larger", false, S_IFREG, 1000);
		check_facts("link", false, S_IFLNK, 4);
		check_facts("link", true, S_IFREG, 123);
		check_facts("dangling", false, S_IFLNK, 7);
		assert_int_equal(directory_facts(&d, find("dangling"), true, &facts), -ENOENT);
		directory_free(&d);
	}
}

static void test_entry_has_gone(void **state)
{
	struct facts facts = {.size = 12345};

	(void)state;
	make("a", 0, 0);
	make("b", 5, 0);
	assert_int_equal(directory_read(".", is_entry, NULL, &d), 0);
	assert_int_equal(unlink("a"), 0);
	assert_int_equal(directory_facts(&d, find("a"), false, &facts), -ENOENT);
	assert_int_equal(facts.size, 12345);
	assert_int_equal(directory_sort(&d, DIRECTORY_BY_SIZE, false), 0);
	assert_string_equal(directory_name(&d, 0), "b");
	assert_string_equal(directory_name(&d, 1), "a");
	assert_int_equal(directory_facts(&d, 1, false, &facts), -ENOENT);
	assert_int_equal(directory_facts(&d, 0, false, &facts), 0);
	assert_int_equal(facts.size, 5);
	directory_free(&d);
}

static void test_targets(void **state)
{
	char target[8];

	(void)state;
	make("file", 0, 0);
	assert_int_equal(symlink("a", "short"), 0);
	assert_int_equal(symlink("1234567", "fits"), 0);
	assert_int_equal(symlink("123456789", "long"), 0);
	assert_int_equal(directory_read(".", is_entry, NULL, &d), 0);
	directory_target(&d, find("short"), target, sizeof(target));
	assert_string_equal(target, "a");
	directory_target(&d, find("fits"), target, sizeof(target));
	assert_string_equal(target, "1234567");
	directory_target(&d, find("long"), target, sizeof(target));
	assert_string_equal(target, "1234567");
	directory_target(&d, find("file"), target, sizeof(target));
	assert_string_equal(target, "");
	directory_free(&d);
}

/* Facts come from the directory that was read, wherever the session has gone since. */
static void test_working_directory_does_not_matter(void **state)
{
	(void)state;
	make("file", 77, 0);
	assert_int_equal(directory_read(".", is_entry, NULL, &d), 0);
	assert_int_equal(chdir("/"), 0);
	check_facts("file", false, S_IFREG, 77);
	assert_int_equal(chdir(path), 0);
	directory_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_empty, end),
		cmocka_unit_test_teardown(test_errors, end),
		cmocka_unit_test_teardown(test_filter, end),
		cmocka_unit_test_teardown(test_many, end),
		cmocka_unit_test_teardown(test_stream, end),
		cmocka_unit_test_teardown(test_stream_of_many, end),
		cmocka_unit_test_teardown(test_stream_facts, end),
		cmocka_unit_test_teardown(test_stream_errors, end),
		cmocka_unit_test_teardown(test_by_name, end),
		cmocka_unit_test_teardown(test_in_order, end),
		cmocka_unit_test_teardown(test_every_count, end),
		cmocka_unit_test_teardown(test_by_time, end),
		cmocka_unit_test_teardown(test_by_size, end),
		cmocka_unit_test_teardown(test_facts, end),
		cmocka_unit_test_teardown(test_entry_has_gone, end),
		cmocka_unit_test_teardown(test_targets, end),
		cmocka_unit_test_teardown(test_working_directory_does_not_matter, end),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
