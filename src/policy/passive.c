#include "policy/passive.h"

#include <errno.h>

#include "system/net.h"
#include "text/network.h"

void passive_range(const struct config *config, unsigned *out_low, unsigned *out_high)
{
	unsigned low = config->pasv_min_port, high = config->pasv_max_port;

	if (high == 0)
		high = 65535;
	if (low < 1024 || low > high)
		low = 1024;
	if (high < low || (low == 1024 && high == 65535))
		low = high = 0;
	*out_low = low;
	*out_high = high;
}

int passive_address(const struct config *config, const struct address *client,
	struct address *out_address, struct config_note *out_error)
{
	const char *text = config->pasv_address;
	struct address address;
	int status;

	if (!text)
		return 0;
	status = address_parse_host(text, &address);
	if (status < 0 && config->pasv_addr_resolve)
		status = net_resolve(text, &address);
	if (status < 0 || address.family != ADDRESS_IPV4) {
		config_blame(config, OPTION_pasv_address, "is not an IPv4 address", out_error);
		return -EINVAL;
	}
	if (!config->pasv_local_networks || !network_lists(config->pasv_local_networks, client))
		*out_address = address;
	return 0;
}
