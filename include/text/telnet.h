/*
 * The Telnet layer of the control connection (RFC 959 section 4, RFC 854, RFC 1123 4.1.2.10): an
 * automaton whose state lives across reads, and which only ever shortens what it is given.
 */
#ifndef SOLOFTPD_TEXT_TELNET_H
#define SOLOFTPD_TEXT_TELNET_H

#include <stddef.h>

#include "text/buffer.h"

enum telnet_state { TELNET_DATA = 0, TELNET_IAC, TELNET_WILL, TELNET_WONT, TELNET_DO, TELNET_DONT };

struct telnet {
	enum telnet_state state; /* zero-initialised is ready */
};

/* Removes Telnet commands from `size` bytes in place and returns how many bytes remain. IAC IAC
 * becomes one 0xFF; NOP, DM, IP, AYT and all other two-byte commands vanish; DO x is answered WONT x
 * and WILL x is answered DONT x, three bytes appended to `answers` (dropped when it is full); WONT
 * and DONT vanish unanswered. Never starts a negotiation. */
size_t telnet_strip(struct telnet *telnet, char *bytes, size_t size, struct buffer *answers);

#endif
