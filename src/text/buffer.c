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

size_t buffer_room(const struct buffer *b)
{
	return b->capacity - b->size - 1;
}

void buffer_byte(struct buffer *b, char byte)
{
	if (buffer_room(b) == 0) {
		b->cut = true;
		return;
	}
	b->data[b->size++] = byte;
}

void buffer_bytes(struct buffer *b, const void *bytes, size_t size)
{
	size_t room = buffer_room(b);

	if (size > room) {
		size = room;
		b->cut = true;
	}
	/* memcpy must not see the NULL that an empty range may come with. */
	if (size == 0)
		return;
	memcpy(b->data + b->size, bytes, size);
	b->size += size;
}

void buffer_string(struct buffer *b, const char *text)
{
	buffer_bytes(b, text, strlen(text));
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
	char digits[NUMBER_TEXT];
	size_t size = number_format(value, digits);

	if (size < width)
		append_fill(b, width - size, pad);
	buffer_bytes(b, digits, size);
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
