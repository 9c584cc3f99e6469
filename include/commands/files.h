/* Files that a session may read. */
#ifndef SOLOFTPD_COMMANDS_FILES_H
#define SOLOFTPD_COMMANDS_FILES_H

#include "session.h"
#include "system/vfs.h"

/* Opens a regular file to be read by the client, with the checks of a download but for its name's. Returns 0
 * with the descriptor, which the caller owns, and its facts, or -errno: -EINVAL for what is no file, -EAGAIN
 * while somebody writes it. */
int files_open(struct session *session, const char *path, int *out_fd, struct facts *out_facts);

/* The largest file, in bytes, whose lines are counted for SIZE and REST in TYPE A: it has to be read for that. */
#define FILES_MEASURE_MAX ((uint64_t)64 * 1024 * 1024)

/* The octets that a transfer in TYPE A would send of the open file: each line end counts as two. Leaves the
 * position at its end. Returns 0 or -errno; -EFBIG if it is larger than FILES_MEASURE_MAX. */
int files_measure_ascii(int fd, uint64_t *out_octets);

#endif
