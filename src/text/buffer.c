#include "text/buffer.h"

#include <string.h>

#include "text/number.h"

void buffer_start(struct buffer *b, char *storage, size_t capacity)
{
	b->data = storage;
	b->size = 0;
	b->capacity = capacity;
	b->cut = false;
}

void buffer_cut(struct buffer *b, const void *bytes)
{
	size_t room = buffer_room(b);

	b->cut = true;
	memcpy(b->data + b->size, bytes, room);
	b->size += room;
}

static void append_fill(struct buffer *b, size_t count, char byte)
{
	size_t room = buffer_room(b);

	if (count > room) {
		count = room;
		b->cut = true;
	}
	memset(b->data + b->size, byte, count);
	b->size += count;
}

void buffer_number(struct buffer *b, uint64_t value)
{
	buffer_padded(b, value, 0, ' ');
}

void buffer_padded(struct buffer *b, uint64_t value, unsigned width, char pad)
{
	char text[32], *end = text + sizeof(text);
	size_t size;

	memset(text, pad, sizeof(text));
	size = number_digits(value, end);
	if (width > sizeof(text)) {
		append_fill(b, width - sizeof(text), pad);
		width = sizeof(text);
	}
	if (size < width)
		size = width;
	buffer_bytes(b, end - size, size);
}

void buffer_left(struct buffer *b, const char *text, unsigned width)
{
	size_t size = strlen(text);

	buffer_bytes(b, text, size);
	if (size < width)
		append_fill(b, width - size, ' ');
}

void buffer_octal(struct buffer *b, unsigned value)
{
	char digits[(sizeof(value) * 8 + 2) / 3];
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + (value & 7));
		value >>= 3;
	} while (value != 0);
	buffer_bytes(b, digits + first, sizeof(digits) - first);
}

const char *buffer_text(struct buffer *b)
{
	b->data[b->size] = '\0';
	return b->data;
}
