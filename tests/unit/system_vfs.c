/* vfs: files as the session sees them. */
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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "system/vfs.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static char directory[256];
static struct facts facts;

static int make_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(path) || chdir(path) < 0 || !getcwd(directory, sizeof(directory)))
		return -1;
	umask(022);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return chdir("/") < 0 || rmdir(directory) < 0 ? -1 : 0;
}

static int start(void **state)
{
	(void)state;
	memset(&facts, 0, sizeof(facts));
	return 0;
}

/* The names that tests make. */
static int end(void **state)
{
	static const char *const names[] = {
		"sub/a", "sub", "a", "b", "link", "loop", "fifo", "made"};

	(void)state;
	if (chdir(directory) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(names); i++)
		if (unlink(names[i]) < 0)
			rmdir(names[i]);
	return 0;
}

static void make(const char *name, const char *content)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

static void check_content(const char *name, const char *content)
{
	char bytes[64] = "";
	int fd = open(name, O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, bytes, sizeof(bytes) - 1) >= 0);
	close(fd);
	assert_string_equal(bytes, content);
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(name, &st), 0);
	return st.st_mode & 07777;
}

/* ---- opening ---- */

static void test_open_read(void **state)
{
	char bytes[8];
	int fd = -7;

	(void)state;
	make("a", "hello");
	assert_int_equal(vfs_open_read("a", &fd, &facts), 0);
	assert_int_equal(facts.size, 5);
	assert_true(S_ISREG(facts.mode));
	assert_int_equal(facts.uid, geteuid());
	assert_int_equal(facts.links, 1);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(vfs_read(fd, bytes, sizeof(bytes)), 5);
	assert_memory_equal(bytes, "hello", 5);
	assert_int_equal(vfs_read(fd, bytes, sizeof(bytes)), 0);
	assert_int_equal(vfs_seek(fd, 3), 0);
	assert_int_equal(vfs_read(fd, bytes, sizeof(bytes)), 2);
	assert_int_equal(vfs_close(fd), 0);
	assert_int_equal(vfs_close(fd), -EBADF);
}

