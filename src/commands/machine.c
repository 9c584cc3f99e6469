/* MLSD, MLST and OPTS MLST: listings for programs (RFC 3659 section 7). */
#include "commands/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/dispatch.h"
#include "commands/entries.h"
#include "commands/names.h"
#include "commands/record.h"
#include "commands/table.h"
#include "policy/access.h"
#include "system/directory.h"
#include "text/factline.h"
#include "text/listline.h"

/* What policy lets this session do, whatever the file: asked once a listing. */
struct powers {
	bool append, make, remove, enter, rename, list, make_directory, retrieve, store,
		remove_directory;
	bool world_readable; /* and reading needs a file that is */
};

static bool may(const struct session *session, const char *verb)
{
	return dispatch_would_permit(session, command_find(verb));
}

static struct powers session_powers(const struct session *session)
{
	const struct config *config = &session->config;
	bool anonymous = session->login.anonymous;

	return (struct powers){
		.append = may(session, "APPE"),
		.make = may(session, "STOR"),
		.remove = may(session, "DELE"),
		.enter = may(session, "CWD"),
		.rename = may(session, "RNFR") && may(session, "RNTO"),
		.list = may(session, "LIST") || may(session, "MLSD"),
		.make_directory = may(session, "MKD"),
		.retrieve = may(session, "RETR"),
		.store = may(session, "STOR") && (!anonymous || config->anon_other_write_enable),
		.remove_directory = may(session, "RMD"),
		.world_readable = anonymous && config->anon_world_readable_only,
	};
}

/* The rights that matter for an entry: its own, and its directory's. */
struct standing {
	const struct powers *powers;
	const struct facts *facts;
	unsigned rights;
	bool removable; /* its name can be taken out of its directory */
};

/* Whether entries of `parent` can be removed and renamed: the sticky bit keeps them for their owners. */
static bool is_removable(const struct facts *parent, const struct facts *facts)
{
	if ((vfs_rights(parent) & 3) != 3)
		return false;
	return !(parent->mode & S_ISVTX) || vfs_is_own(parent) || vfs_is_own(facts);
}

static bool is_readable(const struct standing *s)
{
	return (s->rights & 4) && (!s->powers->world_readable || (s->facts->mode & S_IROTH));
}

static void append_if(char **at, bool condition, char letter)
{
	if (condition)
		*(*at)++ = letter;
}

/* The letters of RFC 3659 section 7.5.5. */
static void directory_perm(const struct standing *s, char *at)
{
	const struct powers *p = s->powers;
	bool open = (s->rights & 3) == 3;

	append_if(&at, p->make && open, 'c');
	append_if(&at, p->remove_directory && s->removable, 'd');
	append_if(&at, p->enter && (s->rights & 1), 'e');
	append_if(&at, p->rename && s->removable, 'f');
	append_if(&at, p->list && is_readable(s), 'l');
	append_if(&at, p->make_directory && open, 'm');
	append_if(&at, p->remove && open, 'p');
	*at = '\0';
}

static void file_perm(
	const struct session *session, const struct standing *s, const char *name, char *at)
{
	const struct powers *p = s->powers;
	bool download = access_permits_transfer(&session->config, name, false);
	bool upload = access_permits_transfer(&session->config, name, true);

	append_if(&at, p->append && upload && (s->rights & 2), 'a');
	append_if(&at, p->remove && s->removable, 'd');
	append_if(&at, p->rename && s->removable, 'f');
	append_if(&at, p->retrieve && download && is_readable(s), 'r');
	append_if(&at, p->store && upload && (s->rights & 2), 'w');
	*at = '\0';
}

/* A fifo, a socket, a link that leads nowhere. */
static void other_perm(const struct standing *s, char *at)
{
	append_if(&at, s->powers->remove && s->removable, 'd');
	append_if(&at, s->powers->rename && s->removable, 'f');
	*at = '\0';
}

static void set_perm(
	const struct session *session, const struct standing *s, const char *name, char perm[16])
{
	if (S_ISDIR(s->facts->mode))
		directory_perm(s, perm);
	else if (S_ISREG(s->facts->mode))
		file_perm(session, s, name, perm);
	else
		other_perm(s, perm);
}

/* ---- entries ---- */

/* A file and what is known about it. */
struct subject {
	const char *name;	    /* as it is told */
	const char *type;	    /* "cdir", "pdir" or NULL */
	bool denied;		    /* by deny_file: nothing can be done with it */
	const char *target;	    /* of a symbolic link, else NULL */
	const struct facts *facts;  /* its own */
	const struct facts *leads;  /* what the link leads to, or the same */
	const struct facts *parent; /* NULL: it can be neither removed nor renamed */
};

