/* A directory entry as the text of LIST (the `ls -l` form that clients parse). */
#ifndef SOLOFTPD_TEXT_LISTLINE_H
#define SOLOFTPD_TEXT_LISTLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/buffer.h"

struct listline {
	const char *name;
	const char *target; /* of a symbolic link, else NULL */
	const char *owner;
	const char *group;
	uint32_t mode; /* st_mode, file type and permissions */
	uint64_t links;
	uint64_t size;	  /* bytes */
	int64_t modified; /* seconds since 1970 */
};

/* Appends `mode links owner group size date name[ -> target]` and CR LF: the mode as ls writes it
 * (type letter, rwx with s S t T), then "%4lu %-8s %-8s %8llu %s %s" in vsftpd's widths. In the name
 * and the target every control byte (below 0x20, and 0x7F) becomes '?', so that an entry is one line;
 * other bytes pass. `classify` puts the mark of `LIST -F` right behind the name: / @ * | = */
void listline_append(
	struct buffer *b, const struct listline *entry, int64_t now, bool local, bool classify);

/* Appends a name, with the same rule for control bytes. */
void listline_append_name(struct buffer *b, const char *name);

/* Whether a name has a CR or LF in it, so that NLST and MLSD can't tell it: it could not be asked for, and would be the end
 * of another name. */
bool listline_has_line_end(const char *name, size_t size);

/* Appends a line of NLST: the prefix, a name as it is, and CR LF; returns false, and appends nothing, if the name can't be
 * told. Up to LISTLINE_SLACK bytes behind the ends of both are read, whatever they are. */
#define LISTLINE_SLACK 8
bool listline_append_told(
	struct buffer *b, const char *prefix, size_t prefix_size, const char *name);

/* The ten characters of the mode, e.g. "drwxr-xr-x", and a terminator. */
void listline_mode(uint32_t mode, char out[11]);

#endif
