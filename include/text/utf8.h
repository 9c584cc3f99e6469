/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
#ifndef SOLOFTPD_TEXT_UTF8_H
#define SOLOFTPD_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of the longest character. */
#define UTF8_LONGEST 4

/* The bytes of the character that begins at `text`, which has `size` bytes or ends with a NUL before, and its code point; 0 if
 * none does. */
size_t utf8_decode(const char *text, size_t size, uint32_t *out_point);

/* Whether all of a text is UTF-8. */
bool utf8_is_valid(const char *text);

/* Whether a character would change how the line around it reads, in a terminal or to an eye: controls (U+0000 to U+001F and
 * U+007F to U+009F), line separators (U+2028, U+2029), marks of direction (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066
 * to U+2069) and the byte order mark (U+FEFF). */
bool utf8_disturbs(uint32_t point);

#endif
