/* The layers of a configuration that need no more than the connection: all but TCP wrappers' file and
 * the user's own. */
#ifndef SOLOFTPD_POLICY_LAYERS_H
#define SOLOFTPD_POLICY_LAYERS_H

#include "policy/config.h"

/* All pointers are borrowed. */
struct layers {
	const char *daemon;	     /* the name of the program: "vsftpd" has its own defaults */
	const char *const *files;    /* of the command line */
	size_t file_count;	     /* 0: the default file, if it exists */
	const char *const *settings; /* KEY=VALUE, of the command line */
	size_t setting_count;
	const char *host; /* the server's address as text, for vhost_config_dir; NULL: not known */
};

/* The file that is read when none is named. */
const char *layers_default_file(const char *daemon);

/* Starts with the defaults and reads all these layers. Returns 0, or -EINVAL with `out_error`. */
int layers_load(struct config *config, const struct layers *layers, struct config_note *out_error);

#endif
