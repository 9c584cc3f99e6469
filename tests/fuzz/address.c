/*
 * text/address: what PORT, EPRT and literals say is what comes out of them again.
 *
 * Input: a text, given to all three readers.
 */
#include <errno.h>

#include "fuzz.h"
#include "text/address.h"

static void must_be_sound(const struct address *address)
{
	struct address unmapped = *address;
	size_t used = address->family == ADDRESS_IPV4 ? 4 : 16;

	must(address->family == ADDRESS_IPV4 || address->family == ADDRESS_IPV6);
	for (size_t i = used; i < sizeof(address->host); i++)
		must(address->host[i] == 0);
	must(address->scope == 0);
	address_unmap(&unmapped);
	must(address_same_host(&unmapped, &unmapped));
}

static bool same(const struct address *a, const struct address *b)
{
	return address_same_host(a, b) && a->port == b->port;
}

static void check_port(const char *text)
{
	struct address address, again;
	struct buffer b = exact_buffer(32);

	if (address_parse_port(text, &address) == 0) {
		must_be_sound(&address);
		must(strspn(text, "0123456789,") == strlen(text) && strlen(text) <= 23);
		address_append_passive(&b, &address);
		must(!b.cut && address_parse_port(buffer_text(&b), &again) == 0);
		must(same(&address, &again));
	}
	free(b.data);
}

static void check_host(const char *text)
{
	struct address address, again;
	char host[ADDRESS_TEXT];

	if (address_parse_host(text, &address) < 0)
		return;
	must_be_sound(&address);
	must(address.port == 0);
	address_format_host(&address, host);
	must(address_parse_host(host, &again) == 0 && same(&address, &again));
}

static void check_extended(const char *text)
{
	struct address address, again;
	struct buffer b = exact_buffer(128);
	char host[ADDRESS_TEXT];
	int error = address_parse_extended(text, &address);

	must(error == 0 || error == -EINVAL || error == -EAFNOSUPPORT);
	if (error == 0) {
		must_be_sound(&address);
		must(address.port > 0);
		address_format_host(&address, host);
		buffer_string(&b, address.family == ADDRESS_IPV4 ? "|1|" : "|2|");
		buffer_string(&b, host);
		buffer_byte(&b, '|');
		buffer_number(&b, address.port);
		buffer_byte(&b, '|');
		must(address_parse_extended(buffer_text(&b), &again) == 0);
		must(same(&address, &again));
	}
	free(b.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	char *text = take_text(&in);

	check_port(text);
	check_host(text);
	check_extended(text);
	free(text);
	return 0;
}
