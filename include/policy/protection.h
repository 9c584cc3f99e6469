/* TLS as the administrator wants it (ssl_enable and all that belongs to it). */
#ifndef SOLOFTPD_POLICY_PROTECTION_H
#define SOLOFTPD_POLICY_PROTECTION_H

#include "policy/config.h"
#include "system/tls.h"
#include "text/buffer.h"

/* Loads the library, the certificates and their keys (system/tls): as root. Returns 0, or -EINVAL with what is
 * wrong in `problem`. The configuration must not change until the control connection's handshake is over. */
int protection_load(const struct config *config, struct buffer *problem);

/* Which versions are on: each has two spellings. */
void protection_versions(const struct config *config, bool out_versions[TLS_VERSIONS]);

#endif
