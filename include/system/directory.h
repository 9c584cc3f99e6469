/*
 * A directory's names: one after the other, or read and sorted. Then only the names are kept; what LIST says about an entry is
 * asked for when its line is made, so that memory stays with the names whatever is listed.
 */
#ifndef SOLOFTPD_SYSTEM_DIRECTORY_H
#define SOLOFTPD_SYSTEM_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "system/vfs.h"

/* A directory read entry by entry, in the order it has; only one at a time can be. */
struct directory_stream {
	int fd;
	size_t at, size;
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

enum directory_order { DIRECTORY_BY_NAME, DIRECTORY_BY_TIME, DIRECTORY_BY_SIZE };

struct directory_entry {
	uint64_t key;	/* sorts before the name does */
	uint32_t name;	/* offset into names */
	uint32_t known; /* 1 more than its index in facts; 0: it has none */
};

struct directory {
	int fd;
	char *names;
	size_t names_size, names_capacity;
	struct directory_entry *entries;
	size_t count, capacity;
	struct facts *facts; /* of a sort by time or size, so that none is asked for twice */
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

/* The entry's own facts (a symbolic link's, not its target's); with `follow` the target's. -ENOENT
 * when it has gone meanwhile. */
int directory_facts(
	const struct directory *directory, size_t index, bool follow, struct facts *out_facts);

/* The target of a symbolic link, cut to fit; "" and -errno if it can't be read. */
int directory_target(const struct directory *directory, size_t index, char *out, size_t capacity);

void directory_free(struct directory *directory);

#endif
