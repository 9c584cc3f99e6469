/* TLS for the session (RFC 4217). */
#ifndef SOLOFTPD_COMMANDS_SECURITY_H
#define SOLOFTPD_COMMANDS_SECURITY_H

#include "control/reply.h"
#include "session.h"

/* Implicit TLS: the handshake before the greeting. Returns 0, or -errno: the session must end. */
int security_start(struct session *session);

/* Whether this user may log in over the connection as it is; if not, sets the reply. */
bool security_admits(struct session *session, const char *user, struct reply *out_reply);

#endif
