/*
 * A directory's names: one after the other, or read and sorted. Then the names are kept; what LIST says about an entry is
 * asked for when its line is made, or ahead, where the directory's order is much the better one for asking.
 */
#ifndef SOLOFTPD_SYSTEM_DIRECTORY_H
#define SOLOFTPD_SYSTEM_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "system/vfs.h"
#include "text/order.h"

/* Bytes behind every name that may be read, whatever they are. */
#define DIRECTORY_SLACK 8

/* A directory read entry by entry, in the order it has; only one at a time can be. */
struct directory_stream {
	int fd;
	size_t at, size;
	uint64_t inode; /* of the name that came last */
};

/* Opens it; the caller must directory_close(). Returns 0 or -errno. */
int directory_open(const char *path, struct directory_stream *out_stream);

/* The next name ("." and ".." among them), valid until the next call. Returns 1, 0 at the end, or -errno. */
int directory_next(struct directory_stream *stream, const char **out_name);

/* As directory_facts and directory_target below, for a name in it. */
int directory_next_facts(const struct directory_stream *stream, const char *name, bool follow,
	struct facts *out_facts);
int directory_next_target(
	const struct directory_stream *stream, const char *name, char *out, size_t capacity);
void directory_close(struct directory_stream *stream);

/* The last is not for directory_sort: it is the order of a stream. */
enum directory_order {
	DIRECTORY_BY_NAME,
	DIRECTORY_BY_TIME,
	DIRECTORY_BY_SIZE,
	DIRECTORY_UNSORTED,
};

struct directory_known;

struct directory {
	int fd;
	char *names; /* in the directory's order */
	size_t names_size, names_capacity;
	struct order_entry *entries; /* their place is the one that they have in the directory */
	size_t count, capacity;
	size_t rising; /* entries whose number is higher than that of the one before */
	bool moved;    /* by sorting, and not just turned round */
	struct directory_known *known; /* facts, by place; NULL: none was asked for ahead */
	size_t asked, asked_name;      /* the next to ask for, and its name */
};

/* Which names to keep; NULL keeps all. "." and ".." are offered too. */
typedef bool directory_filter(const char *name, const void *context);

/* Reads the directory `path`. On success the caller must directory_free(). Returns 0 or -errno
 * (-ENOMEM, -ENOTDIR, -EACCES, ...). */
int directory_read(const char *path, directory_filter *keep, const void *context,
	struct directory *out_directory);

/* Sorts: by name (bytes), newest first, or largest first; ties by name. Returns 0 or -ENOMEM. */
int directory_sort(struct directory *directory, enum directory_order order, bool reverse);

static inline const char *directory_name(const struct directory *directory, size_t index)
{
	return directory->names + directory->entries[index].name;
}

/* Has an entry that will be looked at soon, if there is one, brought nearer to the processor: its name, or its facts, too. */
static inline void directory_expect_name(const struct directory *directory, size_t index)
{
	if (index < directory->count)
		__builtin_prefetch(directory_name(directory, index));
}
void directory_expect(const struct directory *directory, size_t index);

/* Whether it pays to ask for facts ahead: entries are to be looked at in an order in which they do not lie in memory and on
 * the disk. The directory's own order is better where it is that of their numbers, as most file systems have it. */
bool directory_is_scattered(const struct directory *directory);

/* Asks for the facts of the next `most` entries, in the directory's order, to be remembered for directory_facts. Returns
 * whether there are more. */
bool directory_ask(struct directory *directory, size_t most);

/* The entry's own facts (a symbolic link's, not its target's); with `follow` the target's. -ENOENT
 * when it has gone meanwhile. Nanoseconds, device and inode are not set of those that are remembered. */
int directory_facts(
	const struct directory *directory, size_t index, bool follow, struct facts *out_facts);

/* The target of a symbolic link, cut to fit; "" and -errno if it can't be read. */
int directory_target(const struct directory *directory, size_t index, char *out, size_t capacity);

void directory_free(struct directory *directory);

#endif
