/* HASH's choice of algorithms. */
#ifndef SOLOFTPD_COMMANDS_HASH_H
#define SOLOFTPD_COMMANDS_HASH_H

#include "control/reply.h"
#include "session.h"

/* Appends the names of all algorithms, separated by ';', the chosen one marked '*' (FEAT). */
void hash_append_algorithms(const struct session *session, struct buffer *b);

/* OPTS HASH: tells the algorithm, or chooses another. */
struct reply hash_options(struct session *session, const char *argument);

#endif
