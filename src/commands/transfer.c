#include "commands/transfer.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "commands/event.h"
#include "commands/record.h"
#include "commands/status.h"
#include "commands/table.h"
#include "policy/access.h"
#include "system/io.h"
#include "system/tls.h"

/* ---- hearing the control connection ---- */

static bool is_word(const char *text, size_t size, const char *word)
{
	size_t length = strlen(word);

	while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
		size--;
	return size == length && strncasecmp(text, word, length) == 0;
}

struct findings {
	bool any;	  /* a whole line waits */
	bool abort;	  /* an ABOR is among the lines that wait */
	bool status_next; /* the next line is a STAT without argument */
};

static bool look(const char *text, size_t size, bool first, void *context)
{
	struct findings *found = context;

	(void)first;
	if (size == 0)
		return true; /* a keepalive is no command */
	found->abort |= is_word(text, size, "ABOR");
	found->status_next |= !found->any && is_word(text, size, "STAT");
	found->any = true;
	return true;
}

static void answer_status(struct session *session)
{
	char *text;
	size_t size;
	struct reply answer;

	do {
		(void)line_take(&session->control.line, &text, &size);
	} while (size == 0); /* keepalives before it */
	record_command(session, "STAT", "");
	answer = status_reply(session);
	record_reply(session, &answer);
	(void)control_flush(&session->control);
}

/* ABOR stays in the queue and is answered in its turn, as QUIT and all other commands are. Sets whether
 * commands wait. */
static int consider(struct session *session, bool *out_any)
{
	/* Only between a transfer's mark and its end: elsewhere the answer would be taken for another
	 * command's. Nor may it keep the data waiting. */
	bool may_ask =
		session->transfer.verb != NULL && access_permits_verb(&session->config, "STAT");
	bool may_abort = access_permits_verb(&session->config, "ABOR");

	for (;;) {
		struct findings found = {.any = false};
		line_peek(&session->control.line, look, &found);
		*out_any = found.any;
		if (found.abort && may_abort) {
			session->aborted = true;
			return -ECANCELED;
		}
		if (!found.status_next || !may_ask || !control_can_send(&session->control))
			return 0;
		answer_status(session);
	}
}

/* The end of the client's commands: orderly if some still wait to be run, such as a QUIT. Otherwise it
 * depends on what is being waited for. */
static int hear_end(struct session *session, bool end_matters)
{
	bool any;
	int verdict = consider(session, &any);

	if (session->control.failed || (verdict == 0 && end_matters && !any))
		return -EPIPE;
	return verdict;
}

static int hear(struct watch *watch, bool end_matters)
{
	struct session *session = watch->context;
	struct control *control = &session->control;
	bool any;

	/* Deaf watches are woken by a broken connection only. */
	if (watch->deaf) {
		control->failed = true;
		return -EPIPE;
	}
	if (!control_has_room(control)) {
		watch->deaf = true;
		return 0;
	}
	if (control_gather(control) < 0) {
		watch->deaf = true;
		return hear_end(session, end_matters);
	}
	return consider(session, &any);
}

static int hear_all(struct watch *watch)
{
	return hear(watch, true);
}

static int hear_but_end(struct watch *watch)
{
	return hear(watch, false);
}

int transfer_heard(struct session *session)
{
	bool any;

	return consider(session, &any);
}

/* A connection that fails here is found broken by all that follows. */
static void say(struct watch *watch)
{
	struct session *session = watch->context;

	(void)control_flush(&session->control);
}

struct watch transfer_watch(struct session *session)
{
	return (struct watch){.control = session->control.channel.fd,
		.heard = hear_all,
		.say = say,
		.context = session};
}

void transfer_sending(struct watch *watch)
{
	watch->heard = hear_but_end;
}

/* ---- beginning and end ---- */

struct reply transfer_gone(struct session *session, int error)
{
	session->finishing = true;
	session->outcome = EXIT_CLASS_CLIENT;
	session->failure = session->ending = error == -EINTR ? "terminated" : "client_gone";
	if (error == -EINTR)
		return reply_closing(421, "Service not available, closing control connection.");
	return reply(0, NULL);
}

static struct reply not_connected(struct session *session, int error, bool intruder)
{
	switch (error) {
	case -ECANCELED:
		session->failure = "aborted";
		return reply(426, "Transfer aborted.");
	case -EPIPE:
	case -EINTR:
		return transfer_gone(session, error);
	default:
		session->failure = intruder ? "intruder" : "no_connection";
		return reply(425, intruder ? "Security: Bad IP connecting."
					   : "Failed to establish connection.");
	}
}

/* Policy on protection comes with the transfer, not before: PROT may change at any time (RFC 4217 section 9). */
static bool must_protect(const struct session *session)
{
	const struct config *config = &session->config;

	if (!config->ssl_enable || session->private)
		return false;
	return session->login.kind == LOGIN_ANONYMOUS ? config->force_anon_data_ssl
						      : config->force_local_data_ssl;
}

bool transfer_is_prepared(struct session *session, struct reply *out_reply)
{
	session->failure = NULL;
	if (session->data.state == DATA_NONE)
		*out_reply = reply(425, "Use PORT or PASV first.");
	else if (must_protect(session))
		*out_reply = reply(522, "Data connections must be encrypted.");
	else
		return true;
	return false;
}

bool transfer_connect(struct session *session, struct watch *watch, struct reply *out_reply)
{
	bool any, intruder = false;
	/* What waits already counts: an ABOR that came in one packet with the command. */
	int error = consider(session, &any);

	if (session->data.state == DATA_TARGET)
		transfer_sending(watch);
	if (session->private)
		tls_offer_ticket(session->control.channel.tls);
	/* A client that pipelines needs the 227 before it can connect. */
	if (error == 0)
		error = control_flush(&session->control) < 0 ? -EPIPE : 0;
	if (error == 0)
		error = data_open(&session->data, &session->config, watch, &intruder);
	else
		data_close(&session->data);
	if (error < 0)
		*out_reply = not_connected(session, error, intruder);
	return error == 0;
}

