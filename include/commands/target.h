/* Where an upload goes: into the file itself, or into a draft beside it, which gets the file's name when it is whole. */
#ifndef SOLOFTPD_COMMANDS_TARGET_H
#define SOLOFTPD_COMMANDS_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "control/reply.h"
#include "data/pump.h"
#include "session.h"
#include "system/draft.h"
#include "system/vfs.h"

enum storing { STORING_WHOLE, STORING_END, STORING_UNIQUE };

struct upload {
	enum storing storing;
	char path[PATH_TEXT];	/* as the client is told */
	char target[PATH_TEXT]; /* behind symbolic links: where a draft goes */
	bool drafted;		/* in a draft, not in the file itself */
	bool exclusive;		/* nothing may be replaced */
	bool created;		/* by this upload, under its own name */
	struct draft draft;
	struct facts old; /* what data are added to */
	int fd;		  /* of the file itself, or of what the draft will replace; -1: none */
	uint64_t start;	  /* where the data go */
};

/* Opens what the data will be written to, for `storing` and `path`; what is there stays as it is until the data connection
 * stands, and, in a draft, until all data have come. Returns 0, after which one of target_complete, target_give_up and
 * target_abandon must follow, or -errno. */
int target_open(struct session *session, struct upload *upload);

/* The descriptor that the data are for; the target's. */
int target_file(const struct upload *upload);

/* Goes to where the data begin, the end, the restart offset, or the beginning of an emptied file: sets `start`. Returns 0 or
 * -errno. */
int target_position(struct session *session, struct upload *upload);

/* Closes the file, which is when some file systems report a full disk or a quota, and gives it its name. Returns 0 or -errno;
 * what was there is there then. */
int target_complete(struct session *session, struct upload *upload);

/* Ends an upload that came short, as `pump` and `result` say. */
void target_give_up(struct session *session, struct upload *upload, const struct pump *pump,
	enum pump_result result);

/* Gives up before any data, with the command's answer: a file that is only this upload's must not stay behind empty, and what
 * was kept is kept on. */
struct reply target_abandon(struct upload *upload, struct reply answer);

#endif
