#include "commands/entries.h"

#include <errno.h>

#include "commands/record.h"
#include "policy/access.h"
#include "system/account.h"
#include "system/charset.h"
#include "system/draft.h"
#include "system/io.h"
#include "text/number.h"
#include "text/path.h"

static char lines[ENTRIES_COLLECTED];

static void start(struct entries *e, struct session *session, bool over_data)
{
	e->session = session;
	e->over_data = over_data;
	e->result = PUMP_DONE;
	e->missing = 0;
	buffer_start(&e->out, lines, sizeof(lines));
}

void entries_refused(struct session *session, const char *verb, const char *path, int error)
{
	struct record_transfer log = {.command = verb,
		.path = *path ? path : ".",
		.ascii = session->ascii,
		.started = io_microseconds(),
		.error = error};

	record_listing(session, &log);
}

bool entries_begin(struct entries *entries, struct session *session, const char *verb,
	const char *path, struct reply *out_reply)
{
	bool begun;

	start(entries, session, true);
	entries->watch = transfer_watch(session);
	begun = transfer_connect(session, &entries->watch, out_reply);
	transfer_sending(&entries->watch);
	if (!begun || !transfer_begin(session, &entries->watch, "Here comes the directory listing.",
			      &(struct transfer){.verb = verb, .path = path}, out_reply)) {
		entries_refused(session, verb, path, 0);
		return false;
	}
	entries->log = (struct record_transfer){.command = verb,
		.path = *path ? path : ".",
		.ascii = session->ascii,
		.started = io_microseconds()};
	entries->pump = transfer_pump(session, &entries->watch);
	session->transfer.moved = &entries->pump.moved;
	return true;
}

void entries_begin_control(struct entries *entries, struct session *session)
{
	start(entries, session, false);
	entries->watch = transfer_watch(session);
	transfer_sending(&entries->watch);
}

static void send_bytes(struct entries *e, const char *bytes, size_t size)
{
	if (e->over_data)
		e->result = pump_bytes(&e->pump, bytes, size);
	else if (control_bytes(&e->session->control, bytes, size) < 0)
		e->result = PUMP_GONE;
}

void entries_send(struct entries *entries)
{
	struct entries *e = entries;
	static char converted[CHARSET_GROWTH * ENTRIES_COLLECTED];

	if (e->result == PUMP_DONE && record_converts(e->session))
		send_bytes(e, converted, charset_to_client(e->out.data, e->out.size, converted));
	else if (e->result == PUMP_DONE)
		send_bytes(e, e->out.data, e->out.size);
	buffer_start(&e->out, lines, sizeof(lines));
}

void entries_glance(struct entries *entries)
{
	if (watch_glance(&entries->watch) < 0)
		entries->result = PUMP_ABORTED;
}

void entries_unseen(struct entries *entries, int error)
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -ESTALE:
	case -EACCES:
	case -EPERM:
	case -ENAMETOOLONG:
	case -ENOTCONN: /* the server of a mounted file system has gone */
	case -EINVAL:	/* no symbolic link any more */
	case 0:
		return;
	default:
		entries->missing = error;
	}
}

static void send_rest(struct entries *e)
{
	entries_send(e);
	if (e->result == PUMP_DONE && e->missing < 0) {
		e->result = PUMP_FILE;
		e->pump.error = e->missing;
	}
}

struct reply entries_end(struct entries *entries)
{
	struct session *session = entries->session;
	struct reply answer;

	send_rest(entries);
	session->transfer.verb = NULL;
	answer = transfer_finish(session, &entries->pump, entries->result, false);
	entries->log.ok = answer.code == 226;
	entries->log.bytes = entries->pump.moved;
	record_listing(session, &entries->log);
	return answer.code == 226 ? reply(226, "Directory send OK.") : answer;
}

void entries_end_control(struct entries *entries)
{
	send_rest(entries);
}

void entries_ids(const struct facts *facts, const char **out_uid, const char **out_gid)
{
	static char user[NUMBER_TEXT] = "0", group[NUMBER_TEXT] = "0";
	static uint32_t uid, gid; /* theirs: neighbours often have the same */

	if (uid != facts->uid)
		number_format(facts->uid, user);
	if (gid != facts->gid)
		number_format(facts->gid, group);
	uid = facts->uid;
	gid = facts->gid;
	*out_uid = user;
	*out_gid = group;
}

void entries_owners(const struct config *config, const struct facts *facts, const char **out_owner,
	const char **out_group)
{
	if (config->hide_ids) {
		*out_owner = *out_group = "ftp";
	} else if (config->text_userdb_names) {
		*out_owner = account_user_name(facts->uid);
		*out_group = account_group_name(facts->gid);
	} else {
		entries_ids(facts, out_owner, out_group);
	}
}

bool entries_reserves(const struct session *session, const char *path)
{
	return session->config.upload_atomic && draft_is_name(path_last(path));
}

bool entries_shows(struct session *session, const char *name)
{
	if (name[0] == '.' && entries_reserves(session, name)) {
		session->drafts_seen = true;
		return false;
	}
	return !access_hides(&session->config, name);
}

void entries_sweep(struct session *session, const char *path)
{
	if (session->drafts_seen &&
		access_permits(&session->config, session->login.anonymous, CLASS_UPLOAD))
		draft_sweep(path, ENTRIES_SWEPT, false);
	session->drafts_seen = false;
}

bool entries_keep(const struct session *session)
{
	const struct config *config = &session->config;

	return config->upload_atomic && config->upload_keep_partial && !session->login.anonymous &&
	       access_permits(config, false, CLASS_UPLOAD);
}
