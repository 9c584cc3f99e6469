#include "system/process.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "text/buffer.h"
#include "text/path.h"

static char *title;
static size_t title_size;

/* Descriptors that are closed one by one, where the kernel has no close_range (before Linux 5.9). */
#define CLOSED_SINGLY 65536

static void close_inherited(void)
{
	struct rlimit limit = {.rlim_cur = CLOSED_SINGLY};
	int last;

	if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
		return;
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	last = limit.rlim_cur < CLOSED_SINGLY ? (int)limit.rlim_cur : CLOSED_SINGLY;
	for (int fd = 3; fd < last; fd++)
		close(fd);
}

int process_take_socket(void)
{
	int control, null;

	close_inherited();
	control = fcntl(0, F_DUPFD_CLOEXEC, 3);
	if (control < 0)
		return -errno;
	null = open("/dev/null", O_RDWR);
	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (null > 2)
		close(null);
	return control;
}

void process_clean(void)
{
	static const struct rlimit none = {0, 0};

	clearenv();
	umask(077);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)setsid(); /* fails only for a process that already leads its group: nothing to leave */
	(void)setrlimit(RLIMIT_CORE, &none);
}

/* More than a session ever has open at once: logs, both connections, a file, a pipe. */
#define DESCRIPTORS_MOST 64

int process_restrict(void)
{
	static const struct rlimit none = {0, 0};
	struct rlimit descriptors;

	if (setrlimit(RLIMIT_NPROC, &none) < 0 || getrlimit(RLIMIT_NOFILE, &descriptors) < 0)
		return -errno;
	/* What the super-server allows may be less already, and can't be raised. */
	if (descriptors.rlim_max > DESCRIPTORS_MOST)
		descriptors.rlim_max = DESCRIPTORS_MOST;
	if (descriptors.rlim_cur > descriptors.rlim_max)
		descriptors.rlim_cur = descriptors.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &descriptors) < 0 ? -errno : 0;
}

/* As deep as a login's stack may have been, and what may be in use below the last frame that can be seen. */
#define STACK_DEEP 131072
#define STACK_MARGIN 512

void process_shed_memory(void)
{
	char *end = (char *)__builtin_frame_address(0) - STACK_MARGIN;

	end -= (uintptr_t)end % (uintptr_t)sysconf(_SC_PAGESIZE);
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
#ifndef __SANITIZE_ADDRESS__ /* it has a shadow of the stack */
	(void)madvise(end - STACK_DEEP, STACK_DEEP, MADV_DONTNEED);
#endif
}

const char *process_variable(const char *name)
{
	return getenv(name);
}

const char *process_load_file(void)
{
	const char *file = process_variable("SOLOFTPD_LOAD_CONF");

	return file ? file : process_variable("VSFTPD_LOAD_CONF");
}

const char *process_keep_load_file(void)
{
	static char kept[PATH_TEXT];
	const char *file = process_load_file();
	struct buffer b;

	if (!file)
		return NULL;
	buffer_start(&b, kept, sizeof(kept));
	buffer_string(&b, file);
	return buffer_text(&b);
}

bool process_is_root(void)
{
	return geteuid() == 0;
}

bool process_on_terminal(void)
{
	return isatty(1) == 1;
}

int64_t process_milliseconds(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

int process_id(void)
{
	return (int)getpid();
}

int process_random(void *bytes, size_t size)
{
	ssize_t got;

	do {
		got = getrandom(bytes, size, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EIO;
}

void process_title_start(int argc, char **argv)
{
	char *end = argv[0];

	/* The kernel lays out the arguments and then the environment one behind the other, and shows
	 * the second as well when the first has lost its terminator. */
	for (int i = 0; i < argc && argv[i] == end; i++)
		end = argv[i] + strlen(argv[i]) + 1;
	for (char **variable = environ; *variable && *variable == end; variable++)
		end = *variable + strlen(*variable) + 1;
	title = argv[0];
	title_size = (size_t)(end - argv[0]);
}

void process_title(const char *text)
{
	struct buffer b;

	if (!title)
		return;
	memset(title, 0, title_size);
	buffer_start(&b, title, title_size);
	buffer_string(&b, "soloftpd: ");
	buffer_string(&b, text);
	buffer_text(&b);
}
