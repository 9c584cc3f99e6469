/* TYPE STRU MODE REST RANG ALLO OPTS, PORT EPRT PASV EPSV: how and where data will go. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "commands/dispatch.h"
#include "commands/hash.h"
#include "commands/machine.h"
#include "commands/table.h"
#include "text/number.h"

struct reply cmd_type(struct session *session, const char *argument)
{
	static const char *const ascii[] = {"A", "A N", "A T"};
	static const char *const image[] = {"I", "L8", "L 8"};

	for (int i = 0; i < 3; i++) {
		if (strcasecmp(argument, ascii[i]) == 0) {
			session->ascii = true;
			return reply(200, "Switching to ASCII mode.");
		}
		if (strcasecmp(argument, image[i]) == 0) {
			session->ascii = false;
			return reply(200, "Switching to Binary mode.");
		}
	}
	return reply(strchr("AaEeIiLl", argument[0]) ? 504 : 501, "Unrecognised TYPE command.");
}

struct reply cmd_stru(struct session *session, const char *argument)
{
	(void)session;
	if (strcasecmp(argument, "F") == 0)
		return reply(200, "Structure set to F.");
	return reply(504, "Bad STRU command.");
}

struct reply cmd_mode(struct session *session, const char *argument)
{
	(void)session;
	if (strcasecmp(argument, "S") == 0)
		return reply(200, "Mode set to S.");
	return reply(504, "Bad MODE command.");
}

struct reply cmd_rest(struct session *session, const char *argument)
{
	struct buffer b;
	uint64_t offset = 0;

	(void)number_parse(argument, INT64_MAX, &offset);
	session->pending.restart = offset;
	session->pending.range = false;
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, "Restart position accepted (");
	buffer_number(&b, offset);
	buffer_string(&b, ").");
	return reply(350, buffer_text(&b));
}

/* Both octets are included; "1 0" takes a range back (draft-bryan-ftp-range). */
struct reply cmd_rang(struct session *session, const char *argument)
{
	struct pending *pending = &session->pending;
	size_t size = strcspn(argument, " ");
	uint64_t first, last;
	struct buffer b;

	if (number_parse_bytes(argument, size, INT64_MAX, &first) < 0 || argument[size] != ' ' ||
		number_parse(argument + size + 1, INT64_MAX, &last) < 0)
		return reply(501, "RANG needs two numbers.");
	pending->restart = 0;
	pending->range = first <= last;
	if (first == 1 && last == 0)
		return reply(350, "Range reset.");
	if (first > last)
		return reply(501, "The range ends before it begins.");
	pending->first = first;
	pending->last = last;
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, "Range accepted (");
	buffer_number(&b, first);
	buffer_string(&b, " to ");
	buffer_number(&b, last);
	buffer_string(&b, ").");
	return reply(350, buffer_text(&b));
}

struct reply cmd_allo(struct session *session, const char *argument)
{
	uint64_t bytes;
	size_t size = strcspn(argument, " ");

	if (number_parse_bytes(argument, size, INT64_MAX, &bytes) < 0)
		return reply(501, "Invalid argument.");
	session->allocated = bytes;
	return reply(200, "The next upload is checked for room.");
}

/* UTF-8 is what names are in anyway, unless the client's are to be converted (client_charset). */
static struct reply opts_utf8(struct session *session, const char *argument)
{
	/* NLST too: some clients of the old drafts write "OPTS UTF8 NLST". */
	if (*argument == '\0' || strcasecmp(argument, "ON") == 0 ||
		strcasecmp(argument, "NLST") == 0) {
		session->utf8 = true;
		return reply(200, "Always in UTF8 mode.");
	}
	if (strcasecmp(argument, "OFF") == 0 && session->config.client_charset) {
		session->utf8 = false;
		return reply(200, "UTF8 mode off.");
	}
	return reply(501, "Option not understood.");
}

/* OPTS of a command belongs to it (RFC 2389 section 4): what is denied has none. */
static struct reply opts_of(struct session *session, const char *verb, const char *argument,
	struct reply (*set)(struct session *session, const char *argument))
{
	if (!dispatch_would_permit(session, command_find(verb)))
		return reply(501, "Option not understood.");
	if (session->login.kind == LOGIN_NONE)
		return reply(530, "Please login with USER and PASS.");
	return set(session, argument);
}

