/*
 * text/json: whatever the values, the object is valid JSON in one line, and where nothing was cut a reader gets back
 * the very text.
 *
 * Input: two bytes for the size of the storage, then members: a byte of the kind, with a text a byte of its limit, and
 * the value.
 */
#include "fuzz.h"
#include "text/json.h"

#define MEMBERS 26

static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
	"n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"};

/* ---- a reader of RFC 8259, as far as it is needed: it takes no white space ---- */

static unsigned read_hex(const char *text, unsigned digits)
{
	char copy[5] = {0};

	memcpy(copy, text, digits);
	must(strspn(copy, "0123456789abcdef") == digits);
	return (unsigned)strtoul(copy, NULL, 16);
}

static size_t write_point(uint32_t point, char *out)
{
	size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : 3;

	out[0] = (char)(size == 1 ? point : size == 2 ? 0xC0 | point >> 6 : 0xE0 | point >> 12);
	for (size_t i = 1; i < size; i++)
		out[i] = (char)(0x80 | (point >> (6 * (size - 1 - i)) & 0x3F));
	return size;
}

/* Reads a string behind its quotation mark; returns what follows it. */
static const char *read_string(const char *at, char *out)
{
	uint32_t point;

	while (*at != '"') {
		size_t size = utf8_point(at, &point);
		must(size > 0 && point >= 0x20 && (point < 0x7f || point >= 0xa0));
		must(point < 0x2028 || point > 0x202e);
		if (*at != '\\') {
			memcpy(out, at, size);
			at += size;
			out += size;
		} else if (at[1] == 'u') {
			point = read_hex(at + 2, 4);
			must(point > 0 && (point < 0xd800 || point > 0xdfff));
			out += write_point(point, out);
			at += 6;
		} else {
			must(at[1] == '"' || at[1] == '\\');
			*out++ = at[1];
			at += 2;
		}
	}
	*out = '\0';
	return at + 1;
}

static const char *read_number(const char *at)
{
	size_t digits = strspn(at, "0123456789");

	must(digits > 0 && (digits == 1 || *at != '0'));
	at += digits;
	if (*at == '.') {
		digits = strspn(at + 1, "0123456789");
		must(digits == 6);
		at += 1 + digits;
	}
	return at;
}

static const char *skip_word(const char *at, const char *word)
{
	must(strncmp(at, word, strlen(word)) == 0);
	return at + strlen(word);
}

/* What the members of the object were: texts by key, those of "_hex" apart. */
struct object {
	char *texts[MEMBERS], *hex[MEMBERS];
	bool cut;
};

static const char *read_member(const char *at, struct object *object, char *out)
{
	char key[16];
	size_t name;

	must(at[0] == '"' && strcspn(at + 1, "\"") < sizeof(key));
	at = skip_word(read_string(at + 1, key), ":");
	must(!object->cut);
	object->cut = strcmp(key, "cut") == 0;
	if (*at == '"') {
		name = (size_t)(key[0] - 'a');
		at = read_string(at + 1, out);
		must(name < MEMBERS && (!key[1] || strcmp(key + 1, "_hex") == 0));
		char **place = key[1] ? &object->hex[name] : &object->texts[name];
		must(!*place);
		*place = copy_text(out, strlen(out));
		return at;
	}
	if (*at == 't' || *at == 'f')
		return skip_word(at, *at == 't' ? "true" : "false");
	return read_number(at);
}

static void read_object(const struct buffer *b, struct object *object)
{
	char *text = copy_text(b->data, b->size), *out = exactly(b->size + 1);
	const char *at = skip_word(text, "{");

	must(strlen(text) == b->size);
	while (*at != '}') {
		if (at > text + 1)
			at = skip_word(at, ",");
		at = read_member(at, object, out);
	}
	must(strcmp(at, "}\n") == 0 && strchr(text, '\n') == at + 1);
	free(text);
	free(out);
}

/* ---- the target ---- */

static void must_be_bytes(const char *hex, const char *bytes)
{
	must(strlen(hex) == 2 * strlen(bytes));
	for (size_t i = 0; bytes[i]; i++)
		must(read_hex(hex + 2 * i, 2) == (unsigned char)bytes[i]);
}

static void check_members(const struct object *object, char *const texts[MEMBERS])
{
	uint32_t point;

	for (size_t i = 0; i < MEMBERS; i++) {
		bool valid = true;
		must(!object->hex[i] || object->texts[i]);
		if (!texts[i] || object->cut)
			continue;
		must(object->texts[i] != NULL);
		for (size_t at = 0, size; texts[i][at] && valid; at += size) {
			size = utf8_point(texts[i] + at, &point);
			valid = size > 0;
		}
		must(valid == !object->hex[i]);
		if (valid)
			must(strcmp(object->texts[i], texts[i]) == 0);
		else
			must_be_bytes(object->hex[i], texts[i]);
	}
}

static void add_members(struct json *json, struct input *in, char *texts[MEMBERS])
{
	for (size_t i = 0; i < MEMBERS && in->size > 0; i++) {
		unsigned kind = take_byte(in) % 6;
		if (kind == 0)
			json_number(json, keys[i], take_number(in, 8));
		else if (kind == 1)
			json_truth(json, keys[i], take_byte(in) & 1);
		else if (kind == 2)
			json_seconds(json, keys[i], (int64_t)take_number(in, 8));
		else {
			size_t limit = kind == 3 ? take_byte(in) : 100000;
			texts[i] = take_text(in);
			json_string(json, keys[i], texts[i], limit);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	size_t capacity = JSON_LEAST + take_number(&in, 2) % 8192;
	char *storage = exactly(capacity), *texts[MEMBERS] = {NULL};
	struct object object = {.cut = false};
	struct json json;

	json_start(&json, storage, capacity);
	add_members(&json, &in, texts);
	json_end(&json);
	must(json.b.size <= capacity && !json.b.cut);
	read_object(&json.b, &object);
	check_members(&object, texts);
	for (size_t i = 0; i < MEMBERS; i++) {
		free(texts[i]);
		free(object.texts[i]);
		free(object.hex[i]);
	}
	free(storage);
	return 0;
}