static void append_subject(const struct session *session, const struct powers *powers,
	const struct subject *subject, struct buffer *b)
{
	const struct facts *facts = subject->facts;
	struct standing standing = {.powers = powers,
		.facts = subject->leads,
		.rights = vfs_rights(subject->leads),
		.removable = subject->parent && is_removable(subject->parent, facts)};
	char perm[16];
	struct factline line = {.name = subject->name,
		.type = subject->type,
		.target = subject->target,
		.mode = facts->mode,
		.size = facts->size,
		.modified = facts->modified,
		.nanoseconds = session->config.time_fractions ? facts->nanoseconds : 0,
		.device = facts->device,
		.inode = facts->inode,
		.perm = perm};

	perm[0] = '\0';
	if (!subject->denied)
		set_perm(session, &standing, subject->name, perm);
	if (!session->config.hide_ids)
		entries_ids(facts, &line.uid, &line.gid);
	if (session->facts & (FACT_UNIX_OWNER | FACT_UNIX_GROUP))
		entries_owners(&session->config, facts, &line.owner, &line.group);
	factline_append(b, &line, session->facts);
}

/* Whether the name may be told at all. A line end in it could not be asked for, and would be the end of
 * another entry's line. */
static bool is_told(struct session *session, const char *name)
{
	return entries_shows(session, name) && !listline_has_line_end(name, strlen(name));
}

/* ---- MLSD ---- */

struct machine {
	struct session *session;
	char path[PATH_TEXT]; /* of the directory */
	struct powers powers;
	struct facts directory;
	struct directory_stream stream;
	struct entries entries;
};

static bool is_denied(struct machine *m, const char *name)
{
	static char path[PATH_TEXT];

	if (!m->session->config.deny_file)
		return false;
	return path_join(m->path, name, path, sizeof(path)) < 0 || names_denies(m->session, path);
}

static void add_entry(struct machine *m, const char *name)
{
	static char target[PATH_TEXT];
	struct facts facts, leads;
	struct subject subject = {.name = name,
		.denied = is_denied(m, name),
		.facts = &facts,
		.leads = &facts,
		.parent = &m->directory};
	int error;

	error = directory_next_facts(&m->stream, name, false, &facts);
	if (error < 0) {
		entries_unseen(&m->entries, error);
		return;
	}
	if (S_ISLNK(facts.mode)) {
		error = directory_next_target(&m->stream, name, target, sizeof(target));
		entries_unseen(&m->entries, error);
		subject.target = target;
		error = directory_next_facts(&m->stream, name, true, &leads);
		entries_unseen(&m->entries, error);
		if (error == 0)
			subject.leads = &leads;
	}
	append_subject(m->session, &m->powers, &subject, &m->entries.out);
}

static void add_frame(struct machine *m, const char *name, const char *type)
{
	struct facts facts;
	struct subject subject = {.name = name, .type = type, .facts = &facts, .leads = &facts};
	int error;

	error = directory_next_facts(&m->stream, name, true, &facts);
	entries_unseen(&m->entries, error);
	if (error == 0)
		append_subject(m->session, &m->powers, &subject, &m->entries.out);
}

/* Dot files come too: a program decides by itself what to show. */
static void add_entries(struct machine *m)
{
	unsigned count = 0;
	const char *name;
	int more = 0;

	/* Without the fact that says what they are they would look like entries. */
	if (m->session->facts & FACT_TYPE) {
		add_frame(m, ".", "cdir");
		add_frame(m, "..", "pdir");
	}
	while (m->entries.result == PUMP_DONE && (more = directory_next(&m->stream, &name)) > 0) {
		if (path_is_dots(name) || !is_told(m->session, name))
			continue;
		entries_room(&m->entries);
		if (++count % 4096 == 0)
			entries_glance(&m->entries);
		add_entry(m, name);
	}
	entries_sweep(m->session, m->path[0] ? m->path : ".");
	/* What is missing would be taken for removed. */
	if (more < 0)
		m->entries.result = PUMP_FILE;
}

static int open_directory(struct machine *m)
{
	int error = vfs_stat(m->path, &m->directory);

	if (error == -ENOTDIR)
		error = -ENOENT; /* something below a file */
	if (error == 0 && !S_ISDIR(m->directory.mode))
		error = -ENOTDIR;
	if (error == 0 && m->powers.world_readable && !(m->directory.mode & S_IROTH))
		error = -EACCES;
	return error < 0 ? error : directory_open(m->path, &m->stream);
}

