/*
 * Waiting for much at once: a fast upload is woken when a batch of bytes has arrived, and not for each packet, as far as
 * none of them waits long for that.
 */
#ifndef SOLOFTPD_DATA_BATCH_H
#define SOLOFTPD_DATA_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "data/watch.h"

struct batch {
	int fd;		/* the data connection, borrowed */
	int bytes;	/* how many of them end a wait now: 1 at first */
	uint64_t again; /* how many have to have been moved before that may be more */
};

/* Waits until a batch has arrived, or anything if `moved` bytes were not fast enough. Returns a positive number, 0 when no
 * batch came soon: whatever has come is to be taken before the next wait; or as watch_wait. */
int batch_wait(struct batch *batch, struct watch *watch, uint64_t moved, int64_t deadline);

/* From now on a single byte ends other waits. */
void batch_end(struct batch *batch);

#endif
