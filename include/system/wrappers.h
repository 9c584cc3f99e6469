/* TCP wrappers (hosts_access(5), hosts_options(5)): the only user of libwrap. */
#ifndef SOLOFTPD_SYSTEM_WRAPPERS_H
#define SOLOFTPD_SYSTEM_WRAPPERS_H

#include <stdbool.h>

#include "text/address.h"

/* Asks hosts.allow and hosts.deny about the peer of `socket` for the service `daemon`. A rule's
 * setenv lands in this process's environment; its spawn runs; its twist is an error here, because
 * the process must go on. May be called once. */
bool wrappers_admit(int socket, const char *daemon);

/* What wrappers_admit would answer for a client at `client`, connected to `server` (NULL: not known). Rules'
 * setenv lands in the environment; nothing is run. For the administrator's tools. */
bool wrappers_foresee(
	const struct address *client, const struct address *server, const char *daemon);

#endif