struct reply cmd_opts(struct session *session, const char *argument)
{
	size_t size = strcspn(argument, " ");
	const char *rest = argument + size + strspn(argument + size, " ");

	if ((size == 4 && strncasecmp(argument, "UTF8", size) == 0) ||
		(size == 5 && strncasecmp(argument, "UTF-8", size) == 0))
		return opts_utf8(session, rest);
	/* They are MLSD's as well. */
	if (size == 4 && strncasecmp(argument, "MLST", size) == 0)
		return opts_of(session,
			dispatch_would_permit(session, command_find("MLST")) ? "MLST" : "MLSD",
			rest, machine_options);
	if (size == 4 && strncasecmp(argument, "HASH", size) == 0)
		return opts_of(session, "HASH", rest, hash_options);
	return reply(501, "Option not understood.");
}

/* ---- active ---- */

static struct reply set_target(struct session *session, const struct address *target,
	const char *accepted, const char *refused)
{
	if (data_target(&session->data, &session->config, target) < 0)
		return reply(500, refused);
	return reply(200, accepted);
}

struct reply cmd_port(struct session *session, const char *argument)
{
	struct address target;

	if (session->extended_only)
		return reply(501, "PORT is not allowed after EPSV ALL.");
	if (address_parse_port(argument, &target) < 0)
		return reply(501, "Illegal PORT command.");
	/* PORT can't name an IPv6 host (RFC 2428 section 1). */
	if (session->local.family != ADDRESS_IPV4 && !session->config.port_promiscuous)
		return reply(500, "Illegal PORT command.");
	return set_target(session, &target, "PORT command successful. Consider using PASV.",
		"Illegal PORT command.");
}

struct reply cmd_eprt(struct session *session, const char *argument)
{
	struct address target;
	int error;

	if (session->extended_only)
		return reply(501, "EPRT is not allowed after EPSV ALL.");
	error = address_parse_extended(argument, &target);
	if (error == 0 && target.family != session->local.family)
		error = -EAFNOSUPPORT;
	if (error == -EAFNOSUPPORT)
		return reply(522, session->local.family == ADDRESS_IPV4
					  ? "Bad network protocol, use (1)."
					  : "Bad network protocol, use (2).");
	if (error < 0)
		return reply(501, "Illegal EPRT command.");
	return set_target(session, &target, "EPRT command successful. Consider using EPSV.",
		"Illegal EPRT command.");
}

/* ---- passive ---- */

static struct reply not_listening(int error)
{
	return reply(425, error == -EADDRINUSE ? "No passive port is free."
					       : "Failed to listen for a data connection.");
}

struct reply cmd_pasv(struct session *session, const char *argument)
{
	struct address address, announced;
	struct buffer b;
	int error;

	(void)argument;
	if (session->extended_only)
		return reply(501, "PASV is not allowed after EPSV ALL.");
	announced = session->data.announced;
	error = data_listen(&session->data, &session->config, &address);
	if (error < 0)
		return not_listening(error);
	announced.port = address.port;
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, "Entering Passive Mode (");
	address_append_passive(&b, &announced);
	buffer_string(&b, ").");
	return reply(227, buffer_text(&b));
}

struct reply cmd_epsv(struct session *session, const char *argument)
{
	bool ipv4 = session->local.family == ADDRESS_IPV4;
	struct address address;
	struct buffer b;
	int error;

	if (strcasecmp(argument, "ALL") == 0) {
		session->extended_only = true;
		return reply(200, "EPSV ALL ok.");
	}
	if (*argument && strcmp(argument, ipv4 ? "1" : "2") != 0)
		return reply(522,
			ipv4 ? "Bad network protocol, use (1)." : "Bad network protocol, use (2).");
	error = data_listen(&session->data, &session->config, &address);
	if (error < 0)
		return not_listening(error);
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, "Entering Extended Passive Mode (|||");
	buffer_number(&b, address.port);
	buffer_string(&b, "|)");
	return reply(229, buffer_text(&b));
}
