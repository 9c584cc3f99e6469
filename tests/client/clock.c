/*
 * A system clock that is wrong, for tests: loaded by LD_PRELOAD, it makes one program see a CLOCK_REALTIME that is off by
 * as many seconds as stand, as an int64_t, in the file CLOCK names, whenever that changes. It is a fake: it stands
 * between a program and libc, and neither files' times nor other programs know of it. Clocks that nobody can set are left
 * alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *seconds;

__attribute__((constructor)) static void start(void)
{
	int file = open(CLOCK, O_RDONLY);
	void *shared = mmap(NULL, sizeof(*seconds), PROT_READ, MAP_SHARED, file, 0);

	close(file);
	/* A file that is missing is a mistake of the test's, and must not look like a right clock. */
	if (shared == MAP_FAILED)
		_exit(99);
	seconds = shared;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	static int (*real)(clockid_t, struct timespec *);
	int result;

	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	result = real(clock, out);
	if (result == 0 && seconds && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		out->tv_sec += *seconds;
	return result;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
	return 0;
}
