/* privilege: each step for real, in a process of its own; what only root can try is left out for others. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "system/privilege.h"

/* Nobody's numbers: no account is needed. */
static const struct account user = {
	.name = "user", .uid = 54321, .gid = 54322, .groups = {54322, 54323}, .group_count = 2};

static char place[64];

static int furnish(void **state)
{
	(void)state;
	snprintf(place, sizeof(place), "/tmp/privilege-XXXXXX");
	return mkdtemp(place) && chmod(place, 0755) == 0 && chdir(place) == 0 ? 0 : -1;
}

static int tidy(void **state)
{
	(void)state;
	(void)unlink("file");
	(void)rmdir("inside");
	return chdir("/") < 0 || rmdir(place) < 0 ? -1 : 0;
}

#define STEP(number, condition)        \
	do {                           \
		if (!(condition))      \
			return number; \
	} while (0)

static void in_child(int (*act)(void), bool as_root)
{
	pid_t child;
	int status;

	if (as_root && geteuid() != 0)
		skip();
	child = fork();
	if (child == 0)
		_exit(act());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0)
		fail_msg("step %d", WEXITSTATUS(status));
}

/* The value of a line of /proc/self/status, in its base; ids: the first of four that must be the same. */
static unsigned long long status_of(const char *key, int base)
{
	char text[4096], *at, *end;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long long value;

	close(fd);
	text[got < 0 ? 0 : got] = '\0';
	at = strstr(text, key);
	if (!at)
		return ~0ULL;
	value = strtoull(at + strlen(key) + 1, &end, base);
	while (base == 10 && *end == '\t')
		if (strtoull(end, &end, base) != value)
			return ~0ULL;
	return value;
}

static bool holds(const char *key, unsigned long long capabilities)
{
	return status_of(key, 16) == capabilities;
}

/* ---- anybody ---- */

static int forbid_gains(void)
{
	STEP(1, privilege_forbid_gains() == 0);
	STEP(2, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	STEP(3, privilege_forbid_gains() == 0);
	return 0;
}

static void test_forbid_gains(void **state)
{
	(void)state;
	in_child(forbid_gains, false);
}

static int never_root(void)
{
	static const struct account root = {
		.uid = 0, .gid = 54322, .groups = {54322}, .group_count = 1};

	STEP(1, privilege_drop(&root, false) == -EPERM);
	STEP(2, privilege_drop(&root, true) == -EPERM);
	return 0;
}

static void test_never_root(void **state)
{
	(void)state;
	in_child(never_root, false);
}

static int others_cannot(void)
{
	if (geteuid() == 0 && (setgid(54322) < 0 || setuid(54321) < 0))
		return 1;
	STEP(2, privilege_reduce(false, false) == 0); /* there is nothing to give up */
	STEP(3, holds("CapPrm:", 0) && status_of("NoNewPrivs:", 10) == 1);
	STEP(4, privilege_enter(&user, "/") == -EPERM);
	STEP(5, privilege_can_write_here(&user) == -EPERM);
	STEP(6, privilege_jail() == -EPERM);
	STEP(7, privilege_drop(&user, false) == -EPERM);
	STEP(8, privilege_drop(&user, true) == -EPERM);
	return 0;
}

static void test_others_cannot(void **state)
{
	(void)state;
	in_child(others_cannot, false);
}

/* ---- root ---- */

#define BIT(capability) (1ULL << (capability))
#define LEFT                                                                                  \
	(BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SYS_CHROOT) | BIT(CAP_DAC_READ_SEARCH) | \
		BIT(CAP_AUDIT_WRITE) | BIT(CAP_NET_BIND_SERVICE))

static unsigned long long held_before;

static int reduce(void)
{
	held_before = status_of("CapPrm:", 16);
	STEP(1, privilege_reduce(false, false) == 0);
	STEP(2, holds("CapPrm:", LEFT & held_before) && holds("CapEff:", LEFT & held_before));
	STEP(3, holds("CapInh:", 0) && holds("CapAmb:", 0));
	STEP(4, (held_before & BIT(CAP_SETPCAP)) == 0 || holds("CapBnd:", 0));
	STEP(5, status_of("NoNewPrivs:", 10) == 1);
	STEP(6, getuid() == 0);
	STEP(7, chown("file", 1, 1) < 0 && chmod(".", 0755) == 0);
	/* No way back: what is not permitted can't be had again, and a second time takes nothing more. */
	STEP(8, privilege_reduce(true, false) == 0 && holds("CapPrm:", LEFT & held_before));
	return 0;
}

static int reduce_and_start(void)
{
	held_before = status_of("CapPrm:", 16);
	STEP(1, privilege_reduce(false, true) == 0);
	STEP(2, holds("CapPrm:", LEFT & held_before));
	STEP(3, (held_before & BIT(CAP_SETPCAP)) == 0 ||
			holds("CapBnd:", BIT(CAP_DAC_READ_SEARCH) & held_before));
	STEP(4, privilege_drop(&user, false) == 0);
	return 0;
}

static void test_reduce(void **state)
{
	(void)state;
	in_child(reduce, true);
	in_child(reduce_and_start, true);
}

