/* The least that a program under xinetd can do and still satisfy tests/bench/load.c: no policy, no passwords, no logs, no
 * checks, no C library. It is the floor that servers are compared with, and no server.
 *
 *	limit DIRECTORY
 *
 * Built for x86-64 alone, without a library: its start costs what the kernel's part of a start costs. */
#include <emmintrin.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <netinet/in.h>
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

static char input[65536], output[65536], line[65536];
static size_t input_begin, input_end, output_end;
static long listener = -1;
static bool ascii;
static char *memory; /* two pieces and more: for lists and conversion */

static long call(long number, long a, long b, long c, long d, long e, long f)
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

/* The compiler makes calls of these two by itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memset(void *to, int byte, size_t count);

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
	void *result = to;
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count)::"memory");
	return result;
}

void *memset(void *to, int byte, size_t count)
{
	void *result = to;
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(byte) : "memory");
	return result;
}

/* ---- replies ---- */

static void put(long fd, const char *data, size_t count)
{
	while (count > 0) {
		long done = call(SYS_write, fd, (long)data, (long)count, 0, 0, 0);
		if (done <= 0)
			return;
		data += done;
		count -= (size_t)done;
	}
}

static void flush(void)
{
	put(1, output, output_end);
	output_end = 0;
}

static char *add_text(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

/* At least `width` digits or blanks. */
static char *add_number(char *to, uint64_t number, int width, char filler)
{
	char digits[24];
	int count = 0;

	do
		digits[count++] = (char)('0' + number % 10);
	while (number /= 10);
	while (count < width)
		digits[count++] = filler;
	while (count > 0)
		*to++ = digits[--count];
	return to;
}

static void say(const char *text)
{
	if (output_end > sizeof output - 256)
		flush();
	output_end = (size_t)(add_text(add_text(output + output_end, text), "\r\n") - output);
}

static void say_number(const char *text, uint64_t number)
{
	char whole[64];

	*add_number(add_text(whole, text), number, 1, ' ') = '\0';
	say(whole);
}

/* ---- time ---- */

struct day {
	uint64_t year, month, day;
};

/* Days since 1970, counted from March on, so that a leap day is the last of its year. */
static struct day day_of(int64_t seconds)
{
	int64_t days = seconds / 86400 + 719468;
	int64_t era = days / 146097, in_era = days % 146097;
	int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * in_year + 2) / 153;

	return (struct day){
		.year = (uint64_t)(year + era * 400 + (month >= 10)),
		.month = (uint64_t)(month < 10 ? month + 3 : month - 9),
		.day = (uint64_t)(in_year - (153 * month + 2) / 5 + 1),
	};
}

static char *add_stamp(char *to, int64_t seconds)
{
	struct day day = day_of(seconds);
	uint64_t rest = (uint64_t)(seconds % 86400);

	to = add_number(
		add_number(add_number(to, day.year, 4, '0'), day.month, 2, '0'), day.day, 2, '0');
	return add_number(add_number(add_number(to, rest / 3600, 2, '0'), rest % 3600 / 60, 2, '0'),
		rest % 60, 2, '0');
}

static long look(long directory, const char *name, unsigned flags, struct statx *status)
{
	return call(SYS_statx, directory, (long)name, flags, STATX_BASIC_STATS, (long)status, 0);
}

/* ---- data connections ---- */

/* A socket that listens without a name gets a free port of any address. */
static void passive(bool extended)
{
	struct sockaddr_in address = {0};
	unsigned length = sizeof address;
	char text[64], *end;

	if (listener >= 0)
		call(SYS_close, listener, 0, 0, 0, 0, 0);
	listener = call(SYS_socket, 2, 1 | CLOSE_ON_EXEC, 0, 0, 0, 0);
	call(SYS_listen, listener, 1, 0, 0, 0, 0);
	call(SYS_getsockname, listener, (long)&address, (long)&length, 0, 0, 0);
	uint64_t low = address.sin_port >> 8, high = address.sin_port & 255;
	if (extended) {
		end = add_text(
			add_number(add_text(text, "229 (|||"), high * 256 + low, 1, ' '), "|)");
	} else {
		end = add_number(add_text(text, "227 (127,0,0,1,"), high, 1, ' ');
		end = add_text(add_number(add_text(end, ","), low, 1, ' '), ")");
	}
	*end = '\0';
	say(text);
}

static long begin(void)
{
	say("150 ok");
	flush();
	long data = call(SYS_accept4, listener, 0, 0, CLOSE_ON_EXEC, 0, 0);
	call(SYS_close, listener, 0, 0, 0, 0, 0);
	listener = -1;
	return data;
}

static void end(long data, long file)
{
	call(SYS_close, data, 0, 0, 0, 0, 0);
	call(SYS_close, file, 0, 0, 0, 0, 0);
	say("226 ok");
}

static char *room(void)
{
	if (!memory)
		memory =
			(char *)call(SYS_mmap, 0, 3L * PIECE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0);
	return memory;
}

