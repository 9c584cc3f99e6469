#include "data/batch.h"

#include <errno.h>

#include "system/io.h"
#include "system/net.h"

/* What a wait is for, and how long it is given. After one in vain so many bytes come without. */
#define BATCH (512 * 1024)
#define BATCH_MS 20
#define BATCH_AGAIN ((uint64_t)4 * 1024 * 1024)

static void set(struct batch *batch, int bytes)
{
	if (batch->bytes != bytes)
		net_wake_at(batch->fd, bytes);
	batch->bytes = bytes;
}

int batch_wait(struct batch *batch, struct watch *watch, uint64_t moved, int64_t deadline)
{
	int64_t soon = io_now() + BATCH_MS;
	int ready;

	if (moved < batch->again || deadline < soon) {
		set(batch, 1);
		return watch_wait(watch, batch->fd, IO_READ, deadline);
	}
	set(batch, BATCH);
	ready = watch_wait(watch, batch->fd, IO_READ, soon);
	if (ready != -ETIMEDOUT)
		return ready;
	batch->again = moved + BATCH_AGAIN;
	return 0;
}

void batch_end(struct batch *batch)
{
	set(batch, 1);
}
