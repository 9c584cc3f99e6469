/*
 * TYPE A (RFC 959 3.1.1.1): lines end in LF on disk and in CR LF on the wire. Both directions keep
 * their state from one piece to the next, so a line end may be split anywhere.
 */
#ifndef SOLOFTPD_TEXT_ASCII_H
#define SOLOFTPD_TEXT_ASCII_H

#include <stdbool.h>
#include <stddef.h>

struct ascii {
	bool after_cr; /* the last byte seen was a CR; zero-initialised is ready */
};

/* Disk to wire: an LF gets a CR before it unless the file already has one there. `out` must hold
 * 2 * size bytes. Returns the bytes written. */
size_t ascii_to_wire(struct ascii *state, const char *in, size_t size, char *out);

/* The bytes that ascii_to_wire would write. */
size_t ascii_wire_size(struct ascii *state, const char *in, size_t size);

/* Wire to disk: CR LF becomes LF; a CR before anything else stays. `out` must hold size + 1 bytes.
 * A CR at the end of the piece is held back. Returns the bytes written. */
size_t ascii_from_wire(struct ascii *state, const char *in, size_t size, char *out);

/* The end of the wire's data: writes the CR that was held back, if any. Returns 0 or 1. */
size_t ascii_finish(struct ascii *state, char *out);

#endif