/* LF becomes CR LF. */
static size_t convert(char *to, const char *from, size_t count)
{
	const __m128i ends = _mm_set1_epi8('\n');
	const char *stop = from + count;
	char *start = to;

	while (from + 16 <= stop) {
		__m128i piece = _mm_loadu_si128((const __m128i *)(const void *)from);
		int found = _mm_movemask_epi8(_mm_cmpeq_epi8(piece, ends));
		int until = found ? __builtin_ctz((unsigned)found) : 16;
		_mm_storeu_si128((__m128i *)(void *)to, piece);
		to += until;
		from += until;
		if (found) {
			*to++ = '\r';
			*to++ = *from++;
		}
	}
	while (from < stop) {
		if (*from == '\n')
			*to++ = '\r';
		*to++ = *from++;
	}
	return (size_t)(to - start);
}

static void retrieve(const char *name)
{
	struct statx status;
	long file = call(SYS_openat, AT_FDCWD, (long)name, CLOSE_ON_EXEC, 0, 0, 0);
	long count = 0;

	if (file < 0) {
		say("550 no");
		return;
	}
	look(file, "", AT_EMPTY_PATH, &status);
	long data = begin();
	if (ascii) {
		while ((count = call(SYS_read, file, (long)room(), BLOCK, 0, 0, 0)) > 0)
			put(data, memory + PIECE, convert(memory + PIECE, memory, (size_t)count));
	} else {
		for (long left = (long)status.stx_size; left > 0; left -= count) {
			count = call(SYS_sendfile, data, file, 0, left, 0, 0);
			if (count <= 0)
				break;
		}
	}
	end(data, file);
}

static void store(const char *name)
{
	int ends[2];
	long count,
		file = call(SYS_openat, AT_FDCWD, (long)name, CREATE | CLOSE_ON_EXEC, 0644, 0, 0);

	if (file < 0) {
		say("550 no");
		return;
	}
	long data = begin();
	call(SYS_pipe2, (long)ends, 0, 0, 0, 0, 0);
	call(SYS_fcntl, ends[1], PIPE_SIZE, PIECE, 0, 0, 0);
	while ((count = call(SYS_splice, data, 0, ends[1], 0, PIECE, MOVE_MORE)) > 0) {
		while (count > 0) {
			long done = call(SYS_splice, ends[0], 0, file, 0, count, MOVE_MORE);
			if (done <= 0)
				break;
			count -= done;
		}
	}
	call(SYS_close, ends[0], 0, 0, 0, 0, 0);
	call(SYS_close, ends[1], 0, 0, 0, 0, 0);
	end(data, file);
}

/* ---- lists ---- */

struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

static char *add_list_line(char *to, const struct statx *status, int64_t now)
{
	static const char months[] = "Jan\0Feb\0Mar\0Apr\0May\0Jun\0Jul\0Aug\0Sep\0Oct\0Nov\0Dec";
	struct day day = day_of(status->stx_mtime.tv_sec);
	uint64_t rest = (uint64_t)(status->stx_mtime.tv_sec % 86400);

	*to++ = (status->stx_mode & 0170000) == 0040000 ? 'd' : '-';
	for (int bit = 8; bit >= 0; bit--)
		*to++ = status->stx_mode >> bit & 1 ? "xwr"[bit % 3] : '-';
	to = add_number(to, status->stx_nlink, 5, ' ');
	to = add_number(add_text(to, " "), status->stx_uid, 8, ' ');
	to = add_number(add_text(to, " "), status->stx_gid, 8, ' ');
	to = add_number(add_text(to, " "), status->stx_size, 12, ' ');
	to = add_text(add_text(to, " "), months + 4 * (day.month - 1));
	to = add_text(add_number(add_text(to, " "), day.day, 2, '0'), " ");
	if (now - status->stx_mtime.tv_sec > 15552000)
		return add_text(add_number(to, day.year, 5, ' '), " ");
	to = add_number(
		add_text(add_number(to, rest / 3600, 2, '0'), ":"), rest % 3600 / 60, 2, '0');
	return add_text(to, " ");
}

static char *add_facts(char *to, const struct statx *status)
{
	to = add_number(add_text(to, "type=file;size="), status->stx_size, 1, ' ');
	to = add_stamp(add_text(to, ";modify="), status->stx_mtime.tv_sec);
	to = add_text(to, ";UNIX.mode=0");
	for (int shift = 6; shift >= 0; shift -= 3)
		*to++ = (char)('0' + (status->stx_mode >> shift & 7));
	to = add_number(add_text(to, ";UNIX.uid="), status->stx_uid, 1, ' ');
	to = add_number(add_text(to, ";UNIX.gid="), status->stx_gid, 1, ' ');
	return add_text(add_number(add_text(to, ";unique="), status->stx_ino, 1, ' '), "; ");
}

