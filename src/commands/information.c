/* SYST STAT HELP FEAT LANG CLNT CSID NOOP, and what is not implemented. */
#include <string.h>
#include <strings.h>

#include "commands/dispatch.h"
#include "commands/facts.h"
#include "commands/hash.h"
#include "commands/listing.h"
#include "commands/site.h"
#include "commands/status.h"
#include "text/factline.h"

struct reply cmd_none(struct session *session, const char *argument)
{
	(void)session;
	(void)argument;
	return reply(502, "Command not implemented.");
}

struct reply cmd_noop(struct session *session, const char *argument)
{
	(void)session;
	(void)argument;
	return reply(200, "NOOP ok.");
}

struct reply cmd_syst(struct session *session, const char *argument)
{
	(void)session;
	(void)argument;
	return reply(215, "UNIX Type: L8");
}

struct reply cmd_clnt(struct session *session, const char *argument)
{
	(void)session;
	(void)argument;
	return reply(200, "Noted.");
}

/* draft-peterson-streamlined-ftp-command-extensions; the version is nobody's business. */
struct reply cmd_csid(struct session *session, const char *argument)
{
	(void)session;
	(void)argument;
	return reply(200, "Name=soloftpd; CaseSensitive=1; DirSep=/;");
}

/* A language tag of RFC 1766: words of up to eight letters, separated by hyphens. */
static bool is_language_tag(const char *text)
{
	size_t size;

	for (;; text += size + 1) {
		size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (size < 1 || size > 8 || (text[size] && text[size] != '-'))
			return false;
		if (!text[size])
			return true;
	}
}

/* The language of replies (RFC 2640 section 4.1). A client that knows LANG has names in UTF-8, as that RFC wants
 * them. */
struct reply cmd_lang(struct session *session, const char *argument)
{
	bool english = strncasecmp(argument, "EN", 2) == 0 && (!argument[2] || argument[2] == '-');

	if (*argument && !is_language_tag(argument))
		return reply(501, "Bad language tag.");
	if (*argument && !english)
		return reply(504, "Replies are in English only.");
	session->utf8 = true;
	return reply(200,
		*argument ? "Replies are in English." : "Replies are in English, the default.");
}

/* What stands behind some verbs depends on the session. */
static void append_feature(
	const struct session *session, const struct command *command, struct buffer *b)
{
	buffer_byte(b, ' ');
	buffer_string(b, command->feature);
	if (command->handle == cmd_mlst) {
		buffer_byte(b, ' ');
		factline_append_all(b, session->facts);
	} else if (command->handle == cmd_hash) {
		buffer_byte(b, ' ');
		hash_append_algorithms(session, b);
	} else if (command->handle == cmd_mff) {
		buffer_byte(b, ' ');
		facts_append_settable(session, b);
	}
	buffer_byte(b, '\n');
}

/* The line MLST stands for MLSD too (RFC 3659 section 7.8). */
static bool is_offered(const struct session *session, const struct command *command)
{
	return dispatch_would_permit(session, command) &&
	       (command->handle != cmd_mlst ||
		       dispatch_would_permit(session, command_find("MLSD")));
}

struct reply cmd_feat(struct session *session, const char *argument)
{
	struct buffer b;

	(void)argument;
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, "Features:\n");
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		if (command->feature && is_offered(session, command))
			append_feature(session, command, &b);
	}
	buffer_string(&b, "End");
	return reply(211, buffer_text(&b));
}

static struct reply help_one(struct session *session, const char *argument)
{
	const struct command *command;
	struct buffer b;
	char verb[8];

	buffer_start(&b, verb, sizeof(verb));
	for (const char *at = argument; *at; at++)
		buffer_byte(&b, *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at);
	command = command_find(buffer_text(&b));
	if (!command)
		return reply(501, "Unknown command.");
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, command->handle == cmd_none ? "Not implemented: " : "Syntax: ");
	buffer_string(&b, command->verb);
	if (*command->syntax)
		buffer_byte(&b, ' ');
	buffer_string(&b, command->syntax);
	return reply(214, buffer_text(&b));
}

struct reply cmd_help(struct session *session, const char *argument)
{
	struct buffer b;
	unsigned column = 0;

	if (strcasecmp(argument, "SITE") == 0 && session->login.kind != LOGIN_NONE)
		return site_syntax(session);
	if (*argument)
		return help_one(session, argument);
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, "The following commands are recognized.\n");
	for (size_t i = 0; i < command_count; i++) {
		if (command_table[i].handle == cmd_none)
			continue;
		buffer_byte(&b, ' ');
		buffer_left(&b, command_table[i].verb, 7);
		if (++column % 9 == 0)
			buffer_byte(&b, '\n');
	}
	if (column % 9 != 0)
		buffer_byte(&b, '\n');
	buffer_string(&b, "Help OK.");
	return reply(214, buffer_text(&b));
}

/* ---- STAT ---- */

struct reply cmd_stat(struct session *session, const char *argument)
{
	return *argument ? listing_status(session, argument) : status_reply(session);
}
