/* What all listings share: lines on their way to the client, and the names of owners. */
#ifndef SOLOFTPD_COMMANDS_ENTRIES_H
#define SOLOFTPD_COMMANDS_ENTRIES_H

#include "commands/record.h"
#include "commands/transfer.h"
#include "control/reply.h"
#include "session.h"
#include "system/vfs.h"
#include "text/buffer.h"

/* Lines are collected up to this size before they are sent, in bytes. */
#define ENTRIES_COLLECTED 65536

/* One listing at a time: the lines are in a storage of their own, too large for a stack. */
struct entries {
	struct session *session;
	struct watch watch;
	struct pump pump;
	bool over_data; /* the data connection, or else the control connection */
	enum pump_result result;
	int missing; /* -errno of an entry that could not be looked at; 0: none */
	struct record_transfer log;
	struct buffer out; /* lines that have not been sent yet */
};

/* A listing over the data connection that could not be begun, for the event log. */
void entries_refused(struct session *session, const char *verb, const char *path, int error);

/* Begins a listing over the data connection: makes that, and sends the mark. Returns false with the
 * command's final reply if it can't be made. */
bool entries_begin(struct entries *entries, struct session *session, const char *verb,
	const char *path, struct reply *out_reply);

/* Begins one over the control connection, between the lines of a reply. */
void entries_begin_control(struct entries *entries, struct session *session);

/* Sends what is there. */
void entries_send(struct entries *entries);

/* Makes room for one entry of up to three paths; called before each. Sends what is there if need be. */
static inline void entries_room(struct entries *entries)
{
	if (entries->out.size > ENTRIES_COLLECTED - 4 * PATH_TEXT)
		entries_send(entries);
}

/* Hears the client: much may be read before anything has to be waited for. */
void entries_glance(struct entries *entries);

/* An entry that can't be looked at, with -errno: one that has gone, or that the client may not know of, is left out. What
 * else is missing would be taken for removed: the listing goes on, but does not end well. */
void entries_unseen(struct entries *entries, int error);

/* Sends the rest of the lines and ends the transfer; the final reply. */
struct reply entries_end(struct entries *entries);

/* The same over the control connection, without a reply. */
void entries_end_control(struct entries *entries);

/* Entries of a directory that are looked at for what was left behind. */
#define ENTRIES_SWEPT 4096

/* Whether the last name of a path is for drafts: what a client gave it would not be shown, and be swept. */
bool entries_reserves(const struct session *session, const char *path);

/* Whether listings show the name: hide_file, and drafts of uploads, which are nobody's business; that there was one is
 * remembered. */
bool entries_shows(struct session *session, const char *name);

/* Removes drafts that killed sessions left in the directory, if one has been seen there. */
void entries_sweep(struct session *session, const char *path);

/* Whether interrupted uploads of this session are kept: anonymous clients are strangers to each other. */
bool entries_keep(const struct session *session);

/* The owner and group of a file as listings show them: names, numbers, or "ftp"; valid until the next
 * call. */
void entries_owners(const struct config *config, const struct facts *facts, const char **out_owner,
	const char **out_group);

/* Ids as text, valid until the next call. */
void entries_ids(const struct facts *facts, const char **out_uid, const char **out_gid);

#endif
