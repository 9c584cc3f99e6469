/* What all targets share: taking an input apart, and saying what must hold. */
#ifndef SOLOFTPD_TESTS_FUZZ_FUZZ_H
#define SOLOFTPD_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A property: the target ends, and libFuzzer keeps the input, where it does not hold. */
#define must(condition) \
	((condition) ? (void)0 : must_fail(#condition, __FILE__, __LINE__, __func__))

_Noreturn static inline void must_fail(
	const char *condition, const char *file, int line, const char *function)
{
	fprintf(stderr, "%s:%d: %s: does not hold: %s\n", file, line, function, condition);
	abort();
}

/* What is left of an input. Fields are taken from its front; behind the end all are zero or empty. */
struct input {
	const uint8_t *bytes;
	size_t size;
};

static inline unsigned take_byte(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->bytes++;
}

/* Little-endian. */
static inline uint64_t take_number(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)take_byte(in) << (8 * i);
	return value;
}

/* Storage of exactly this size, so that a byte past its end is noticed; release with free. */
static inline void *exactly(size_t size)
{
	void *storage = malloc(size > 0 ? size : 1);

	must(storage != NULL);
	return storage;
}

static inline char *copy_text(const void *bytes, size_t size)
{
	char *text = exactly(size + 1);

	memcpy(text, bytes, size);
	text[size] = '\0';
	return text;
}

/* The text up to the next NUL or the end, in exact storage. */
static inline char *take_text(struct input *in)
{
	const uint8_t *end = in->size > 0 ? memchr(in->bytes, '\0', in->size) : NULL;
	size_t size = end ? (size_t)(end - in->bytes) : in->size;
	char *text = copy_text(size > 0 ? (const void *)in->bytes : "", size);

	in->bytes += size + (end != NULL);
	in->size -= size + (end != NULL);
	return text;
}

/* A buffer in exact storage; release its data with free. */
static inline struct buffer exact_buffer(size_t capacity)
{
	struct buffer b;

	buffer_start(&b, exactly(capacity), capacity);
	return b;
}

/* Pseudo-random numbers for cuts and sizes, which an input need not spell out (xorshift). */
static inline uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* What is left of a stream without Telnet's commands (RFC 854), and the answers to them. */
static inline size_t telnet_plainly(const char *in, size_t size, char *out, struct buffer *answers)
{
	size_t kept = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char command = i + 1 < size ? (unsigned char)in[i + 1] : 0;
		if ((unsigned char)in[i] != 255) {
			out[kept++] = in[i];
			continue;
		}
		i++;
		if (command == 255)
			out[kept++] = (char)command;
		if (command >= 251 && command <= 254 && ++i < size && (command & 1)) {
			buffer_byte(answers, (char)255);
			buffer_byte(answers, (char)(command == 251 ? 254 : 252));
			buffer_byte(answers, in[i]);
		}
	}
	return kept;
}

static inline bool is_control(char byte)
{
	return (unsigned char)byte < 0x20 || byte == 0x7F;
}

/* The size of the UTF-8 sequence at `text` (RFC 3629) and its code point; 0 if there is none. */
static inline size_t utf8_point(const char *text, uint32_t *out_point)
{
	unsigned char first = (unsigned char)text[0];
	size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	static const uint32_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t point = first & masks[size];

	if ((first >= 0x80 && first < 0xc0) || first > 0xf7)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | ((unsigned char)text[i] & 0x3f);
	}
	*out_point = point;
	if (point < lowest[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return size;
}

#endif
