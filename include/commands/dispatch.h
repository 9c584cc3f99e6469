/* From a command line to its one reply: find the row, pass the gate, run the handler. */
#ifndef SOLOFTPD_COMMANDS_DISPATCH_H
#define SOLOFTPD_COMMANDS_DISPATCH_H

#include "commands/table.h"

/* A command line taken apart. The verb is upper-case, or "" if it can't be one; the argument is what
 * follows one blank, "" if nothing does. */
struct call {
	char verb[8];
	char *argument;
};

/* Takes apart the `size` bytes at `text`, which a NUL follows; they are changed and keep the argument. Returns 0, or
 * -EILSEQ if there is a NUL byte among them. */
int dispatch_split(char *text, size_t size, struct call *out_call);

/* The only place that answers 500 and 502 for verbs, 530 before login, 501 by shape and 550 by
 * policy. Returns a reply with code 0 when the call may run. May trim the argument. */
struct reply dispatch_gate(
	const struct session *session, const struct command *command, struct call *call);

/* Whether FEAT may name the command: policy would let it pass (after login). */
bool dispatch_would_permit(const struct session *session, const struct command *command);

/* Runs one command line and queues its reply. The line is wiped at once: it may hold a password, and a
 * command that waits reads more into the buffer the line is in. */
void dispatch_line(struct session *session, char *text, size_t size);

#endif
