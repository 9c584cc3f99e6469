#include "commands/dispatch.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "commands/record.h"
#include "system/process.h"
#include "text/number.h"

/* Unknown commands before login after which the client is taken for something else. */
#define STRANGERS_MAX 10

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool ends_verb(char c)
{
	return c == '\0' || is_blank(c);
}

/* A CR by itself comes as CR NUL (RFC 854, RFC 2640 section 3.1): the NUL is Telnet's. Returns the new size. */
static size_t join_returns(char *text, size_t size)
{
	size_t kept = 0;

	for (size_t i = 0; i < size; i++)
		if (text[i] != '\0' || i == 0 || text[i - 1] != '\r')
			text[kept++] = text[i];
	text[kept] = '\0';
	return kept;
}

/* Eight bytes with their letters in upper case. */
static uint64_t upper_case(uint64_t bytes)
{
	uint64_t low = bytes & NUMBER_EACH(0x7F);
	uint64_t from_a = low + NUMBER_EACH(0x80 - 'a'), after_z = low + NUMBER_EACH(0x7F - 'z');

	return bytes - ((from_a & ~after_z & ~bytes & NUMBER_EACH(0x80)) >> 2);
}

/* Takes the verb, and returns where it ends. Its bytes are put together in a register: to read as a whole what was just
 * written byte by byte takes processors long. */
static inline char *take_verb(char *text, char verb[8])
{
	const char *start = text;
	uint64_t number = 0;
	size_t length;

	for (; (unsigned char)*text > ' ' || !ends_verb(*text); text++)
		number = number << 8 | (unsigned char)*text;
	length = (size_t)(text - start);
	number = length == 0 || length >= 8 ? 0 : upper_case(number) << (64 - 8 * length);
	number = htobe64(number);
	memcpy(verb, &number, sizeof(number));
	return text;
}

int dispatch_split(char *text, size_t size, struct call *out_call)
{
	char *after = take_verb(text, out_call->verb);
	size_t rest = size - (size_t)(after - text);

	if (rest > 0 && memchr(after, '\0', rest)) {
		size = join_returns(text, size);
		if (memchr(text, '\0', size))
			return -EILSEQ;
		after = take_verb(text, out_call->verb);
	}
	out_call->argument = after + (*after != '\0');
	return 0;
}

static void trim(struct call *call)
{
	size_t size;

	if (*call->argument == '\0')
		return;
	while (is_blank(*call->argument))
		call->argument++;
	size = strlen(call->argument);
	while (size > 0 && is_blank(call->argument[size - 1]))
		size--;
	call->argument[size] = '\0';
}

static SELDOM bool is_number(const char *text)
{
	uint64_t number;

	return number_parse(text, INT64_MAX, &number) == 0;
}

static bool is_well_shaped(enum argument argument, const char *text)
{
	switch (argument) {
	case ARGUMENT_NONE:
		return *text == '\0';
	case ARGUMENT_WORD:
		return *text != '\0';
	case ARGUMENT_NUMBER:
		return is_number(text);
	case ARGUMENT_PATH:
		return *text != '\0' && strlen(text) < PATH_TEXT;
	case ARGUMENT_OPTPATH:
		return strlen(text) < PATH_TEXT + 16;
	case ARGUMENT_TEXT:
	case ARGUMENT_OPTIONAL:
		break;
	}
	return true;
}

static bool keeps_blanks(enum argument argument)
{
	return argument == ARGUMENT_PATH || argument == ARGUMENT_OPTPATH ||
	       argument == ARGUMENT_TEXT;
}

/* Verbs that do what an older one does, or tell what it would: digests of single bytes are a file's bytes. */
static const struct {
	handler *newer, *older;
} relatives[] = {
	{cmd_hash, cmd_retr},
	{cmd_mff, cmd_site},
	{cmd_mfmt, cmd_mdtm},
	{cmd_mlsd, cmd_list},
	{cmd_xcrc, cmd_retr},
	{cmd_xmd5, cmd_retr},
	{cmd_xsha1, cmd_retr},
	{cmd_xsha256, cmd_retr},
	{cmd_xsha512, cmd_retr},
};

/* A verb stands for its old X form and for newer relatives too: who denies MKD does not mean to leave XMKD open, and
 * lists of vsftpd's time can't name MLSD. */
static const char *principal_verb(const struct command *command)
{
	handler *handle = command->handle;

	for (size_t i = 0; i < sizeof(relatives) / sizeof(relatives[0]); i++)
		if (relatives[i].newer == handle)
			handle = relatives[i].older;
	if (handle == command->handle && command->verb[0] != 'X')
		return command->verb;
	for (size_t i = 0; i < command_count; i++)
		if (command_table[i].handle == handle)
			return command_table[i].verb;
	return command->verb;
}

