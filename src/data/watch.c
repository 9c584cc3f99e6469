#include "data/watch.h"

#include <errno.h>

#include "system/io.h"

int watch_wait(struct watch *watch, int fd, unsigned want, int64_t deadline)
{
	if (watch->say)
		watch->say(watch);
	for (;;) {
		int ready = watch->deaf ? io_wait_hangup(fd, want, watch->control, deadline)
					: io_wait(fd, want, watch->control, deadline);
		if (ready < 0)
			return ready;
		if ((unsigned)ready & IO_CONTROL) {
			int verdict = watch->heard(watch);
			if (verdict < 0)
				return verdict;
		}
		if ((unsigned)ready & want)
			return ready;
		/* A talkative client does not move the deadline. */
		if (deadline != IO_FOREVER && io_now() >= deadline)
			return -ETIMEDOUT;
	}
}

int watch_hear(struct watch *watch)
{
	return watch->deaf ? watch_glance(watch) : watch->heard(watch);
}

int watch_glance(struct watch *watch)
{
	int ready = watch_wait(watch, -1, 0, io_now());

	return ready == -ETIMEDOUT ? 0 : ready;
}
