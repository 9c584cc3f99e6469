#include "text/network.h"

#include <errno.h>
#include <string.h>

#include "text/number.h"

static const char separators[] = ", \t";

struct network {
	struct address address;
	unsigned prefix; /* bits */
};

static int parse(const char *text, size_t size, struct network *out)
{
	char host[ADDRESS_TEXT];
	const char *slash = memchr(text, '/', size);
	size_t length = slash ? (size_t)(slash - text) : size;
	uint64_t most, prefix;

	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (address_parse_host(host, &out->address) < 0)
		return -EINVAL;
	most = prefix = out->address.family == ADDRESS_IPV4 ? 32 : 128;
	if (slash && number_parse_bytes(slash + 1, size - length - 1, most, &prefix) < 0)
		return -EINVAL;
	out->prefix = (unsigned)prefix;
	return 0;
}

/* The next element and its size; returns false behind the last. */
static bool next(const char **cursor, const char **out_text, size_t *out_size)
{
	*out_text = *cursor + strspn(*cursor, separators);
	*out_size = strcspn(*out_text, separators);
	*cursor = *out_text + *out_size;
	return *out_size > 0;
}

int network_check(const char *list)
{
	struct network network;
	const char *text;
	size_t size;

	while (next(&list, &text, &size))
		if (parse(text, size, &network) < 0)
			return -EINVAL;
	return 0;
}

static bool contains(const struct network *network, const struct address *address)
{
	unsigned whole = network->prefix / 8, rest = network->prefix % 8;
	unsigned mask = 0xFFU << (8 - rest) & 0xFFU;

	if (network->address.family != address->family ||
		memcmp(network->address.host, address->host, whole) != 0)
		return false;
	return rest == 0 || ((network->address.host[whole] ^ address->host[whole]) & mask) == 0;
}

bool network_lists(const char *list, const struct address *address)
{
	struct network network;
	const char *text;
	size_t size;

	while (next(&list, &text, &size))
		if (parse(text, size, &network) == 0 && contains(&network, address))
			return true;
	return false;
}
