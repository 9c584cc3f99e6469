/* Numbers in the client's and the administrator's text, and eight bytes of text as one number. */
#ifndef SOLOFTPD_TEXT_NUMBER_H
#define SOLOFTPD_TEXT_NUMBER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The longest decimal form of a uint64_t, with its terminator. */
#define NUMBER_TEXT 21

/* Reads all of `text` as a decimal number from 0 to `max`: digits only, at least one, no sign, no
 * blank. Returns 0, -EINVAL (not a number) or -ERANGE (over max). */
int number_parse(const char *text, uint64_t max, uint64_t *out_value);

/* The same for the `size` bytes at `text`. */
int number_parse_bytes(const char *text, size_t size, uint64_t max, uint64_t *out_value);

/* Reads all of `text` as octal digits, a value from 0 to `max`. Errors as number_parse. */
int number_parse_octal(const char *text, unsigned max, unsigned *out_value);

/* Writes the decimal form, without a terminator, right before `end`; returns its length, NUMBER_TEXT - 1 at most. */
size_t number_digits(uint64_t value, char *end);

/* "00", "01", to "99". */
extern const char number_pairs[201];

/* Writes the two digits of a value below 100. */
static inline void number_two(unsigned value, char out[2])
{
	memcpy(out, number_pairs + value * 2UL, 2);
}

/* Writes the decimal form and a terminator; returns its length without the terminator. */
size_t number_format(uint64_t value, char out[NUMBER_TEXT]);

/* The number all of whose bytes are `byte`. */
#define NUMBER_EACH(byte) (UINT64_MAX / 255 * (uint64_t)(byte))

/* The upper bit of each of the eight bytes that is 0, and no other. */
static inline uint64_t number_zeros(uint64_t bytes)
{
	return ~(((bytes & NUMBER_EACH(0x7F)) + NUMBER_EACH(0x7F)) | bytes | NUMBER_EACH(0x7F));
}

#endif
