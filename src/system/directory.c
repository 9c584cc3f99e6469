#include "system/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* With fewer entries it does not matter in which order they are looked at. */
#define SCATTERED 1024

/* As the kernel lays it out (getdents64(2)). */
struct kernel_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

_Static_assert(DIRECTORY_SLACK >= ORDER_SLACK, "names are read beyond their ends");

static int grow(void **storage, size_t *capacity, size_t needed, size_t unit)
{
	size_t bigger = *capacity > 0 ? *capacity : 512;
	void *moved;

	if (*storage && needed <= *capacity)
		return 0;
	while (bigger < needed)
		bigger *= 2;
	moved = realloc(*storage, bigger * unit);
	if (!moved)
		return -ENOMEM;
	*storage = moved;
	*capacity = bigger;
	return 0;
}

/* Room for one more entry, with a name of `size` bytes. */
static int make_room(struct directory *d, size_t size)
{
	void *names = d->names, *entries = d->entries;
	int error = grow(&names, &d->names_capacity, d->names_size + size + DIRECTORY_SLACK, 1);

	d->names = names;
	if (error == 0)
		error = grow(&entries, &d->capacity, d->count + 1, sizeof(*d->entries));
	d->entries = entries;
	return error == 0 && d->names_size > UINT32_MAX ? -ENOMEM : error;
}

static int add(struct directory *d, const char *name)
{
	size_t size = strlen(name) + 1;
	int error = 0;

	if (d->names_size + size + DIRECTORY_SLACK > d->names_capacity || d->count == d->capacity)
		error = make_room(d, size);
	if (error != 0)
		return error;
	memcpy(d->names + d->names_size, name, size);
	d->entries[d->count] =
		(struct order_entry){.name = (uint32_t)d->names_size, .place = (uint32_t)d->count};
	d->count++;
	d->names_size += size;
	return 0;
}

/* ---- reading ---- */

/* What the kernel gave of the one directory that is being read. */
static union {
	char bytes[65536 + DIRECTORY_SLACK];
	uint64_t align;
} space;

int directory_open(const char *path, struct directory_stream *out_stream)
{
	int fd = vfs_open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	*out_stream = (struct directory_stream){.fd = fd};
	return 0;
}

int directory_next(struct directory_stream *stream, const char **out_name)
{
	const struct kernel_entry *entry;

	if (stream->at == stream->size) {
		long got = syscall(SYS_getdents64, stream->fd, space.bytes,
			sizeof(space.bytes) - DIRECTORY_SLACK);
		if (got <= 0)
			return got < 0 ? -errno : 0;
		stream->at = 0;
		stream->size = (size_t)got;
	}
	entry = (const void *)(space.bytes + stream->at);
	stream->at += entry->size;
	stream->inode = entry->inode;
	*out_name = entry->name;
	return 1;
}

