/*
 * system/charset: a name goes to the client and comes back as itself, but for what the client's set does not have,
 * which comes back as %XX; and what a client sends becomes UTF-8 or is refused.
 *
 * Input: a byte that chooses the character set, then a name.
 */
#include <errno.h>

#include "fuzz.h"
#include "system/charset.h"

static const char *const sets[] = {"ISO-8859-1", "CP1252", "KOI8-R", "CP1251", "EUC-JP",
	"SHIFT_JIS", "CP932", "BIG5", "BIG5-HKSCS", "GBK", "GB18030", "EUC-KR", "CP949", "CP1258",
	"TCVN", "UTF-8"};

static int hex_digit(char c)
{
	const char *digits = "0123456789ABCDEF", *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* Turns %80 to %FF into the bytes they mean. */
static size_t unescape(const char *in, size_t size, char *out)
{
	size_t written = 0;

	for (size_t i = 0; i < size; i++) {
		int high = i + 2 < size ? hex_digit(in[i + 1]) : -1;
		int low = high >= 8 ? hex_digit(in[i + 2]) : -1;
		out[written] = in[i];
		if (in[i] == '%' && low >= 0) {
			out[written] = (char)(high * 16 + low);
			i += 2;
		}
		written++;
	}
	return written;
}

static void check_there_and_back(const char *text)
{
	size_t size = strlen(text), length, capacity = 4 * CHARSET_GROWTH * size + 1;
	char *out = exactly(CHARSET_GROWTH * size), *back = exactly(capacity);
	char *meant = exactly(size), *got = exactly(capacity);
	char *client;

	length = charset_to_client(text, size, out);
	must(length >= (size + 3) / 4 && length <= CHARSET_GROWTH * size);
	must(!memchr(out, '\0', length));
	client = copy_text(out, length);
	must(charset_from_client(client, back, capacity) == 0);
	size = unescape(text, size, meant);
	must(unescape(back, strlen(back), got) == size);
	must(memcmp(meant, got, size) == 0);
	free(out);
	free(back);
	free(meant);
	free(got);
	free(client);
}

static void check_from_client(const char *text, size_t capacity)
{
	char *out = exactly(capacity);
	int error = charset_from_client(text, out, capacity);
	uint32_t point;

	must(error == 0 || error == -EILSEQ || error == -ENAMETOOLONG);
	if (error == 0) {
		must(memchr(out, '\0', capacity) != NULL);
		for (size_t at = 0, size; out[at]; at += size) {
			size = utf8_point(out + at, &point);
			must(size > 0);
		}
		check_there_and_back(out);
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	const char *set = sets[take_byte(&in) % COUNT(sets)];
	char *text = take_text(&in);

	if (charset_open(set) == 0) {
		check_there_and_back(text);
		check_from_client(text, 4 * strlen(text) + 1);
		check_from_client(text, strlen(text) + 1);
	}
	free(text);
	return 0;
}
