/* The files beside a configuration: those of users, of addresses and of hosts, and the directories sessions
 * live in. */
#ifndef SOLOFTPD_CTL_BESIDE_H
#define SOLOFTPD_CTL_BESIDE_H

#include "ctl/report.h"

/* Checks every file of user_config_dir, vhost_config_dir and host_config_dir on top of `config`. */
void beside_check_files(const struct config *config, struct report *report);

/* Checks, as root, that anonymous sessions find their directory fit to live in. */
void beside_check_homes(const struct config *config, struct report *report);

#endif
