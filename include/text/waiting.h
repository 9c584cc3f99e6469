/* Paths that wait for their turn: the one that came last is the first to go on. */
#ifndef SOLOFTPD_TEXT_WAITING_H
#define SOLOFTPD_TEXT_WAITING_H

#include <stddef.h>

#include "text/path.h"

struct waiting {
	char *paths; /* borrowed storage; NULL: none can wait */
	size_t size, capacity;
};

/* Adds `name` below `path`. What does not fit is left out. */
void waiting_add(struct waiting *waiting, const char *path, const char *name);

/* Takes the path that waits last; there must be one (`size` is not 0). */
void waiting_take(struct waiting *waiting, char path[PATH_TEXT]);

#endif
