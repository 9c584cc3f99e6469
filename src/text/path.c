#include "text/path.h"

#include <errno.h>
#include <string.h>

/*
 * The components that survive a merge, last one first. From that side each ".." just cancels the
 * next name, and one that finds no name left is the clamp at "/"; nothing is written that a later
 * ".." takes back, so only the result has to fit.
 */
struct walk {
	const char *text;      /* what is being read */
	size_t left;	       /* bytes of it not read yet */
	const char *directory; /* what comes after it, or NULL */
	size_t cancelled;      /* ".." still waiting for a name */
};

static void walk_start(struct walk *w, const char *directory, const char *path)
{
	w->text = path;
	w->left = strlen(path);
	w->directory = path[0] == '/' ? NULL : directory;
	w->cancelled = 0;
}

static bool last_component(struct walk *w, const char **out_name, size_t *out_length)
{
	size_t end;

	while (w->left > 0 && w->text[w->left - 1] == '/')
		w->left--;
	end = w->left;
	while (w->left > 0 && w->text[w->left - 1] != '/')
		w->left--;
	*out_name = w->text + w->left;
	*out_length = end - w->left;
	return end > w->left;
}

static bool step_back(struct walk *w, const char **out_name, size_t *out_length)
{
	if (last_component(w, out_name, out_length))
		return true;
	if (!w->directory)
		return false;
	w->text = w->directory;
	w->left = strlen(w->text);
	w->directory = NULL;
	return last_component(w, out_name, out_length);
}

static bool is_dots(const char *name, size_t length, size_t dots)
{
	return length == dots && memcmp(name, "..", dots) == 0;
}

static bool walk_kept(struct walk *w, const char **out_name, size_t *out_length)
{
	while (step_back(w, out_name, out_length)) {
		if (is_dots(*out_name, *out_length, 1))
			continue;
		if (is_dots(*out_name, *out_length, 2))
			w->cancelled++;
		else if (w->cancelled > 0)
			w->cancelled--;
		else
			return true;
	}
	return false;
}

int path_merge(const char *directory, const char *path, char *out, size_t capacity)
{
	struct walk walk;
	const char *name;
	size_t length;
	size_t size = 0;

	walk_start(&walk, directory, path);
	while (walk_kept(&walk, &name, &length))
		size += 1 + length;
	if ((size > 0 ? size : 1) >= capacity)
		return -ENAMETOOLONG;
	out[0] = '/';
	out[size > 0 ? size : 1] = '\0';
	walk_start(&walk, directory, path);
	while (walk_kept(&walk, &name, &length)) {
		size -= length;
		memcpy(out + size, name, length);
		out[--size] = '/';
	}
	return 0;
}

const char *path_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static size_t drop_slashes(const char *path, size_t size)
{
	while (size > 0 && path[size - 1] == '/')
		size--;
	return size;
}

int path_parent(const char *path, char *out, size_t capacity)
{
	size_t size = drop_slashes(path, strlen(path));

	while (size > 0 && path[size - 1] != '/')
		size--;
	if (size == 0)
		path = path[0] == '/' ? "/" : ".";
	size = drop_slashes(path, size);
	if (size == 0)
		size = 1;
	if (size >= capacity)
		return -ENAMETOOLONG;
	memcpy(out, path, size);
	out[size] = '\0';
	return 0;
}

bool path_component(const char **cursor, const char **out_name, size_t *out_length)
{
	const char *name = *cursor + strspn(*cursor, "/");
	size_t length = strcspn(name, "/");

	*cursor = name + length;
	if (length == 0)
		return false;
	*out_name = name;
	*out_length = length;
	return true;
}

int path_join(const char *directory, const char *name, char *out, size_t capacity)
{
	size_t before = strlen(directory);
	size_t slash = before > 0 && directory[before - 1] != '/';
	size_t size;

	if (before > 0)
		name += strspn(name, "/");
	size = strlen(name);
	if (before + slash + size >= capacity)
		return -ENAMETOOLONG;
	memcpy(out, directory, before);
	if (slash)
		out[before] = '/';
	memcpy(out + before + slash, name, size + 1);
	return 0;
}
