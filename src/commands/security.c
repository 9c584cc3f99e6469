/* AUTH PBSZ PROT CCC: TLS on both connections (RFC 4217, RFC 2228). */
#include "commands/security.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "commands/host.h"
#include "commands/record.h"
#include "commands/table.h"
#include "policy/protection.h"
#include "system/io.h"
#include "system/net.h"
#include "system/tls.h"
#include "text/number.h"

/* Seconds for the control connection's handshake, unless login_timeout leaves less. */
#define HANDSHAKE_SECONDS 60

static int load(struct session *session)
{
	char text[1024];
	struct buffer problem;
	int error;

	buffer_start(&problem, text, sizeof(text));
	buffer_string(&problem, "TLS is not available: ");
	error = protection_load(&session->config, &problem);
	if (error < 0)
		record_problem(session, buffer_text(&problem));
	return error;
}

/* Implicit TLS comes before login_timeout has begun to run. */
static int64_t handshake_deadline(const struct session *session)
{
	int64_t deadline = io_deadline(HANDSHAKE_SECONDS), login = session->login_deadline;

	if (login == 0)
		login = io_deadline(session->config.login_timeout);
	return login < deadline ? login : deadline;
}

static int shake_hands(struct session *session)
{
	struct channel *channel = &session->control.channel;
	int64_t deadline = handshake_deadline(session);
	int error;

	net_set_nonblocking(channel->fd);
	channel->tls = tls_start(channel->fd, TLS_CONTROL);
	if (!channel->tls)
		return -ENOMEM;
	while ((error = tls_handshake(channel->tls, &channel->want)) == -EAGAIN) {
		net_quick_ack(channel->fd); /* the client's next piece can wait for it */
		int ready = io_wait(channel->fd, channel->want, -1, deadline);
		if (ready < 0)
			return ready;
	}
	return error;
}

static void tell_failure(struct session *session, int error)
{
	char text[512];
	struct buffer b;

	const char *reason = error == -EPROTO ? tls_reason() : strerror(-error);

	record_tls(session, reason);
	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, "TLS handshake failed: ");
	buffer_string(&b, reason);
	record_warning(session, buffer_text(&b));
}

static void tell_details(struct session *session)
{
	char text[512];
	struct buffer b;

	if (!session->config.debug_ssl)
		return;
	buffer_start(&b, text, sizeof(text));
	tls_describe(session->control.channel.tls, &b);
	record_debug(session, buffer_text(&b));
}

/* Makes the control connection TLS. After a failure nothing can be said to the client any more: what it would
 * take for a record, it was not. */
static int start(struct session *session)
{
	int error = shake_hands(session);

	if (error < 0) {
		tell_failure(session, error);
		channel_drop(&session->control.channel);
		session->control.failed = true;
		session->finishing = true;
		session->outcome = EXIT_CLASS_CLIENT;
		session->ending = "tls_failed";
	} else {
		record_tls(session, NULL);
		tell_details(session);
	}
	return error;
}

int security_start(struct session *session)
{
	int error = load(session);

	if (error == 0)
		error = start(session);
	session->private = error == 0; /* there is no other kind on that port */
	return error;
}

/* ---- AUTH ---- */

enum mechanism { MECHANISM_NONE, MECHANISM_TLS, MECHANISM_SSL };

/* TLS-P and SSL, of the drafts before the RFC, mean PROT P as well. */
static enum mechanism find_mechanism(const char *name)
{
	if (strcasecmp(name, "TLS") == 0 || strcasecmp(name, "TLS-C") == 0)
		return MECHANISM_TLS;
	if (strcasecmp(name, "SSL") == 0 || strcasecmp(name, "TLS-P") == 0)
		return MECHANISM_SSL;
	return MECHANISM_NONE;
}

/* Nothing that was said in clear counts afterwards (RFC 4217 section 4.2). */
static int forget(struct session *session)
{
	session->user[0] = '\0';
	session->ascii = true;
	session->pending = (struct pending){.restart = 0};
	session->extended_only = false;
	session->utf8 = false;
	data_close(&session->data);
	return session->host_given ? host_reset(session) : 0;
}

struct reply cmd_auth(struct session *session, const char *argument)
{
	enum mechanism mechanism = find_mechanism(argument);
	bool host_given = session->host_given;

