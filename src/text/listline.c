#include "text/listline.h"

#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#include "text/timestamp.h"
#include "text/number.h"

/* By the four upper bits of a mode. */
static const char types[16] = {
	[S_IFREG >> 12] = '-',
	[S_IFDIR >> 12] = 'd',
	[S_IFLNK >> 12] = 'l',
	[S_IFBLK >> 12] = 'b',
	[S_IFCHR >> 12] = 'c',
	[S_IFIFO >> 12] = 'p',
	[S_IFSOCK >> 12] = 's',
};

/* One rwx group; a set-id or sticky bit replaces the x, and is a capital where that was missing. */
static void put_rwx(uint32_t bits, bool is_special, const char special[2], char *out)
{
	static const char groups[8][4] = {"---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"};

	memcpy(out, groups[bits & 7], 3);
	if (is_special)
		out[2] = special[bits & 1];
}

void listline_mode(uint32_t mode, char out[11])
{
	char type = types[mode >> 12 & 15];

	out[0] = type ? type : '?';
	put_rwx(mode >> 6, mode & S_ISUID, "Ss", out + 1);
	put_rwx(mode >> 3, mode & S_ISGID, "Ss", out + 4);
	put_rwx(mode, mode & S_ISVTX, "Tt", out + 7);
	out[10] = '\0';
}

static const char *classify_mark(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return (mode & (S_IXUSR | S_IXGRP | S_IXOTH)) ? "*" : "";
	case S_IFDIR:
		return "/";
	case S_IFLNK:
		return "@";
	case S_IFIFO:
		return "|";
	case S_IFSOCK:
		return "=";
	default:
		return "";
	}
}

/* The upper bit of each byte that may be a control: one below 0x20, 0x7F, or, which has to be looked at then, one above. */
static uint64_t controls(uint64_t word)
{
	return ((word - NUMBER_EACH(0x20)) | (word + NUMBER_EACH(0x01)) | word) & NUMBER_EACH(0x80);
}

/* Most names have nothing of the kind, which eight bytes at a time tell; the last eight may be seen twice. */
static bool may_have_controls(const char *name, size_t size)
{
	uint64_t word;

	if (size < sizeof(word))
		return true;
	for (size_t at = 0; at + sizeof(word) < size; at += sizeof(word)) {
		memcpy(&word, name + at, sizeof(word));
		if (controls(word))
			return true;
	}
	memcpy(&word, name + size - sizeof(word), sizeof(word));
	return controls(word) != 0;
}

bool listline_has_line_end(const char *name, size_t size)
{
	return may_have_controls(name, size) &&
	       (memchr(name, '\r', size) || memchr(name, '\n', size));
}

bool listline_append_told(
	struct buffer *b, const char *prefix, size_t prefix_size, const char *name)
{
	char *to = b->data + b->size;
	size_t room = buffer_room(b), size;

	for (size_t at = 0; at < prefix_size && at + sizeof(uint64_t) <= room;
		at += sizeof(uint64_t))
		memcpy(to + at, prefix + at, sizeof(uint64_t));
	/* The first byte that may be a control is the terminator, but for names with bytes above 0x7F. */
	for (size_t at = prefix_size; at + sizeof(uint64_t) + 2 <= room; at += sizeof(uint64_t)) {
		uint64_t word, found;
		memcpy(&word, name + (at - prefix_size), sizeof(word));
		memcpy(to + at, &word, sizeof(word));
		found = controls(le64toh(word));
		if (found == 0)
			continue;
		at += (size_t)__builtin_ctzll(found) / 8;
		if (name[at - prefix_size])
			break;
		memcpy(to + at, "\r\n", 2);
		b->size += at + 2;
		return true;
	}
	size = strlen(name);
	if (listline_has_line_end(name, size))
		return false;
	buffer_bytes(b, prefix, prefix_size);
	buffer_bytes(b, name, size);
	buffer_bytes(b, "\r\n", 2);
	return true;
}

void listline_append_name(struct buffer *b, const char *name)
{
	size_t start = b->size, size = strlen(name);

	buffer_bytes(b, name, size);
	if (!may_have_controls(name, size))
		return;
	for (size_t i = start; i < b->size; i++) {
		unsigned char byte = (unsigned char)b->data[i];

		if (byte < 0x20 || byte == 0x7F)
			b->data[i] = '?';
	}
}

void listline_append(
	struct buffer *b, const struct listline *entry, int64_t now, bool local, bool classify)
{
	char mode[11];

	listline_mode(entry->mode, mode);
	mode[10] = ' ';
	buffer_bytes(b, mode, sizeof(mode));
	buffer_padded(b, entry->links, 4, ' ');
	buffer_byte(b, ' ');
	buffer_left(b, entry->owner, 8);
	buffer_byte(b, ' ');
	buffer_left(b, entry->group, 8);
	buffer_byte(b, ' ');
	buffer_padded(b, entry->size, 8, ' ');
	buffer_byte(b, ' ');
	timestamp_append_list(b, entry->modified, now, local);
	buffer_byte(b, ' ');
	listline_append_name(b, entry->name);
	if (classify)
		buffer_string(b, classify_mark(entry->mode));
	if (entry->target) {
		buffer_bytes(b, " -> ", 4);
		listline_append_name(b, entry->target);
	}
	buffer_bytes(b, "\r\n", 2);
}
