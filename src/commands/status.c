#include "commands/status.h"

static void append_rate(struct buffer *b, uint64_t rate)
{
	if (rate == 0) {
		buffer_string(b, " No session bandwidth limit\n");
		return;
	}
	buffer_string(b, " Session bandwidth limit in byte/s is ");
	buffer_number(b, rate);
	buffer_byte(b, '\n');
}

static void append_transfer(struct buffer *b, const struct transfer *transfer)
{
	buffer_byte(b, ' ');
	buffer_string(b, transfer->verb);
	buffer_string(b, " in progress, ");
	buffer_number(b, transfer->moved ? *transfer->moved : 0);
	buffer_string(b, " bytes so far\n");
}

struct reply status_reply(const struct session *session)
{
	static char text[2048];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, "FTP server status:\n Connected to ");
	buffer_string(&b, session->peer_text);
	buffer_string(&b, "\n Logged in as ");
	buffer_string(&b, session->login.name);
	buffer_string(&b, session->ascii ? "\n TYPE: ASCII\n" : "\n TYPE: BINARY\n");
	append_rate(&b, session->pace.rate);
	buffer_string(&b, " Session timeout in seconds is ");
	buffer_number(&b, session->config.idle_session_timeout);
	buffer_string(&b, session->control.channel.tls ? "\n Control connection is encrypted\n"
						       : "\n Control connection is plain text\n");
	buffer_string(&b, session->private ? " Data connections will be encrypted\n"
					   : " Data connections will be plain text\n");
	if (session->transfer.verb)
		append_transfer(&b, &session->transfer);
	buffer_string(&b, "End of status");
	return reply(211, buffer_text(&b));
}
