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
#include "system/io.h"
#include "system/zone.h"
#include "text/listline.h"
#include "text/pattern.h"
#include "text/waiting.h"

/* Names of directories still to be listed by -R, in bytes; what does not fit is left out. */
#define RECURSE_MAX (256 * 1024)

/* For how long facts are asked for ahead, in seconds, since no line is sent meanwhile; and for how many between two
 * glances at the control connection. */
#define AHEAD_TIME 2
#define AHEAD_ENTRIES 512

struct listing {
	struct session *session;
	struct listargs args;
	bool names_only;	 /* NLST */
	char path[PATH_TEXT];	 /* the directory, or the one file */
	char pattern[PATH_TEXT]; /* of the last component; "" for none */
	const char *prefix;	 /* before each name of NLST; "" for none */
	size_t prefix_size;
	bool dots;	/* "." and ".." too */
	bool all_plain; /* nothing is hidden but names that begin with a dot */
	int64_t now;
	struct facts one; /* of the one name that is no directory */

	struct entries entries;

	struct waiting waiting; /* -R: directories still to be listed; the paths are owned */
};

_Static_assert(DIRECTORY_SLACK >= LISTLINE_SLACK, "names are read beyond their ends");

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
	(void)listline_append_told(&l->entries.out, l->prefix, l->prefix_size, name);
}

/* A directory that is being listed: read and sorted, or, unsorted, as it comes. */
struct source {
	bool comes;
	struct directory sorted;
	struct directory_stream stream;
};

struct entry {
	const struct source *source;
	const char *name;
	size_t index; /* in what is sorted */
};

static int entry_facts(const struct entry *entry, bool follow, struct facts *out_facts)
{
	const struct source *source = entry->source;

	return source->comes ? directory_next_facts(&source->stream, entry->name, follow, out_facts)
			     : directory_facts(&source->sorted, entry->index, follow, out_facts);
}

static int entry_target(const struct entry *entry, char *out, size_t capacity)
{
	const struct source *source = entry->source;

	return source->comes ? directory_next_target(&source->stream, entry->name, out, capacity)
			     : directory_target(&source->sorted, entry->index, out, capacity);
}

/* Whether -R goes into the entry: a directory itself, not a link to one, or a loop of links would have
 * no end. */
static bool is_below(const struct listing *l, const struct entry *entry, const struct facts *facts)
{
	struct facts own;

	if (!l->waiting.paths || !S_ISDIR(facts->mode))
		return false;
	if (!l->args.follow)
		return true;
	return entry_facts(entry, false, &own) == 0 && S_ISDIR(own.mode);
}

/* Returns whether -R goes into it. */
static bool add_entry(struct listing *l, const struct entry *entry)
{
	static char target[PATH_TEXT]; /* not cleared for every entry */
	struct facts facts;
	bool is_link;
	int error;

	if (l->names_only) {
		add_name(l, entry->name);
		return false;
	}
	error = entry_facts(entry, l->args.follow, &facts);
	/* A link that leads nowhere is shown itself. */
	if (error < 0)
		error = entry_facts(entry, false, &facts);
	if (error < 0) {
		entries_unseen(&l->entries, error);
		return false;
	}
	is_link = S_ISLNK(facts.mode);
	if (is_link)
		entries_unseen(&l->entries, entry_target(entry, target, sizeof(target)));
	add_line(l, entry->name, &facts, is_link ? target : NULL);
	return is_below(l, entry, &facts);
}

/* ---- directories ---- */

static bool keep(const char *name, const void *context)
{
	const struct listing *l = context;
	bool hidden = l->args.all || l->session->config.force_dot_files;

	if (name[0] != '.' && l->all_plain)
		return true;
	if (path_is_dots(name))
		return l->dots && !l->pattern[0];
	if (!entries_shows(l->session, name))
		return false;
	if (l->pattern[0])
		return pattern_match(
			l->pattern, name, strlen(name), hidden ? 0 : PATTERN_HIDDEN_DOT);
	return hidden || name[0] != '.';
}