static struct reply not_listed(int error)
{
	if (error == NAMES_DENIED || error == -EACCES)
		return reply(550, "Permission denied.");
	if (error == -ENOTDIR)
		return reply(501, "Not a directory.");
	return reply_error(error, "Failed to open directory.");
}

struct reply cmd_mlsd(struct session *session, const char *argument)
{
	static struct machine machine;
	struct machine *m = &machine;
	struct reply answer;
	int error;

	if (!transfer_is_prepared(session, &answer))
		return answer;
	m->session = session;
	m->powers = session_powers(session);
	error = names_use(session, *argument ? argument : ".", m->path);
	if (error == 0)
		error = open_directory(m);
	if (error < 0) {
		entries_refused(session, "MLSD", m->path, error);
		return not_listed(error);
	}
	if (entries_begin(&m->entries, session, "MLSD", m->path, &answer)) {
		add_entries(m);
		answer = entries_end(&m->entries);
	}
	directory_close(&m->stream);
	return answer;
}

/* ---- MLST ---- */

/* Whether ".." is on the way: what it leads to only the kernel knows. */
static bool climbs(const char *path)
{
	const char *name;
	size_t size;

	while (path_component(&path, &name, &size))
		if (size == 2 && memcmp(name, "..", 2) == 0)
			return true;
	return false;
}

static int look_up(const char *path, struct facts *facts, struct facts *leads, struct facts *parent)
{
	UNCLEARED char directory[PATH_TEXT];
	int error = vfs_link_stat(path, facts);

	if (error == 0 && vfs_stat(path, leads) < 0)
		*leads = *facts;
	if (error == 0)
		error = path_parent(path, directory, sizeof(directory));
	if (error == 0)
		error = vfs_stat(directory, parent);
	return error;
}

/* The absolute name of what the path names: without "..", or as the kernel goes past links. */
static int find_name(const char *path, char out[PATH_TEXT])
{
	static char parent[PATH_TEXT], real[PATH_TEXT];
	const char *last = path_last(path);
	int error = 0;

	if (!climbs(path)) {
		record_absolute(path, out);
		return 0;
	}
	if (!*last || path_is_dots(last))
		return vfs_real(path, out, PATH_TEXT);
	error = path_parent(path, parent, sizeof(parent));
	if (error == 0)
		error = vfs_real(parent, real, sizeof(real));
	return error < 0 ? error : path_join(real, last, out, PATH_TEXT);
}

static struct reply tell_facts(struct session *session, const char *path)
{
	static char name[PATH_TEXT], target[PATH_TEXT];
	struct powers powers = session_powers(session);
	struct facts facts = {.size = 0}, leads = facts, parent = facts;
	struct subject subject = {
		.name = name, .facts = &facts, .leads = &leads, .parent = &parent};
	struct buffer b;
	int error;

	error = find_name(path, name);
	if (error == 0)
		error = look_up(name, &facts, &leads, &parent);
	if (error == 0 && !is_told(session, path_last(name)))
		error = -ENOENT;
	if (error < 0)
		return reply_error(error, "Could not get the facts.");
	if (strcmp(name, "/") == 0)
		subject.parent = NULL;
	if (S_ISLNK(facts.mode) && vfs_link_target(name, target, sizeof(target)) == 0)
		subject.target = target;
	buffer_start(&b, session->text, sizeof(session->text));
	/* A directory on the way can have a line end in its name. */
	for (char *at = strchr(name, '\n'); at; at = strchr(at, '\n'))
		*at = '?';
	buffer_string(&b, "Listing ");
	buffer_string(&b, name);
	buffer_string(&b, "\n ");
	append_subject(session, &powers, &subject, &b);
	b.size -= 2; /* CR LF: a reply's lines end in LF */
	buffer_string(&b, "\nEnd");
	return reply(250, buffer_text(&b));
}

struct reply cmd_mlst(struct session *session, const char *argument)
{
	UNCLEARED char path[PATH_TEXT];
	int error = names_use(session, *argument ? argument : ".", path);

	return error < 0 ? not_listed(error) : tell_facts(session, path);
}

struct reply machine_options(struct session *session, const char *argument)
{
	struct buffer b;

	if (factline_select(argument, &session->facts) < 0)
		return reply(501, "Bad list of facts.");
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, session->facts ? "MLST OPTS " : "MLST OPTS");
	factline_append_selected(&b, session->facts);
	return reply(200, buffer_text(&b));
}
