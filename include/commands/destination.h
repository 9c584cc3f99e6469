/* The file that an upload goes to: itself, or a draft beside it that takes its place when all data have come. */
#ifndef SOLOFTPD_COMMANDS_DESTINATION_H
#define SOLOFTPD_COMMANDS_DESTINATION_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"
#include "data/pump.h"
#include "system/draft.h"
#include "system/vfs.h"

enum storing { STORING_WHOLE, STORING_END, STORING_UNIQUE };

struct upload {
	enum storing storing;
	char path[PATH_TEXT];	/* as the client is told */
	char target[PATH_TEXT]; /* behind symbolic links: where a draft goes */
	bool resumed;		/* in a draft that was kept */
	bool drafted;		/* in a draft, not in the file itself */
	bool exclusive;		/* nothing may be replaced */
	bool created;		/* by this upload, under its own name */
	struct draft draft;
	struct facts old; /* what data are added to */
	int fd;		  /* of the file itself, or of what the draft will replace; -1: none */
	uint64_t start;	  /* where the data go */
};

/* Opens what the data will be written to; what is there stays as it is until the data connection stands, and, in a draft,
 * until all data have come. 0 or -errno; then everything is closed. */
int destination_open(struct session *session, struct upload *upload);

/* The open file that the data are written to. */
int destination_file(const struct upload *upload);

/* Where the data go: the end, the restart offset, or the beginning of an emptied file. 0 or -errno. */
int destination_position(struct session *session, struct upload *upload);

/* The ends, all of which close what is open: all data have come (0 or -errno), not all have, or none will. */
int destination_complete(struct session *session, struct upload *upload);
void destination_give_up(struct session *session, struct upload *upload, const struct pump *pump,
	enum pump_result result);
struct reply destination_abandon(struct upload *upload, struct reply answer);

#endif
