/* How much an upload may store: upload_max_size, upload_min_free, and what the client announced (ALLO). */
#ifndef SOLOFTPD_POLICY_STORAGE_H
#define SOLOFTPD_POLICY_STORAGE_H

#include <stdint.h>

#include "policy/config.h"

/* Whether an upload may begin that puts `announced` bytes (0: unknown) at `start` of the open file: 0, -EFBIG (too large by
 * configuration) or -ENOSPC. */
int storage_check(const struct config *config, int fd, uint64_t start, uint64_t announced);

/* The bytes that an upload may bring, and what is wrong (-errno) with more. */
struct storage {
	uint64_t bytes;
	int excess;
};
void storage_limit(const struct config *config, int fd, uint64_t start, struct storage *out_limit);

#endif