static int read_sorted(struct listing *l, const char *path, struct directory *out_directory)
{
	int error = directory_read(path, keep, l, out_directory);

	entries_sweep(l->session, path);
	if (error < 0)
		return error;
	error = directory_sort(out_directory, l->args.order, l->args.reverse);
	if (error < 0)
		directory_free(out_directory);
	return error;
}

static int open_source(struct listing *l, const char *path, struct source *out_source)
{
	struct session *session = l->session;
	struct facts facts;
	int error = 0;

	if (session->login.anonymous && session->config.anon_world_readable_only) {
		error = vfs_stat(path, &facts);
		if (error == 0 && (facts.mode & S_IROTH) == 0)
			error = -EACCES;
	}
	out_source->comes = l->args.order == DIRECTORY_UNSORTED;
	if (error == 0)
		error = out_source->comes ? directory_open(path, &out_source->stream)
					  : read_sorted(l, path, &out_source->sorted);
	return error;
}

static void close_source(struct source *source)
{
	if (source->comes)
		directory_close(&source->stream);
	else
		directory_free(&source->sorted);
}

static void ask_ahead(struct listing *l, struct directory *directory)
{
	int64_t until = io_deadline(AHEAD_TIME);

	while (l->entries.result == PUMP_DONE && directory_ask(directory, AHEAD_ENTRIES) &&
		io_now() < until)
		entries_glance(&l->entries);
}

static void list_names(struct listing *l, const struct directory *directory)
{
	for (size_t i = 0; i < directory->count && l->entries.result == PUMP_DONE; i++) {
		directory_expect_name(directory, i + 8);
		entries_room(&l->entries);
		add_name(l, directory_name(directory, i));
	}
}

static void list_sorted(struct listing *l, const char *path, struct source *source)
{
	struct directory *directory = &source->sorted;

	if (!l->args.follow && directory_is_scattered(directory))
		ask_ahead(l, directory);
	for (size_t i = 0; i < directory->count && l->entries.result == PUMP_DONE; i++) {
		struct entry entry = {source, directory_name(directory, i), i};
		directory_expect(directory, i + 8);
		entries_room(&l->entries);
		directory->entries[i].key = add_entry(l, &entry);
	}
	/* The first of them is to be taken first. */
	for (size_t i = l->waiting.paths ? directory->count : 0; i > 0; i--) {
		const char *name = directory_name(directory, i - 1);
		if (directory->entries[i - 1].key && !path_is_dots(name))
			waiting_add(&l->waiting, path, name);
	}
}

static void list_as_it_comes(struct listing *l, const char *path, struct source *source)
{
	struct entry entry = {.source = source};
	unsigned count = 0;
	int more = 0;

	while (l->entries.result == PUMP_DONE &&
		(more = directory_next(&source->stream, &entry.name)) > 0) {
		if (++count % 4096 == 0)
			entries_glance(&l->entries);
		if (!keep(entry.name, l))
			continue;
		entries_room(&l->entries);
		if (add_entry(l, &entry) && !path_is_dots(entry.name))
			waiting_add(&l->waiting, path, entry.name);
	}
	entries_sweep(l->session, path[0] ? path : ".");
	/* What is missing would be taken for removed. */
	if (more < 0)
		l->entries.missing = more;
}

