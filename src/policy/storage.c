#include "policy/storage.h"

#include <errno.h>

#include "system/vfs.h"

/* Options count kibibytes. */
static uint64_t bytes_of(unsigned kibibytes)
{
	return (uint64_t)kibibytes * 1024;
}

/* What may still be added to the file system; no limit where it does not tell. */
static uint64_t room(const struct config *config, int fd)
{
	uint64_t available, reserve = bytes_of(config->upload_min_free);

	if (vfs_space(fd, &available) < 0)
		return UINT64_MAX;
	return available > reserve ? available - reserve : 0;
}

int storage_check(const struct config *config, int fd, uint64_t start, uint64_t announced)
{
	uint64_t most = bytes_of(config->upload_max_size);

	if (most > 0 && (start > most || announced > most - start))
		return -EFBIG;
	if (announced == 0 && config->upload_min_free == 0)
		return 0;
	return announced > room(config, fd) || room(config, fd) == 0 ? -ENOSPC : 0;
}

void storage_limit(const struct config *config, int fd, uint64_t start, struct storage *out_limit)
{
	uint64_t most = bytes_of(config->upload_max_size);

	*out_limit = (struct storage){.bytes = UINT64_MAX};
	if (most > 0)
		*out_limit = (struct storage){most > start ? most - start : 0, -EFBIG};
	if (config->upload_min_free > 0 && room(config, fd) < out_limit->bytes)
		*out_limit = (struct storage){room(config, fd), -ENOSPC};
}
