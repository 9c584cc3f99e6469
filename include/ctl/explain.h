/* soloftpctl explain: what a session would decide about a client, step by step. */
#ifndef SOLOFTPD_CTL_EXPLAIN_H
#define SOLOFTPD_CTL_EXPLAIN_H

#include "ctl/show.h"

/* Prints every decision in its order, up to the first that refuses. No password is needed: what depends
 * on it is named. `config` is storage. Returns the exit status: 0 nothing refuses, 1 refused. */
int explain_print(const struct show_question *question, struct config *config);

#endif