	if (session->control.channel.tls)
		return reply(503, "The control connection is encrypted already.");
	if (session->login.kind != LOGIN_NONE)
		return reply(503, "AUTH comes before USER.");
	if (mechanism == MECHANISM_NONE)
		return reply(504, "Unknown AUTH type.");
	/* It would be taken for something that came encrypted (CVE-2011-0411 and its like). */
	if (control_has_input(&session->control))
		return reply_closing(503, "Nothing may follow AUTH before the handshake.");
	/* Before the certificates are chosen: HOST may have changed them. */
	if (forget(session) < 0)
		return reply_closing(421, "Service not available.");
	/* Without TLS the session can't go on at a host that it has just forgotten. */
	if (!session->config.ssl_enable || load(session) < 0)
		return (struct reply){
			.code = 431, .text = "TLS is not available.", .closing = host_given};
	if (record_mark(session, 234, "Proceed with negotiation.") == 0 && start(session) == 0)
		session->private = mechanism == MECHANISM_SSL;
	return reply(0, NULL);
}

/* ---- PBSZ, PROT, CCC ---- */

struct reply cmd_pbsz(struct session *session, const char *argument)
{
	uint64_t bytes;

	if (!session->control.channel.tls)
		return reply(503, "PBSZ needs a secure connection.");
	if (number_parse(argument, UINT32_MAX, &bytes) < 0)
		return reply(501, "Invalid argument.");
	session->sized = true;
	return reply(200, "PBSZ set to 0.");
}

struct reply cmd_prot(struct session *session, const char *argument)
{
	if (!session->control.channel.tls)
		return reply(503, "PROT needs a secure connection.");
	if (!session->sized)
		return reply(503, "PBSZ comes before PROT.");
	if (strcasecmp(argument, "P") == 0) {
		session->private = true;
		return reply(200, "PROT now Private.");
	}
	if (strcasecmp(argument, "C") == 0) {
		session->private = false;
		return reply(200, "PROT now Clear.");
	}
	if (strcasecmp(argument, "S") == 0 || strcasecmp(argument, "E") == 0)
		return reply(536, "PROT is C or P with TLS.");
	return reply(504, "PROT not recognized.");
}

/* What follows in clear anybody on the way could replace. */
struct reply cmd_ccc(struct session *session, const char *argument)
{
	(void)argument;
	if (!session->control.channel.tls)
		return reply(533, "The control connection is not encrypted.");
	return reply(534, "The control connection stays encrypted.");
}

/* ---- who may log in how ---- */

static struct reply refuse_clear(
	struct session *session, const char *user, const char *reason, const char *text)
{
	record_refusal(session, user, reason, text);
	session->ending = reason;
	return reply_closing(530, text);
}

static struct reply refuse_tls(struct session *session, const char *user)
{
	record_login_failed(session, user, "tls_forbidden", NULL);
	return reply(530, "Anonymous sessions may not use encryption.");
}

/* The handshake has seen to it, by the rules there were then: HOST may have brought stricter ones. */
static bool is_trusted(const struct session *session)
{
	const struct config *config = &session->config;
	enum tls_client client = tls_client(session->control.channel.tls);

	if (client == TLS_CLIENT_NONE)
		return !config->require_cert;
	return client == TLS_CLIENT_VERIFIED || !config->validate_cert;
}

/* The certificate has to be the user's, where ssl_cert_user says so, and somebody must answer for it. */
static bool is_certified(const struct session *session, const char *user)
{
	char name[LOGIN_NAME];

	return tls_client(session->control.channel.tls) == TLS_CLIENT_VERIFIED &&
	       tls_client_name(session->control.channel.tls, name, sizeof(name)) == 0 &&
	       strcmp(name, user) == 0;
}

bool security_admits(struct session *session, const char *user, struct reply *out_reply)
{
	const struct config *config = &session->config;
	bool anonymous = login_is_anonymous(config, user);

	if (!config->ssl_enable)
		return true;
	if (!session->control.channel.tls && anonymous && config->force_anon_logins_ssl)
		*out_reply = refuse_clear(
			session, user, "tls_required", "Anonymous sessions must use encryption.");
	else if (!session->control.channel.tls && !anonymous && config->force_local_logins_ssl)
		*out_reply = refuse_clear(session, user, "tls_required",
			"Non-anonymous sessions must use encryption.");
	else if (session->control.channel.tls && anonymous && !config->allow_anon_ssl)
		*out_reply = refuse_tls(session, user);
	else if (session->control.channel.tls && !is_trusted(session))
		*out_reply = refuse_clear(
			session, user, "certificate", "A valid client certificate is required.");
	else if (session->control.channel.tls && !anonymous && config->ssl_cert_user &&
		 !is_certified(session, user))
		*out_reply = refuse_clear(
			session, user, "certificate", "The client certificate is not this user's.");
	else
		return true;
	return false;
}