static bool is_user(void)
{
	gid_t groups[8];

	return status_of("\nUid:", 10) == user.uid && status_of("\nGid:", 10) == user.gid &&
	       getgroups(8, groups) == 2 && groups[0] == 54322 && groups[1] == 54323;
}

static int drop(void)
{
	int fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	STEP(1, privilege_reduce(false, false) == 0);
	STEP(2, privilege_drop(&user, false) == 0);
	STEP(3, is_user());
	STEP(4, holds("CapPrm:", 0) && holds("CapEff:", 0) && holds("CapInh:", 0) &&
			holds("CapAmb:", 0));
	STEP(5, status_of("NoNewPrivs:", 10) == 1);
	STEP(6, setuid(0) < 0 && setresuid(0, 0, 0) < 0 && setgid(0) < 0 && chroot(".") < 0);
	STEP(7, fchown(fd, 1, 1) < 0 && errno == EPERM);
	return 0;
}

static void test_drop(void **state)
{
	(void)state;
	in_child(drop, true);
}

static int drop_with_all(void)
{
	/* login_sandbox=NO: nothing was given up before. */
	STEP(1, privilege_drop(&user, false) == 0);
	STEP(2, is_user());
	STEP(3, holds("CapPrm:", 0) && holds("CapEff:", 0) && holds("CapAmb:", 0));
	STEP(4, status_of("NoNewPrivs:", 10) == 1);
	return 0;
}

static void test_drop_with_all(void **state)
{
	(void)state;
	in_child(drop_with_all, true);
}

static int drop_and_give(void)
{
	int fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	STEP(1, privilege_reduce(true, false) == 0);
	STEP(2, privilege_drop(&user, true) == 0);
	STEP(3, is_user());
	STEP(4, holds("CapPrm:", BIT(CAP_CHOWN)) && holds("CapEff:", BIT(CAP_CHOWN)));
	STEP(5, holds("CapInh:", 0) && holds("CapAmb:", 0));
	STEP(6, fchown(fd, 1, 1) == 0);
	STEP(7, setresuid(0, 0, 0) < 0 && chroot(".") < 0);
	return 0;
}

static void test_drop_and_give(void **state)
{
	(void)state;
	in_child(drop_and_give, true);
}

/* A capability that is not there is not kept: to give files away fails then. */
static int give_without(void)
{
	STEP(1, privilege_reduce(false, false) == 0);
	STEP(2, privilege_drop(&user, true) == 0);
	STEP(3, is_user() && holds("CapPrm:", 0));
	return 0;
}

static void test_give_without(void **state)
{
	(void)state;
	in_child(give_without, true);
}

static void *wait_for_ever(void *nothing)
{
	pause();
	return nothing;
}

static int drop_with_threads(void)
{
	pthread_t thread;

	STEP(1, pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
	STEP(2, privilege_drop(&user, false) == -EPERM);
	STEP(3, getuid() == 0);
	return 0;
}

static void test_drop_with_threads(void **state)
{
	(void)state;
	in_child(drop_with_threads, true);
}

static int enter(void)
{
	char here[128];

	STEP(1, mkdir("inside", 0700) == 0);
	STEP(2, privilege_enter(&user, "inside") == -EACCES);
	STEP(3, geteuid() == 0 && getegid() == 0 && getgroups(0, NULL) == 0);
	STEP(4, chown("inside", user.uid, user.gid) == 0);
	STEP(5, privilege_can_write_here(&user) == 0);
	STEP(6, privilege_enter(&user, "inside") == 0);
	STEP(7, geteuid() == 0 && getegid() == 0);
	STEP(8, getcwd(here, sizeof(here)) && strstr(here, "/inside"));
	STEP(9, privilege_can_write_here(&user) == 1);
	STEP(10, chmod(".", 0500) == 0 && privilege_can_write_here(&user) == 0);
	STEP(11, chown(".", 0, user.groups[1]) == 0 && chmod(".", 0770) == 0);
	STEP(12, privilege_can_write_here(&user) == 1); /* by a group of the user's */
	STEP(13, privilege_enter(&user, "none") == -ENOENT);
	return 0;
}

static void test_enter(void **state)
{
	(void)state;
	in_child(enter, true);
}

static int jail(void)
{
	struct stat before, after;

	STEP(1, stat(".", &before) == 0);
	STEP(2, privilege_jail() == 0);
	STEP(3, stat("/", &after) == 0 && before.st_ino == after.st_ino);
	STEP(4, stat("../../..", &after) == 0 && before.st_ino == after.st_ino);
	STEP(5, access("/etc/passwd", F_OK) < 0);
	return 0;
}

static void test_jail(void **state)
{
	(void)state;
	in_child(jail, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbid_gains),
		cmocka_unit_test(test_never_root),
		cmocka_unit_test(test_others_cannot),
		cmocka_unit_test_setup_teardown(test_reduce, furnish, tidy),
		cmocka_unit_test_setup_teardown(test_drop, furnish, tidy),
		cmocka_unit_test(test_drop_with_all),
		cmocka_unit_test_setup_teardown(test_drop_and_give, furnish, tidy),
		cmocka_unit_test(test_give_without),
		cmocka_unit_test(test_drop_with_threads),
		cmocka_unit_test_setup_teardown(test_enter, furnish, tidy),
		cmocka_unit_test_setup_teardown(test_jail, furnish, tidy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
