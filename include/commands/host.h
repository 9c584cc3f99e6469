/* HOST's choice of a configuration. */
#ifndef SOLOFTPD_COMMANDS_HOST_H
#define SOLOFTPD_COMMANDS_HOST_H

#include "session.h"

/* Goes back to the configuration before any HOST. Returns 0, or -EINVAL: syslog has been told. */
int host_reset(struct session *session);

#endif