/* In the order of the directory; `kind` is the command's first letter. */
static void list(const char *name, char kind)
{
	long directory =
		call(SYS_openat, AT_FDCWD, (long)name, DIRECTORY_ONLY | CLOSE_ON_EXEC, 0, 0, 0);
	int64_t now[2] = {0, 0};
	long count;

	if (directory < 0) {
		say("550 no");
		return;
	}
	long data = begin();
	char *to = room(), *entries = memory + PIECE;
	call(SYS_clock_gettime, 0, (long)now, 0, 0, 0, 0);
	while ((count = call(SYS_getdents64, directory, (long)entries, ENTRIES, 0, 0, 0)) > 0) {
		for (char *at = entries; at < entries + count;) {
			struct entry *entry = (struct entry *)(void *)at;
			struct statx status;
			at += entry->length;
			if (entry->name[0] == '.')
				continue;
			if (kind != 'N' &&
				look(directory, entry->name, AT_SYMLINK_NOFOLLOW, &status) < 0)
				continue;
			if (kind != 'N')
				to = kind == 'L' ? add_list_line(to, &status, now[0])
						 : add_facts(to, &status);
			to = add_text(add_text(to, entry->name), "\r\n");
			if (to - memory > BLOCK) {
				put(data, memory, (size_t)(to - memory));
				to = memory;
			}
		}
	}
	put(data, memory, (size_t)(to - memory));
	end(data, directory);
}

/* ---- the session ---- */

static void tell(const char *name, bool date)
{
	struct statx status;
	char text[32];

	if (look(AT_FDCWD, name, 0, &status) < 0) {
		say("550 no");
	} else if (date) {
		*add_stamp(add_text(text, "213 "), status.stx_mtime.tv_sec) = '\0';
		say(text);
	} else {
		say_number("213 ", status.stx_size);
	}
}

#define VERB(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Whether the session goes on. */
static bool obey(uint32_t verb, const char *argument)
{
	switch (verb) {
	case VERB('U', 'S', 'E', 'R'):
		say("331 password");
		break;
	case VERB('P', 'A', 'S', 'S'):
		say("230 in");
		break;
	case VERB(0, 'P', 'W', 'D'):
		say("257 \"/\"");
		break;
	case VERB('N', 'O', 'O', 'P'):
		say("200 ok");
		break;
	case VERB('T', 'Y', 'P', 'E'):
		ascii = *argument == 'A';
		say("200 ok");
		break;
	case VERB('S', 'I', 'Z', 'E'):
	case VERB('M', 'D', 'T', 'M'):
		tell(argument, verb == VERB('M', 'D', 'T', 'M'));
		break;
	case VERB('P', 'A', 'S', 'V'):
	case VERB('E', 'P', 'S', 'V'):
		passive(verb == VERB('E', 'P', 'S', 'V'));
		break;
	case VERB('R', 'E', 'T', 'R'):
		retrieve(argument);
		break;
	case VERB('S', 'T', 'O', 'R'):
		store(argument);
		break;
	case VERB('L', 'I', 'S', 'T'):
	case VERB('N', 'L', 'S', 'T'):
	case VERB('M', 'L', 'S', 'D'):
		list(*argument ? argument : ".", (char)(verb >> 24));
		break;
	case VERB('Q', 'U', 'I', 'T'):
		say("221 bye");
		return false;
	default:
		say("500 what");
	}
	return true;
}

/* The next line, in `line`, without its end. Replies leave when there is nothing more to read. */
static bool next_line(void)
{
	size_t length = 0;

	for (;;) {
		while (input_begin < input_end && length < sizeof line - 1) {
			char byte = input[input_begin++];
			if (byte == '\n') {
				length -= length > 0 && line[length - 1] == '\r';
				line[length] = '\0';
				return true;
			}
			line[length++] = byte;
		}
		flush();
		long got = call(SYS_read, 0, (long)input, sizeof input, 0, 0, 0);
		if (got <= 0)
			return false;
		input_begin = 0;
		input_end = (size_t)got;
	}
}

static void session(const char *root)
{
	int one = 1;

	call(SYS_chdir, (long)root, 0, 0, 0, 0, 0);
	call(SYS_setsockopt, 0, IPPROTO_TCP, 1, (long)&one, sizeof one, 0);
	say("220 limit");
	while (next_line()) {
		const char *argument = line;
		uint32_t verb = 0;
		while (*argument && *argument != ' ')
			verb = verb << 8 | (uint32_t)(unsigned char)(*argument++ & ~32);
		if (!obey(verb, *argument ? argument + 1 : argument))
			break;
	}
	flush();
}

/* The kernel leaves the number of arguments and the arguments on the stack. */
__attribute__((used, noreturn)) void begin_at(char **stack);
__attribute__((naked, noreturn)) void _start(void);

__attribute__((used, noreturn)) void begin_at(char **stack)
{
	session(stack[2] ? stack[2] : ".");
	call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

__attribute__((naked, noreturn)) void _start(void)
{
	__asm__("mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin_at");
}
