/* soloftpctl show: the configuration in force for one client. */
#ifndef SOLOFTPD_CTL_SHOW_H
#define SOLOFTPD_CTL_SHOW_H

#include "policy/layers.h"
#include "text/address.h"

struct show_question {
	struct layers layers;
	const struct address *from; /* the client's; NULL: TCP wrappers are not asked */
	const struct address *to;   /* the server's; NULL: not known */
	const char *user;	    /* a login name; NULL: before any login */
};

/* Prints every option with its value and where it comes from, in the language of the file. `config` is
 * storage. Returns the exit status: 0, or 2 when the client would get 421. */
int show_print(const struct show_question *question, struct config *config);

#endif
