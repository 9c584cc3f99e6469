#include "text/waiting.h"

#include <string.h>

void waiting_add(struct waiting *waiting, const char *path, const char *name)
{
	UNCLEARED char child[PATH_TEXT];
	size_t size;

	if (path_join(path, name, child, sizeof(child)) < 0)
		return;
	size = strlen(child) + 1;
	if (size > waiting->capacity - waiting->size)
		return;
	memcpy(waiting->paths + waiting->size, child, size);
	waiting->size += size;
}

void waiting_take(struct waiting *waiting, char path[PATH_TEXT])
{
	size_t start = waiting->size - 1;

	while (start > 0 && waiting->paths[start - 1] != '\0')
		start--;
	memcpy(path, waiting->paths + start, waiting->size - start);
	waiting->size = start;
}
