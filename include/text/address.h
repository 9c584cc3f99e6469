/* Network addresses as values and in the text forms of FTP (RFC 959 4.1.2, RFC 2428). */
#ifndef SOLOFTPD_TEXT_ADDRESS_H
#define SOLOFTPD_TEXT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/buffer.h"

enum address_family { ADDRESS_NONE = 0, ADDRESS_IPV4 = 4, ADDRESS_IPV6 = 6 };

struct address {
	enum address_family family;
	uint8_t host[16]; /* network order; IPv4 uses the first 4, the rest is zero */
	uint32_t scope;	  /* interface index of a link-local IPv6 address, else 0 */
	uint16_t port;	  /* host order */
};

/* The longest text of a host, with its terminator (INET6_ADDRSTRLEN). */
#define ADDRESS_TEXT 46

/* PORT's argument "h1,h2,h3,h4,p1,p2": six decimal numbers of 1 to 3 digits, each at most 255, and
 * nothing else. Returns 0 or -EINVAL. */
int address_parse_port(const char *text, struct address *out_address);

/* EPRT's argument "<d>af<d>address<d>port<d>", any delimiter from 33 to 126, port from 1 to 65535
 * (RFC 2428 section 2). Returns 0, -EINVAL (malformed) or -EAFNOSUPPORT (af is a number but neither
 * 1 nor 2). An IPv4-mapped IPv6 address becomes IPv4; a scope identifier is malformed. */
int address_parse_extended(const char *text, struct address *out_address);

/* An IPv4 or IPv6 literal, port 0. Returns 0 or -EINVAL. */
int address_parse_host(const char *text, struct address *out_address);

/* Turns an IPv4-mapped IPv6 address (::ffff:a.b.c.d) into the IPv4 address it means. */
void address_unmap(struct address *address);

/* The host as text, NUL-terminated, without scope; empty for ADDRESS_NONE. */
void address_format_host(const struct address *address, char out[ADDRESS_TEXT]);

/* Appends "h1,h2,h3,h4,p1,p2" of an IPv4 address, as 227 gives it; the host of any other family is
 * 0,0,0,0, as vsftpd has it. */
void address_append_passive(struct buffer *b, const struct address *address);

/* The same host and family (ports are not compared; a scope of 0 equals any scope, because EPRT cannot
 * say one). ADDRESS_NONE is the same as nothing. */
bool address_same_host(const struct address *a, const struct address *b);

#endif
