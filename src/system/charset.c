#include "system/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "text/utf8.h"

#define CLOSED ((iconv_t)-1)

static iconv_t to_client = CLOSED, from_client = CLOSED;
static char current[64]; /* the name of what is open; "" for nothing */

/* iconv's input is not const, though it is only read. */
static size_t convert(iconv_t with, const char **in, size_t *in_left, char **out, size_t *out_left)
{
	union {
		const char *from;
		char *to;
	} at = {.from = *in};
	size_t result = iconv(with, &at.to, in_left, out, out_left);

	*in = at.from;
	return result;
}

static void drop(void)
{
	if (to_client != CLOSED)
		iconv_close(to_client);
	if (from_client != CLOSED)
		iconv_close(from_client);
	to_client = from_client = CLOSED;
	if (current[0]) /* where nothing is converted, its page stays untouched */
		current[0] = '\0';
}

/* Converts a whole text; `out_left` becomes what is left of the room. Nothing of an earlier text is in the way,
 * and nothing stays behind: some sets keep a letter until they know what follows. Returns 0 or -errno;
 * -EILSEQ also for what iconv could only put into other words. */
static int convert_whole(iconv_t with, const char *bytes, size_t size, char *out, size_t *out_left)
{
	const char *none = NULL;
	size_t nothing = 0, changed;

	(void)convert(with, &none, &nothing, &(char *){NULL}, &(size_t){0});
	changed = convert(with, &bytes, &size, &out, out_left);
	if (changed == 0)
		changed = convert(with, &none, &nothing, &out, out_left);
	if (changed == 0)
		return 0;
	return changed == (size_t)-1 && errno == E2BIG ? -ENAMETOOLONG : -EILSEQ;
}

/* Every ASCII character by itself, and nothing else that becomes one. */
static bool keeps_ascii(void)
{
	for (int c = 1; c < 256; c++) {
		const char text[2] = {(char)c, '\0'};
		char back[8];
		int error = charset_from_client(text, back, sizeof(back));
		if (c > 127 && error == 0 && (unsigned char)back[0] < 128)
			return false;
		if (c < 127 && (error < 0 || strcmp(back, text) != 0))
			return false;
	}
	return true;
}

int charset_open(const char *name)
{
	if (name && *name && strcmp(name, current) == 0)
		return 0;
	drop();
	if (!name)
		return 0;
	/* Behind a slash iconv takes wishes, such as to replace what it can't convert. */
	if (!*name || strlen(name) >= sizeof(current) || strchr(name, '/'))
		return -EINVAL;
	to_client = iconv_open(name, "UTF-8");
	from_client = iconv_open("UTF-8", name);
	if (to_client == CLOSED || from_client == CLOSED) {
		drop();
		return -EINVAL;
	}
	if (!keeps_ascii()) {
		drop();
		return -EPROTO;
	}
	memcpy(current, name, strlen(name) + 1);
	return 0;
}

bool charset_is_open(void)
{
	return to_client != CLOSED;
}

static size_t escape(unsigned char byte, char *out)
{
	static const char digits[] = "0123456789ABCDEF";

	out[0] = '%';
	out[1] = digits[byte >> 4];
	out[2] = digits[byte & 15];
	return 3;
}

/* Whether this text in the client's set comes back as that in UTF-8. */
static bool comes_back(const char *in_set, size_t set_size, const char *bytes, size_t size)
{
	char back[16];
	size_t left = sizeof(back);

	return convert_whole(from_client, in_set, set_size, back, &left) == 0 &&
	       sizeof(back) - left == size && memcmp(back, bytes, size) == 0;
}

/* Converts one character that is not of ASCII. Returns the bytes written; 0 if the character set does not have
 * it, or has another in its place, which would come back as that. */
static size_t convert_character(const char *bytes, size_t size, char *out)
{
	size_t room = CHARSET_GROWTH * size, left = room;

	if (convert_whole(to_client, bytes, size, out, &left) < 0 || left == room || !(*out & 0x80))
		return 0;
	return comes_back(out, room - left, bytes, size) ? room - left : 0;
}

/* What was written last, in UTF-8 and as bytes of the client's set. */
struct written {
	char utf8[2 * UTF8_LONGEST]; /* with room for the character behind it */
	size_t size, out_size;
};

/* Whether the character, behind the one before it, comes back as itself: some sets join a mark to it, and make another
 * name. `out` is where the character was written. */
static bool stays_apart(
	struct written *before, const char *bytes, size_t size, const char *out, size_t written)
{
	if (before->size == 0)
		return true;
	memcpy(before->utf8 + before->size, bytes, size);
	return comes_back(out - before->out_size, before->out_size + written, before->utf8,
		before->size + size);
}

size_t charset_to_client(const char *bytes, size_t size, char *out)
{
	const char *start = out;
	struct written before = {.size = 0};
	uint32_t point;

	while (size > 0) {
		size_t length = 1, written;
		if (!(*bytes & 0x80)) {
			*out = *bytes;
			written = 1;
		} else {
			length = utf8_decode(bytes, size, &point);
			written = length > 0 ? convert_character(bytes, length, out) : 0;
		}
		if (written > 0 && (*bytes & 0x80) &&
			!stays_apart(&before, bytes, length, out, written))
			written = 0;
		if (written > 0) {
			memcpy(before.utf8, bytes, length);
			before.size = length;
			before.out_size = written;
			out += written;
		} else {
			length = 1; /* what is left of it is no character either */
			out += escape((unsigned char)*bytes, out);
			/* A mark joins a digit, too. */
			before.utf8[0] = out[-1];
			before.size = before.out_size = 1;
		}
		bytes += length;
		size -= length;
	}
	return (size_t)(out - start);
}

int charset_from_client(const char *text, char *out, size_t capacity)
{
	size_t left = capacity - 1;
	int error = convert_whole(from_client, text, strlen(text), out, &left);

	if (error < 0)
		return error;
	out[capacity - 1 - left] = '\0';
	/* iconv lets pass what looks like UTF-8 but is beyond Unicode. */
	return utf8_is_valid(out) ? 0 : -EILSEQ;
}
