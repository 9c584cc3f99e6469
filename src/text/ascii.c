#include "text/ascii.h"

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#else
#include "text/number.h"
#endif

/* Line ends are looked for in this many bytes at a time. */
#define BLOCK 64

/* Longer runs are left to memcpy, which takes its time to begin. */
#define RUN_SHORT 256

/* One bit for each byte of a block, the first the lowest: whether it is `wanted`. */
#ifdef __SSE2__
static inline uint64_t find_16(const char *at, __m128i wanted)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);

	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted));
}

static inline uint64_t find_in_block(const char *block, char wanted)
{
	const __m128i all = _mm_set1_epi8(wanted);

	return find_16(block, all) | find_16(block + 16, all) << 16 |
	       find_16(block + 32, all) << 32 | find_16(block + 48, all) << 48;
}
#else
static inline uint64_t find_in_block(const char *block, char wanted)
{
	uint64_t found = 0, bytes;

	for (int i = 0; i < BLOCK; i += 8) {
		memcpy(&bytes, block + i, sizeof(bytes));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		bytes = __builtin_bswap64(bytes);
#endif
		bytes = number_zeros(bytes ^ NUMBER_EACH((unsigned char)wanted));
		/* All eight bits side by side. */
		found |= ((bytes >> 7) * 0x0102040810204080 >> 56) << i;
	}
	return found;
}
#endif

/* The same where a block may be shorter. */
static uint64_t find_at_end(const char *at, const char *end, char wanted)
{
	char last[BLOCK] = {0};

	memcpy(last, at, (size_t)(end - at));
	return find_in_block(last, wanted);
}

static inline uint64_t find(const char *at, const char *end, char wanted)
{
	return end - at < BLOCK ? find_at_end(at, end, wanted) : find_in_block(at, wanted);
}

/* Copies what lies before `stop`, and may write more behind it where neither input nor output end soon. */
static inline char *copy_run(char *out, const char *from, const char *stop, const char *end)
{
	size_t run = (size_t)(stop - from);

	if (run <= RUN_SHORT && end - stop >= 32)
		for (size_t i = 0; i < run; i += 32)
			memcpy(out + i, from + i, 32);
	else
		memcpy(out, from, run);
	return out + run;
}

size_t ascii_to_wire(struct ascii *state, const char *in, size_t size, char *out)
{
	const char *start = out, *from = in, *end = in + size;

	if (size == 0)
		return 0;
	for (size_t at = 0; at < size; at += BLOCK) {
		for (uint64_t left = find(in + at, end, '\n'); left; left &= left - 1) {
			const char *line_end = in + at + __builtin_ctzll(left);
			out = copy_run(out, from, line_end, end);
			if (line_end > in ? line_end[-1] != '\r' : !state->after_cr)
				*out++ = '\r';
			*out++ = '\n';
			from = line_end + 1;
		}
	}
	out = copy_run(out, from, end, end);
	state->after_cr = end[-1] == '\r';
	return (size_t)(out - start);
}

size_t ascii_wire_size(struct ascii *state, const char *in, size_t size)
{
	const char *end = in + size;
	size_t added = 0;

	if (size == 0)
		return 0;
	for (size_t at = 0; at < size; at += BLOCK) {
		for (uint64_t left = find(in + at, end, '\n'); left; left &= left - 1) {
			const char *line_end = in + at + __builtin_ctzll(left);
			added += line_end > in ? line_end[-1] != '\r' : !state->after_cr;
		}
	}
	state->after_cr = end[-1] == '\r';
	return size + added;
}

size_t ascii_from_wire(struct ascii *state, const char *in, size_t size, char *out)
{
	const char *start = out, *from = in, *end = in + size;

	if (size == 0)
		return 0;
	if (state->after_cr && *in != '\n')
		*out++ = '\r';
	state->after_cr = end[-1] == '\r';
	for (size_t at = 0; at < size; at += BLOCK) {
		for (uint64_t left = find(in + at, end, '\r'); left; left &= left - 1) {
			const char *cr = in + at + __builtin_ctzll(left);
			if (cr + 1 < end && cr[1] != '\n')
				continue;
			out = copy_run(out, from, cr, end);
			from = cr + 1;
		}
	}
	out = copy_run(out, from, end, end);
	return (size_t)(out - start);
}

size_t ascii_finish(struct ascii *state, char *out)
{
	if (!state->after_cr)
		return 0;
	state->after_cr = false;
	*out = '\r';
	return 1;
}
