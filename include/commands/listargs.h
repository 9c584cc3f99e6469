/* What clients write behind LIST, NLST and STAT: options as of ls, and a pathname that may end in a
 * pattern. */
#ifndef SOLOFTPD_COMMANDS_LISTARGS_H
#define SOLOFTPD_COMMANDS_LISTARGS_H

#include <stdbool.h>

#include "system/directory.h"
#include "text/path.h"

struct listargs {
	bool all;		    /* -a: also names that begin with a dot */
	bool classify;		    /* -F */
	bool itself;		    /* -d: the directory, not what is in it */
	bool recurse;		    /* -R */
	bool reverse;		    /* -r */
	bool follow;		    /* -L */
	bool verbose;		    /* -l: for NLST, the form of LIST */
	enum directory_order order; /* -t, -S, -U */
	const char *path;	    /* what follows the options; "" for the working directory */
};

/* Reads the options at the front of `text`; unknown letters are ignored, as other servers do. */
void listargs_read(const char *text, struct listargs *out_args);

#endif
