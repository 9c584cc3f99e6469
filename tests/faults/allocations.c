/* Preloaded into the server: counts allocations, and lets the one fail that tests/faults asks for. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own, behind the names that are taken here. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static struct allocations *shared;

/* Before main, which clears the environment. */
__attribute__((constructor)) static void find(void)
{
	const char *path = getenv("FAULTS_MEMORY");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *memory =
		fd < 0 ? MAP_FAILED
		       : mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		abort();
	close(fd);
	shared = memory;
}

static bool fails(void)
{
	unsigned long at = shared ? ++shared->count : 0;

	if (at == 0 || at != shared->fail)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
