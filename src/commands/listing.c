#include "commands/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/entries.h"
#include "commands/listargs.h"
#include "commands/names.h"
#include "commands/table.h"
#include "policy/access.h"
#include "system/directory.h"
#include "system/zone.h"
#include "text/listline.h"
#include "text/pattern.h"

/* Names of directories still to be listed by -R, in bytes; what does not fit is left out. */
#define RECURSE_MAX (256 * 1024)

struct listing {
	struct session *session;
	struct listargs args;
	bool names_only;	 /* NLST */
	char path[PATH_TEXT];	 /* the directory, or the one file */
	char pattern[PATH_TEXT]; /* of the last component; "" for none */
	const char *prefix;	 /* before each name of NLST; "" for none */
	bool dots;		 /* "." and ".." too */
	int64_t now;
	struct facts one; /* of the one name that is no directory */

	struct entries entries;

	char *waiting; /* -R: NUL-terminated paths, the next one last; owned */
	size_t waiting_size;
};

/* One listing at a time: the buffers are too large for the stack. */
static struct listing shared;

/* ---- entries ---- */

static void add_line(
	struct listing *l, const char *name, const struct facts *facts, const char *target)
{
	struct listline line = {.name = name,
		.target = target,
		.mode = facts->mode,
		.links = facts->links,
		.size = facts->size,
		.modified = facts->modified};

	entries_owners(&l->session->config, facts, &line.owner, &line.group);
	listline_append(
		&l->entries.out, &line, l->now, l->session->config.use_localtime, l->args.classify);
}

static void add_name(struct listing *l, const char *name)
{
	struct buffer *out = &l->entries.out;

	/* A line end in it could not be asked for, and would be the end of another name. */
	if (strpbrk(name, "\r\n"))
		return;
	buffer_string(out, l->prefix);
	buffer_string(out, name);
	buffer_bytes(out, "\r\n", 2);
}

/* Whether -R goes into the entry: a directory itself, not a link to one, or a loop of links would have
 * no end. */
static bool is_below(const struct listing *l, struct directory *directory, size_t index,
	const struct facts *facts)
{
	struct facts own;

	if (!l->waiting || !S_ISDIR(facts->mode))
		return false;
	if (!l->args.follow)
		return true;
	return directory_facts(directory, index, false, &own) == 0 && S_ISDIR(own.mode);
}

static void add_entry(struct listing *l, struct directory *directory, size_t index)
{
	const char *name = directory_name(directory, index);
	static char target[PATH_TEXT]; /* not cleared for every entry */
	struct facts facts;
	bool is_link;
	int error;

	if (l->names_only) {
		add_name(l, name);
		return;
	}
	error = directory_facts(directory, index, l->args.follow, &facts);
	/* A link that leads nowhere is shown itself. */
	if (error < 0)
		error = directory_facts(directory, index, false, &facts);
	if (error < 0) {
		entries_unseen(&l->entries, error);
		return;
	}
	is_link = S_ISLNK(facts.mode);
	if (is_link)
		entries_unseen(
			&l->entries, directory_target(directory, index, target, sizeof(target)));
	add_line(l, name, &facts, is_link ? target : NULL);
	directory->entries[index].key = is_below(l, directory, index, &facts);
}

/* ---- directories ---- */

static bool keep(const char *name, const void *context)
{
	const struct listing *l = context;
	bool hidden = l->args.all || l->session->config.force_dot_files;

	if (name[0] == '.' && (name[1] == '\0' || strcmp(name, "..") == 0))
		return l->dots && !l->pattern[0];
	if (!entries_shows(l->session, name))
		return false;
	if (l->pattern[0])
		return pattern_match(
			l->pattern, name, strlen(name), hidden ? 0 : PATTERN_HIDDEN_DOT);
	return hidden || name[0] != '.';
}

static int read_directory(struct listing *l, const char *path, struct directory *out_directory)
{
	struct session *session = l->session;
	struct facts facts;
	int error = 0;

	if (session->login.anonymous && session->config.anon_world_readable_only) {
		error = vfs_stat(path, &facts);
		if (error == 0 && (facts.mode & S_IROTH) == 0)
			error = -EACCES;
	}
	if (error == 0)
		error = directory_read(path, keep, l, out_directory);
	entries_sweep(session, path);
	if (error < 0)
		return error;
	error = directory_sort(out_directory, l->args.order, l->args.reverse);
	if (error < 0)
		directory_free(out_directory);
	return error;
}

