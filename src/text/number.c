#include "text/number.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* The whole text is judged before its value, so "99…9x" is not a number rather than a large one. */
static bool is_number(const char *text, size_t size, char last_digit)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > last_digit)
			return false;
	}
	return size > 0;
}

static int parse(const char *text, size_t size, unsigned base, uint64_t max, uint64_t *out_value)
{
	uint64_t value = 0;

	if (!is_number(text, size, (char)('0' + base - 1)))
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		unsigned digit = (unsigned)(text[i] - '0');

		if (value > max / base || digit > max - value * base)
			return -ERANGE;
		value = value * base + digit;
	}
	*out_value = value;
	return 0;
}

int number_parse(const char *text, uint64_t max, uint64_t *out_value)
{
	return parse(text, strlen(text), 10, max, out_value);
}

int number_parse_bytes(const char *text, size_t size, uint64_t max, uint64_t *out_value)
{
	return parse(text, size, 10, max, out_value);
}

int number_parse_octal(const char *text, unsigned max, unsigned *out_value)
{
	uint64_t value;
	int error = parse(text, strlen(text), 8, max, &value);

	if (error != 0)
		return error;
	*out_value = (unsigned)value;
	return 0;
}

#define ROW(ten) ten "0" ten "1" ten "2" ten "3" ten "4" ten "5" ten "6" ten "7" ten "8" ten "9"
const char number_pairs[201] =
	ROW("0") ROW("1") ROW("2") ROW("3") ROW("4") ROW("5") ROW("6") ROW("7") ROW("8") ROW("9");

size_t number_digits(uint64_t value, char *end)
{
	char *at = end;

	for (; value >= 10; value /= 100) {
		at -= 2;
		number_two((unsigned)(value % 100), at);
	}
	/* An odd digit, or a lone 0. */
	if (value > 0 || at == end)
		*--at = (char)('0' + value);
	return (size_t)(end - at);
}

size_t number_format(uint64_t value, char out[NUMBER_TEXT])
{
	char digits[NUMBER_TEXT], *end = digits + sizeof(digits);
	size_t size = number_digits(value, end);

	memcpy(out, end - size, size);
	out[size] = '\0';
	return size;
}
