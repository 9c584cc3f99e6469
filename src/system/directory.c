#include "system/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As the kernel lays it out (getdents64(2)). */
struct kernel_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

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

/* Eight bytes of a name as a number that sorts as they do. */
static uint64_t name_key(const char *name)
{
	uint64_t key = 0;
	unsigned used = 0;

	for (; used < 8 && name[used]; used++)
		key = key << 8 | (unsigned char)name[used];
	return used == 0 ? 0 : key << (8 * (8 - used));
}

static int add(struct directory *d, const char *name)
{
	size_t size = strlen(name) + 1;
	void *names = d->names, *entries = d->entries;
	int error = grow(&names, &d->names_capacity, d->names_size + size, 1);

	d->names = names;
	if (error == 0)
		error = grow(&entries, &d->capacity, d->count + 1, sizeof(*d->entries));
	d->entries = entries;
	if (error == 0 && d->names_size > UINT32_MAX)
		error = -ENOMEM;
	if (error != 0)
		return error;
	memcpy(d->names + d->names_size, name, size);
	d->entries[d->count++] = (struct directory_entry){.name = (uint32_t)d->names_size};
	d->names_size += size;
	return 0;
}

/* ---- reading ---- */

/* What the kernel gave of the one directory that is being read. */
static union {
	char bytes[65536];
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
		long got = syscall(SYS_getdents64, stream->fd, space.bytes, sizeof(space.bytes));
		if (got <= 0)
			return got < 0 ? -errno : 0;
		stream->at = 0;
		stream->size = (size_t)got;
	}
	entry = (const void *)(space.bytes + stream->at);
	stream->at += entry->size;
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
	const char *name = "";
	int more;

	while ((more = directory_next(&stream, &name)) > 0) {
		int error = !keep || keep(name, context) ? add(d, name) : 0;
		if (error < 0)
			return error;
	}
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

/* ---- sorting ---- */

static bool comes_before(
	const struct directory *d, const struct directory_entry *a, const struct directory_entry *b)
{
	if (a->key != b->key)
		return a->key < b->key;
	return strcmp(d->names + a->name, d->names + b->name) < 0;
}

static void merge(const struct directory *d, struct directory_entry *from,
	struct directory_entry *to, size_t begin, size_t middle, size_t end)
{
	size_t left = begin, right = middle;

	for (size_t out = begin; out < end; out++) {
		bool take_right = left == middle ||
				  (right < end && comes_before(d, &from[right], &from[left]));
		to[out] = take_right ? from[right++] : from[left++];
	}
}

/* How many bytes all names begin with. */
static size_t common_prefix(const struct directory *d)
{
	const char *first = directory_name(d, 0);
	size_t common = strlen(first);

	for (size_t i = 1; i < d->count; i++) {
		const char *name = directory_name(d, i);
		size_t same = 0;
		while (same < common && name[same] == first[same])
			same++;
		common = same;
	}
	return common;
}

/* Names that a program has numbered differ late: the keys are of where they begin to. */
static void set_name_keys(struct directory *d)
{
	size_t common = common_prefix(d);

	for (size_t i = 0; i < d->count; i++)
		d->entries[i].key = name_key(directory_name(d, i) + common);
}

static void turn_round(struct directory *d)
{
	for (size_t low = 0, high = d->count - 1; low < high; low++, high--) {
		struct directory_entry swap = d->entries[low];
		d->entries[low] = d->entries[high];
		d->entries[high] = swap;
	}
}

/* Whether each entry comes before the one behind it, or each behind it: some file systems have them in the order in which they
 * were made, or the last made first. */
static bool is_ordered(const struct directory *d, bool backwards)
{
	for (size_t i = 1; i < d->count; i++) {
		const struct directory_entry *left = &d->entries[i - 1], *right = &d->entries[i];
		if (!comes_before(d, backwards ? right : left, backwards ? left : right))
			return false;
	}
	return true;
}

/* Bottom-up merge sort: no recursion, and no input that makes it slow (clients choose the names). */
static int merge_sort(struct directory *d)
{
	struct directory_entry *from = d->entries, *to;
	struct directory_entry *spare = malloc(d->capacity * sizeof(*spare));

	if (!spare)
		return -ENOMEM;
	to = spare;
	for (size_t width = 1; width < d->count; width *= 2) {
		struct directory_entry *swap = from;
		for (size_t begin = 0; begin < d->count; begin += 2 * width) {
			size_t middle = begin + width < d->count ? begin + width : d->count;
			size_t end = middle + width < d->count ? middle + width : d->count;
			merge(d, from, to, begin, middle, end);
		}
		from = to;
		to = swap;
	}
	d->entries = from;
	free(to);
	return 0;
}

static int sort(struct directory *d)
{
	if (is_ordered(d, false))
		return 0;
	if (!is_ordered(d, true))
		return merge_sort(d);
	turn_round(d);
	return 0;
}

static int set_keys(struct directory *d, enum directory_order order)
{
	d->facts = calloc(d->count, sizeof(*d->facts));
	if (!d->facts)
		return -ENOMEM;
	for (size_t i = 0; i < d->count; i++) {
		struct facts *facts = &d->facts[i];
		uint64_t rank = 0;

		if (directory_facts(d, i, false, facts) == 0) {
			d->entries[i].known = (uint32_t)(i + 1);
			rank = order == DIRECTORY_BY_SIZE
				       ? facts->size
				       : (uint64_t)facts->modified ^ (uint64_t)1 << 63;
		}
		d->entries[i].key = ~rank; /* largest and newest first */
	}
	return 0;
}

int directory_sort(struct directory *directory, enum directory_order order, bool reverse)
{
	struct directory *d = directory;
	int error = 0;

	if (d->count < 2)
		return 0;
	if (order == DIRECTORY_BY_NAME)
		set_name_keys(d);
	else
		error = set_keys(d, order);
	if (error == 0)
		error = sort(d);
	if (error == 0 && reverse)
		turn_round(d);
	return error;
}

int directory_facts(
	const struct directory *directory, size_t index, bool follow, struct facts *out_facts)
{
	uint32_t known = directory->entries[index].known;

	if (known > 0 && !follow) {
		*out_facts = directory->facts[known - 1];
		return 0;
	}
	return name_facts(directory->fd, directory_name(directory, index), follow, out_facts);
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
	free(directory->facts);
}
