/* SITE's own commands. */
#ifndef SOLOFTPD_COMMANDS_SITE_H
#define SOLOFTPD_COMMANDS_SITE_H

#include "control/reply.h"
#include "session.h"

/* The syntax of those that this session may use, for HELP SITE. */
struct reply site_syntax(struct session *session);

#endif
