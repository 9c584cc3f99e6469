/* Small files read whole: configuration, lists, banners. */
#ifndef SOLOFTPD_SYSTEM_FILE_H
#define SOLOFTPD_SYSTEM_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Reads all of the regular file `path` into `storage` and terminates it with a NUL (`capacity`
 * includes it). With `guarded`, the file must belong to root or to the effective user and be writable
 * by no one else (group root excepted). Unguarded, a device will do: /dev/null is an empty
 * file. Never waits on a FIFO. Returns 0 and the size,
 * or -errno: -EFBIG when it does not fit, -EPERM when the owner or mode is wrong, -EINVAL when it is
 * no regular file, -EILSEQ when it has a NUL byte. */
int file_read(const char *path, bool guarded, char *storage, size_t capacity, size_t *out_size);

/* Whether `word` is a whole line of the text `list` (trailing blanks and CR of a line do not count). */
bool file_lists(const char *list, const char *word);

#endif
