/* Bytes, escapes, wildcards. */
#include "text.h"

#include <ctype.h>
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bytes_add(struct bytes *bytes, const void *data, size_t size)
{
	if (bytes->size + size + 1 > bytes->room) {
		size_t room = (bytes->size + size + 1) * 2;
		unsigned char *more = realloc(bytes->data, room);
		if (more == NULL)
			err(4, "memory");
		bytes->data = more;
		bytes->room = room;
	}
	if (size > 0)
		memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
	bytes->data[bytes->size] = '\0';
}

void bytes_cut(struct bytes *bytes, size_t size)
{
	if (size == 0)
		return;
	memmove(bytes->data, bytes->data + size, bytes->size - size);
	bytes->size -= size;
	bytes->data[bytes->size] = '\0';
}

void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){0};
}

void bytes_print(struct bytes *bytes, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	int size = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (size < 0)
		err(4, "memory");
	bytes_add(bytes, text, (size_t)size);
	free(text);
}

void bytes_show(struct bytes *bytes, const void *data, size_t size)
{
	const unsigned char *at = data;
	const size_t most = 2000;

	for (size_t i = 0; i < size && i < most; i++) {
		if (at[i] == '\r')
			bytes_print(bytes, "\\r");
		else if (at[i] == '\n')
			bytes_print(bytes, "\\n");
		else if (at[i] == '\\')
			bytes_print(bytes, "\\\\");
		else if (at[i] < ' ' || at[i] > '~')
			bytes_print(bytes, "\\x%02x", at[i]);
		else
			bytes_add(bytes, &at[i], 1);
	}
	if (size > most)
		bytes_print(bytes, "... (%zu bytes)", size);
}

static struct variable *variable_find(const struct variables *variables, const char *name)
{
	for (size_t i = 0; i < variables->count; i++)
		if (strcmp(variables->of[i].name, name) == 0)
			return (struct variable *)(uintptr_t)&variables->of[i];
	return NULL;
}

void variable_set(struct variables *variables, const char *name, const void *value, size_t size)
{
	struct variable *variable = variable_find(variables, name);

	if (variable == NULL) {
		if (variables->count == VARIABLES)
			errx(2, "more than %d names in one talk", VARIABLES);
		variable = &variables->of[variables->count++];
		snprintf(variable->name, sizeof(variable->name), "%s", name);
	}
	if (size >= sizeof(variable->value))
		size = sizeof(variable->value) - 1;
	memcpy(variable->value, value, size);
	variable->value[size] = '\0';
}

/*
 * A text is compiled to cells: a byte each, or ANY for a wildcard, or KEEP + n for a wildcard
 * whose match goes into the n-th of the names met.
 */
enum { ANY = 256, KEEP = 257, KEPT_MAX = 8 };

struct cells {
	uint16_t *of;
	size_t count;
	size_t room;
	bool wild; /* '*' is a wildcard */
	char kept[KEPT_MAX][NAME_MAX_SIZE];
	uint16_t kept_count;
	const char *error;
};

static void cell_add(struct cells *cells, uint16_t cell)
{
	if (cells->count == cells->room) {
		size_t room = cells->room * 2 + 64;
		uint16_t *more = realloc(cells->of, room * sizeof(*more));
		if (more == NULL)
			err(4, "memory");
		cells->of = more;
		cells->room = room;
	}
	cells->of[cells->count++] = cell;
}

static int hex_of(const char *at)
{
	if (!isxdigit((unsigned char)at[0]) || !isxdigit((unsigned char)at[1]))
		return -1;
	char pair[3] = {at[0], at[1], '\0'};
	return (int)strtol(pair, NULL, 16);
}

static const char *compile(const char *at, char until, const struct variables *v, struct cells *c);

/* \N{text}: the text N times. */
static const char *compile_repeat(const char *at, const struct variables *v, struct cells *c)
{
	char *brace = NULL;
	unsigned long times = strtoul(at, &brace, 10);

	if (*brace != '{') {
		c->error = "a number after \\ wants {text}";
		return at;
	}
	size_t start = c->count;
	const char *end = compile(brace + 1, '}', v, c);
	size_t size = c->count - start;

	for (size_t i = size; i < size * times; i++)
		cell_add(c, c->of[start + i % size]);
	if (times == 0)
		c->count = start;
	return end;
}

