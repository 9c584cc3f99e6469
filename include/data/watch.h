/*
 * Waiting for the data connection with the client listening: whoever waits here also hears the
 * control connection, which can end the wait (ABOR, a vanished client).
 */
#ifndef SOLOFTPD_DATA_WATCH_H
#define SOLOFTPD_DATA_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch {
	int control; /* borrowed; -1 watches nothing */
	bool deaf;   /* set by `heard` when it can take in no more: then only a hang-up counts */
	/* Called when the control connection has something. Returns 0 to go on, -ECANCELED to give the
	 * transfer up (ABOR), -EPIPE when the client is gone. */
	int (*heard)(struct watch *watch);
	/* Called before each wait, for what the client has not been told yet; NULL: it has been told all. */
	void (*say)(struct watch *watch);
	void *context;
};

/* Waits until `fd` is ready for `want` (IO_READ or IO_WRITE; -1 and 0: for nothing but time), or
 * until `deadline`. Returns a positive number, -ETIMEDOUT, -EINTR, or what `heard` returned. */
int watch_wait(struct watch *watch, int fd, unsigned want, int64_t deadline);

/* Hears the control connection if it has something by now. Returns 0 or as above. */
int watch_glance(struct watch *watch);

/* The same in one call, for the end of a transfer: SIGTERM can wait. */
int watch_hear(struct watch *watch);

#endif
