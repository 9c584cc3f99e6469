/*
 * text/path: a merge gives what a stack of names gives: absolute, without ".", ".." and empty names, never past the
 * storage; and the other functions put together what they take apart.
 *
 * Input: a byte for the size of the storage, a directory, NUL, a path.
 */
#include <errno.h>

#include "fuzz.h"
#include "text/path.h"

/* Names are pushed, ".." pops; at most as many as bytes. */
struct stack {
	const char **names;
	size_t *lengths;
	size_t count;
};

static void push_all(struct stack *stack, const char *path)
{
	while (*path) {
		size_t length = strcspn(path, "/");
		if (length == 2 && strncmp(path, "..", 2) == 0) {
			stack->count -= stack->count > 0;
		} else if (length > 0 && !(length == 1 && *path == '.')) {
			stack->names[stack->count] = path;
			stack->lengths[stack->count++] = length;
		}
		path += length + (path[length] == '/');
	}
}

static char *merge_plainly(const char *directory, const char *path)
{
	size_t most = strlen(directory) + strlen(path) + 2, size = 0;
	struct stack stack = {exactly(most * sizeof(char *)), exactly(most * sizeof(size_t)), 0};
	char *merged = exactly(most + 1);

	if (path[0] != '/')
		push_all(&stack, directory);
	push_all(&stack, path);
	for (size_t i = 0; i < stack.count; i++) {
		merged[size++] = '/';
		memcpy(merged + size, stack.names[i], stack.lengths[i]);
		size += stack.lengths[i];
	}
	if (size == 0)
		merged[size++] = '/';
	merged[size] = '\0';
	free(stack.names);
	free(stack.lengths);
	return merged;
}

/* Every name of a normal path, joined again, is the path; its parent and last name too. */
static void check_parts(const char *path)
{
	size_t capacity = strlen(path) + 2, length;
	char *joined = exactly(capacity), *longer = exactly(capacity);
	const char *cursor = path, *name;

	strcpy(joined, "/");
	while (path_component(&cursor, &name, &length)) {
		char *part = copy_text(name, length);
		must(path_join(joined, part, longer, capacity) == 0);
		strcpy(joined, longer);
		free(part);
	}
	must(strcmp(joined, path) == 0);
	must(path_parent(path, longer, capacity) == 0);
	must(path_join(longer, path_last(path), joined, capacity) == 0);
	must(strcmp(joined, path) == 0);
	free(joined);
	free(longer);
}

static void check_merge(const char *directory, const char *path, size_t capacity)
{
	char *expected = merge_plainly(directory, path), *out = exactly(capacity);
	int error = path_merge(directory, path, out, capacity);

	must(error == 0 || error == -ENAMETOOLONG);
	must((error == 0) == (strlen(expected) < capacity));
	if (error == 0) {
		must(strcmp(out, expected) == 0);
		check_parts(out);
	}
	free(expected);
	free(out);
}

static void check_bounds(const char *directory, const char *path, size_t capacity)
{
	char *out = exactly(capacity);

	if (path_join(directory, path, out, capacity) == 0)
		must(strlen(out) < capacity && strncmp(out, directory, strlen(directory)) == 0);
	if (path_parent(path, out, capacity) == 0)
		must(strlen(out) > 0 && strlen(out) < capacity);
	must(!strchr(path_last(path), '/'));
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	size_t capacity = 1 + take_byte(&in);
	char *text = take_text(&in), *path = take_text(&in);
	char *directory = exactly(strlen(text) + 2);

	strcpy(directory, "/");
	strcpy(directory + 1, text);
	check_merge(directory, path, capacity);
	check_merge(directory, path, PATH_TEXT);
	check_bounds(directory, path, capacity);
	check_bounds("", path, capacity);
	free(directory);
	free(text);
	free(path);
	return 0;
}
