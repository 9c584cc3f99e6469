/* What PASV announces: the ports, and the address. */
#ifndef SOLOFTPD_POLICY_PASSIVE_H
#define SOLOFTPD_POLICY_PASSIVE_H

#include "policy/config.h"
#include "text/address.h"

/* The range of passive ports, by vsftpd's rules for odd ones: 0 and 0 when the choice is the kernel's. */
void passive_range(const struct config *config, unsigned *out_low, unsigned *out_high);

/* Reads pasv_address, resolved if pasv_addr_resolve says so; where it is unset, and for clients of
 * pasv_local_networks, `out_address` is left as it is. Returns 0, or -EINVAL with `out_error` when it is not
 * an IPv4 address. */
int passive_address(const struct config *config, const struct address *client,
	struct address *out_address, struct config_note *out_error);

#endif
