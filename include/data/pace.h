/*
 * Bandwidth limits: a session owes time for every byte it moves, and pays by waiting. The rate holds
 * on average over a transfer; time between transfers earns no credit.
 */
#ifndef SOLOFTPD_DATA_PACE_H
#define SOLOFTPD_DATA_PACE_H

#include <stddef.h>
#include <stdint.h>

struct pace {
	uint64_t rate; /* bytes a second; 0: no limit */
	int64_t due; /* when what was moved so far is paid for: nanoseconds on the monotonic clock */
};

/* The beginning of a transfer, at `now` (milliseconds): what earlier ones owe still counts. */
void pace_begin(struct pace *pace, int64_t now);

/* How many bytes may be moved at once: `chunk` if that is set (at least 4096), otherwise so much that
 * a wait lasts about a tenth of a second; never more than `most`. */
size_t pace_chunk(const struct pace *pace, size_t chunk, size_t most);

/* Charges `bytes` moved by `now` (milliseconds) and returns the time in milliseconds until which to
 * wait; not after `now` when nothing is owed. */
int64_t pace_charge(struct pace *pace, int64_t now, size_t bytes);

#endif
