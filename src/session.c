#include "session.h"

#include <errno.h>
#include <string.h>

#include "commands/attendance.h"
#include "commands/configuration.h"
#include "commands/dispatch.h"
#include "commands/record.h"
#include "commands/security.h"
#include "policy/confinement.h"
#include "system/io.h"
#include "system/log.h"
#include "system/net.h"
#include "system/process.h"
#include "system/wrappers.h"
#include "text/factline.h"

static struct session the_session;

/* ---- beginning ---- */

static enum exit_class farewell(struct session *session, int code, const char *text)
{
	struct reply answer = reply(code, text);

	record_reply(session, &answer);
	(void)control_flush(&session->control);
	return EXIT_CLASS_CLIENT;
}

/* Lets TCP wrappers decide; the file a rule names, if any, is a layer of the configuration. */
static enum exit_class ask_wrappers(struct session *session)
{
	session->load_file = session->start->load_file;
	if (session->config.tcp_wrappers) {
		if (!wrappers_admit(session->control.channel.fd, session->start->daemon)) {
			record_open(session);
			record_refused(
				session, "wrappers", "Connection refused: tcp_wrappers denial.");
			return farewell(session, 421, "Service not available.");
		}
		if (process_load_file())
			session->load_file = process_load_file();
	}
	/* A rule that names the variable but no file restricts nothing: refused, like a missing file. */
	if (session->load_file && configuration_add(session, session->load_file) < 0)
		return EXIT_CLASS_CONFIGURATION;
	return EXIT_CLASS_CLEAN;
}

static enum exit_class configure(struct session *session)
{
	enum exit_class outcome;

	if (configuration_load(session) < 0)
		return EXIT_CLASS_CONFIGURATION;
	outcome = ask_wrappers(session);
	if (outcome != EXIT_CLASS_CLEAN)
		return outcome;
	record_notes(session);
	return configuration_settle(session) < 0 ? EXIT_CLASS_CONFIGURATION : EXIT_CLASS_CLEAN;
}

static enum exit_class greet(struct session *session)
{
	struct reply greeting = {.code = 220};

	if (configuration_banner(session, &greeting.text) < 0)
		return EXIT_CLASS_CONFIGURATION;
	if (!greeting.text)
		greeting.text = "soloftpd ready.";
	record_reply(session, &greeting);
	return control_flush(&session->control) < 0 ? EXIT_CLASS_CLIENT : EXIT_CLASS_CLEAN;
}

/* ---- the middle ---- */

static enum exit_class end_by(struct session *session, int reason)
{
	switch (reason) {
	case -ETIMEDOUT:
		session->ending = "timeout";
		return farewell(session, 421, "Timeout.");
	case -EINTR:
		session->ending = "terminated";
		return farewell(session, 421, "Service not available, closing control connection.");
	case LINE_FLOOD:
		session->ending = "flood";
		return farewell(session, 421, "Input line too long.");
	default:
		return EXIT_CLASS_CLIENT;
	}
}

/* Once the client knows that it is in: what the login took is given back. */
static void settle_down(struct session *session)
{
	if (control_flush(&session->control) == 0)
		process_shed_memory();
}

static enum exit_class serve(struct session *session)
{
	session->login_deadline = io_deadline(session->config.login_timeout);
	if (session->config.login_timeout > 0 && session->config.login_timeout < CONTROL_PATIENCE)
		session->control.patience = session->config.login_timeout;
	while (!session->finishing) {
		bool stranger = session->login.kind == LOGIN_NONE;
		int64_t limit = stranger ? session->login_deadline : IO_FOREVER;
		/* A client that never pauses is never waited for. */
		if (limit != IO_FOREVER && io_now() >= limit)
			return end_by(session, -ETIMEDOUT);
		char *text;
		size_t size;
		int event = control_next(&session->control, session->config.idle_session_timeout,
			limit, &text, &size);
		if (event == LINE_READY) {
			dispatch_line(session, text, size);
			if (stranger && session->login.kind != LOGIN_NONE)
				settle_down(session);
		} else if (event == LINE_TOO_LONG) {
			struct reply answer = reply(500, "Input line too long.");
			record_reply(session, &answer);
		} else {
			return end_by(session, event);
		}
	}
	if (session->ended)
		return end_by(session, session->ended);
	(void)control_flush(&session->control);
	return session->outcome;
}

static void start_logs(struct session *session)
{
	record_open(session);
	record_connect(session);
}

/* The walls of the time before the login. */
static int guard(struct session *session)
{
	char text[256];
	struct buffer problem;
	int error;

	buffer_start(&problem, text, sizeof(text));
	error = confinement_before(&session->config, &problem);
	if (error == 0)
		return 0;
	record_problem(session, buffer_text(&problem));
	return error;
}

static enum exit_class begin(struct session *session)
{
	enum exit_class outcome = configure(session);
	bool implicit = session->config.ssl_enable && session->config.implicit_ssl;

	if (outcome != EXIT_CLASS_CLEAN)
		return outcome;
	/* The logs come after the greeting, unless they are to show it. */
	if (session->config.log_ftp_protocol || implicit)
		start_logs(session);
	/* From here on a stranger's bytes are read. */
	if (implicit && guard(session) < 0)
		return EXIT_CLASS_SYSTEM;
	if (implicit && security_start(session) < 0)
		return session->outcome != EXIT_CLASS_CLEAN ? session->outcome : EXIT_CLASS_SYSTEM;
	outcome = greet(session);
	if (outcome != EXIT_CLASS_CLEAN)
		return outcome;
	net_tune_control(session->control.channel.fd);
	if (!session->config.log_ftp_protocol && !implicit)
		start_logs(session);
	if (implicit || guard(session) == 0)
		return EXIT_CLASS_CLEAN;
	(void)farewell(session, 421, "Service not available.");
	return EXIT_CLASS_SYSTEM;
}

static enum exit_class live(struct session *session)
{
	enum exit_class outcome = begin(session);

	if (outcome == EXIT_CLASS_CONFIGURATION) {
		session->ending = "configuration";
		record_unconfigured(session);
		(void)farewell(session, 421, "Service not available.");
	}
	return outcome == EXIT_CLASS_CLEAN ? serve(session) : outcome;
}

enum exit_class session_run(const struct session_start *start)
{
	struct session *session = &the_session;
	enum exit_class outcome = EXIT_CLASS_SYSTEM;

	session->start = start;
	session->native_log = session->transfer_log = session->event_log = -1;
	session->ascii = true; /* RFC 959 3.1.1.1 */
	session->facts = FACTS_DEFAULT;
	session->hash = DIGEST_SHA256;
	log_system_name(start->daemon);
	io_start(start->control);
	session->started = io_microseconds();
	control_start(&session->control, start->control, CONTROL_PATIENCE);
	if (net_local(start->control, &session->local) == 0 &&
		net_peer(start->control, &session->peer) == 0) {
		address_format_host(&session->peer, session->peer_text);
		data_start(&session->data, &session->local, &session->peer);
		outcome = live(session);
		data_end(&session->data);
	}
	if (outcome == EXIT_CLASS_SYSTEM && !session->ending)
		session->ending = "error";
	attendance_end(session);
	record_end(session);
	record_close(session);
	io_end();
	control_close(&session->control);
	/* Last: modules may take their time. */
	attendance_dismiss(session);
	return outcome;
}
