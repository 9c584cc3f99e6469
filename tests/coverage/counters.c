/* Counters that need no end of the process to be kept. Every program of the coverage build has this object.
 *
 * libgcov writes a program's counters down when it ends. soloftpd ends in a chroot, under a list of system calls
 * and as somebody else, and by _exit, and some of its sessions are killed. So here the counters are a shared mapping of a
 * file from the start on: the kernel keeps them, whatever becomes of the process, and no wall has to
 * open. All processes of a program count in the same file, atomically (-fprofile-update=atomic).
 *
 * Afterwards, tests/coverage/run starts each program once more, with the file's name in COVERAGE_WRITE: then
 * libgcov writes what it holds, and adds it to what other programs have counted in the same sources. */
#include <fcntl.h>
#include <gcov.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* From shared.ld. */
extern char counters_start[], counters_end[];

/* Takes the place of libgcov's, which each object calls when the process ends. */
void __wrap___gcov_exit(void);
void __wrap___gcov_exit(void)
{
}

/* COUNTERS/PROGRAM. */
static bool name_file(char *path, size_t size)
{
	char program[1024];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	const char *slash;

	if (length < 0)
		return false;
	program[length] = '\0';
	slash = strrchr(program, '/');
	return slash && snprintf(path, size, "%s%s", COUNTERS, slash) < (int)size;
}

/* Whether the counters are shared now. What this process does is not counted if they are not. */
static bool share(const char *path)
{
	size_t size = (size_t)(counters_end - counters_start);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	bool shared;

	if (fd < 0)
		return false;
	(void)fchmod(fd, 0666); /* some run as others than root, under any umask */
	shared = ftruncate(fd, (off_t)size) == 0 &&
		 mmap(counters_start, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			 0) != MAP_FAILED;
	close(fd);
	return shared;
}

__attribute__((constructor)) static void start(void)
{
	const char *write = getenv("COVERAGE_WRITE");
	char path[2048];

	if (write) {
		if (!share(write))
			_exit(1);
		__gcov_dump();
		_exit(0);
	}
	if (name_file(path, sizeof(path)))
		(void)share(path);
}