/* The reason in syslog, behind what failed; NULL: `why` is the reason. */
static struct reply not_secured(struct session *session, const char *why, const char *reason)
{
	char text[512];
	struct buffer b;

	data_abort(&session->data);
	session->failure = "tls_failed";
	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, "data connection: ");
	buffer_string(&b, reason ? "TLS handshake failed: " : why);
	if (reason)
		buffer_string(&b, reason);
	record_warning(session, buffer_text(&b));
	return reply(522, why);
}

static struct reply not_shaken(struct session *session, int error)
{
	if (error == -ECANCELED || error == -EPIPE || error == -EINTR) {
		data_abort(&session->data);
		return not_connected(session, error, false);
	}
	return not_secured(session, "TLS handshake failed on the data connection.",
		error == -EPROTO ? tls_reason() : strerror(-error));
}

/* The handshake of the data connection under PROT P. Returns whether the transfer may go on. */
static bool secure(
	struct session *session, struct watch *watch, bool sends_file, struct reply *out_reply)
{
	const struct config *config = &session->config;
	struct tls *control = session->control.channel.tls, *data;
	int error;

	if (!session->private)
		return true;
	error = data_secure(&session->data, watch, sends_file && config->use_sendfile,
		io_deadline(config->accept_timeout));
	data = session->data.channel.tls;
	if (error < 0)
		*out_reply = not_shaken(session, error);
	else if (config->require_ssl_reuse && !tls_is_resumed(data))
		*out_reply =
			not_secured(session, "SSL connection failed: session reuse required", NULL);
	else if (!tls_same_client(control, data))
		*out_reply = not_secured(
			session, "SSL connection failed: another client certificate", NULL);
	else
		return true;
	return false;
}

bool transfer_begin(struct session *session, struct watch *watch, const char *text,
	const struct transfer *transfer, struct reply *out_reply)
{
	struct reply mark = reply(150, text);
	bool begun;

	record_reply(session, &mark);
	/* What goes into the socket at once ends before anybody could act on the mark: then both replies leave together.
	 * Before any wait it is sent all the same, and before a handshake. */
	if (!transfer->brief || session->private)
		(void)control_flush(&session->control);
	/* From the mark on STAT is answered, in the handshake too. */
	session->transfer = *transfer;
	begun = secure(session, watch, transfer->sends_file, out_reply);
	if (!begun)
		session->transfer.verb = NULL;
	return begun;
}

struct pump transfer_pump(struct session *session, struct watch *watch)
{
	pace_begin(&session->pace, io_now());
	return (struct pump){.data = &session->data.channel,
		.watch = watch,
		.pace = &session->pace,
		.stall = session->config.data_connection_timeout,
		.chunk = session->config.trans_chunk_size,
		.kernel_copies = session->config.use_sendfile,
		.lenient = !session->config.strict_ssl_read_eof};
}

/* Over TLS the end is told to the client; a failure matters only where more than that was to come: an upload has
 * come to its end already. */
static bool is_confirmed(struct session *session, const struct pump *pump, bool upload)
{
	const struct config *config = &session->config;
	bool await = !upload && config->strict_ssl_write_shutdown;
	int error = data_finish(
		&session->data, pump->watch, await, io_deadline(config->data_connection_timeout));

	return error == 0 || upload;
}

/* The event log's word for what transfer_finish answers. */
static const char *failure_word(const struct pump *pump, enum pump_result result)
{
	switch (result) {
	case PUMP_FILE:
		return pump->error < 0 ? event_reason(pump->error) : "file_changed";
	case PUMP_STALLED:
		return "timeout";
	case PUMP_ABORTED:
		return "aborted";
	case PUMP_DONE:
	case PUMP_GONE: /* transfer_gone has a word */
	case PUMP_NETWORK:
		break;
	}
	return "connection_lost";
}

struct reply transfer_finish(
	struct session *session, const struct pump *pump, enum pump_result result, bool upload)
{
	if (result == PUMP_DONE && !is_confirmed(session, pump, upload))
		result = PUMP_NETWORK;
	if (result == PUMP_DONE) {
		session->aborted = false; /* too late: all had gone through */
		data_close(&session->data);
		return reply(226, "Transfer complete.");
	}
	data_abort(&session->data);
	session->failure = failure_word(pump, result);
	switch (result) {
	case PUMP_FILE:
		if (!upload)
			return reply(451, "Failure reading local file.");
		if (pump->error == -ENOSPC || pump->error == -EDQUOT || pump->error == -EFBIG)
			return reply_error(pump->error, "Failure writing to local file.");
		/* Somebody else was first. */
		if (pump->error == -EEXIST)
			return reply_name_error(pump->error, "Could not create file.");
		return reply(451, "Failure writing to local file.");
	case PUMP_STALLED:
		session->outcome = EXIT_CLASS_CLIENT;
		session->ending = "timeout";
		return reply_closing(421, "Data timeout. Reconnect. Sorry.");
	case PUMP_GONE:
		return transfer_gone(session, pump->error);
	case PUMP_DONE:
	case PUMP_NETWORK:
	case PUMP_ABORTED:
		break;
	}
	return reply(426,
		upload ? "Failure reading network stream." : "Failure writing network stream.");
}

struct reply cmd_abor(struct session *session, const char *argument)
{
	(void)argument;
	data_close(&session->data);
	if (!session->aborted)
		return reply(225, "No transfer to ABOR.");
	session->aborted = false;
	return reply(226, "ABOR successful.");
}
