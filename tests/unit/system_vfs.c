/* vfs: files as the session sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
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
	uint64_t at;
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
	assert_int_equal(vfs_seek_end(fd, &at), 0);
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
	uint64_t at;
	char byte;
	int fd = open("/", O_RDONLY);

	(void)state;
	assert_int_equal(vfs_read(fd, &byte, 1), -EISDIR);
	assert_int_equal(vfs_write_all(fd, "x", 1), -EBADF);
	assert_int_equal(vfs_write_all(fd, "x", 0), 0);
	assert_int_equal(vfs_close(fd), 0);
	assert_int_equal(vfs_read(-1, &byte, 1), -EBADF);
	assert_int_equal(vfs_seek(-1, 0), -EBADF);
	assert_int_equal(vfs_seek_end(-1, &at), -EBADF);
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

static void test_nanoseconds(void **state)
{
	static const uint32_t nanoseconds[] = {0, 1, 999, 5000000, 123456789, 999999999};
	static const int64_t seconds[] = {0, 1795361103, -1, -1000000000};
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	struct stat st;

	(void)state;
	make("a", "");
	assert_int_equal(utimensat(AT_FDCWD, "a", times, 0), 0);
	for (size_t i = 0; i < COUNT(nanoseconds) * COUNT(seconds); i++) {
		int64_t second = seconds[i % COUNT(seconds)];
		uint32_t nanosecond = nanoseconds[i / COUNT(seconds)];
		assert_int_equal(vfs_set_modified("a", second, nanosecond), 0);
		assert_int_equal(vfs_stat("a", &facts), 0);
		assert_int_equal(facts.modified, second);
		assert_int_equal(facts.nanoseconds, nanosecond);
	}
	/* When it was read last is nobody's wish. */
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_atim.tv_sec, 1);
	assert_int_equal(vfs_set_modified("a", 0, 1000000000), -EINVAL);
}

/* What tells one file from another (MLST's unique). */
static void test_identity(void **state)
{
	struct facts other;
	struct stat st;

	(void)state;
	make("a", "");
	make("b", "");
	assert_int_equal(symlink("a", "link"), 0);
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(vfs_stat("a", &facts), 0);
	assert_int_equal(facts.device, st.st_dev);
	assert_int_equal(facts.inode, st.st_ino);
	assert_int_equal(vfs_stat("link", &other), 0);
	assert_int_equal(other.inode, facts.inode);
	assert_int_equal(vfs_link_stat("link", &other), 0);
	assert_int_not_equal(other.inode, facts.inode);
	assert_int_equal(vfs_stat("b", &other), 0);
	assert_int_not_equal(other.inode, facts.inode);
}

/* ---- rights: each process asks once who it is, so each test is a process ---- */

#define MYSELF 1801
#define MY_GROUP 1802
#define OTHER_GROUP 1803 /* a supplementary one */
#define STRANGER 1804

static void in_a_process(void (*check)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		check();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("status %#x: line %d", (unsigned)status, WEXITSTATUS(status));
}

/* cmocka's own assertions would go on with the tests, in the child. */
#define CHECK(condition)                           \
	do {                                       \
		if (!(condition))                  \
			_exit(__LINE__ % 255 + 1); \
	} while (0)

static unsigned rights(uid_t uid, gid_t gid, mode_t mode)
{
	const struct facts some = {.uid = uid, .gid = gid, .mode = S_IFREG | mode};

	return vfs_rights(&some);
}

static bool is_own(uid_t uid)
{
	const struct facts some = {.uid = uid};

	return vfs_is_own(&some);
}

static void check_rights_of_root(void)
{
	for (mode_t mode = 0; mode < 01000; mode++)
		CHECK(rights(STRANGER, STRANGER, mode) == 7);
	CHECK(is_own(0));
	CHECK(is_own(STRANGER));
}

