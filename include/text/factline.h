/* A file as MLST and MLSD tell of it (RFC 3659 section 7): facts for programs. */
#ifndef SOLOFTPD_TEXT_FACTLINE_H
#define SOLOFTPD_TEXT_FACTLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "text/buffer.h"

/* The facts there are, and a selection of them. */
enum fact {
	FACT_TYPE = 1 << 0,
	FACT_SIZE = 1 << 1,
	FACT_MODIFY = 1 << 2,
	FACT_PERM = 1 << 3,
	FACT_UNIQUE = 1 << 4,
	FACT_UNIX_MODE = 1 << 5,
	FACT_UNIX_UID = 1 << 6,
	FACT_UNIX_GID = 1 << 7,
	FACT_UNIX_OWNER = 1 << 8,
	FACT_UNIX_GROUP = 1 << 9,
};

/* All but the names of owners, which take a look-up each. */
#define FACTS_DEFAULT (FACT_UNIX_OWNER - 1)

struct factline {
	const char *name;
	const char *type;   /* "cdir" or "pdir"; NULL: what the mode says */
	const char *target; /* of a symbolic link, else NULL */
	uint32_t mode;	    /* st_mode, file type and permissions */
	uint64_t size;	    /* bytes; told of regular files */
	int64_t modified;   /* seconds since 1970 */
	uint32_t nanoseconds;
	uint64_t device, inode;
	const char *perm;	   /* letters of RFC 3659 section 7.5.5 */
	const char *uid, *gid;	   /* numbers as text; NULL: not to be told */
	const char *owner, *group; /* names, without blanks */
};

/* Appends the selected facts, a blank, the name as it is, and CR LF. The fact of a link's target is given
 * where it can stand in a fact: without blanks, ';' and control bytes. */
void factline_append(struct buffer *b, const struct factline *entry, unsigned facts);

/* Appends "type*;size*;": all facts there are, with a '*' behind those selected (section 7.8). */
void factline_append_all(struct buffer *b, unsigned facts);

/* Appends "type;size;": the selected facts (section 7.9). */
void factline_append_selected(struct buffer *b, unsigned facts);

/* Reads "type;size;" of OPTS MLST: names in any case, each ended by ';'; the last one's may be missing.
 * Unknown ones do not count. Returns 0, or -EINVAL at a blank. */
int factline_select(const char *text, unsigned *out_facts);

#endif
