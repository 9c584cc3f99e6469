/* soloftpctl check of TLS: the certificates, what clients are asked for, versions and ciphers, and a handshake with
 * all that. */
#ifndef SOLOFTPD_CTL_ENCRYPTION_H
#define SOLOFTPD_CTL_ENCRYPTION_H

#include "ctl/report.h"

/* Tells `report` all that is wrong, or about to be. The files are those that sessions would read. */
void encryption_check(const struct config *config, struct report *report);

#endif