static int name_facts(int fd, const char *name, bool follow, struct facts *out_facts)
{
	struct stat st;

	if (fstatat(fd, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	vfs_facts(&st, out_facts);
	return 0;
}

static int name_target(int fd, const char *name, char *out, size_t capacity)
{
	ssize_t size = readlinkat(fd, name, out, capacity - 1);
	int error = size < 0 ? -errno : 0;

	out[size > 0 ? size : 0] = '\0';
	return error;
}

int directory_next_facts(const struct directory_stream *stream, const char *name, bool follow,
	struct facts *out_facts)
{
	return name_facts(stream->fd, name, follow, out_facts);
}

int directory_next_target(
	const struct directory_stream *stream, const char *name, char *out, size_t capacity)
{
	return name_target(stream->fd, name, out, capacity);
}

void directory_close(struct directory_stream *stream)
{
	close(stream->fd);
}

static int read_names(struct directory *d, directory_filter *keep, const void *context)
{
	struct directory_stream stream = {.fd = d->fd};
	uint64_t before = 0;
	const char *name = "";
	int more;

	while ((more = directory_next(&stream, &name)) > 0) {
		int error = 0;
		if (keep && !keep(name, context))
			continue;
		error = add(d, name);
		if (error != 0)
			return error;
		d->rising += stream.inode > before;
		before = stream.inode;
	}
	if (d->names)
		memset(d->names + d->names_size, 0, DIRECTORY_SLACK);
	return more;
}

int directory_read(const char *path, directory_filter *keep, const void *context,
	struct directory *out_directory)
{
	struct directory_stream stream = {.fd = -1};
	struct directory d = {.fd = -1};
	int error = directory_open(path, &stream);

	if (error < 0)
		return error;
	d.fd = stream.fd;
	error = read_names(&d, keep, context);
	if (error < 0)
		directory_free(&d);
	else
		*out_directory = d;
	return error;
}

/* ---- facts ---- */

/* What is remembered of an entry. */
struct directory_known {
	uint64_t size;
	int64_t modified;
	uint32_t uid, gid, links;
	uint16_t mode;
	bool is;
};

static void remember(const struct facts *facts, struct directory_known *out)
{
	*out = (struct directory_known){.size = facts->size,
		.modified = facts->modified,
		.uid = facts->uid,
		.gid = facts->gid,
		.links = (uint32_t)facts->links,
		.mode = (uint16_t)facts->mode,
		.is = facts->links <= UINT32_MAX && facts->mode <= UINT16_MAX};
}

bool directory_ask(struct directory *directory, size_t most)
{
	struct directory *d = directory;
	struct facts facts = {.size = 0};

	if (!d->known)
		d->known = calloc(d->count, sizeof(*d->known));
	if (!d->known)
		return false;
	for (; most > 0 && d->asked < d->count; most--) {
		const char *name = d->names + d->asked_name;
		if (name_facts(d->fd, name, false, &facts) == 0)
			remember(&facts, &d->known[d->asked]);
		d->asked_name += strlen(name) + 1;
		d->asked++;
	}
	return d->asked < d->count;
}

bool directory_is_scattered(const struct directory *directory)
{
	const struct directory *d = directory;

	return d->moved && d->count >= SCATTERED &&
	       (d->rising < d->count / 16 || d->rising > d->count - d->count / 16);
}

void directory_expect(const struct directory *directory, size_t index)
{
	const struct directory *d = directory;

	directory_expect_name(d, index);
	if (d->known && index < d->count)
		__builtin_prefetch(&d->known[d->entries[index].place]);
}

int directory_facts(
	const struct directory *directory, size_t index, bool follow, struct facts *out_facts)
{
	const struct directory *d = directory;
	const struct directory_known *known =
		d->known && !follow ? &d->known[d->entries[index].place] : NULL;

	if (!known || !known->is)
		return name_facts(d->fd, directory_name(d, index), follow, out_facts);
	*out_facts = (struct facts){.mode = known->mode,
		.uid = known->uid,
		.gid = known->gid,
		.links = known->links,
		.size = known->size,
		.modified = known->modified};
	return 0;
}

/* ---- sorting ---- */

static int set_keys(struct directory *d, enum directory_order order)
{
	(void)directory_ask(d, d->count);
	if (!d->known)
		return -ENOMEM;
	for (size_t i = 0; i < d->count; i++) {
		const struct directory_known *known = &d->known[d->entries[i].place];
		uint64_t rank = 0;

		if (known->is)
			rank = order == DIRECTORY_BY_SIZE
				       ? known->size
				       : (uint64_t)known->modified ^ (uint64_t)1 << 63;
		d->entries[i].key = ~rank; /* largest and newest first */
	}
	return 0;
}

static int sort(struct directory *d)
{
	struct order_entry *spare, *sorted;

	/* Some file systems have entries in the order in which they were made, or the last made first. */
	if (order_holds(d->entries, d->count, d->names, false))
		return 0;
	if (order_holds(d->entries, d->count, d->names, true)) {
		order_reverse(d->entries, d->count);
		return 0;
	}
	spare = malloc(d->count * sizeof(*spare));
	if (!spare)
		return -ENOMEM;
	sorted = order_sort(d->entries, spare, d->count, d->names);
	free(sorted == spare ? d->entries : spare);
	d->entries = sorted;
	d->capacity = d->count;
	d->moved = true;
	return 0;
}

int directory_sort(struct directory *directory, enum directory_order order, bool reverse)
{
	struct directory *d = directory;
	int error = 0;

	if (d->count < 2)
		return 0;
	if (order == DIRECTORY_BY_NAME)
		order_set_keys(d->entries, d->count, d->names);
	else
		error = set_keys(d, order);
	if (error == 0)
		error = sort(d);
	if (error == 0 && reverse)
		order_reverse(d->entries, d->count);
	return error;
}

int directory_target(const struct directory *directory, size_t index, char *out, size_t capacity)
{
	return name_target(directory->fd, directory_name(directory, index), out, capacity);
}

void directory_free(struct directory *directory)
{
	close(directory->fd);
	free(directory->names);
	free(directory->entries);
	free(directory->known);
}
