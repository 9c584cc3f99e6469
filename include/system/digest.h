/*
 * Digests of files (HASH). libcrypto computes them; its functions come in as an archive, so that no session
 * has to load the library, least of all from a jail.
 */
#ifndef SOLOFTPD_SYSTEM_DIGEST_H
#define SOLOFTPD_SYSTEM_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum digest_algorithm { DIGEST_SHA256, DIGEST_SHA512, DIGEST_SHA1, DIGEST_MD5, DIGEST_CRC32 };

/* The longest digest in lower-case hexadecimal, with its terminator. */
#define DIGEST_TEXT 129

/* Begins a digest in place of any other: there is one at a time. */
void digest_start(enum digest_algorithm algorithm);
void digest_add(const void *bytes, size_t size);

/* The digest of all that was added, in lower-case hexadecimal (RFC 4648 section 8, but for the case). */
void digest_finish(char out[DIGEST_TEXT]);

#endif
