/* The least that a program under xinetd can do and still satisfy tests/bench/load.c. limit.c has the session, limit_list.c the
 * lists; what TLS changes is in limit_plain.c, which is without it and without a C library, and in limit_tls.c. */
#ifndef LIMIT_H
#define LIMIT_H

#include <linux/fcntl.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

enum {
	READ_WRITE = 3,
	PRIVATE_ANONYMOUS = 0x22,
	MOVE_MORE = 5,
	PIPE_SIZE = 1031,
	CLOSE_ON_EXEC = 02000000,
	DIRECTORY_ONLY = 0200000,
	CREATE = 01 | 0100 | 01000,
	PIECE = 1 << 20,
	BLOCK = 131072,
	ENTRIES = 1 << 18
};

static inline long call(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* ---- limit.c ---- */

struct day {
	uint64_t year, month, day;
};

void session(const char *root, const char *certificate);
struct day day_of(int64_t seconds);
char *add_text(char *to, const char *text);
/* At least `width` digits or fillers. */
char *add_number(char *to, uint64_t number, int width, char filler);
char *add_stamp(char *to, int64_t seconds);
long look(long directory, const char *name, unsigned flags, struct statx *status);
void put(long fd, const char *data, size_t count);
void say(const char *text);
/* A data connection, and its end with what was transferred. */
long begin(void);
void end(long data, long file);
/* Three pieces of memory. */
char *room(void);

/* ---- limit_list.c ---- */

/* In the order of the directory; `kind` is the command's first letter. */
void list(const char *name, char kind);

/* ---- limit_plain.c or limit_tls.c ---- */

long control_read(char *to, size_t count);
void control_write(const char *data, size_t count);
/* AUTH TLS: whether it came about. */
bool secure(const char *certificate);
/* A handshake on a new data connection, if `wanted`, which PROT P said. */
void data_begin(long data, bool wanted);
/* Whether the kernel may move the data itself. */
bool data_plain(void);
long data_read(long data, char *to, size_t count);
void data_write(long data, const char *from, size_t count);
void data_end(void);

#endif
