/* Listings for programs: what OPTS MLST chooses of them. */
#ifndef SOLOFTPD_COMMANDS_MACHINE_H
#define SOLOFTPD_COMMANDS_MACHINE_H

#include "control/reply.h"
#include "session.h"

/* OPTS MLST (RFC 3659 section 7.9): the facts to tell from now on. */
struct reply machine_options(struct session *session, const char *argument);

#endif