static void add_waiting(struct listing *l, const char *path, const char *name)
{
	UNCLEARED char child[PATH_TEXT];
	size_t size;

	if (path_join(path, name, child, sizeof(child)) < 0)
		return;
	size = strlen(child) + 1;
	if (size > RECURSE_MAX - l->waiting_size)
		return;
	memcpy(l->waiting + l->waiting_size, child, size);
	l->waiting_size += size;
}

/* Takes the path that waits last. */
static void take_waiting(struct listing *l, char path[PATH_TEXT])
{
	size_t start = l->waiting_size - 1;

	while (start > 0 && l->waiting[start - 1] != '\0')
		start--;
	memcpy(path, l->waiting + start, l->waiting_size - start);
	l->waiting_size = start;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void list_directory(struct listing *l, const char *path, struct directory *directory)
{
	for (size_t i = 0; i < directory->count && l->entries.result == PUMP_DONE; i++) {
		entries_room(&l->entries);
		directory->entries[i].key = 0;
		add_entry(l, directory, i);
	}
	if (!l->waiting)
		return;
	for (size_t i = directory->count; i > 0; i--) {
		const char *name = directory_name(directory, i - 1);
		if (directory->entries[i - 1].key && !is_dots(name))
			add_waiting(l, path, name);
	}
}

/* The line above a directory of -R. A relative path begins with "./", so that in STAT's reply none can
 * look like a reply line. */
static void add_heading(struct listing *l, const char *path)
{
	bool plain = path[0] == '/' || (path[0] == '.' && path[1] == '/');

	entries_room(&l->entries);
	buffer_string(&l->entries.out, plain ? "\r\n" : "\r\n./");
	listline_append_name(&l->entries.out, path);
	buffer_string(&l->entries.out, ":\r\n");
}

/* Depth first, with the paths that wait kept on a stack of bounded size. */
static void list_below(struct listing *l)
{
	UNCLEARED char path[PATH_TEXT];
	struct directory directory;
	int error;

	while (l->waiting_size > 0 && l->entries.result == PUMP_DONE) {
		entries_glance(&l->entries);
		take_waiting(l, path);
		add_heading(l, path);
		error = read_directory(l, path, &directory);
		entries_unseen(&l->entries, error);
		if (error < 0)
			continue;
		list_directory(l, path, &directory);
		directory_free(&directory);
	}
}

/* ---- preparing ---- */

/* Splits a pattern off the last component, unless the whole is the name of something. */
static void split_pattern(struct listing *l)
{
	const char *last = path_last(l->path);
	struct facts facts;
	struct buffer b;

	l->pattern[0] = '\0';
	if (!pattern_is_one(last, 0) || vfs_link_stat(l->path, &facts) == 0)
		return;
	buffer_start(&b, l->pattern, sizeof(l->pattern));
	buffer_string(&b, last);
	buffer_text(&b);
	l->path[last - l->path] = '\0';
}

/* NLST names what RETR can use from here: with the directory in front, as the client wrote it (but
 * for a plain ".", which says nothing). */
static void set_prefix(struct listing *l)
{
	static char prefix[PATH_TEXT + 1];
	size_t size = strcmp(l->path, ".") == 0 ? 0 : strlen(l->path);

	memcpy(prefix, l->path, size);
	prefix[size] = '\0';
	if (size > 0 && prefix[size - 1] != '/') {
		prefix[size] = '/';
		prefix[size + 1] = '\0';
	}
	l->prefix = prefix;
}

static int prepare(struct listing *l, struct session *session, const char *argument, bool names)
{
	int error;

	l->session = session;
	l->waiting = NULL;
	l->waiting_size = 0;
	l->now = zone_now();
	listargs_read(argument, &l->args);
	l->names_only = names && !l->args.verbose;
	l->dots = l->args.all && !l->names_only;
	error = names_use(session, l->args.path, l->path);
	if (error < 0)
		return error;
	split_pattern(l);
	set_prefix(l);
	if (l->args.recurse && session->config.ls_recurse_enable && !l->names_only)
		l->waiting = malloc(RECURSE_MAX); /* without it the listing has one level */
	return 0;
}

/* One name that is no directory, or -d: whether it can be listed. */
static int find_one(struct listing *l)
{
	const char *path = l->path[0] ? l->path : ".";
	int error = vfs_link_stat(path, &l->one);

	if (error == 0 && !entries_shows(l->session, path_last(path)))
		error = -ENOENT;
	return error;
}

static void list_one(struct listing *l)
{
	const char *path = l->path[0] ? l->path : ".";
	const char *name = path_last(path);
	UNCLEARED char target[PATH_TEXT];

	if (l->names_only) {
		l->prefix = "";
		add_name(l, path);
		return;
	}
	if (S_ISLNK(l->one.mode) && vfs_link_target(path, target, sizeof(target)) == 0)
		add_line(l, name, &l->one, target);
	else
		add_line(l, *name ? name : path, &l->one, NULL);
}

/* Opens what is to be listed: sets whether it is a directory. Nothing is sent before this worked. */
static int open_listing(struct listing *l, struct directory *out_directory, bool *out_is_directory)
{
	int error = -ENOTDIR;

	*out_is_directory = false;
	if (!l->args.itself || l->pattern[0])
		error = read_directory(l, l->path[0] ? l->path : ".", out_directory);
	/* A file, or a link that leads nowhere. */
	if (error == -ENOTDIR || error == -ENOENT || error == -ELOOP)
		return find_one(l);
	*out_is_directory = error == 0;
	return error;
}

static void list_all(struct listing *l, struct directory *directory, bool is_directory)
{
	if (!is_directory) {
		list_one(l);
		return;
	}
	list_directory(l, l->path, directory);
	list_below(l);
}

static void close_listing(struct listing *l, struct directory *directory, bool is_directory)
{
	if (is_directory)
		directory_free(directory);
	free(l->waiting);
	l->waiting = NULL;
}

static struct reply not_listed(int error)
{
	if (error == -EACCES || error == NAMES_DENIED)
		return reply(550, "Permission denied.");
	if (error == -ENOENT)
		return reply(450, "No such file or directory.");
	return reply_error(error, "Failed to open directory.");
}

static struct reply list(struct session *session, const char *argument, bool names)
{
	struct listing *l = &shared;
	struct directory directory;
	struct reply answer;
	bool is_directory;
	const char *verb;
	int error;

	if (!transfer_is_prepared(session, &answer))
		return answer;
	error = prepare(l, session, argument, names);
	verb = l->names_only ? "NLST" : "LIST";
	if (error == 0)
		error = open_listing(l, &directory, &is_directory);
	if (error < 0) {
		close_listing(l, NULL, false);
		entries_refused(session, verb, l->path, error);
		return not_listed(error);
	}
	if (entries_begin(&l->entries, session, verb, l->path, &answer)) {
		list_all(l, &directory, is_directory);
		answer = entries_end(&l->entries);
	}
	close_listing(l, &directory, is_directory);
	return answer;
}

struct reply cmd_list(struct session *session, const char *argument)
{
	return list(session, argument, false);
}

struct reply cmd_nlst(struct session *session, const char *argument)
{
	return list(session, argument, true);
}

struct reply listing_status(struct session *session, const char *argument)
{
	struct listing *l = &shared;
	struct directory directory;
	bool is_directory;
	int error;

	if (!access_permits(&session->config, session->login.anonymous, CLASS_LIST))
		return reply(550, "Permission denied.");
	error = prepare(l, session, argument, false);
	if (error == 0)
		error = open_listing(l, &directory, &is_directory);
	if (error < 0) {
		close_listing(l, NULL, false);
		return not_listed(error);
	}
	(void)control_bytes(&session->control, "213-Status follows:\r\n", 21);
	entries_begin_control(&l->entries, session);
	list_all(l, &directory, is_directory);
	entries_end_control(&l->entries);
	close_listing(l, &directory, is_directory);
	/* The first line promised a 213. */
	return reply(213, l->entries.result == PUMP_DONE ? "End of status" : "Listing aborted");
}