/* The first class that fits counts, even if it has less than another. */
static void check_classes(void)
{
	uid_t me = geteuid();
	gid_t mine = getegid();

	for (mode_t mode = 0; mode < 01000; mode++) {
		CHECK(rights(me, mine, mode) == mode >> 6);
		CHECK(rights(me, STRANGER, mode) == mode >> 6);
		CHECK(rights(me + 1, mine, mode) == (mode >> 3 & 7));
		CHECK(rights(me + 1, 4000000, mode) == (mode & 7));
	}
	CHECK(is_own(me));
	CHECK(!is_own(me + 1));
	CHECK(!is_own(0));
}

static void check_own_rights(void)
{
	static const gid_t groups[] = {OTHER_GROUP, 1805};

	if (geteuid() == 0) {
		CHECK(setgroups(COUNT(groups), groups) == 0);
		CHECK(setresgid(MY_GROUP, MY_GROUP, MY_GROUP) == 0);
		CHECK(setresuid(MYSELF, MYSELF, MYSELF) == 0);
		for (mode_t mode = 0; mode < 01000; mode++)
			CHECK(rights(STRANGER, OTHER_GROUP, mode) == (mode >> 3 & 7));
	}
	check_classes();
}

/* What the kernel would say, asked of real files; root makes them, and goes back to be nobody. */
static void check_like_the_kernel(void)
{
	static const gid_t groups[] = {OTHER_GROUP, 1805};
	static const uid_t users[] = {MYSELF, STRANGER};
	static const gid_t of[] = {MY_GROUP, OTHER_GROUP, STRANGER};

	CHECK(setgroups(COUNT(groups), groups) == 0);
	CHECK(setresgid(MY_GROUP, MY_GROUP, MY_GROUP) == 0);
	for (unsigned i = 0; i < COUNT(users) * COUNT(of) * 01000; i++) {
		struct facts some;
		CHECK(seteuid(0) == 0);
		CHECK(chown("a", users[i % 2], of[i / 2 % 3]) == 0);
		CHECK(chmod("a", i / 6) == 0);
		CHECK(seteuid(MYSELF) == 0);
		CHECK(vfs_stat("a", &some) == 0);
		for (unsigned right = 1; right < 8; right <<= 1) {
			bool may = faccessat(AT_FDCWD, "a", (int)right, AT_EACCESS) == 0;
			CHECK(((vfs_rights(&some) & right) != 0) == may);
		}
		CHECK(vfs_is_own(&some) == (users[i % 2] == MYSELF));
	}
}

static void test_rights(void **state)
{
	(void)state;
	in_a_process(check_own_rights);
	if (geteuid() == 0)
		in_a_process(check_rights_of_root);
}

static void test_rights_like_the_kernel(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return; /* nobody else can make such files */
	make("a", "");
	assert_int_equal(chmod(directory, 0755), 0);
	in_a_process(check_like_the_kernel);
}

/* ---- space ---- */

static void test_available(void **state)
{
	uint64_t bytes = 4711;
	struct statvfs before, after;

	(void)state;
	assert_int_equal(vfs_available("missing", &bytes), -ENOENT);
	assert_int_equal(vfs_available("", &bytes), -ENOENT);
	make("a", "");
	assert_int_equal(vfs_available("a/b", &bytes), -ENOTDIR);
	assert_int_equal(bytes, 4711);
	/* Others write there too: a moment is looked for when nobody does. */
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(statvfs(".", &before), 0);
		assert_int_equal(vfs_available(i % 2 ? "." : "a", &bytes), 0);
		assert_int_equal(statvfs(".", &after), 0);
		if (before.f_bavail != after.f_bavail)
			continue;
		assert_int_equal(bytes, (uint64_t)before.f_bavail * before.f_frsize);
		return;
	}
	fail_msg("the disk has never a moment's peace");
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
		cmocka_unit_test_setup_teardown(test_nanoseconds, start, end),
		cmocka_unit_test_setup_teardown(test_identity, start, end),
		cmocka_unit_test_setup_teardown(test_rights, start, end),
		cmocka_unit_test_setup_teardown(test_rights_like_the_kernel, start, end),
		cmocka_unit_test_setup_teardown(test_available, start, end),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
