/* Without TLS and without a C library: see limit.h. The start costs what the kernel's part of a start costs.
 *
 *	limit DIRECTORY */
#include "limit.h"

/* The compiler makes calls of these by itself. What is moved is moved to the front. */
void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
	void *result = to;
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count)::"memory");
	return result;
}

void *memmove(void *to, const void *from, size_t count)
{
	return memcpy(to, from, count);
}

void *memset(void *to, int byte, size_t count)
{
	void *result = to;
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(byte) : "memory");
	return result;
}

long control_read(char *to, size_t count)
{
	return call(SYS_read, 0, (long)to, (long)count, 0, 0, 0);
}

void control_write(const char *data, size_t count)
{
	put(1, data, count);
}

bool secure(const char *certificate)
{
	return certificate && false;
}

void data_begin(long data, bool wanted)
{
	(void)data;
	(void)wanted;
}

bool data_plain(void)
{
	return true;
}

long data_read(long data, char *to, size_t count)
{
	return call(SYS_read, data, (long)to, (long)count, 0, 0, 0);
}

void data_write(long data, const char *from, size_t count)
{
	put(data, from, count);
}

void data_end(void)
{
}

/* The kernel leaves the number of arguments and the arguments on the stack. */
__attribute__((used, noreturn)) void begin_at(char **stack);
__attribute__((naked, noreturn)) void _start(void);

__attribute__((used, noreturn)) void begin_at(char **stack)
{
	session(stack[2] ? stack[2] : ".", NULL);
	call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

__attribute__((naked, noreturn)) void _start(void)
{
	__asm__("mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin_at");
}
