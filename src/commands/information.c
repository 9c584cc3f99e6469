/* SYST STAT HELP FEAT NOOP, and what is not implemented. */
#include <string.h>
#include <strings.h>

#include "commands/dispatch.h"
#include "commands/listing.h"
#include "commands/status.h"

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

struct reply cmd_feat(struct session *session, const char *argument)
{
	struct buffer b;

	(void)argument;
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, "Features:\n");
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		if (!command->feature || !dispatch_would_permit(session, command))
			continue;
		buffer_byte(&b, ' ');
		buffer_string(&b, command->feature);
		buffer_byte(&b, '\n');
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
		return reply(214,
			"Syntax: SITE CHMOD <sp> mode <sp> pathname | UMASK [<sp> mask] | HELP");
	if (*argument)
		return help_one(session, argument);
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, "The following commands are recognized.\n");
	for (size_t i = 0; i < command_count; i++) {
		if (command_table[i].handle == cmd_none)
			continue;
		buffer_byte(&b, ' ');
		buffer_left(&b, command_table[i].verb, 4);
		if (++column % 14 == 0)
			buffer_byte(&b, '\n');
	}
	if (column % 14 != 0)
		buffer_byte(&b, '\n');
	buffer_string(&b, "Help OK.");
	return reply(214, buffer_text(&b));
}

/* ---- STAT ---- */

struct reply cmd_stat(struct session *session, const char *argument)
{
	return *argument ? listing_status(session, argument) : status_reply(session);
}
