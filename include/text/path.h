/*
 * Pathnames as text (RFC 3659 section 6, TVFS): "/" separates, "." and ".." and "//" mean what they
 * mean in Unix. Nothing here looks at a file system: these names are for replies, logs and patterns;
 * the kernel resolves what is opened.
 */
#ifndef SOLOFTPD_TEXT_PATH_H
#define SOLOFTPD_TEXT_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* The longest pathname with its terminator (PATH_MAX of Linux). */
#define PATH_TEXT 4096

/* For storage that is written before it is read. The compiler clears what is not marked; of all that a short command
 * executes, clearing its paths would be the most. */
#define UNCLEARED __attribute__((uninitialized))

/* For what few calls of a short function come to: apart from it, so that the others need not make room for its variables. */
#define SELDOM __attribute__((cold, noinline))

/* Merges `path` into `directory` (absolute) and normalises: an absolute path without ".", ".." or
 * empty components, clamped at "/". Returns 0, or -ENAMETOOLONG when `capacity` is too small; `out`
 * may be the same storage as neither argument. */
int path_merge(const char *directory, const char *path, char *out, size_t capacity);

/* The part of `path` behind its last "/" (may be empty). */
const char *path_last(const char *path);

/* Copies what stands before the last component: "/a/b" gives "/a", "b" gives ".", "/b" gives "/".
 * Trailing slashes do not count. Returns 0 or -ENAMETOOLONG. */
int path_parent(const char *path, char *out, size_t capacity);

/* Whether a name is "." or "..". */
static inline bool path_is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Steps through the non-empty components: sets the next one and its length and advances the cursor;
 * returns false at the end. */
bool path_component(const char **cursor, const char **out_name, size_t *out_length);

/* Appending a name to a directory for a reply or an NLST line: no doubled slash, and nothing at all
 * before the name when `directory` is empty. Returns 0 or -ENAMETOOLONG. */
int path_join(const char *directory, const char *name, char *out, size_t capacity);

#endif
