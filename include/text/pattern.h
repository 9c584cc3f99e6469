/*
 * File name patterns: '*', '?', '[set]' and, where allowed, '{a,b}'. A set-of-positions simulation:
 * time is at most pattern length times name length whatever the pattern, and nothing recurses.
 */
#ifndef SOLOFTPD_TEXT_PATTERN_H
#define SOLOFTPD_TEXT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum {
	PATTERN_BRACES = 1,	/* {a,b,c}: one of the alternatives; braces do not nest */
	PATTERN_HIDDEN_DOT = 2, /* a name's leading '.' is matched only by a '.' that begins the
				  * pattern or an alternative, as in the shell: "*.a" does not */
};

/* The longest pattern that can match anything, in bytes. */
#define PATTERN_MAX 1024

/* Whether all of the `size` bytes at `name` match `pattern`. '[a-z]' ranges compare bytes; '[!x]'
 * and '[^x]' are the complement; a ']' that comes first is a member; an unclosed '[' or '{', and a
 * ',' or '}' outside braces, is an ordinary character; so are braces and commas in a set, and a '{'
 * in braces. Backslash is an ordinary character. A pattern over PATTERN_MAX bytes matches nothing. */
bool pattern_match(const char *pattern, const char *name, size_t size, unsigned flags);

/* Whether `text` has a character that pattern_match would treat as special under `flags`. */
bool pattern_is_one(const char *text, unsigned flags);

#endif
