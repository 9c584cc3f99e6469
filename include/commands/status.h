/* STAT without an argument (RFC 959 4.1.3): the one command that is answered during a transfer. */
#ifndef SOLOFTPD_COMMANDS_STATUS_H
#define SOLOFTPD_COMMANDS_STATUS_H

#include "control/reply.h"
#include "session.h"

/* The 211 reply; its text is in a storage of its own, so that a transfer's reply is not disturbed. */
struct reply status_reply(const struct session *session);

#endif
