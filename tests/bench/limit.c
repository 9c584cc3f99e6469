/* The least that a program under xinetd can do and still satisfy tests/bench/load.c: no policy, no passwords, no logs, no
 * checks. It is the floor that servers are compared with, and no server. Written for x86-64 with AVX2 alone. */
#include "limit.h"

#include <immintrin.h>
#include <netinet/in.h>

void *memmove(void *to, const void *from, size_t count);

static char input[65536], output[65536];
static size_t input_begin, input_end, output_end;
static long listener = -1;
static bool ascii, protection;

/* ---- replies ---- */

void put(long fd, const char *data, size_t count)
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
	control_write(output, output_end);
	output_end = 0;
}

char *add_text(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

char *add_number(char *to, uint64_t number, int width, char filler)
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

void say(const char *text)
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

/* Days since 1970, counted from March on, so that a leap day is the last of its year. */
struct day day_of(int64_t seconds)
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

char *add_stamp(char *to, int64_t seconds)
{
	struct day day = day_of(seconds);
	uint64_t rest = (uint64_t)(seconds % 86400);

	to = add_number(
		add_number(add_number(to, day.year, 4, '0'), day.month, 2, '0'), day.day, 2, '0');
	return add_number(add_number(add_number(to, rest / 3600, 2, '0'), rest % 3600 / 60, 2, '0'),
		rest % 60, 2, '0');
}

long look(long directory, const char *name, unsigned flags, struct statx *status)
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

long begin(void)
{
	say("150 ok");
	flush();
	long data = call(SYS_accept4, listener, 0, 0, CLOSE_ON_EXEC, 0, 0);
	call(SYS_close, listener, 0, 0, 0, 0, 0);
	listener = -1;
	data_begin(data, protection);
	return data;
}

void end(long data, long file)
{
	data_end();
	call(SYS_close, data, 0, 0, 0, 0, 0);
	call(SYS_close, file, 0, 0, 0, 0, 0);
	say("226 ok");
}

char *room(void)
{
	static char *memory;

	if (!memory)
		memory =
			(char *)call(SYS_mmap, 0, 3L * PIECE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0);
	return memory;
}

/* LF becomes CR LF. */
static size_t convert(char *to, const char *from, size_t count)
{
	const __m256i ends = _mm256_set1_epi8('\n');
	const char *stop = from + count;
	char *start = to;

	while (from + 32 <= stop) {
		__m256i piece = _mm256_loadu_si256((const __m256i *)(const void *)from);
		int found = _mm256_movemask_epi8(_mm256_cmpeq_epi8(piece, ends));
		int until = found ? __builtin_ctz((unsigned)found) : 32;
		_mm256_storeu_si256((__m256i *)(void *)to, piece);
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

/* What the program itself must have seen: conversion, encryption. */
static void read_and_send(long file, long data)
{
	char *memory = room();
	long count;

	if (!ascii) {
		while ((count = call(SYS_read, file, (long)memory, PIECE, 0, 0, 0)) > 0)
			data_write(data, memory, (size_t)count);
		return;
	}
	while ((count = call(SYS_read, file, (long)memory, BLOCK, 0, 0, 0)) > 0)
		data_write(data, memory + PIECE, convert(memory + PIECE, memory, (size_t)count));
}

static void retrieve(const char *name)
{
	struct statx status;
	long file = call(SYS_openat, AT_FDCWD, (long)name, CLOSE_ON_EXEC, 0, 0, 0);

	if (file < 0) {
		say("550 no");
		return;
	}
	look(file, "", AT_EMPTY_PATH, &status);
	long data = begin();
	if (ascii || !data_plain()) {
		read_and_send(file, data);
	} else {
		long count = 0;
		for (long left = (long)status.stx_size; left > 0; left -= count) {
			count = call(SYS_sendfile, data, file, 0, left, 0, 0);
			if (count <= 0)
				break;
		}
	}
	end(data, file);
}

static void splice_all(long data, long file)
{
	int ends[2];
	long count;

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
}

/* Records come one by one, and are written many at a time. */
static void receive_and_write(long data, long file)
{
	char *memory = room();
	size_t filled = 0;
	long count;

	while ((count = data_read(data, memory + filled, PIECE - filled)) > 0) {
		filled += (size_t)count;
		if (filled > PIECE - BLOCK) {
			put(file, memory, filled);
			filled = 0;
		}
	}
	put(file, memory, filled);
}

static void store(const char *name)
{
	long file = call(SYS_openat, AT_FDCWD, (long)name, CREATE | CLOSE_ON_EXEC, 0644, 0, 0);

	if (file < 0) {
		say("550 no");
		return;
	}
	long data = begin();
	if (data_plain())
		splice_all(data, file);
	else
		receive_and_write(data, file);
	end(data, file);
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
static bool obey(uint32_t verb, const char *argument, const char *certificate)
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
		if (*argument == '-') /* it does not sort anyway */
			argument += argument[2] ? 3 : 2;
		list(*argument ? argument : ".", (char)(verb >> 24));
		break;
	case VERB('Q', 'U', 'I', 'T'):
		say("221 bye");
		return false;
	case VERB('A', 'U', 'T', 'H'):
		say("234 go");
		flush();
		input_begin = input_end = 0;
		return secure(certificate);
	case VERB('P', 'B', 'S', 'Z'):
		say("200 ok");
		break;
	case VERB('P', 'R', 'O', 'T'):
		protection = *argument == 'P';
		say("200 ok");
		break;
	default:
		say("500 what");
	}
	return true;
}

/* The next line, without its end, in the input itself. Replies leave when there is nothing more to read. */
static char *next_line(void)
{
	for (;;) {
		char *line = input + input_begin, *stop = input + input_end, *at = line;
		while (at < stop && *at != '\n')
			at++;
		if (at < stop) {
			input_begin = (size_t)(at + 1 - input);
			at[at > line && at[-1] == '\r' ? -1 : 0] = '\0';
			return line;
		}
		flush();
		input_end -= input_begin;
		memmove(input, line, input_end);
		input_begin = 0;
		long got = control_read(input + input_end, sizeof input - input_end);
		if (got <= 0)
			return NULL;
		input_end += (size_t)got;
	}
}

void session(const char *root, const char *certificate)
{
	int one = 1;
	char *line;

	call(SYS_chdir, (long)root, 0, 0, 0, 0, 0);
	call(SYS_setsockopt, 0, IPPROTO_TCP, 1, (long)&one, sizeof one, 0);
	say("220 limit");
	while ((line = next_line())) {
		const char *argument = line;
		uint32_t verb = 0;
		while (*argument && *argument != ' ')
			verb = verb << 8 | (uint32_t)(unsigned char)(*argument++ & ~32);
		if (!obey(verb, *argument ? argument + 1 : argument, certificate))
			break;
	}
	flush();
}
