/* draft: files in the making, beside the place they are for. */
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
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "system/attributes.h"
#include "system/draft.h"
#include "system/vfs.h"

#define DAY (24 * 3600)

static char directory[256];
static struct draft draft;

/* ---- a directory for each test ---- */

static int start(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(directory) || chdir(directory) < 0)
		return -1;
	umask(022);
	return mkdir("sub", 0755);
}

static int end(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", directory);
	return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

static void make(const char *name, const char *content)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

static void make_old(const char *name, long seconds)
{
	struct timespec when = {.tv_sec = time(NULL) - seconds}, times[2] = {when, when};

	assert_int_equal(utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void check_content(const char *name, const char *content)
{
	char bytes[64] = "";
	int fd = open(name, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, bytes, sizeof(bytes) - 1), strlen(content));
	assert_string_equal(bytes, content);
	close(fd);
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

static void begin(const char *target, const char *content)
{
	assert_int_equal(draft_begin(&draft, target, 0666, false), 0);
	assert_int_equal(write(draft.fd, content, strlen(content)), strlen(content));
}

/* ---- names ---- */

static void test_names(void **state)
{
	(void)state;
	assert_true(draft_is_name(".soloftpd-abc"));
	assert_true(draft_is_name(".soloftpd-part-x"));
	assert_false(draft_is_name(".soloftpd"));
	assert_false(draft_is_name("soloftpd-abc"));
	assert_false(draft_is_name(""));
}

static void test_begin(void **state)
{
	struct stat st;
	char first[PATH_TEXT];

	(void)state;
	begin("sub/f", "");
	assert_int_equal(strncmp(draft.name, "sub/.soloftpd-", 14), 0);
	assert_true(draft_is_name(draft.name + 4));
	assert_int_equal(fstat(draft.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(fcntl(draft.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_false(is_there("sub/f"));
	snprintf(first, sizeof(first), "%s", draft.name);
	draft_drop(&draft);
	assert_false(is_there(first));
	assert_int_equal(draft.fd, -1);
	begin("sub/f", "");
	assert_string_not_equal(draft.name, first);
	draft_drop(&draft);
	assert_int_equal(draft_begin(&draft, "missing/f", 0666, false), -ENOENT);
}

/* ---- placing ---- */

static void test_place(void **state)
{
	(void)state;
	for (int sync = 0; sync < 2; sync++) {
		make("f", "old");
		begin("f", "new");
		check_content("f", "old");
		assert_int_equal(draft_close(&draft, "f", sync), 0);
		assert_int_equal(draft.fd, -1);
		assert_int_equal(draft_place(&draft, "f", false, sync), 0);
		check_content("f", "new");
		assert_false(is_there(draft.name));
	}
}

static void test_place_exclusively(void **state)
{
	(void)state;
	begin("f", "new");
	make("f", "other");
	assert_int_equal(draft_close(&draft, "f", false), 0);
	assert_int_equal(draft_place(&draft, "f", true, false), -EEXIST);
	check_content("f", "other");
	assert_true(is_there(draft.name));
	assert_int_equal(draft_place(&draft, "g", true, true), 0);
	check_content("g", "new");
}

static void test_place_fails(void **state)
{
	(void)state;
	begin("sub", "new");
	assert_int_equal(draft_close(&draft, "f", false), 0);
	assert_int_equal(draft_place(&draft, "sub", false, false), -EISDIR);
	draft_drop(&draft);
	assert_false(is_there(draft.name));
}

/* ---- keeping ---- */

static void check_kept(const char *target)
{
	uint64_t bytes = 0;

	assert_int_equal(draft_kept_size(target, &bytes), -ENOENT);
	assert_int_equal(draft_resume(&draft, target), -ENOENT);
	assert_int_equal(draft_forget(target), -ENOENT);
	begin(target, "hello");
	draft_keep(&draft, target);
	assert_false(is_there(draft.name));
	assert_int_equal(draft_kept_size(target, &bytes), 0);
	assert_int_equal(bytes, 5);
	/* A newer one takes its place. */
	begin(target, "goodbye");
	draft_keep(&draft, target);
	assert_int_equal(draft_kept_size(target, &bytes), 0);
	assert_int_equal(bytes, 7);
	assert_int_equal(draft_resume(&draft, target), 0);
	check_content(draft.name, "goodbye");
	assert_true(is_there(draft.name));
	draft_keep(&draft, target);
	assert_int_equal(draft_forget(target), 0);
	assert_int_equal(draft_kept_size(target, &bytes), -ENOENT);
}

static void test_keep(void **state)
{
	(void)state;
	check_kept("f");
	check_kept("sub/f");
}

/* Whether another session finds nothing to go on with: nothing, or what is locked. */
static bool is_taken_elsewhere(const char *target)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct draft other;
		int error = draft_resume(&other, target);
		_exit(error == -ENOENT || error == -EAGAIN);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

/* Whether another session could lock its bytes. */
static bool is_readable_elsewhere(const char *name)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(vfs_lock(open(name, O_RDONLY), false) == 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

/* Begun where it is found again, until it is whole. */
static void test_begin_kept(void **state)
{
	uint64_t bytes;

	(void)state;
	assert_int_equal(draft_begin(&draft, "f", 0666, true), 0);
	assert_false(draft.found);
	assert_string_equal(draft.name, ".soloftpd-part-f");
	assert_int_equal(write(draft.fd, "hello", 5), 5);
	close(draft.fd); /* as if it had been killed */
	assert_int_equal(draft_kept_size("f", &bytes), 0);
	assert_int_equal(bytes, 5);
	assert_int_equal(draft_begin(&draft, "f", 0666, true), 0);
	assert_true(draft.found);
	assert_true(is_taken_elsewhere("f"));
	assert_int_equal(draft_close(&draft, "f", false), 0);
	assert_true(is_taken_elsewhere("f"));
	assert_true(is_readable_elsewhere(draft.name));
	assert_true(is_there(draft.name));
	assert_int_equal(draft_place(&draft, "f", false, false), 0);
	assert_int_equal(draft.fd, -1);
	assert_true(is_taken_elsewhere("f"));
	check_content("f", "hello");
	/* What is older than the file is not meant, and in nobody's way. */
	make(".soloftpd-part-f", "older");
	assert_int_equal(
		utimensat(AT_FDCWD, ".soloftpd-part-f", (struct timespec[2]){{1, 0}, {1, 0}}, 0),
		0);
	assert_int_equal(draft_begin(&draft, "f", 0666, true), 0);
	assert_false(draft.found);
	assert_string_not_equal(draft.name, ".soloftpd-part-f");
	draft_keep(&draft, "f");
	assert_false(is_there(draft.name));
	check_content(".soloftpd-part-f", "");
	assert_int_equal(draft_forget("f"), 0);
}

/* Names that leave no room for a prefix, and ones that differ only behind that. */
static void test_keep_long(void **state)
{
	char name[256], other[256];
	uint64_t bytes;

	(void)state;
	memset(name, 'n', 255);
	name[255] = 0;
	memcpy(other, name, sizeof(name));
	other[254] = 'm';
	check_kept(name);
	begin(name, "x");
	draft_keep(&draft, name);
	assert_int_equal(draft_kept_size(other, &bytes), -ENOENT);
	assert_int_equal(draft_forget(name), 0);
}

/* Somebody sweeps just now, in another process since locks are a process's: it is not lost. */
static void test_resume_of_locked(void **state)
{
	uint64_t bytes = 0;
	int ready[2], done[2];
	pid_t child;
	char byte = 0;

	(void)state;
	make(".soloftpd-part-f", "hello");
	assert_int_equal(pipe(ready) + pipe(done), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int fd = open(".soloftpd-part-f", O_RDWR);
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		close(done[1]);
		if (fcntl(fd, F_SETLK, &lock) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(done[0], &byte, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(draft_resume(&draft, "f"), -EAGAIN);
	assert_int_equal(draft.fd, -1);
	assert_int_equal(draft_kept_size("f", &bytes), -EAGAIN);
	assert_int_equal(draft_forget("f"), -EAGAIN);
	begin("f", "mine");
	draft_keep(&draft, "f");
	assert_false(is_there(draft.name));
	check_content(".soloftpd-part-f", "hello");
	close(done[0]);
	close(done[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ready[0]);
	close(ready[1]);
}

/* The file has been written since. */
static void test_keep_older(void **state)
{
	uint64_t bytes;

	(void)state;
	make("f", "old");
	make(".soloftpd-part-f", "part");
	make_old("f", 60);
	make_old(".soloftpd-part-f", 60);
	assert_int_equal(draft_kept_size("f", &bytes), 0);
	make_old("f", 59);
	assert_int_equal(draft_kept_size("f", &bytes), -ENOENT);
	assert_int_equal(draft_resume(&draft, "f"), -ENOENT);
	assert_int_equal(draft_forget("f"), 0);
	assert_false(is_there(".soloftpd-part-f"));
}

/* What somebody else may have put there is not gone on with. */
static void test_keep_not_mine(void **state)
{
	uint64_t bytes;

	(void)state;
	make("f", "secret");
	assert_int_equal(symlink("f", ".soloftpd-part-a"), 0);
	assert_int_equal(link("f", ".soloftpd-part-b"), 0);
	assert_int_equal(mkdir(".soloftpd-part-c", 0700), 0);
	assert_int_equal(mkfifo(".soloftpd-part-d", 0600), 0);
	for (const char *target = "a\0b\0c\0d\0"; *target; target += 2) {
		assert_int_equal(draft_kept_size(target, &bytes), -ENOENT);
		assert_int_equal(draft_resume(&draft, target), -ENOENT);
		assert_int_equal(draft_forget(target), -ENOENT);
	}
	check_content("f", "secret");
}

/* ---- like the old file ---- */

static void test_take_after(void **state)
{
	struct stat st;
	int old;

	(void)state;
	make("f", "0123456789");
	assert_int_equal(chmod("f", 0640), 0);
	old = open("f", O_RDWR);
	begin("f", "");
	assert_int_equal(attributes_take_after(draft.fd, old), 0);
	assert_int_equal(fstat(draft.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(vfs_copy(draft.fd, old, 7), 0);
	check_content(draft.name, "0123456");
	draft_drop(&draft);
	close(old);
}

static void test_copy_of_less(void **state)
{
	int old;

	(void)state;
	make("f", "012");
	old = open("f", O_RDWR);
	begin("f", "");
	assert_int_equal(vfs_copy(draft.fd, old, 4), -EIO);
	draft_drop(&draft);
	close(old);
}

/* ---- sweeping ---- */

static void test_sweep(void **state)
{
	static const struct {
		const char *name;
		long age;
		bool stays;
	} cases[] = {
		{".soloftpd-aaaaaaaaaaaaa", 61, false},
		{".soloftpd-bbbbbbbbbbbbb", 30, true},
		{".soloftpd-ccccccccccccc", -DAY, true}, /* a clock that went back */
		{".soloftpd-part-a", 7 * DAY + 5, false},
		{".soloftpd-part-b", 7 * DAY - 60, true},
		{"file", 1000 * DAY, true},
		{".soloftp", 1000 * DAY, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make(cases[i].name, "");
		make_old(cases[i].name, cases[i].age);
	}
	draft_sweep(".", 100, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (is_there(cases[i].name) != cases[i].stays)
			fail_msg("%s", cases[i].name);
	/* A directory with anything else in it does not go. */
	draft_sweep(".", 100, true);
	assert_true(is_there(".soloftpd-part-b"));
	assert_true(is_there(".soloftpd-bbbbbbbbbbbbb"));
	assert_int_equal(unlink("file") + unlink(".soloftp") + rmdir("sub"), 0);
	draft_sweep(".", 2, true);
	assert_true(is_there(".soloftpd-part-b"));
	draft_sweep(".", 3, true);
	assert_false(is_there(".soloftpd-part-b"));
	assert_false(is_there(".soloftpd-bbbbbbbbbbbbb"));
	draft_sweep("missing", 100, true);
}

/* Locks are a process's, so that another one sweeps. */
static void test_sweep_of_locked(void **state)
{
	int status;
	pid_t child;

	(void)state;
	begin("f", "");
	make_old(draft.name, 400L * DAY);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		draft_sweep(".", 100, true);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(is_there(draft.name));
	draft_drop(&draft);
}

static void test_sweep_of_others(void **state)
{
	(void)state;
	make("f", "");
	make(".soloftpd-part-l", "");
	assert_int_equal(link(".soloftpd-part-l", "l"), 0);
	assert_int_equal(symlink("f", ".soloftpd-part-s"), 0);
	assert_int_equal(mkdir(".soloftpd-part-d", 0700), 0);
	make_old(".soloftpd-part-l", 30L * DAY);
	make_old(".soloftpd-part-s", 30L * DAY);
	make_old(".soloftpd-part-d", 30L * DAY);
	draft_sweep(".", 100, false);
	draft_sweep(".", 100, true);
	assert_true(is_there(".soloftpd-part-l"));
	assert_true(is_there(".soloftpd-part-s"));
	assert_true(is_there(".soloftpd-part-d"));
	assert_true(is_there("f"));
}

/* Large directories do not hold up a login. */
static void test_sweep_looks_at_so_many(void **state)
{
	(void)state;
	make(".soloftpd-part-a", "");
	draft_sweep(".", 0, true);
	assert_true(is_there(".soloftpd-part-a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_begin, start, end),
		cmocka_unit_test_setup_teardown(test_place, start, end),
		cmocka_unit_test_setup_teardown(test_place_exclusively, start, end),
		cmocka_unit_test_setup_teardown(test_place_fails, start, end),
		cmocka_unit_test_setup_teardown(test_keep, start, end),
		cmocka_unit_test_setup_teardown(test_begin_kept, start, end),
		cmocka_unit_test_setup_teardown(test_keep_long, start, end),
		cmocka_unit_test_setup_teardown(test_resume_of_locked, start, end),
		cmocka_unit_test_setup_teardown(test_keep_older, start, end),
		cmocka_unit_test_setup_teardown(test_keep_not_mine, start, end),
		cmocka_unit_test_setup_teardown(test_take_after, start, end),
		cmocka_unit_test_setup_teardown(test_copy_of_less, start, end),
		cmocka_unit_test_setup_teardown(test_sweep, start, end),
		cmocka_unit_test_setup_teardown(test_sweep_of_locked, start, end),
		cmocka_unit_test_setup_teardown(test_sweep_of_others, start, end),
		cmocka_unit_test_setup_teardown(test_sweep_looks_at_so_many, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
