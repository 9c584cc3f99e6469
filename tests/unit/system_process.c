/* process: what a super-server leaves us. Each test is a process of its own: these functions change it
 * for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "system/process.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static int argument_count;
static char **argument_list;

/* The exit status of `body`: 0 if all was well, else where it was not. */
static void run_elsewhere(int (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("step %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* ---- descriptors ---- */

static bool is_null_device(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static bool are_only_open(int fd)
{
	for (int i = 0; i < 1000; i++) {
		bool open_now = fcntl(i, F_GETFD) >= 0;
		if (open_now != (i <= 2 || i == fd))
			return false;
	}
	return true;
}

/* With the socket as 0, and `closed` (a bit a descriptor) of 1 and 2 not open at all. */
static int take(unsigned closed)
{
	int pair[2], fd;
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || send(pair[1], "x", 1, 0) != 1 ||
		dup2(pair[0], 0) < 0)
		return 1;
	for (int i = 3; i < 40; i++)
		if (dup2(pair[1], i) < 0) /* what a careless parent leaves open */
			return 2;
	if (dup2(pair[1], 900) < 0)
		return 2;
	for (int i = 1; i <= 2; i++)
		if (closed & (1U << i))
			close(i);
	fd = process_take_socket();
	if (fd < 3)
		return 3;
	for (int i = 0; i <= 2; i++)
		if (!is_null_device(i))
			return 10 + i;
	if (!are_only_open(fd))
		return 4;
	if ((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
		return 5;
	return recv(fd, &byte, 1, MSG_DONTWAIT) == 1 && byte == 'x' ? 0 : 6;
}

static int take_all_open(void)
{
	return take(0);
}

static int take_without_output(void)
{
	return take(2);
}

static int take_without_error(void)
{
	return take(4);
}

static int take_with_socket_alone(void)
{
	return take(6);
}

static int take_nothing(void)
{
	close(0);
	return process_take_socket() == -EBADF ? 0 : 1;
}

static void test_take_socket(void **state)
{
	(void)state;
	run_elsewhere(take_all_open);
	run_elsewhere(take_nothing);
}

/* Some super-servers open no more than they must. */
static void test_take_socket_with_closed_descriptors(void **state)
{
	(void)state;
	run_elsewhere(take_without_output);
	run_elsewhere(take_without_error);
	run_elsewhere(take_with_socket_alone);
}

/* ---- environment ---- */

static int clean(void)
{
	struct rlimit core;

	setenv("LD_PRELOAD", "/x", 1);
	setenv("TZ", ":/../x", 1);
	umask(0);
	process_clean();
	if (getenv("LD_PRELOAD") || getenv("TZ") || getenv("PATH"))
		return 1;
	if (process_variable("TZ"))
		return 2;
	if (umask(0) != 077)
		return 3;
	if (getsid(0) != getpid())
		return 4;
	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_cur != 0 || core.rlim_max != 0)
		return 5;
	process_clean(); /* once more does no harm */
	return 0;
}

static int variables(void)
{
	unsetenv("SOLOFTPD_TEST");
	if (process_variable("SOLOFTPD_TEST"))
		return 1;
	setenv("SOLOFTPD_TEST", "", 1);
	/* Set to nothing is not the same as not set. */
	if (!process_variable("SOLOFTPD_TEST") || *process_variable("SOLOFTPD_TEST"))
		return 2;
	setenv("SOLOFTPD_TEST", "x", 1);
	return strcmp(process_variable("SOLOFTPD_TEST"), "x") == 0 ? 0 : 3;
}

static void test_environment(void **state)
{
	(void)state;
	run_elsewhere(clean);
	run_elsewhere(variables);
}

/* ---- facts ---- */

static void test_facts(void **state)
{
	(void)state;
	assert_int_equal(process_id(), getpid());
	assert_int_equal(process_is_root(), geteuid() == 0);
}

static void test_random(void **state)
{
	unsigned char first[256] = {0}, second[256] = {0};

	(void)state;
	for (size_t size = 0; size <= sizeof(first); size++)
		assert_int_equal(process_random(first, size), 0);
	assert_int_equal(process_random(second, sizeof(second)), 0);
	assert_memory_not_equal(first, second, sizeof(first));
	memset(first, 'X', sizeof(first));
	assert_int_equal(process_random(first, 1), 0);
	assert_int_equal(first[1], 'X');
}

/* ---- title ---- */

/* What others see in the process list; returns the number of bytes before the first NUL. */
static size_t read_title(char *out, size_t capacity)
{
	int fd = open("/proc/self/cmdline", O_RDONLY);
	ssize_t got = read(fd, out, capacity - 1);

	close(fd);
	out[got > 0 ? got : 0] = '\0';
	return strlen(out);
}

static int show_title(void)
{
	char title[8192], text[4096];
	size_t size;

	process_title_start(argument_count, argument_list);
	process_clean();
	process_title("127.0.0.1/bob: RETR");
	size = read_title(title, sizeof(title));
	/* As far as the memory reaches, which a test does not choose. */
	if (size < 10 || strncmp(title, "soloftpd: 127.0.0.1/bob: RETR", size) != 0)
		return 1;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	process_title(text);
	if (read_title(title, sizeof(title)) < size)
		return 2;
	process_title("");
	read_title(title, sizeof(title));
	return strcmp(title, "soloftpd: ") == 0 ? 0 : 3;
}

static int title_before_start(void)
{
	process_title("ignored");
	return 0;
}

static int title_without_arguments(void)
{
	char *none[] = {NULL};

	process_title_start(0, none);
	process_title("ignored");
	return 0;
}

static void test_title(void **state)
{
	(void)state;
	run_elsewhere(title_before_start);
	run_elsewhere(title_without_arguments);
	run_elsewhere(show_title);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_socket),
		cmocka_unit_test(test_take_socket_with_closed_descriptors),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_title),
	};

	argument_count = argc;
	argument_list = argv;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
