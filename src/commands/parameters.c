/* TYPE STRU MODE REST ALLO OPTS, PORT EPRT PASV EPSV: how and where data will go. */
#include <errno.h>
#include <string.h>
#include <strings.h>

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
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, "Restart position accepted (");
	buffer_number(&b, offset);
	buffer_string(&b, ").");
	return reply(350, buffer_text(&b));
}

struct reply cmd_allo(struct session *session, const char *argument)
{
	uint64_t bytes;
	size_t size = strcspn(argument, " ");

	(void)session;
	if (number_parse_bytes(argument, size, INT64_MAX, &bytes) < 0)
		return reply(501, "Invalid argument.");
	return reply(202, "ALLO command ignored.");
}

struct reply cmd_opts(struct session *session, const char *argument)
{
	(void)session;
	/* NLST too: some clients of the old drafts write "OPTS UTF8 NLST". */
	if (strcasecmp(argument, "UTF8 ON") == 0 || strcasecmp(argument, "UTF8") == 0 ||
		strcasecmp(argument, "UTF-8 ON") == 0 || strcasecmp(argument, "UTF8 NLST") == 0)
		return reply(200, "Always in UTF8 mode.");
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
