#include "system/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

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
	current[0] = '\0';
}

/* Every ASCII character by itself, both ways. */
static bool keeps_ascii(void)
{
	for (char c = 1; c > 0 && c < 127; c++) {
		const char text[2] = {c, '\0'};
		char back[8], there[CHARSET_GROWTH];
		if (charset_from_client(text, back, sizeof(back)) < 0 || strcmp(back, text) != 0)
			return false;
		if (charset_to_client(text, 1, there) != 1 || there[0] != c)
			return false;
	}
	return true;
}

int charset_open(const char *name)
{
	if (name && strcmp(name, current) == 0)
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

static void escape(unsigned char byte, char **out, size_t *out_left)
{
	static const char digits[] = "0123456789ABCDEF";

	(*out)[0] = '%';
	(*out)[1] = digits[byte >> 4];
	(*out)[2] = digits[byte & 15];
	*out += 3;
	*out_left -= 3;
}

size_t charset_to_client(const char *bytes, size_t size, char *out)
{
	size_t left = CHARSET_GROWTH * size, whole = left;

	while (size > 0) {
		if (convert(to_client, &bytes, &size, &out, &left) != (size_t)-1 ||
			left < CHARSET_GROWTH)
			break;
		/* What is left always fits three times: the text ends here, or there is no such
		 * character, or it is no UTF-8. */
		escape((unsigned char)*bytes, &out, &left);
		bytes++;
		size--;
	}
	return whole - left;
}

int charset_from_client(const char *text, char *out, size_t capacity)
{
	size_t size = strlen(text), left = capacity - 1;

	(void)convert(
		from_client, &(const char *){NULL}, &(size_t){0}, &(char *){NULL}, &(size_t){0});
	if (convert(from_client, &text, &size, &out, &left) != 0)
		return errno == E2BIG ? -ENAMETOOLONG : -EILSEQ;
	*out = '\0';
	return 0;
}
