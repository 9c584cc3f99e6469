/*
 * text/network: a list holds an address exactly if one of its elements, read by libc, has it bit by bit.
 *
 * Input: a byte that chooses the family, sixteen of the address, then the list.
 */
#include <arpa/inet.h>

#include "fuzz.h"
#include "text/network.h"

/* Reads "host" or "host/bits"; returns the family's bits, or 0. */
static unsigned read_element(const char *element, uint8_t host[16], unsigned *out_prefix)
{
	const char *slash = strchr(element, '/');
	char *text = copy_text(element, slash ? (size_t)(slash - element) : strlen(element));
	unsigned bits = inet_pton(AF_INET, text, host) == 1    ? 32
			: inet_pton(AF_INET6, text, host) == 1 ? 128
							       : 0;

	free(text);
	*out_prefix = bits;
	if (!slash || bits == 0)
		return bits;
	if (slash[1] == '\0' || strspn(slash + 1, "0123456789") != strlen(slash + 1))
		return 0;
	while (slash[1] == '0' && slash[2])
		slash++;
	if (strlen(slash + 1) > 3)
		return 0;
	*out_prefix = (unsigned)strtoul(slash + 1, NULL, 10);
	return *out_prefix <= bits ? bits : 0;
}

static bool has_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

static bool lists_plainly(const char *list, const struct address *address, bool *out_sound)
{
	unsigned family = address->family == ADDRESS_IPV4 ? 32 : 128, prefix = 0;
	char *copy = copy_text(list, strlen(list));
	bool found = false;

	*out_sound = true;
	for (char *element = strtok(copy, ", \t"); element; element = strtok(NULL, ", \t")) {
		uint8_t host[16];
		unsigned bits = read_element(element, host, &prefix);
		*out_sound &= bits > 0;
		found |= bits == family && has_bits(host, address->host, prefix);
	}
	free(copy);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	struct address address = {.family = take_byte(&in) & 1 ? ADDRESS_IPV6 : ADDRESS_IPV4};
	bool sound;
	char *list;

	for (size_t i = 0; i < sizeof(address.host); i++) {
		unsigned byte = take_byte(&in);
		if (address.family == ADDRESS_IPV6 || i < 4)
			address.host[i] = (uint8_t)byte;
	}
	list = take_text(&in);
	must(network_lists(list, &address) == lists_plainly(list, &address, &sound));
	must((network_check(list) == 0) == sound);
	free(list);
	return 0;
}
