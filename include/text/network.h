/* Lists of networks as administrators write them: "10.0.0.0/8, 192.168.1.7 fd00::/8". */
#ifndef SOLOFTPD_TEXT_NETWORK_H
#define SOLOFTPD_TEXT_NETWORK_H

#include <stdbool.h>

#include "text/address.h"

/* Whether every element of the list, which commas and blanks separate, is an address or an address, a '/'
 * and the length of its prefix in bits (RFC 4632 section 3.1, RFC 4291 section 2.3). Returns 0 or -EINVAL. */
int network_check(const char *list);

/* Whether the address lies in a network of the list; elements that are none do not count. */
bool network_lists(const char *list, const struct address *address);

#endif
