/* What all transfers share: the data connection, the client listening meanwhile, and the outcome. */
#ifndef SOLOFTPD_COMMANDS_TRANSFER_H
#define SOLOFTPD_COMMANDS_TRANSFER_H

#include "control/reply.h"
#include "data/pump.h"
#include "session.h"

/* Whether a data connection has been prepared; if not, sets the command's final reply. Asked before
 * anything is touched. */
bool transfer_is_prepared(struct session *session, struct reply *out_reply);

/* Makes the data connection. Returns whether it stands; if not, sets the command's final reply. */
bool transfer_connect(struct session *session, struct watch *watch, struct reply *out_reply);

/* Sends the mark and, under PROT P, secures the data connection. Returns whether the transfer may go on; if not,
 * sets the command's final reply, and the session goes on. */
bool transfer_begin(struct session *session, struct watch *watch, const char *text,
	const struct transfer *transfer, struct reply *out_reply);

/* A watch that hears the control connection during this session's transfers: it answers STAT, and
 * ends the transfer for ABOR and when the client has gone. A client that has sent its last command and
 * closed its half of the connection has not gone while that command waits. */
struct watch transfer_watch(struct session *session);

/* Looks at what the client has sent already. Returns 0, or -ECANCELED for an ABOR among it. */
int transfer_heard(struct session *session);

/* From here on the client's end alone says nothing: it may have closed its half of the control
 * connection and still be reading a download, or be there to be connected to. */
void transfer_sending(struct watch *watch);

/* What is left to say to a client that has gone (-EPIPE), or when SIGTERM came (-EINTR): the session ends. */
struct reply transfer_gone(struct session *session, int error);

/* A pump over the open data connection. */
struct pump transfer_pump(struct session *session, struct watch *watch);

/* The final reply for a pump's result; closes the data connection. */
struct reply transfer_finish(
	struct session *session, const struct pump *pump, enum pump_result result, bool upload);

#endif