static const char *compile_escape(const char *at, const struct variables *v, struct cells *c)
{
	static const char names[] = "rnt\\*$}";
	static const char means[] = "\r\n\t\\*$}";
	const char *found = *at != '\0' ? strchr(names, *at) : NULL;

	if (found != NULL) {
		cell_add(c, (unsigned char)means[found - names]);
		return at + 1;
	}
	if (isdigit((unsigned char)*at))
		return compile_repeat(at, v, c);
	int byte = *at == 'x' ? hex_of(at + 1) : -1;
	if (byte < 0) {
		c->error = "unknown escape after \\";
		return at;
	}
	cell_add(c, (uint16_t)byte);
	return at + 3;
}

static void compile_keep(struct cells *c, const char *name)
{
	if (c->kept_count == KEPT_MAX) {
		c->error = "too many $NAME=* in one line";
		return;
	}
	memcpy(c->kept[c->kept_count], name, NAME_MAX_SIZE);
	cell_add(c, (uint16_t)(KEEP + c->kept_count++));
}

static const char *compile_name(const char *at, const struct variables *v, struct cells *c)
{
	char name[NAME_MAX_SIZE] = "";
	size_t size = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (size == 0 || size >= sizeof(name)) {
		c->error = "a $ wants a NAME of up to 15 capitals (a plain $ is \\$)";
		return at;
	}
	memcpy(name, at, size);
	if (c->wild && strncmp(at + size, "=*", 2) == 0) {
		compile_keep(c, name);
		return at + size + 2;
	}
	const struct variable *variable = variable_find(v, name);
	if (variable == NULL) {
		c->error = "a $NAME that nothing has set";
		return at;
	}
	for (const char *from = variable->value; *from != '\0'; from++)
		cell_add(c, (unsigned char)*from);
	return at + size;
}

static const char *compile(const char *at, char until, const struct variables *v, struct cells *c)
{
	while (*at != '\0' && *at != until && c->error == NULL) {
		if (*at == '\\') {
			at = compile_escape(at + 1, v, c);
		} else if (*at == '$') {
			at = compile_name(at + 1, v, c);
		} else {
			cell_add(c, c->wild && *at == '*' ? ANY : (unsigned char)*at);
			at++;
		}
	}
	if (until != '\0' && c->error == NULL) {
		if (*at != until)
			c->error = "a { that is not closed";
		else
			at++;
	}
	return at;
}

const char *expand(const char *text, const struct variables *variables, struct bytes *out)
{
	struct cells cells = {0};

	compile(text, '\0', variables, &cells);
	for (size_t i = 0; i < cells.count; i++) {
		unsigned char byte = (unsigned char)cells.of[i];
		bytes_add(out, &byte, 1);
	}
	free(cells.of);
	return cells.error;
}

static bool match_from(const struct cells *cells, size_t cell, struct variables *variables,
	const unsigned char *data, size_t size)
{
	for (; cell < cells->count; cell++, data++, size--) {
		if (cells->of[cell] >= ANY)
			break;
		if (size == 0 || *data != cells->of[cell])
			return false;
	}
	if (cell == cells->count)
		return size == 0;
	for (size_t length = 0; length <= size; length++) {
		if (!match_from(cells, cell + 1, variables, data + length, size - length))
			continue;
		if (cells->of[cell] >= KEEP)
			variable_set(variables, cells->kept[cells->of[cell] - KEEP], data, length);
		return true;
	}
	return false;
}

bool matches(const char *text, struct variables *variables, const void *data, size_t size,
	const char **out_error)
{
	struct cells cells = {.wild = true};

	compile(text, '\0', variables, &cells);
	bool same = cells.error == NULL && match_from(&cells, 0, variables, data, size);
	if (cells.error != NULL)
		*out_error = cells.error;
	free(cells.of);
	return same;
}

void pattern_fill(unsigned char *out, size_t size, uint64_t offset)
{
	for (size_t i = 0; i < size; i++, offset++)
		out[i] = (unsigned char)(offset * 7 + (offset >> 8) * 29 + (offset >> 16) * 131);
}

bool number_of(const char *text, uint64_t *out_number)
{
	char *end = NULL;

	if (text == NULL || !isdigit((unsigned char)*text))
		return false;
	uint64_t number = strtoull(text, &end, 10);
	if (*end != '\0')
		return false;
	*out_number = number;
	return true;
}

char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t");

	if (*word == '\0')
		return NULL;
	char *end = word + strcspn(word, " \t");
	*rest = *end == '\0' ? end : end + 1;
	*end = '\0';
	return word;
}
