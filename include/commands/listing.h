/* Listings: LIST and NLST over the data connection, STAT over the control connection. */
#ifndef SOLOFTPD_COMMANDS_LISTING_H
#define SOLOFTPD_COMMANDS_LISTING_H

#include "control/reply.h"
#include "session.h"

/* STAT with a pathname (RFC 959 4.1.3): the listing in the reply's own lines. */
struct reply listing_status(struct session *session, const char *argument);

#endif
