/*
 * A file in the making: it lies beside the place it is meant for, under a name of its own, and gets that place in one step
 * when it is whole. Until then whatever is there stays. A draft is locked while somebody writes it, so that what a
 * killed session left behind can be told from what is being written. All functions return 0 or -errno.
 */
#ifndef SOLOFTPD_SYSTEM_DRAFT_H
#define SOLOFTPD_SYSTEM_DRAFT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "text/path.h"

struct draft {
	int fd;		      /* owned until it has its place, or draft_close; -1 then */
	char name[PATH_TEXT]; /* where it lies */
	bool kept;	      /* begun where it will be found if nobody finishes it */
	bool found;	      /* there */
};

/* Whether a name (one component) is a draft's, or that of an unfinished file that was kept. */
bool draft_is_name(const char *name);

/* Begins a draft for `target` with `mode` less the umask; where it `keeps`, one that is found as an unfinished file if the
 * session should be killed. If there is such a file already it is the draft, with what is in it, if it can be had. */
int draft_begin(struct draft *draft, const char *target, mode_t mode, bool keeps);

/* Goes on with the unfinished file that was kept for `target`: -ENOENT if there is none that belongs to this user, -EAGAIN if
 * somebody is writing it. */
int draft_resume(struct draft *draft, const char *target);

/* The size of the unfinished file that was kept for `target`; -ENOENT, also if it is empty or `target` is newer, or -EAGAIN while it is
 * being written. */
int draft_kept_size(const char *target, uint64_t *out_bytes);

/* Removes the unfinished file that was kept for `target`; -ENOENT, -EAGAIN. */
int draft_forget(const char *target);

/* Closes the file, unless that can't fail and its lock is of use; with `sync` its content is on the disk then. The draft stays,
 * and is nobody's to go on with. */
int draft_close(struct draft *draft, const char *target, bool sync);

/* Puts the closed draft at `target`: in place of what is there, or only if nothing is (`exclusive`: -EEXIST). With `sync` the
 * name is on the disk when this returns. The draft is gone, unless this fails. */
int draft_place(struct draft *draft, const char *target, bool exclusive, bool sync);

/* Closes what is open, and keeps the draft as the unfinished file for `target`, or removes it. */
void draft_keep(struct draft *draft, const char *target);
void draft_drop(struct draft *draft);

/* Removes what killed sessions of this user left in a directory: drafts that nobody writes any more, unfinished files that
 * nobody has come for in a week; all of both if the directory is to go (`all`) and nothing else is in it. Looks at `most` entries. */
void draft_sweep(const char *directory, unsigned most, bool all);

#endif