static void test_open_read_refuses(void **state)
{
	static const struct {
		const char *path;
		int error;
	} cases[] = {
		{"missing", -ENOENT},
		{"", -ENOENT},
		{"sub", -EINVAL},
		{".", -EINVAL},
		{"/", -EINVAL},
		{"fifo", -EINVAL},
		{"/dev/null", -EINVAL},
		{"/dev/zero", -EINVAL},
		{"loop", -ELOOP},
		{"a/b", -ENOTDIR},
		{"a/", -ENOTDIR},
	};
	int fd = -7;

	(void)state;
	make("a", "");
	assert_int_equal(mkdir("sub", 0700), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	for (size_t i = 0; i < COUNT(cases); i++)
		if (vfs_open_read(cases[i].path, &fd, &facts) != cases[i].error)
			fail_msg("%s", cases[i].path);
	assert_int_equal(fd, -7);
	assert_int_equal(facts.mode, 0);
}

static void test_open_write(void **state)
{
	bool created = false;
	int fd;

	(void)state;
	assert_int_equal(vfs_open_write("made", 0666, false, &fd, &created), 0);
	assert_true(created);
	assert_int_equal(mode_of("made"), 0644);
	assert_int_equal(vfs_write_all(fd, "hello", 5), 0);
	assert_int_equal(vfs_close(fd), 0);
	assert_int_equal(vfs_open_write("made", 0600, false, &fd, &created), 0);
	assert_false(created);
	check_content("made", "hello"); /* untouched by opening */
	assert_int_equal(mode_of("made"), 0644);
	assert_int_equal(vfs_write_all(fd, "J", 1), 0);
	assert_int_equal(vfs_seek_end(fd), 0);
	assert_int_equal(vfs_write_all(fd, "!", 1), 0);
	assert_int_equal(vfs_close(fd), 0);
	check_content("made", "Jello!");
	fd = -7;
	assert_int_equal(vfs_open_write("made", 0600, true, &fd, &created), -EEXIST);
	assert_int_equal(fd, -7);
}

static void test_open_write_refuses(void **state)
{
	static const struct {
		const char *path;
		int error;
	} cases[] = {
		{"", -ENOENT},
		{"missing/a", -ENOENT},
		{"sub", -EISDIR},
		{".", -EISDIR},
		{"a/b", -ENOTDIR},
		{"/dev/null", -EINVAL},
		{"loop", -ELOOP},
	};
	bool created;
	int fd = -7;

	(void)state;
	make("a", "");
	assert_int_equal(mkdir("sub", 0700), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	for (size_t i = 0; i < COUNT(cases); i++)
		if (vfs_open_write(cases[i].path, 0600, false, &fd, &created) != cases[i].error)
			fail_msg("%s", cases[i].path);
	assert_int_equal(fd, -7);
}

/* Neither without a reader nor with one does a FIFO make anything wait. */
static void test_open_write_of_a_fifo(void **state)
{
	bool created;
	int fd, reader;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(vfs_open_write("fifo", 0600, false, &fd, &created), -ENXIO);
	assert_int_equal(vfs_open_write("fifo", 0600, true, &fd, &created), -EEXIST);
	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	assert_int_equal(vfs_open_write("fifo", 0600, false, &fd, &created), -EINVAL);
	close(reader);
}

static void test_open_write_through_links(void **state)
{
	bool created = true;
	int fd;

	(void)state;
	make("a", "hello");
	assert_int_equal(symlink("a", "link"), 0);
	assert_int_equal(vfs_open_write("link", 0600, true, &fd, &created), -EEXIST);
	assert_int_equal(vfs_open_write("link", 0600, false, &fd, &created), 0);
	assert_false(created);
	assert_int_equal(vfs_write_all(fd, "J", 1), 0);
	assert_int_equal(vfs_close(fd), 0);
	check_content("a", "Jello");
	/* A link that leads nowhere yet. */
	assert_int_equal(unlink("a"), 0);
	assert_int_equal(vfs_open_write("link", 0600, true, &fd, &created), -EEXIST);
	assert_int_equal(vfs_open_write("link", 0600, false, &fd, &created), 0);
	assert_int_equal(vfs_close(fd), 0);
	check_content("a", "");
}

static void test_read_only_descriptor(void **state)
{
	char byte;
	int fd = open("/", O_RDONLY);

	(void)state;
	assert_int_equal(vfs_read(fd, &byte, 1), -EISDIR);
	assert_int_equal(vfs_write_all(fd, "x", 1), -EBADF);
	assert_int_equal(vfs_write_all(fd, "x", 0), 0);
	assert_int_equal(vfs_close(fd), 0);
	assert_int_equal(vfs_read(-1, &byte, 1), -EBADF);
	assert_int_equal(vfs_seek(-1, 0), -EBADF);
	assert_int_equal(vfs_seek_end(-1), -EBADF);
	assert_int_equal(vfs_truncate(-1, 0), -EBADF);
}

static void test_positions(void **state)
{
	int fd;

	(void)state;
	make("a", "hello");
	fd = open("a", O_RDWR);
	assert_int_equal(vfs_truncate(fd, 2), 0);
	check_content("a", "he");
	assert_int_equal(vfs_seek(fd, (uint64_t)1 << 40), 0);
	assert_int_equal(vfs_seek(fd, (uint64_t)INT64_MAX), -EINVAL);
	assert_int_equal(vfs_seek(fd, UINT64_MAX), -EINVAL);
	assert_int_equal(vfs_truncate(fd, UINT64_MAX), -EINVAL);
	assert_int_equal(vfs_close(fd), 0);
}

/* ---- locks: only other processes mind them ---- */

static int lock_elsewhere(const char *name, bool for_writing)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open(name, O_RDWR);
		_exit(-vfs_lock(fd, for_writing));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void test_locks(void **state)
{
	int fd;

	(void)state;
	make("a", "");
	fd = open("a", O_RDWR);
	assert_int_equal(vfs_lock(fd, false), 0);
	assert_int_equal(lock_elsewhere("a", false), 0);
	assert_int_equal(lock_elsewhere("a", true), -EAGAIN);
	assert_int_equal(vfs_lock(fd, true), 0);
	assert_int_equal(lock_elsewhere("a", false), -EAGAIN);
	assert_int_equal(lock_elsewhere("a", true), -EAGAIN);
	assert_int_equal(vfs_close(fd), 0);
	assert_int_equal(lock_elsewhere("a", true), 0);
	fd = open("a", O_RDONLY);
	assert_int_equal(vfs_lock(fd, true), -EBADF);
	assert_int_equal(vfs_close(fd), 0);
}

/* ---- facts and links ---- */

static void test_stat(void **state)
{
	(void)state;
	make("a", "hello");
	assert_int_equal(symlink("a", "link"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(vfs_stat("link", &facts), 0);
	assert_true(S_ISREG(facts.mode));
	assert_int_equal(facts.size, 5);
	assert_int_equal(vfs_link_stat("link", &facts), 0);
	assert_true(S_ISLNK(facts.mode));
	facts.size = 12345;
	assert_int_equal(vfs_stat("loop", &facts), -ELOOP);
	assert_int_equal(vfs_stat("missing", &facts), -ENOENT);
	assert_int_equal(vfs_link_stat("missing", &facts), -ENOENT);
	assert_int_equal(facts.size, 12345);
	assert_int_equal(vfs_link_stat("loop", &facts), 0);
}

static void test_link_target(void **state)
{
	char target[5];

	(void)state;
	make("a", "");
	assert_int_equal(symlink("1234567", "link"), 0);
	assert_int_equal(vfs_link_target("link", target, sizeof(target)), 0);
	assert_string_equal(target, "1234");
	assert_int_equal(vfs_link_target("a", target, sizeof(target)), -EINVAL);
	assert_int_equal(vfs_link_target("missing", target, sizeof(target)), -ENOENT);
}

static void check_real(const char *path, const char *below)
{
	char expected[512], real[4096];

	snprintf(expected, sizeof(expected), "%s%s", directory, below);
	assert_int_equal(vfs_real(path, real, sizeof(real)), 0);
	if (strcmp(real, expected) != 0)
		fail_msg("%s is %s", path, real);
}

static void test_real(void **state)
{
	char real[4096];

	(void)state;
	assert_int_equal(mkdir("sub", 0700), 0);
	assert_int_equal(symlink("sub", "link"), 0);
	make("sub/a", "");
	check_real(".", "");
	check_real("sub/../sub/a", "/sub/a");
	check_real("link", "/sub");
	check_real("link/a", "/sub/a");
	check_real("link/new", "/sub/new");
	check_real("link/../new", "/new");
	check_real("new", "/new");
	assert_int_equal(vfs_real("/", real, sizeof(real)), 0);
	assert_string_equal(real, "/");
	assert_int_equal(vfs_real("/no-such-name", real, sizeof(real)), 0);
	assert_string_equal(real, "/no-such-name");
	assert_int_equal(vfs_real("missing/new", real, sizeof(real)), -ENOENT);
	assert_int_equal(vfs_real("sub/a", real, 5), -ENAMETOOLONG);
}

static void link_chain(char *name, size_t capacity, int number, const char *target)
{
	snprintf(name, capacity, "link%d", number);
	assert_int_equal(symlink(target, name), 0);
}

/* As long a chain as the kernel itself follows to make a file (path_resolution(7): 40). */
static void test_real_of_dangling_links(void **state)
{
	char names[41][16] = {"made"}, real[4096];
	int error;

	(void)state;
	for (int i = 1; i <= 40; i++)
		link_chain(names[i], sizeof(names[i]), i, names[i - 1]);
	check_real("link1", "/made");
	check_real("link10", "/made");
	error = vfs_real("link40", real, sizeof(real));
	for (int i = 1; i <= 40; i++)
		assert_int_equal(unlink(names[i]), 0);
	assert_int_equal(error, 0);
	assert_string_equal(real + strlen(directory), "/made");
}

/* ---- the tree ---- */

static void test_directories(void **state)
{
	char here[4096], expected[512];

	(void)state;
	assert_int_equal(vfs_make_directory("sub", 0777), 0);
	assert_int_equal(mode_of("sub"), 0755);
	assert_int_equal(vfs_make_directory("sub", 0777), -EEXIST);
	assert_int_equal(vfs_enter("sub"), 0);
	assert_int_equal(vfs_current(here, sizeof(here)), 0);
	snprintf(expected, sizeof(expected), "%s/sub", directory);
	assert_string_equal(here, expected);
	assert_int_equal(vfs_current(here, 3), -ERANGE);
	assert_int_equal(vfs_enter("missing"), -ENOENT);
	assert_int_equal(vfs_enter(".."), 0);
	make("sub/a", "");
	assert_int_equal(vfs_remove_directory("sub"), -ENOTEMPTY);
	assert_int_equal(vfs_remove_file("sub"), -EISDIR);
	assert_int_equal(vfs_remove_directory("sub/a"), -ENOTDIR);
	assert_int_equal(vfs_remove_file("sub/a"), 0);
	assert_int_equal(vfs_remove_file("sub/a"), -ENOENT);
	assert_int_equal(vfs_remove_directory("sub"), 0);
}

/* A working directory that has been removed has no name. */
static void test_no_current_directory(void **state)
{
	char here[4096];

	(void)state;
	assert_int_equal(mkdir("sub", 0700), 0);
	assert_int_equal(chdir("sub"), 0);
	assert_int_equal(rmdir("../sub"), 0);
	assert_int_equal(vfs_current(here, sizeof(here)), -ENOENT);
}

static void test_rename(void **state)
{
	(void)state;
	make("a", "1");
	make("b", "2");
	assert_int_equal(vfs_rename("a", "b"), 0);
	check_content("b", "1");
	assert_int_equal(vfs_rename("a", "b"), -ENOENT);
	assert_int_equal(mkdir("sub", 0700), 0);
	assert_int_equal(vfs_rename("b", "sub"), -EISDIR);
	assert_int_equal(vfs_rename("sub", "sub/x"), -EINVAL);
}

static void test_remove_open_file(void **state)
{
	int fd, another;

	(void)state;
	make("a", "");
	make("b", "");
	fd = open("a", O_RDONLY);
	another = open("b", O_RDONLY);
	assert_int_equal(vfs_remove_open_file("b", fd), -ESTALE);
	assert_int_equal(vfs_remove_open_file("a", another), -ESTALE);
	assert_int_equal(vfs_remove_open_file("missing", fd), -ENOENT);
	assert_int_equal(vfs_remove_open_file("a", fd), 0);
	assert_int_equal(access("a", F_OK), -1);
	assert_int_equal(access("b", F_OK), 0);
	assert_int_equal(vfs_remove_open_file("a", fd), -ENOENT);
	close(fd);
	close(another);
}

static void test_modes(void **state)
{
	(void)state;
	make("a", "");
	assert_int_equal(vfs_set_mode("a", 0640), 0);
	assert_int_equal(mode_of("a"), 0640);
	assert_int_equal(vfs_set_mode("a", 07755), 0); /* no set-id bits from a client */
	assert_int_equal(mode_of("a"), 0755);
	assert_int_equal(vfs_set_mode("missing", 0640), -ENOENT);
	assert_int_equal(vfs_umask(077), 022);
	assert_int_equal(vfs_make_directory("sub", 0777), 0);
	assert_int_equal(mode_of("sub"), 0700);
	assert_int_equal(vfs_umask(022), 077);
}

static void test_times(void **state)
{
	static const int64_t times[] = {0, 1, 1000000000, 2147483648, 4294967296, -1};

	(void)state;
	make("a", "");
	assert_int_equal(symlink("a", "link"), 0);
	for (size_t i = 0; i < COUNT(times); i++) {
		assert_int_equal(vfs_set_modified(i % 2 ? "a" : "link", times[i], 0), 0);
		assert_int_equal(vfs_stat("a", &facts), 0);
		assert_int_equal(facts.modified, times[i]);
	}
	assert_int_equal(vfs_set_modified("missing", 0, 0), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open_read, start, end),
		cmocka_unit_test_setup_teardown(test_open_read_refuses, start, end),
		cmocka_unit_test_setup_teardown(test_open_write, start, end),
		cmocka_unit_test_setup_teardown(test_open_write_refuses, start, end),
		cmocka_unit_test_setup_teardown(test_open_write_of_a_fifo, start, end),
		cmocka_unit_test_setup_teardown(test_open_write_through_links, start, end),
		cmocka_unit_test_setup_teardown(test_read_only_descriptor, start, end),
		cmocka_unit_test_setup_teardown(test_positions, start, end),
		cmocka_unit_test_setup_teardown(test_locks, start, end),
		cmocka_unit_test_setup_teardown(test_stat, start, end),
		cmocka_unit_test_setup_teardown(test_link_target, start, end),
		cmocka_unit_test_setup_teardown(test_real, start, end),
		cmocka_unit_test_setup_teardown(test_real_of_dangling_links, start, end),
		cmocka_unit_test_setup_teardown(test_directories, start, end),
		cmocka_unit_test_setup_teardown(test_no_current_directory, start, end),
		cmocka_unit_test_setup_teardown(test_rename, start, end),
		cmocka_unit_test_setup_teardown(test_remove_open_file, start, end),
		cmocka_unit_test_setup_teardown(test_modes, start, end),
		cmocka_unit_test_setup_teardown(test_times, start, end),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
