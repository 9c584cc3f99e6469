#include "text/crc32.h"

#include <stdbool.h>

#define POLYNOMIAL 0xEDB88320U
#define SLICES 8

/* tables[n][b]: the sum of byte b with n zero bytes behind it, so that eight bytes are one step. */
static uint32_t tables[SLICES][256];

static void make_tables(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		tables[0][byte] = crc;
	}
	for (int slice = 1; slice < SLICES; slice++)
		for (int byte = 0; byte < 256; byte++) {
			uint32_t before = tables[slice - 1][byte];
			tables[slice][byte] = before >> 8 ^ tables[0][before & 255];
		}
}

uint32_t crc32_more(uint32_t crc, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	if (tables[0][1] == 0)
		make_tables();
	crc = ~crc;
	for (; size >= SLICES; size -= SLICES, at += SLICES) {
		uint32_t first = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 |
					       (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
		crc = tables[7][first & 255] ^ tables[6][first >> 8 & 255] ^
		      tables[5][first >> 16 & 255] ^ tables[4][first >> 24] ^ tables[3][at[4]] ^
		      tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];
	}
	for (; size > 0; size--, at++)
		crc = crc >> 8 ^ tables[0][(crc ^ *at) & 255];
	return ~crc;
}
