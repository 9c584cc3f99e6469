/* Messages an administrator leaves in directories (dirmessage_enable, message_file). */
#ifndef SOLOFTPD_COMMANDS_MESSAGE_H
#define SOLOFTPD_COMMANDS_MESSAGE_H

#include "control/reply.h"
#include "session.h"

/* A reply whose first lines are the message of the working directory, if it has one that this session
 * has not seen, and whose last line is `text`. */
struct reply message_reply(struct session *session, int code, const char *text);

#endif
