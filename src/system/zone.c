#include "system/zone.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

void zone_load(void)
{
	static bool loaded;

	if (loaded)
		return;
	loaded = true;
	/* With TZ unset libc looks at /etc/localtime again and again, and in a jail falls back to UTC
	 * (or reads a file that a client put there). */
	setenv("TZ", ":/etc/localtime", 1);
	tzset();
}

int64_t zone_now(void)
{
	return (int64_t)time(NULL);
}

int64_t zone_microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
