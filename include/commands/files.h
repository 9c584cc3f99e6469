/* Files that a session may read. */
#ifndef SOLOFTPD_COMMANDS_FILES_H
#define SOLOFTPD_COMMANDS_FILES_H

#include "session.h"
#include "system/vfs.h"

/* Opens a regular file to be read by the client, with the checks of a download but for its name's. Returns 0
 * with the descriptor, which the caller owns, and its facts, or -errno: -EINVAL for what is no file, -EAGAIN
 * while somebody writes it. */
int files_open(struct session *session, const char *path, int *out_fd, struct facts *out_facts);

/* The octets that a transfer in TYPE A would send of the open file: each line end counts as two. Reads it up to
 * its end and leaves the position there. Returns 0 or -errno; -EFBIG if it has more than `most` bytes, or what
 * the watch said (NULL: nobody is heard). */
int files_measure_ascii(int fd, struct watch *watch, uint64_t most, uint64_t *out_octets);

#endif
