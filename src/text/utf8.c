#include "text/utf8.h"

static bool is_within(uint32_t value, uint32_t first, uint32_t last)
{
	return value >= first && value <= last;
}

/* What a first byte says that the character takes; those that would begin an overlong form or what is beyond Unicode say
 * nothing. */
static size_t length_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (!is_within(first, 0xc2, 0xf4))
		return 0;
	return first >= 0xf0 ? 4 : (first >= 0xe0 ? 3 : 2);
}

size_t utf8_decode(const char *text, size_t size, uint32_t *out_point)
{
	static const uint32_t lowest[] = {[1] = 0, [2] = 0x80, [3] = 0x800, [4] = 0x10000};
	unsigned char first = size > 0 ? (unsigned char)text[0] : 0;
	size_t length = length_of(first);
	uint32_t point = length > 1 ? first & (0xffU >> (length + 1)) : first;

	if (length == 0 || length > size)
		return 0;
	for (size_t i = 1; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];
		if ((byte & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (byte & 0x3fU);
	}
	if (!is_within(point, lowest[length], 0x10ffff) || is_within(point, 0xd800, 0xdfff))
		return 0;
	*out_point = point;
	return length;
}

bool utf8_is_valid(const char *text)
{
	uint32_t point;
	size_t size;

	for (; *text; text += size) {
		size = utf8_decode(text, UTF8_LONGEST, &point);
		if (size == 0)
			return false;
	}
	return true;
}

bool utf8_disturbs(uint32_t point)
{
	return point < 0x20 || is_within(point, 0x7f, 0x9f) || point == 0x61c ||
	       is_within(point, 0x200e, 0x200f) || is_within(point, 0x2028, 0x202e) ||
	       is_within(point, 0x2066, 0x2069) || point == 0xfeff;
}
