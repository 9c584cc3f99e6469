#include "commands/event.h"

#include <errno.h>

#include "commands/logs.h"
#include "commands/names.h"
#include "system/process.h"
#include "system/tls.h"
#include "system/zone.h"
#include "text/json.h"
#include "text/timestamp.h"

/* The longest line; the limits below leave room for it three times, as text that is not UTF-8 takes. */
#define EVENT_MAX 16384

/* What a text may take: a user's name or an address; a reason in words; all that a client can name. */
#define NAME_LIMIT 256
#define DETAIL_LIMIT 640
#define PATH_LIMIT 4600

const char *event_reason(int error)
{
	static const struct {
		int error;
		const char *word;
	} reasons[] = {
		{NAMES_DENIED, "denied"},
		{-ENOENT, "not_found"},
		{-ENOTDIR, "not_found"},
		{-EACCES, "permission"},
		{-EPERM, "permission"},
		{-EROFS, "permission"},
		{-EEXIST, "exists"},
		{-ENOTEMPTY, "not_empty"},
		{-EISDIR, "not_a_file"},
		{-EINVAL, "not_a_file"},
		{-EBUSY, "busy"},
		{-EAGAIN, "busy"},
		{-ETXTBSY, "busy"},
		{-ENOSPC, "no_space"},
		{-EDQUOT, "quota"},
		{-EFBIG, "too_large"},
		{-ERANGE, "range"},
		{-ENAMETOOLONG, "name_too_long"},
		{-ECANCELED, "aborted"},
		{-ETIMEDOUT, "timeout"},
		{-EPIPE, "client_gone"},
		{-EINTR, "terminated"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].error == error)
			return reasons[i].word;
	return "error";
}

static const char *name_of(struct session *session)
{
	unsigned char random[8] = {0};
	struct buffer b;

	if (session->name[0])
		return session->name;
	(void)process_random(random, sizeof(random));
	buffer_start(&b, session->name, sizeof(session->name));
	for (size_t i = 0; i < sizeof(random); i++) {
		buffer_byte(&b, "0123456789abcdef"[random[i] >> 4]);
		buffer_byte(&b, "0123456789abcdef"[random[i] & 15]);
	}
	return buffer_text(&b);
}

static void add_time(struct json *json)
{
	int64_t now = zone_microseconds();
	char text[64];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	timestamp_append_utc(&b, now / 1000000, (uint32_t)(now % 1000000));
	json_string(json, "time", buffer_text(&b), sizeof(text));
}

/* Our end of the connection: "192.0.2.1:21", "[2001:db8::1]:21". */
static void add_server(struct json *json, const struct address *local)
{
	char host[ADDRESS_TEXT], text[ADDRESS_TEXT + 16];
	bool brackets = local->family == ADDRESS_IPV6;
	struct buffer b;

	address_format_host(local, host);
	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, brackets ? "[" : "");
	buffer_string(&b, host);
	buffer_string(&b, brackets ? "]:" : ":");
	buffer_number(&b, local->port);
	json_string(json, "server", buffer_text(&b), sizeof(text));
}

static const char *user_of(const struct session *session, const struct event *event)
{
	if (event->user)
		return event->user;
	if (session->login.kind != LOGIN_NONE)
		return session->login.name;
	return session->user[0] ? session->user : NULL;
}

static void add_frame(struct json *json, struct session *session, const struct event *event)
{
	add_time(json);
	json_string(json, "session", name_of(session), sizeof(session->name));
	json_number(json, "pid", (uint64_t)process_id());
	json_string(json, "client", session->peer_text, ADDRESS_TEXT);
	json_number(json, "port", session->peer.port);
	add_server(json, &session->local);
	json_string(json, "user", user_of(session, event), NAME_LIMIT);
	json_string(json, "event", event->name, NAME_LIMIT);
	if (event->outcome != EVENT_TOLD)
		json_truth(json, "ok", event->outcome == EVENT_OK);
	json_string(json, "reason", event->reason, NAME_LIMIT);
	json_string(json, "detail", event->detail, DETAIL_LIMIT);
}

static void add_tls(struct json *json, const struct session *session)
{
	char text[128];
	struct buffer b;

	if (!session->control.channel.tls)
		return;
	buffer_start(&b, text, sizeof(text));
	tls_name(session->control.channel.tls, &b);
	json_string(json, "tls", buffer_text(&b), sizeof(text));
}

static void add_texts(struct json *json, const struct event *event)
{
	size_t limit = event->to ? PATH_LIMIT / 2 : PATH_LIMIT;

	json_string(json, "level", event->level, NAME_LIMIT);
	json_string(json, "log", event->log, NAME_LIMIT);
	json_string(json, "access", event->access, NAME_LIMIT);
	json_string(json, "address", event->address, NAME_LIMIT);
	json_string(json, "command", event->command, NAME_LIMIT);
	json_string(json, "argument", event->argument, limit);
	json_string(json, "path", event->path, limit);
	json_string(json, "to", event->to, limit);
	json_string(json, "mode", event->mode, NAME_LIMIT);
	json_string(json, "modified", event->modified, NAME_LIMIT);
	json_string(json, "type", event->type, NAME_LIMIT);
	json_string(json, "algorithm", event->algorithm, NAME_LIMIT);
	json_string(json, "digest", event->digest, NAME_LIMIT);
}

static void add_figures(struct json *json, const struct session *session, const struct event *event)
{
	if (event->lines > 0)
		json_number(json, "lines", event->lines);
	if (event->offset > 0)
		json_number(json, "offset", event->offset);
	if (event->moved) {
		json_number(json, "bytes", event->bytes);
		json_seconds(json, "seconds", event->microseconds);
	}
	if (event->summed) {
		json_number(json, "uploads", session->uploads);
		json_number(json, "downloads", session->downloads);
		json_number(json, "bytes_in", session->bytes_in);
		json_number(json, "bytes_out", session->bytes_out);
		json_seconds(json, "seconds", event->microseconds);
	}
}

void event_write(struct session *session, const struct event *event)
{
	static char line[EVENT_MAX];
	struct json json;

	session->events++;
	if (!event_is_on(session))
		return;
	json_start(&json, line, sizeof(line));
	add_frame(&json, session, event);
	if (event->protected)
		add_tls(&json, session);
	add_texts(&json, event);
	add_figures(&json, session, event);
	json_end(&json);
	logs_append(session, LOGS_EVENTS, json.b.data, json.b.size);
}
