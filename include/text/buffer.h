/*
 * A bounded string under construction: text is appended until the storage is full, never past it.
 * All replies, log lines and listing lines are built this way; there are no format strings.
 */
#ifndef SOLOFTPD_TEXT_BUFFER_H
#define SOLOFTPD_TEXT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
	char *data;	 /* borrowed storage */
	size_t size;	 /* bytes in use */
	size_t capacity; /* bytes of storage */
	bool cut;	 /* an append did not fit: what fitted was kept, the rest dropped */
};

/* Starts an empty buffer in `storage` of `capacity` bytes (at least 1), which the caller owns. */
void buffer_start(struct buffer *b, char *storage, size_t capacity);

/* Bytes that still fit. */
static inline size_t buffer_room(const struct buffer *b)
{
	return b->capacity - b->size - 1;
}

/* Appends what fits, and sets `cut`: for buffer_bytes. */
void buffer_cut(struct buffer *b, const void *bytes);

/* Appends; what does not fit is dropped and `cut` is set. One byte is always kept free for
 * buffer_text's terminator. Here, so that known sizes need no call. */
static inline void buffer_bytes(struct buffer *b, const void *bytes, size_t size)
{
	if (size > buffer_room(b)) {
		buffer_cut(b, bytes);
		return;
	}
	/* memcpy must not see the NULL that an empty range may come with. */
	if (size == 0)
		return;
	memcpy(b->data + b->size, bytes, size);
	b->size += size;
}

static inline void buffer_byte(struct buffer *b, char byte)
{
	buffer_bytes(b, &byte, 1);
}

static inline void buffer_string(struct buffer *b, const char *text)
{
	buffer_bytes(b, text, strlen(text));
}

/* Appends a decimal number, right-aligned with `pad` to at least `width` columns. */
void buffer_number(struct buffer *b, uint64_t value);
void buffer_padded(struct buffer *b, uint64_t value, unsigned width, char pad);

/* Appends `text`, filled with blanks on the right to at least `width` columns. */
void buffer_left(struct buffer *b, const char *text, unsigned width);

/* Appends the mode in octal, without a leading zero ("644", "0" for 0). */
void buffer_octal(struct buffer *b, unsigned value);

/* The content as a NUL-terminated string, valid until the next append. */
const char *buffer_text(struct buffer *b);

#endif
