#include "text/json.h"

#include "text/utf8.h"

/* What is kept free for the end. */
static const char cut_mark[] = ",\"cut\":true";
#define TAIL (sizeof(cut_mark) + 2)

#define REPLACEMENT "\xef\xbf\xbd"

void json_start(struct json *json, char *storage, size_t capacity)
{
	buffer_start(&json->b, storage, capacity - TAIL);
	json->cut = false;
	buffer_byte(&json->b, '{');
}

/* ---- members ---- */

static void begin(struct json *json, const char *key, const char *suffix)
{
	if (json->b.size > 1)
		buffer_byte(&json->b, ',');
	buffer_byte(&json->b, '"');
	buffer_string(&json->b, key);
	buffer_string(&json->b, suffix);
	buffer_string(&json->b, "\":");
}

/* A member that did not fit goes again, from where it began. */
static void end(struct json *json, size_t start)
{
	if (!json->b.cut)
		return;
	json->b.size = start;
	json->b.cut = false;
	json->cut = true;
}

void json_number(struct json *json, const char *key, uint64_t value)
{
	size_t start = json->b.size;

	begin(json, key, "");
	buffer_number(&json->b, value);
	end(json, start);
}

void json_truth(struct json *json, const char *key, bool value)
{
	size_t start = json->b.size;

	begin(json, key, "");
	buffer_string(&json->b, value ? "true" : "false");
	end(json, start);
}

void json_seconds(struct json *json, const char *key, int64_t microseconds)
{
	uint64_t time = microseconds > 0 ? (uint64_t)microseconds : 0;
	size_t start = json->b.size;

	begin(json, key, "");
	buffer_number(&json->b, time / 1000000);
	buffer_byte(&json->b, '.');
	buffer_padded(&json->b, time % 1000000, 6, '0');
	end(json, start);
}

/* ---- text ---- */

static void append_hex(struct buffer *b, uint32_t value, unsigned digits)
{
	while (digits-- > 0)
		buffer_byte(b, "0123456789abcdef"[value >> (4 * digits) & 15]);
}

/* Appends what stands for the next character; returns its bytes in `text`. */
static size_t append_character(struct buffer *b, const char *text, bool *valid)
{
	uint32_t point;
	size_t size = utf8_decode(text, UTF8_LONGEST, &point);

	if (size == 0) {
		*valid = false;
		buffer_string(b, REPLACEMENT);
		return 1;
	}
	if (utf8_disturbs(point)) {
		buffer_string(b, "\\u");
		append_hex(b, point, 4);
	} else if (point == '"' || point == '\\') {
		buffer_byte(b, '\\');
		buffer_byte(b, *text);
	} else {
		buffer_bytes(b, text, size);
	}
	return size;
}

/* Appends as much as takes `limit` bytes; returns how much of `text` that was. */
static size_t append_text(struct buffer *b, const char *text, size_t limit, bool *valid)
{
	size_t used = 0, start = b->size;

	while (text[used]) {
		char storage[8];
		struct buffer piece;
		bool is_valid = true;
		size_t size;

		buffer_start(&piece, storage, sizeof(storage));
		size = append_character(&piece, text + used, &is_valid);
		if (b->size - start + piece.size > limit || buffer_room(b) < piece.size)
			break;
		buffer_bytes(b, piece.data, piece.size);
		*valid &= is_valid;
		used += size;
	}
	return used;
}

static void add_bytes(struct json *json, const char *key, const char *bytes, size_t size)
{
	size_t start = json->b.size;

	begin(json, key, "_hex");
	buffer_byte(&json->b, '"');
	for (size_t i = 0; i < size; i++)
		append_hex(&json->b, (unsigned char)bytes[i], 2);
	buffer_byte(&json->b, '"');
	end(json, start);
}

void json_string(struct json *json, const char *key, const char *text, size_t limit)
{
	size_t start = json->b.size, used;
	bool valid = true;

	if (!text)
		return;
	begin(json, key, "");
	buffer_byte(&json->b, '"');
	used = append_text(&json->b, text, limit, &valid);
	buffer_byte(&json->b, '"');
	json->cut |= text[used] != '\0';
	end(json, start);
	if (!valid && json->b.size > start)
		add_bytes(json, key, text, used);
}

void json_end(struct json *json)
{
	json->b.capacity += TAIL;
	if (json->cut)
		buffer_string(&json->b, cut_mark + (json->b.size == 1));
	buffer_string(&json->b, "}\n");
}