static void list_source(struct listing *l, const char *path, struct source *source)
{
	if (source->comes)
		list_as_it_comes(l, path, source);
	else if (l->names_only)
		list_names(l, &source->sorted);
	else
		list_sorted(l, path, source);
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
	struct source source = {.comes = false};
	int error;

	while (l->waiting.size > 0 && l->entries.result == PUMP_DONE) {
		entries_glance(&l->entries);
		waiting_take(&l->waiting, path);
		add_heading(l, path);
		error = open_source(l, path, &source);
		entries_unseen(&l->entries, error);
		if (error < 0)
			continue;
		list_source(l, path, &source);
		close_source(&source);
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
	static char prefix[PATH_TEXT + 1 + LISTLINE_SLACK];
	size_t size = strcmp(l->path, ".") == 0 ? 0 : strlen(l->path);

	memcpy(prefix, l->path, size);
	prefix[size] = '\0';
	if (size > 0 && prefix[size - 1] != '/') {
		prefix[size] = '/';
		prefix[size + 1] = '\0';
	}
	l->prefix = prefix;
	l->prefix_size = strlen(prefix);
}

static int prepare(struct listing *l, struct session *session, const char *argument, bool names)
{
	int error;

	l->session = session;
	l->waiting = (struct waiting){.capacity = RECURSE_MAX};
	l->now = zone_now();
	listargs_read(argument, &l->args);
	l->names_only = names && !l->args.verbose;
	l->dots = l->args.all && !l->names_only;
	error = names_use(session, l->args.path, l->path);
	if (error < 0)
		return error;
	split_pattern(l);
	set_prefix(l);
	l->all_plain = !l->pattern[0] && !session->config.hide_file;
	if (l->args.recurse && session->config.ls_recurse_enable && !l->names_only)
		l->waiting.paths = malloc(RECURSE_MAX); /* without it the listing has one level */
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

/* Anything may lie behind the end of a path that the client gave. */
static void add_path(struct buffer *out, const char *path)
{
	if (listline_has_line_end(path, strlen(path)))
		return;
	buffer_string(out, path);
	buffer_bytes(out, "\r\n", 2);
}

static void list_one(struct listing *l)
{
	const char *path = l->path[0] ? l->path : ".";
	const char *name = path_last(path);
	UNCLEARED char target[PATH_TEXT];

	if (l->names_only) {
		add_path(&l->entries.out, path);
		return;
	}
	if (S_ISLNK(l->one.mode) && vfs_link_target(path, target, sizeof(target)) == 0)
		add_line(l, name, &l->one, target);
	else
		add_line(l, *name ? name : path, &l->one, NULL);
}

/* Opens what is to be listed: sets whether it is a directory. Nothing is sent before this worked. */
static int open_listing(struct listing *l, struct source *out_source, bool *out_is_directory)
{
	int error = -ENOTDIR;

	*out_is_directory = false;
	if (!l->args.itself || l->pattern[0])
		error = open_source(l, l->path[0] ? l->path : ".", out_source);
	/* A file, or a link that leads nowhere. */
	if (error == -ENOTDIR || error == -ENOENT || error == -ELOOP)
		return find_one(l);
	*out_is_directory = error == 0;
	return error;
}

static void list_all(struct listing *l, struct source *source, bool is_directory)
{
	if (!is_directory) {
		list_one(l);
		return;
	}
	list_source(l, l->path, source);
	list_below(l);
}

static void close_listing(struct listing *l, struct source *source, bool is_directory)
{
	if (is_directory)
		close_source(source);
	free(l->waiting.paths);
	l->waiting.paths = NULL;
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
	struct source source = {.comes = false};
	struct reply answer;
	bool is_directory;
	const char *verb;
	int error;

	if (!transfer_is_prepared(session, &answer))
		return answer;
	error = prepare(l, session, argument, names);
	verb = l->names_only ? "NLST" : "LIST";
	if (error == 0)
		error = open_listing(l, &source, &is_directory);
	if (error < 0) {
		close_listing(l, NULL, false);
		entries_refused(session, verb, l->path, error);
		return not_listed(error);
	}
	if (entries_begin(&l->entries, session, verb, l->path, &answer)) {
		list_all(l, &source, is_directory);
		answer = entries_end(&l->entries);
	}
	close_listing(l, &source, is_directory);
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
	struct source source = {.comes = false};
	bool is_directory;
	int error;

	if (!access_permits(&session->config, session->login.anonymous, CLASS_LIST))
		return reply(550, "Permission denied.");
	error = prepare(l, session, argument, false);
	if (error == 0)
		error = open_listing(l, &source, &is_directory);
	if (error < 0) {
		close_listing(l, NULL, false);
		return not_listed(error);
	}
	(void)control_bytes(&session->control, "213-Status follows:\r\n", 21);
	entries_begin_control(&l->entries, session);
	list_all(l, &source, is_directory);
	entries_end_control(&l->entries);
	close_listing(l, &source, is_directory);
	/* The first line promised a 213. */
	return reply(213, l->entries.result == PUMP_DONE ? "End of status" : "Listing aborted");
}
