/* log: syslog, with a daemon of the test's own behind /dev/log. That takes root and a /dev of one's own, so each test is a
 * process apart; without root nothing can be tried. Log files are tests/client's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "system/io.h"
#include "system/log.h"

#define NOBODY_ID 65534

static char received[8192];

/* A step that must hold: its line is the exit status' place in the failure. */
#define STEP(condition)                                                         \
	do {                                                                    \
		if (!(condition)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			_exit(1);                                               \
		}                                                               \
	} while (0)

static void run_elsewhere(void (*body)(void))
{
	int status = -1;
	pid_t pid;

	if (geteuid() != 0)
		return;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		STEP(unshare(CLONE_NEWNS) == 0);
		STEP(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
		STEP(mount("none", "/dev", "tmpfs", 0, "mode=755") == 0);
		log_system_name("some-name");
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Starts a daemon: its socket, which listens if it is a stream's. */
static int start_at(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);

	STEP(strlen(path) < sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	unlink(path);
	STEP(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	STEP(chmod(path, 0666) == 0);
	STEP(type == SOCK_DGRAM || listen(fd, 5) == 0);
	return fd;
}

static int start(int type)
{
	return start_at("/dev/log", type);
}

static void stop(int fd)
{
	close(fd);
	STEP(unlink("/dev/log") == 0);
}

/* What came, as text; its size. */
static ssize_t receive(int fd)
{
	ssize_t got = recv(fd, received, sizeof(received) - 1, MSG_DONTWAIT);

	received[got > 0 ? got : 0] = '\0';
	return got;
}

static bool got_text(int fd, const char *text)
{
	return receive(fd) > 0 && strstr(received, text);
}

/* ---- the form ---- */

static void say_as_libc(int fd)
{
	static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO};
	char theirs[sizeof(received)];

	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_INFO; level++) {
		/* Again if the second ended between the two. */
		for (int attempt = 0; attempt < 3; attempt++) {
			syslog(LOG_FTP | priorities[level], "%s", "127.0.0.1: caf\xc3\xa9 100%");
			STEP(receive(fd) > 0);
			strcpy(theirs, received);
			STEP(log_system((enum log_level)level, "127.0.0.1: caf\xc3\xa9 100%") == 0);
			STEP(receive(fd) > 0);
			if (strcmp(theirs, received) == 0)
				break;
		}
		if (strcmp(theirs, received) != 0)
			fprintf(stderr, "%s\n%s\n", theirs, received);
		STEP(strcmp(theirs, received) == 0);
	}
}

static void form(void)
{
	int fd = start(SOCK_DGRAM);
	char pid[32];

	/* 20 minutes and a quarter east: local time, whatever the system's is. */
	setenv("TZ", "XXX-00:20:15", 1);
	say_as_libc(fd);
	snprintf(pid, sizeof(pid), " some-name[%d]: ", (int)getpid());
	STEP(strncmp(received, "<94>", 4) == 0 && strstr(received, pid));
}

static void controls(void)
{
	int fd = start(SOCK_DGRAM);
	char text[4000];

	STEP(log_system(LOG_LEVEL_INFO, "a\r\nb\t\x1b[2J\x7f") == 0);
	STEP(got_text(fd, "]: a??b??[2J?") && strchr(received, '\n') == NULL);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	STEP(log_system(LOG_LEVEL_INFO, text) == 0);
	STEP(receive(fd) > 2048 && strlen(received) < 2048 + 100);
}

static void test_form(void **state)
{
	(void)state;
	run_elsewhere(form);
	run_elsewhere(controls);
}

/* ---- the daemon comes and goes ---- */

static void restart(void)
{
	int fd;

	STEP(log_system(LOG_LEVEL_INFO, "nobody") < 0);
	fd = start(SOCK_DGRAM);
	STEP(log_system(LOG_LEVEL_INFO, "first") == 0 && got_text(fd, "first"));
	STEP(!strstr(received, "nobody"));
	stop(fd);
	STEP(log_system(LOG_LEVEL_INFO, "lost") == -ENOENT);
	STEP(log_system(LOG_LEVEL_INFO, "lost") == -ENOENT);
	fd = start(SOCK_DGRAM);
	STEP(log_system(LOG_LEVEL_INFO, "again") == 0 && got_text(fd, "again"));
	/* One that binds its socket anew without a pause. */
	close(fd);
	STEP(log_system(LOG_LEVEL_INFO, "lost") == -ECONNREFUSED);
	fd = start(SOCK_DGRAM);
	STEP(log_system(LOG_LEVEL_INFO, "third") == 0 && got_text(fd, "third"));
}

static int descriptors(void)
{
	int all[LOG_SYSTEM_DESCRIPTORS];
	int count = (int)log_system_descriptors(all);

	for (int i = 0; i < count; i++)
		STEP(fcntl(all[i], F_GETFD) == FD_CLOEXEC);
	return count;
}

/* Whether descriptors can be made; those there are can be used in any case. */
static void allow_descriptors(bool some)
{
	struct rlimit limit;

	STEP(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = some ? 100 : 0;
	STEP(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* Opened before there is a daemon, and after one: no socket is made later. */
static void sealed(void)
{
	int fd;

	STEP(descriptors() == 0);
	log_system_open();
	STEP(descriptors() == 2);
	for (int i = 0; i < 3; i++) {
		fd = start(SOCK_DGRAM);
		allow_descriptors(false);
		STEP(log_system(LOG_LEVEL_INFO, "line") == 0 && got_text(fd, "line"));
		STEP(descriptors() == 2);
		allow_descriptors(true);
		stop(fd);
		STEP(log_system(LOG_LEVEL_INFO, "lost") < 0);
	}
}

static int accepted(int listener)
{
	int fd = accept(listener, NULL, NULL);

	STEP(fd >= 0);
	return fd;
}

static void stream(void)
{
	int listener = start(SOCK_STREAM), fd;

	log_system_open();
	fd = accepted(listener);
	STEP(log_system(LOG_LEVEL_INFO, "one") == 0 && log_system(LOG_LEVEL_INFO, "two") == 0);
	STEP(receive(fd) > 0 && strstr(received, "]: one"));
	STEP(strstr(received + strlen(received) + 1, "]: two")); /* each with its NUL */
	close(fd);
	stop(listener);
	STEP(log_system(LOG_LEVEL_INFO, "lost") < 0);
	/* The spare one. */
	listener = start(SOCK_STREAM);
	STEP(log_system(LOG_LEVEL_INFO, "three") == 0);
	fd = accepted(listener);
	STEP(got_text(fd, "]: three"));
	close(fd);
	/* Its successor takes datagrams. */
	stop(listener);
	listener = start(SOCK_DGRAM);
	STEP(log_system(LOG_LEVEL_INFO, "four") == 0 && got_text(listener, "]: four"));
}

/* A third stream would take a socket that nobody may make any more. */
static void streams_end(void)
{
	int listener = start(SOCK_STREAM), fd;

	log_system_open();
	for (int i = 0; i < 2; i++) {
		STEP(log_system(LOG_LEVEL_INFO, "line") == 0);
		fd = accepted(listener);
		STEP(got_text(fd, "line"));
		close(fd);
		stop(listener);
		listener = start(SOCK_STREAM);
	}
	STEP(log_system(LOG_LEVEL_INFO, "lost") < 0);
	log_system_open();
	STEP(log_system(LOG_LEVEL_INFO, "line") == 0);
}

static void test_restart(void **state)
{
	(void)state;
	run_elsewhere(restart);
	run_elsewhere(sealed);
	run_elsewhere(stream);
	run_elsewhere(streams_end);
}

/* ---- a daemon that does not read ---- */

static void full(void)
{
	int fd = start(SOCK_DGRAM), lines = 0;
	int64_t began, spent;

	io_start(-1);
	began = io_now();
	while (lines < 10000 && log_system(LOG_LEVEL_INFO, "line") == 0)
		lines++;
	spent = io_now() - began;
	STEP(lines > 0 && lines < 10000 && spent >= 100 && spent < 1000);
	/* Now it is known. */
	began = io_now();
	for (int i = 0; i < 1000; i++)
		STEP(log_system(LOG_LEVEL_INFO, "lost") == -EAGAIN);
	STEP(io_now() - began < 90);
	while (receive(fd) > 0)
		STEP(!strstr(received, "lost"));
	STEP(log_system(LOG_LEVEL_INFO, "back") == 0 && got_text(fd, "back"));
}

static void test_full(void **state)
{
	(void)state;
	run_elsewhere(full);
}

/* ---- jails ---- */

static void make_jail(void)
{
	STEP(mount("none", "/mnt", "tmpfs", 0, "mode=755") == 0);
	STEP(mkdir("/mnt/dev", 0755) == 0);
}

static void enter(void)
{
	STEP(chroot("/mnt") == 0 && chdir("/") == 0);
}

/* A socket that the user may have put there is not the daemon's. */
static void planted(void)
{
	int fd = start(SOCK_DGRAM), trap;

	make_jail();
	log_system_open();
	STEP(log_system(LOG_LEVEL_INFO, "before") == 0 && got_text(fd, "before"));
	enter();
	STEP(log_system(LOG_LEVEL_INFO, "inside") == 0 && got_text(fd, "inside"));
	close(fd);
	STEP(log_system(LOG_LEVEL_INFO, "lost") == -ENOENT);
	trap = start(SOCK_DGRAM);
	STEP(chown("/dev/log", NOBODY_ID, NOBODY_ID) == 0);
	STEP(log_system(LOG_LEVEL_INFO, "lost") == -ENOENT);
	STEP(chown("/dev/log", 0, 0) == 0 && chown("/dev", NOBODY_ID, 0) == 0);
	STEP(log_system(LOG_LEVEL_INFO, "lost") == -ENOENT);
	STEP(chown("/dev", 0, 0) == 0 && chmod("/dev", 0775) == 0);
	STEP(log_system(LOG_LEVEL_INFO, "lost") == -ENOENT);
	STEP(chmod("/dev", 0755) == 0 && chmod("/", 01777) == 0);
	STEP(log_system(LOG_LEVEL_INFO, "lost") == -ENOENT);
	STEP(chmod("/", 0755) == 0 && rename("/dev/log", "/dev/other") == 0);
	STEP(symlink("/dev/other", "/dev/log") == 0);
	STEP(log_system(LOG_LEVEL_INFO, "lost") == -ENOENT);
	STEP(receive(trap) < 0);
	/* One that only root can have made is taken. */
	STEP(unlink("/dev/log") == 0 && rename("/dev/other", "/dev/log") == 0);
	STEP(log_system(LOG_LEVEL_INFO, "found") == 0 && got_text(trap, "found"));
}

static void test_jail(void **state)
{
	(void)state;
	run_elsewhere(planted);
}

/* ---- counting ---- */

static void test_lose(void **state)
{
	struct log_losses losses = {.works = true};

	(void)state;
	log_lose(&losses, ENOSPC);
	assert_true(losses.news && !losses.works);
	losses.news = false;
	log_lose(&losses, ENOSPC);
	assert_false(losses.news);
	log_lose(&losses, EHWPOISON); /* the highest there is */
	assert_true(losses.news);
	losses.news = false;
	log_lose(&losses, EHWPOISON);
	log_lose(&losses, 100000);
	assert_int_equal(losses.lines, 5);
	assert_int_equal(losses.cause, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_jail),
		cmocka_unit_test(test_lose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
