#include "data/pace.h"

#define LEAST_CHUNK 4096

/* Time lost while moving a piece may be made up for, this much at most: nanoseconds. */
#define CREDIT ((int64_t)100 * 1000000)

void pace_begin(struct pace *pace, int64_t now)
{
	if (pace->due < now * 1000000)
		pace->due = now * 1000000;
}

size_t pace_chunk(const struct pace *pace, size_t chunk, size_t most)
{
	size_t size = chunk;

	if (pace->rate == 0)
		return most;
	if (size == 0)
		size = pace->rate / 10 < most ? (size_t)(pace->rate / 10) : most;
	if (size < LEAST_CHUNK && (chunk > 0 || pace->rate >= LEAST_CHUNK))
		size = LEAST_CHUNK;
	if (size == 0)
		size = 1;
	return size < most ? size : most;
}

int64_t pace_charge(struct pace *pace, int64_t now, size_t bytes)
{
	int64_t now_ns = now * 1000000;

	if (pace->rate == 0)
		return now;
	if (pace->due < now_ns - CREDIT)
		pace->due = now_ns - CREDIT;
	/* Pieces are at most a few MiB: the product fits. */
	pace->due += (int64_t)((uint64_t)bytes * 1000000000 / pace->rate);
	return pace->due / 1000000;
}
