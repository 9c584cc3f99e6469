/* CRC-32 (ISO-HDLC, as zip, gzip and XCRC have it): reflected polynomial 0xEDB88320. */
#ifndef SOLOFTPD_TEXT_CRC32_H
#define SOLOFTPD_TEXT_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Goes on with a sum: `crc` is 0 at the beginning, and what was returned for the bytes before. */
uint32_t crc32_more(uint32_t crc, const void *bytes, size_t size);

#endif
