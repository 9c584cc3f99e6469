/* file: small files read whole, and lists in them. */
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
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "system/file.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static char directory[256], path[300], other[300];
static char storage[8192];
static size_t size;

static int make_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/file", directory);
	snprintf(other, sizeof(other), "%s/other", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int start(void **state)
{
	(void)state;
	memset(storage, 'X', sizeof(storage));
	size = 12345;
	return 0;
}

static int end(void **state)
{
	(void)state;
	rmdir(path);
	unlink(path);
	unlink(other);
	return 0;
}

static void write_file(const void *bytes, size_t count, mode_t mode)
{
	int fd;

	unlink(path); /* it may be read-only */
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, count), count);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int read_it(bool guarded, size_t capacity)
{
	return file_read(path, guarded, storage, capacity, &size);
}

/* ---- reading ---- */

static void test_content(void **state)
{
	static const char *const texts[] = {"", "a", "a\n", "\n\n", "a\r\nb", "\xFF\xC3\xA9"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		write_file(texts[i], strlen(texts[i]), 0600);
		assert_int_equal(read_it(i % 2, sizeof(storage)), 0);
		assert_int_equal(size, strlen(texts[i]));
		assert_string_equal(storage, texts[i]);
	}
}

static void test_capacity(void **state)
{
	char bytes[100];

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	write_file(bytes, sizeof(bytes), 0600);
	assert_int_equal(read_it(true, 102), 0);
	assert_int_equal(read_it(true, 101), 0);
	assert_int_equal(size, 100);
	assert_int_equal(storage[100], '\0');
	start(NULL);
	assert_int_equal(read_it(true, 100), -EFBIG);
	assert_int_equal(read_it(true, 99), -EFBIG);
	assert_int_equal(read_it(true, 1), -EFBIG);
	assert_int_equal(size, 12345); /* untouched by a failure */
	assert_int_equal(storage[100], 'X');
	write_file("", 0, 0600);
	assert_int_equal(read_it(true, 1), 0);
}

static void test_nul_byte(void **state)
{
	(void)state;
	write_file("a\0b", 3, 0600);
	assert_int_equal(read_it(false, sizeof(storage)), -EILSEQ);
	write_file("\0", 1, 0600);
	assert_int_equal(read_it(false, sizeof(storage)), -EILSEQ);
	write_file("abc\0", 4, 0600);
	assert_int_equal(read_it(false, sizeof(storage)), -EILSEQ);
}

static void test_sparse_giant(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	close(fd);
	assert_int_equal(read_it(true, sizeof(storage)), -EFBIG);
}

static void test_missing(void **state)
{
	(void)state;
	assert_int_equal(read_it(true, sizeof(storage)), -ENOENT);
	assert_int_equal(file_read("", true, storage, sizeof(storage), &size), -ENOENT);
	assert_int_equal(symlink("missing", path), 0);
	assert_int_equal(read_it(false, sizeof(storage)), -ENOENT);
}

/* ---- what is no file ---- */

static void test_other_kinds(void **state)
{
	(void)state;
	/* /dev/null is how a list or a banner is switched off; a configuration it can't be. */
	assert_int_equal(file_read("/dev/null", false, storage, sizeof(storage), &size), 0);
	assert_int_equal(size, 0);
	size = 12345;
	assert_int_equal(file_read("/dev/null", true, storage, sizeof(storage), &size), -EINVAL);
	assert_int_equal(file_read("/dev/zero", false, storage, sizeof(storage), &size), -EFBIG);
	assert_int_equal(file_read("/", false, storage, sizeof(storage), &size), -EINVAL);
	assert_int_equal(file_read("/", true, storage, sizeof(storage), &size), -EINVAL);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(read_it(true, sizeof(storage)), -EINVAL); /* at once, without a writer */
	assert_int_equal(size, 12345);
}

static void test_socket(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_true(strlen(path) < sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(read_it(false, sizeof(storage)), -ENXIO);
	close(fd);
}

/* ---- who else may write ---- */

static void test_guarded(void **state)
{
	static const struct {
		mode_t mode;
		int error;
	} cases[] = {
		{0400, 0},
		{0600, 0},
		{0644, 0},
		{0755, 0},
		{0602, -EPERM},
		{0620, -EPERM},
		{0622, -EPERM},
		{0666, -EPERM},
		{0777, -EPERM},
		{0660, -EPERM},
		{0606, -EPERM},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		write_file("a", 1, 0600);
		if (geteuid() == 0) /* group root may write */
			assert_int_equal(chown(path, 0, 65534), 0);
		assert_int_equal(chmod(path, cases[i].mode), 0);
		assert_int_equal(read_it(true, sizeof(storage)), cases[i].error);
		assert_int_equal(read_it(false, sizeof(storage)), 0);
	}
}

static void test_root_owns_it(void **state)
{
	(void)state;
	assert_int_equal(file_read("/etc/passwd", true, storage, 1, &size), -EFBIG); /* trusted */
}

static void test_link_to_what_others_may_write(void **state)
{
	(void)state;
	write_file("a", 1, 0600);
	assert_int_equal(symlink(path, other), 0);
	assert_int_equal(file_read(other, true, storage, sizeof(storage), &size), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(file_read(other, true, storage, sizeof(storage), &size), -EPERM);
}

/* ---- lists ---- */

static const struct {
	const char *list, *word;
	bool listed;
} lists[] = {
	{"", "a", false},
	{"a", "a", true},
	{"a\n", "a", true},
	{"b\na", "a", true},
	{"b\na\nc\n", "a", true},
	{"A\n", "a", false},
	{"ab\n", "a", false},
	{"a\n", "ab", false},
	{"a b\n", "a", false},
	{"a b\n", "a b", true},
	{"a \n", "a", true},
	{"a\t \r\n", "a", true},
	{"a\r\n", "a", true},
	{" a\n", "a", false},
	{" a\n", " a", true},
	{"#a\n", "a", false},
	{"\n\n\n", "", false},
	{"", "", false},
	{"\n", "\n", false},
	{"a\nb\n", "a\nb", false},
	{" \n", " ", false},
	{"a,b\n", "a", false},
	{"\xC3\xA9\n", "\xC3\xA9", true},
	{"a\r\rb\n", "a\r\rb", true},
	{"a\n", "a ", false},
};

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++)
		if (file_lists(lists[i].list, lists[i].word) != lists[i].listed)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_content, start, end),
		cmocka_unit_test_setup_teardown(test_capacity, start, end),
		cmocka_unit_test_setup_teardown(test_nul_byte, start, end),
		cmocka_unit_test_setup_teardown(test_sparse_giant, start, end),
		cmocka_unit_test_setup_teardown(test_missing, start, end),
		cmocka_unit_test_setup_teardown(test_other_kinds, start, end),
		cmocka_unit_test_setup_teardown(test_socket, start, end),
		cmocka_unit_test_setup_teardown(test_guarded, start, end),
		cmocka_unit_test_setup_teardown(test_root_owns_it, start, end),
		cmocka_unit_test_setup_teardown(test_link_to_what_others_may_write, start, end),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