static SELDOM bool lists_permit(const struct config *config, const struct command *command)
{
	return access_permits_verb(config, command->verb) &&
	       (!config->cmds_denied ||
		       !config_lists(config->cmds_denied, principal_verb(command)));
}

static bool is_listed_open(const struct session *session, const struct command *command)
{
	const struct config *config = &session->config;

	return (!config->cmds_denied && !config->cmds_allowed) || lists_permit(config, command);
}

bool dispatch_would_permit(const struct session *session, const struct command *command)
{
	bool in = session->login.kind != LOGIN_NONE;

	if (command->handle == cmd_none)
		return false;
	if ((in || command->phase == PHASE_IN) && !is_listed_open(session, command))
		return false;
	return access_permits(&session->config, session->login.anonymous, command->class);
}

struct reply dispatch_gate(
	const struct session *session, const struct command *command, struct call *call)
{
	bool in = session->login.kind != LOGIN_NONE;

	if (!access_offers(&session->config, command->class))
		return reply(502, "Command not implemented.");
	if (!in && command->phase == PHASE_IN)
		return reply(530, "Please login with USER and PASS.");
	if (in && !is_listed_open(session, command))
		return reply(550, "Permission denied.");
	if (!keeps_blanks(command->argument))
		trim(call);
	if (!is_well_shaped(command->argument, call->argument))
		return reply(501, *call->argument ? "Invalid argument." : "Argument required.");
	if (in && !access_permits(&session->config, session->login.anonymous, command->class))
		return reply(550, "Permission denied.");
	return reply(0, NULL);
}

/* An HTTP request on this port is a browser being tricked (ALPACA, NAT slipstreaming). */
static bool is_http(const char *verb)
{
	static const char verbs[][8] = {
		"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PATCH"};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verb, verbs[i]) == 0)
			return true;
	return false;
}

static struct reply unknown(struct session *session, const struct call *call)
{
	if (is_http(call->verb)) {
		session->ending = "protocol";
		return reply_closing(500, "HTTP protocol commands not allowed.");
	}
	if (session->login.kind == LOGIN_NONE && ++session->strangers >= STRANGERS_MAX) {
		session->ending = "protocol";
		return reply_closing(500, "Too many errors.");
	}
	return reply(500, "Unknown command.");
}

static void clear_pending(struct session *session, enum after after)
{
	if (after != AFTER_RESTART) {
		session->pending.restart = 0;
		session->pending.range = false;
	}
	if (after != AFTER_RENAME)
		session->pending.rename = false;
}

static struct reply run(struct session *session, struct call *call)
{
	const struct command *command = command_of(call->verb);
	struct reply answer;

	if (!command) {
		clear_pending(session, AFTER_RESTART);
		return unknown(session, call);
	}
	/* RNFR begins anew, also when it is refused. */
	if (command->after == AFTER_RENAME)
		session->pending.rename = false;
	answer = dispatch_gate(session, command, call);
	if (answer.code == 0)
		answer = command->handle(session, call->argument);
	clear_pending(session, command->after);
	return answer;
}

/* A refusal that no other event tells of: nothing was tried. */
static bool is_denial(const struct reply *answer)
{
	return answer->code == 522 ||
	       (answer->code == 550 && strcmp(answer->text, "Permission denied.") == 0);
}

static SELDOM void show_title(const struct session *session, const char *verb)
{
	UNCLEARED char text[512];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, session->peer_text);
	buffer_byte(&b, '/');
	if (session->login.kind != LOGIN_NONE)
		buffer_string(&b, session->login.name);
	else
		buffer_string(&b, "not logged in");
	buffer_string(&b, ": ");
	buffer_string(&b, verb);
	process_title(buffer_text(&b));
}

void dispatch_line(struct session *session, char *text, size_t size)
{
	unsigned events = session->events;
	struct call call;
	struct reply answer;

	if (size == 0)
		return; /* a keepalive of NAT-aware clients, not a command */
	memcpy(session->command, text, size);
	session->command[size] = '\0';
	explicit_bzero(text, size);
	if (dispatch_split(session->command, size, &call) < 0) {
		answer = reply(501, "NUL in command.");
	} else {
		record_command(session, call.verb, call.argument);
		if (session->config.setproctitle_enable)
			show_title(session, command_of(call.verb) ? call.verb : "unknown command");
		answer = run(session, &call);
		if (is_denial(&answer) && session->events == events)
			record_denied(session, call.verb, call.argument);
		if (strcmp(call.verb, "PASS") == 0)
			explicit_bzero(session->command, size);
	}
	if (answer.code != 0)
		record_reply(session, &answer);
	record_losses(session);
	if (answer.closing)
		session->finishing = true;
}
