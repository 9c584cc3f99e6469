/* Bytes, escapes, names and wildcards. */
#ifndef TALK_TEXT_H
#define TALK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	unsigned char *data; /* owned */
	size_t size;
	size_t room;
};

void bytes_add(struct bytes *bytes, const void *data, size_t size);
void bytes_cut(struct bytes *bytes, size_t size); /* drop the first size bytes */
void bytes_free(struct bytes *bytes);
/* Append printf's text. */
void bytes_print(struct bytes *bytes, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Append data as a talk would write it: escapes for all that is not printable. */
void bytes_show(struct bytes *bytes, const void *data, size_t size);

enum { NAME_MAX_SIZE = 16, VALUE_MAX_SIZE = 256, VARIABLES = 24 };

struct variables {
	size_t count;
	struct variable {
		char name[NAME_MAX_SIZE];
		char value[VALUE_MAX_SIZE];
	} of[VARIABLES];
};

void variable_set(struct variables *variables, const char *name, const void *value, size_t size);

/* Escapes and $NAMEs of text, appended to out. NULL, or what is wrong with the text. */
const char *expand(const char *text, const struct variables *variables, struct bytes *out);
/*
 * Whether data is what the text says, where * stands for anything and $NAME=* keeps it. A text
 * that is not well formed matches nothing and says so in out_error.
 */
bool matches(const char *text, struct variables *variables, const void *data, size_t size,
	const char **out_error);

/* The bytes every "pattern" is made of: a function of the place in the file alone. */
void pattern_fill(unsigned char *out, size_t size, uint64_t offset);

bool number_of(const char *text, uint64_t *out_number);
/* The next blank-separated word of *rest, ended in place; NULL when there is none. */
char *next_word(char **rest);

#endif
