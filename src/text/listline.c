#include "text/listline.h"

#include <string.h>
#include <sys/stat.h>

#include "text/timestamp.h"

static char type_letter(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return '-';
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFBLK:
		return 'b';
	case S_IFCHR:
		return 'c';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	default:
		return '?';
	}
}

/* One rwx group; a set-id or sticky bit replaces the x, and is a capital where that was missing. */
static void put_rwx(uint32_t bits, bool is_special, const char special[2], char *out)
{
	out[0] = bits & 4 ? 'r' : '-';
	out[1] = bits & 2 ? 'w' : '-';
	out[2] = bits & 1 ? 'x' : '-';
	if (is_special)
		out[2] = special[bits & 1];
}

void listline_mode(uint32_t mode, char out[11])
{
	out[0] = type_letter(mode);
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

/* Every byte of a word. */
#define EACH(byte) (UINT64_MAX / 255 * (byte))

/* Whether one of eight bytes may be a control: one below 0x20, 0x7F, or, which has to be looked at then, one above. */
static bool may_have_control(const char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return ((word - EACH(0x20)) | (word + EACH(0x01)) | word) & EACH(0x80);
}

void listline_append_name(struct buffer *b, const char *name)
{
	size_t start = b->size;

	buffer_bytes(b, name, strlen(name));
	while (b->size - start >= 8 && !may_have_control(b->data + start))
		start += 8;
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
