/*
 * Names in a client's own character set (client_charset), while the disk has UTF-8: iconv(3), with its
 * tables loaded before the jail hides them.
 */
#ifndef SOLOFTPD_SYSTEM_CHARSET_H
#define SOLOFTPD_SYSTEM_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

/* Loads the tables of the character set `name` (as iconv -l lists them) in place of another's; NULL just
 * drops those. Returns 0, -EINVAL if iconv does not know it, or -EPROTO if ASCII is not the same in it:
 * verbs, blanks and slashes could not be told from names. */
int charset_open(const char *name);

bool charset_is_open(void);

/* How much longer a text can become. */
#define CHARSET_GROWTH 3

/* From UTF-8. What is no UTF-8, and what the character set does not have, becomes %XX for each byte (only
 * bytes from 80 on are written so; a '%' is itself). `out` must hold CHARSET_GROWTH * size bytes. Returns
 * the bytes written. */
size_t charset_to_client(const char *bytes, size_t size, char *out);

/* To UTF-8, with a terminator. Returns 0, -EILSEQ if the text is not in the character set, or
 * -ENAMETOOLONG. */
int charset_from_client(const char *text, char *out, size_t capacity);

#endif
