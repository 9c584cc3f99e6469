/* The character set of a client's names. */
#ifndef SOLOFTPD_POLICY_LANGUAGE_H
#define SOLOFTPD_POLICY_LANGUAGE_H

#include "policy/config.h"

/* Loads the tables of client_charset (system/charset), or drops those of another. Returns 0, or -EINVAL with
 * `out_error`. */
int language_settle(const struct config *config, struct config_note *out_error);

#endif
