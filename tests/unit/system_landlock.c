/* landlock: what each version knows, and real rulesets, each in a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "system/landlock.h"

static const struct landlock_subject everything = {.files = RIGHTS_ALL,
	.ports = RIGHT_BIND | RIGHT_CONNECT,
	.scope = SCOPE_SIGNAL | SCOPE_ABSTRACT_UNIX};

static void test_limits(void **state)
{
	(void)state;
	for (int version = 1; version < 9; version++) {
		struct landlock_subject subject = everything;
		landlock_limit(&subject, version);
		assert_int_equal((subject.files & RIGHT_REFER) != 0, version >= 2);
		assert_int_equal((subject.files & RIGHT_TRUNCATE) != 0, version >= 3);
		assert_int_equal(subject.ports != 0, version >= 4);
		assert_int_equal((subject.files & RIGHT_IOCTL_DEV) != 0, version >= 5);
		assert_int_equal(subject.scope != 0, version >= 6);
		assert_true((subject.files | RIGHT_REFER | RIGHT_TRUNCATE | RIGHT_IOCTL_DEV) ==
			    RIGHTS_ALL);
	}
}

/* ---- real ones ---- */

/* A directory with a/f b/f .hidden/f, link -> b, and file. */
static char place[64];

static void make_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static int furnish(void **state)
{
	(void)state;
	snprintf(place, sizeof(place), "/tmp/landlock-XXXXXX");
	if (!mkdtemp(place) || chdir(place) < 0)
		return -1;
	if (mkdir("a", 0700) < 0 || mkdir("b", 0700) < 0 || mkdir(".hidden", 0700) < 0 ||
		symlink("b", "link") < 0)
		return -1;
	make_file("a/f");
	make_file("b/f");
	make_file(".hidden/f");
	make_file("file");
	return 0;
}

static int tidy(void **state)
{
	static const char *const names[] = {
		"a/f", "a/g", "b/f", "b/g", ".hidden/f", "file", "link"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(names[i]);
	return rmdir("a") < 0 || rmdir("b") < 0 || rmdir(".hidden") < 0 || chdir("/") < 0 ||
			       rmdir(place) < 0
		       ? -1
		       : 0;
}

/* Runs `act` in a process of its own; it returns the number of the step that failed, 0 when none did. */
static int in_child(int (*act)(int version), int version)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? 99 : act(version));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int start(const struct landlock_subject *wanted, int version)
{
	struct landlock_subject subject = *wanted;

	landlock_limit(&subject, version);
	return landlock_start(&subject);
}

