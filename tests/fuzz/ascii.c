/*
 * text/ascii: both directions, in any pieces, do what one byte after the other shows; the wire's form of a file comes
 * back as the file, but for a CR LF in it.
 *
 * Input: two bytes that choose the pieces, then a file.
 */
#include "fuzz.h"
#include "text/ascii.h"

static size_t plain_to_wire(const char *in, size_t size, char *out)
{
	size_t written = 0;

	for (size_t i = 0; i < size; i++) {
		if (in[i] == '\n' && (i == 0 || in[i - 1] != '\r'))
			out[written++] = '\r';
		out[written++] = in[i];
	}
	return written;
}

static size_t plain_from_wire(const char *in, size_t size, char *out)
{
	size_t written = 0;

	for (size_t i = 0; i < size; i++)
		if (in[i] != '\r' || i + 1 == size || in[i + 1] != '\n')
			out[written++] = in[i];
	return written;
}

static size_t piece_size(size_t left, uint32_t *cuts)
{
	size_t piece = next_random(cuts) % 9;

	return piece < left ? piece : left;
}

static size_t to_wire(const char *in, size_t size, uint32_t cuts, char *out)
{
	struct ascii state = {0}, counting = {0};
	size_t written = 0;

	while (size > 0) {
		size_t piece = piece_size(size, &cuts);
		char *from = exactly(piece), *to = exactly(2 * piece);
		memcpy(from, in, piece);
		size_t got = ascii_to_wire(&state, from, piece, to);
		must(got >= piece && got <= 2 * piece);
		must(ascii_wire_size(&counting, from, piece) == got);
		memcpy(out + written, to, got);
		written += got;
		in += piece;
		size -= piece;
		free(from);
		free(to);
	}
	return written;
}

static size_t from_wire(const char *in, size_t size, uint32_t cuts, char *out)
{
	struct ascii state = {0};
	size_t written = 0;

	while (size > 0) {
		size_t piece = piece_size(size, &cuts);
		char *from = exactly(piece), *to = exactly(piece + 1);
		memcpy(from, in, piece);
		size_t got = ascii_from_wire(&state, from, piece, to);
		must(got <= piece + 1);
		memcpy(out + written, to, got);
		written += got;
		in += piece;
		size -= piece;
		free(from);
		free(to);
	}
	return written + ascii_finish(&state, out + written);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	uint32_t cuts = (uint32_t)take_number(&in, 2) + 1;
	const char *file = (const char *)in.bytes;
	char *expected = exactly(2 * in.size), *wire = exactly(2 * in.size);
	char *disk = exactly(2 * in.size + 1), *back = exactly(in.size);
	size_t length = plain_to_wire(file, in.size, expected), restored, kept;

	must(to_wire(file, in.size, cuts, wire) == length);
	must(memcmp(wire, expected, length) == 0);
	restored = plain_from_wire(file, in.size, back);
	kept = from_wire(wire, length, cuts, disk);
	must(kept == restored && memcmp(disk, back, kept) == 0);
	kept = from_wire(file, in.size, cuts, disk);
	must(kept == restored && memcmp(disk, back, kept) == 0);
	free(expected);
	free(wire);
	free(disk);
	free(back);
	return 0;
}
