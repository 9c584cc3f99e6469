/* The way from USER to 230 (RFC 959 4.1.1). */
#ifndef SOLOFTPD_COMMANDS_LOGIN_H
#define SOLOFTPD_COMMANDS_LOGIN_H

#include "session.h"

/* Does what must happen between an admitted password and 230: the user's file, the account, all that
 * the jail will lack, the jail. Returns the reply to PASS; anything but 230 means nobody is in. */
struct reply login_proceed(struct session *session, struct login *login);

#endif
