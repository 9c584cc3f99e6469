#include "text/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "text/number.h"

#define IPV4_BYTES 4
#define IPV6_BYTES 16

/* One of PORT's numbers; returns what follows it, or NULL. */
static const char *parse_octet(const char *text, uint8_t *out_octet)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t value;

	if (digits > 3 || number_parse_bytes(text, digits, UINT8_MAX, &value) != 0)
		return NULL;
	*out_octet = (uint8_t)value;
	return text + digits;
}

int address_parse_port(const char *text, struct address *out_address)
{
	struct address address = {.family = ADDRESS_IPV4};
	uint8_t octets[6];

	for (size_t i = 0; i < sizeof(octets); i++) {
		text = parse_octet(text, &octets[i]);
		if (!text)
			return -EINVAL;
		if (*text != (i < sizeof(octets) - 1 ? ',' : '\0'))
			return -EINVAL;
		text++;
	}
	memcpy(address.host, octets, IPV4_BYTES);
	address.port = (uint16_t)(octets[4] << 8 | octets[5]);
	*out_address = address;
	return 0;
}

/* Parses exactly `size` bytes as a host of one family; inet_pton knows no scope identifiers. */
static int parse_literal(
	const char *text, size_t size, enum address_family family, struct address *out_address)
{
	struct address address = {.family = family};
	char literal[ADDRESS_TEXT];

	if (size >= sizeof(literal))
		return -EINVAL;
	memcpy(literal, text, size);
	literal[size] = '\0';
	if (inet_pton(family == ADDRESS_IPV4 ? AF_INET : AF_INET6, literal, address.host) != 1)
		return -EINVAL;
	*out_address = address;
	return 0;
}

struct field {
	const char *text;
	size_t size;
};

/* The three fields of EPRT: each ends at the delimiter, and the text ends behind the last one. */
static int split_extended(const char *text, struct field fields[3])
{
	char delimiter = *text;

	if (delimiter < 33 || delimiter > 126)
		return -EINVAL;
	text++;
	for (int i = 0; i < 3; i++) {
		const char *end = strchr(text, delimiter);

		if (!end)
			return -EINVAL;
		fields[i].text = text;
		fields[i].size = (size_t)(end - text);
		text = end + 1;
	}
	return *text == '\0' ? 0 : -EINVAL;
}

static int parse_family(const struct field *field, enum address_family *out_family)
{
	uint64_t number;
	int error = number_parse_bytes(field->text, field->size, 2, &number);

	if (error == -EINVAL)
		return -EINVAL;
	if (error != 0 || number == 0)
		return -EAFNOSUPPORT;
	*out_family = number == 1 ? ADDRESS_IPV4 : ADDRESS_IPV6;
	return 0;
}

int address_parse_extended(const char *text, struct address *out_address)
{
	struct field fields[3];
	struct address address;
	enum address_family family;
	uint64_t port;
	int error = split_extended(text, fields);

	if (error == 0)
		error = parse_family(&fields[0], &family);
	if (error == 0)
		error = parse_literal(fields[1].text, fields[1].size, family, &address);
	if (error != 0)
		return error;
	if (number_parse_bytes(fields[2].text, fields[2].size, UINT16_MAX, &port) != 0)
		return -EINVAL;
	if (port == 0)
		return -EINVAL;
	address.port = (uint16_t)port;
	address_unmap(&address);
	*out_address = address;
	return 0;
}

int address_parse_host(const char *text, struct address *out_address)
{
	size_t size = strlen(text);

	if (parse_literal(text, size, ADDRESS_IPV4, out_address) == 0)
		return 0;
	return parse_literal(text, size, ADDRESS_IPV6, out_address);
}

void address_unmap(struct address *address)
{
	static const uint8_t mapped[IPV6_BYTES - IPV4_BYTES] = {[10] = 0xFF, [11] = 0xFF};

	if (address->family != ADDRESS_IPV6 || memcmp(address->host, mapped, sizeof(mapped)) != 0)
		return;
	address->family = ADDRESS_IPV4;
	address->scope = 0;
	memcpy(address->host, address->host + sizeof(mapped), IPV4_BYTES);
	memset(address->host + IPV4_BYTES, 0, sizeof(mapped));
}

/* libc's way leads through printf's, and touches much memory that nothing else does before the greeting. */
static void format_ipv4(const uint8_t *host, char out[ADDRESS_TEXT])
{
	struct buffer b;

	buffer_start(&b, out, ADDRESS_TEXT);
	for (int i = 0; i < IPV4_BYTES; i++) {
		if (i > 0)
			buffer_byte(&b, '.');
		buffer_number(&b, host[i]);
	}
	buffer_text(&b);
}

void address_format_host(const struct address *address, char out[ADDRESS_TEXT])
{
	out[0] = '\0';
	if (address->family == ADDRESS_IPV4)
		format_ipv4(address->host, out);
	else if (address->family == ADDRESS_IPV6)
		inet_ntop(AF_INET6, address->host, out, ADDRESS_TEXT);
}

void address_append_passive(struct buffer *b, const struct address *address)
{
	for (int i = 0; i < IPV4_BYTES; i++) {
		/* A client on IPv6 connects to the host it already knows (vsftpd's 227). */
		buffer_number(b, address->family == ADDRESS_IPV4 ? address->host[i] : 0);
		buffer_byte(b, ',');
	}
	buffer_number(b, address->port >> 8);
	buffer_byte(b, ',');
	buffer_number(b, address->port & 0xFF);
}

bool address_same_host(const struct address *a, const struct address *b)
{
	if (a->family != b->family || a->family == ADDRESS_NONE)
		return false;
	/* EPRT cannot say a scope, so an absent one is no difference. */
	if (a->scope != b->scope && a->scope != 0 && b->scope != 0)
		return false;
	return memcmp(a->host, b->host, sizeof(a->host)) == 0;
}