static int try_open(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

#define STEP(number, condition)        \
	do {                           \
		if (!(condition))      \
			return number; \
	} while (0)

/* Of a ruleset of any version, all rights can be granted: those that it is about are. */
static int grant_one(int version)
{
	static const struct landlock_subject changes = {.files = RIGHTS_CHANGE};
	int ruleset = start(&changes, version);

	STEP(1, ruleset >= 0);
	STEP(2, landlock_grant(ruleset, "a", RIGHTS_ALL) == 0);
	STEP(3, landlock_grant(ruleset, "file", RIGHTS_ALL) == 0);
	STEP(4, landlock_grant(ruleset, "none", RIGHTS_ALL) == -ENOENT);
	STEP(5, landlock_enter(ruleset) == 0);
	STEP(6, try_open("a/f", O_WRONLY | O_TRUNC) == 0);
	STEP(7, try_open("a/g", O_WRONLY | O_CREAT) == 0);
	STEP(8, unlink("a/g") == 0);
	STEP(9, try_open("file", O_WRONLY) == 0);
	STEP(10, try_open("b/f", O_WRONLY) == -EACCES);
	STEP(11, try_open("b/g", O_WRONLY | O_CREAT) == -EACCES);
	STEP(12, unlink("b/f") < 0 && errno == EACCES);
	STEP(13, unlink("file") < 0 && errno == EACCES);
	STEP(14, try_open("b/f", O_RDONLY) == 0);
	STEP(15, version < 3 || (truncate("b/f", 0) < 0 && errno == EACCES));
	STEP(16, rename("a/f", "b/g") < 0);
	return 0;
}

static bool is_not_b(const char *name)
{
	return strcmp(name, "b") != 0;
}

static int grant_children(int version)
{
	static const struct landlock_subject changes = {.files = RIGHTS_CHANGE};
	int ruleset = start(&changes, version);

	STEP(1, landlock_grant_children(ruleset, ".", is_not_b, RIGHTS_CHANGE) == 0);
	STEP(2, landlock_grant_children(ruleset, "none", is_not_b, RIGHTS_CHANGE) == -ENOENT);
	STEP(3, landlock_enter(ruleset) == 0);
	STEP(4, try_open("a/f", O_WRONLY) == 0);
	STEP(5, try_open("b/f", O_WRONLY) == -EACCES);
	STEP(6, try_open("link/f", O_WRONLY) == -EACCES);
	STEP(7, try_open(".hidden/f", O_WRONLY) == -EACCES);
	STEP(8, try_open("file", O_WRONLY) == -EACCES);
	return 0;
}

static int bind_to(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;

	close(fd);
	return error;
}

static int grant_ports(int version)
{
	static const struct landlock_subject binding = {.ports = RIGHT_BIND};
	int ruleset = start(&binding, version);

	if (version < 4) /* a ruleset about nothing */
		return ruleset == -ENOMSG ? 0 : 20;
	STEP(1, landlock_grant_port(ruleset, 0, RIGHT_BIND) == 0);
	STEP(2, landlock_enter(ruleset) == 0);
	STEP(3, bind_to(0) == 0);
	STEP(4, bind_to(45678) == -EACCES);
	STEP(5, try_open("a/f", O_WRONLY) == 0);
	return 0;
}

static int scope(int version)
{
	static const struct landlock_subject signals = {
		.files = RIGHT_EXECUTE, .scope = SCOPE_SIGNAL};
	int ruleset = start(&signals, version);

	STEP(1, kill(getppid(), 0) == 0);
	STEP(2, landlock_enter(ruleset) == 0);
	if (version < 6)
		return kill(getppid(), 0) == 0 ? 0 : 20;
	STEP(3, kill(getppid(), 0) < 0 && errno == EPERM);
	STEP(4, kill(getpid(), 0) == 0);
	return 0;
}

static int walls_add_up(int version)
{
	static const struct landlock_subject changes = {.files = RIGHTS_CHANGE};
	int first = start(&changes, version), second;

	STEP(1, landlock_grant(first, "a", RIGHTS_CHANGE) == 0 && landlock_enter(first) == 0);
	second = start(&changes, version);
	STEP(2, landlock_grant(second, "/", RIGHTS_CHANGE) == 0 && landlock_enter(second) == 0);
	STEP(3, try_open("a/f", O_WRONLY) == 0);
	STEP(4, try_open("b/f", O_WRONLY) == -EACCES);
	return 0;
}

/* Of all versions that this kernel can play. */
static void on_all_versions(int (*act)(int version))
{
	int here = landlock_version();

	if (here < 1) {
		assert_true(here == -ENOSYS || here == -EOPNOTSUPP);
		skip();
	}
	for (int version = 1; version <= here; version++) {
		int step = in_child(act, version);
		if (step != 0)
			fail_msg("version %d: step %d", version, step);
	}
}

static void test_grant_one(void **state)
{
	(void)state;
	on_all_versions(grant_one);
}

static void test_grant_children(void **state)
{
	(void)state;
	on_all_versions(grant_children);
}

static void test_grant_ports(void **state)
{
	(void)state;
	on_all_versions(grant_ports);
}

static void test_scope(void **state)
{
	(void)state;
	on_all_versions(scope);
}

static void test_walls_add_up(void **state)
{
	(void)state;
	on_all_versions(walls_add_up);
}

/* An abandoned ruleset leaves nothing behind. */
static void test_abandon(void **state)
{
	int ruleset;

	(void)state;
	if (landlock_version() < 1)
		skip();
	ruleset = start(&everything, landlock_version());
	assert_true(ruleset >= 0);
	assert_int_equal(fcntl(ruleset, F_GETFD), FD_CLOEXEC);
	landlock_abandon(ruleset);
	assert_int_equal(fcntl(ruleset, F_GETFD), -1);
	assert_true(landlock_enter(-1) < 0);
	assert_int_equal(try_open("b/f", O_WRONLY), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test_setup_teardown(test_grant_one, furnish, tidy),
		cmocka_unit_test_setup_teardown(test_grant_children, furnish, tidy),
		cmocka_unit_test_setup_teardown(test_grant_ports, furnish, tidy),
		cmocka_unit_test_setup_teardown(test_scope, furnish, tidy),
		cmocka_unit_test_setup_teardown(test_walls_add_up, furnish, tidy),
		cmocka_unit_test_setup_teardown(test_abandon, furnish, tidy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
