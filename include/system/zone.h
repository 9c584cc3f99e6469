/* The time zone: loaded once, before a jail hides its file. */
#ifndef SOLOFTPD_SYSTEM_ZONE_H
#define SOLOFTPD_SYSTEM_ZONE_H

#include <stdint.h>

/* Loads the system's time zone and pins it, so that libc never looks for its file again. Further
 * calls do nothing. */
void zone_load(void);

/* The time of day: seconds since 1970. */
int64_t zone_now(void);

/* The same in microseconds. */
int64_t zone_microseconds(void);

#endif
