#include "session.h"

#include <errno.h>
#include <string.h>

#include "commands/dispatch.h"
#include "commands/record.h"
#include "policy/layers.h"
#include "system/account.h"
#include "system/file.h"
#include "system/io.h"
#include "system/log.h"
#include "system/net.h"
#include "system/process.h"
#include "system/wrappers.h"

static struct session the_session;

/* ---- configuration ---- */

static int complain(struct session *session, const struct config_note *error)
{
	record_error(session, error);
	return -EINVAL;
}

/* The name in syslog is an option too: what was read of it holds even for complaints about the rest. */
static void name_log(struct session *session)
{
	const char *ident = session->config.syslog_ident;

	log_system_name(ident ? ident : session->start->daemon);
}

static int load_layers(struct session *session)
{
	const struct session_start *start = session->start;
	char host[ADDRESS_TEXT];
	struct layers layers = {.daemon = start->daemon,
		.files = start->files,
		.file_count = start->file_count,
		.settings = start->settings,
		.setting_count = start->setting_count,
		.host = host};
	struct config_note error;
	int status;

	address_format_host(&session->local, host);
	status = layers_load(&session->config, &layers, &error);
	name_log(session);
	return status < 0 ? complain(session, &error) : 0;
}

static int check_whole(struct session *session)
{
	struct config_note error;

	if (config_validate(&session->config, &error) < 0)
		return complain(session, &error);
	if (!process_is_root() && !session->config.run_as_launching_user) {
		record_problem(session, "must be started as root (or with run_as_launching_user)");
		return -EPERM;
	}
	if (data_announce(&session->data, &session->config, &error) < 0)
		return complain(session, &error);
	return 0;
}

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
	const char *file = session->start->load_file;
	struct config_note error;

	if (session->config.tcp_wrappers) {
		if (!wrappers_admit(session->control.fd, session->start->daemon)) {
			record_open(session);
			record_connect(session, "Connection refused: tcp_wrappers denial.");
			return farewell(session, 421, "Service not available.");
		}
		if (process_load_file())
			file = process_load_file();
	}
	/* A rule that names the variable but no file restricts nothing: refused, like a missing file. */
	if (!file || config_file(&session->config, file, false, &error) == 0)
		return EXIT_CLASS_CLEAN;
	(void)complain(session, &error);
	return EXIT_CLASS_CONFIGURATION;
}

static enum exit_class configure(struct session *session)
{
	enum exit_class outcome;

	if (load_layers(session) < 0)
		return EXIT_CLASS_CONFIGURATION;
	outcome = ask_wrappers(session);
	name_log(session);
	if (outcome != EXIT_CLASS_CLEAN)
		return outcome;
	record_notes(session);
	return check_whole(session) < 0 ? EXIT_CLASS_CONFIGURATION : EXIT_CLASS_CLEAN;
}

static void strip_returns(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (*text != '\r')
			*to++ = *text;
	*to = '\0';
}

/* The greeting's text: banner_file's lines, ftpd_banner, or our own. */
static int set_banner(struct session *session, struct reply *greeting)
{
	const struct config *config = &session->config;
	struct config_note error;
	static char text[CONFIG_FILE_MAX + 1];
	size_t size;
	int status;

	if (config->ftpd_banner)
		greeting->text = config->ftpd_banner;
	if (!config->banner_file)
		return 0;
	status = file_read(config->banner_file, false, text, sizeof(text), &size);
	if (status < 0) {
		config_blame(config, OPTION_banner_file, strerror(-status), &error);
		return complain(session, &error);
	}
	strip_returns(text);
	greeting->text = text;
	return 0;
}

static enum exit_class greet(struct session *session)
{
	struct reply greeting = reply(220, "soloftpd ready.");

	if (set_banner(session, &greeting) < 0)
		return EXIT_CLASS_CONFIGURATION;
	record_reply(session, &greeting);
	return control_flush(&session->control) < 0 ? EXIT_CLASS_CLIENT : EXIT_CLASS_CLEAN;
}

/* ---- the middle ---- */

static enum exit_class end_by(struct session *session, int reason)
{
	switch (reason) {
	case -ETIMEDOUT:
		return farewell(session, 421, "Timeout.");
	case -EINTR:
		return farewell(session, 421, "Service not available, closing control connection.");
	case LINE_FLOOD:
		return farewell(session, 421, "Input line too long.");
	default:
		return EXIT_CLASS_CLIENT;
	}
}

static enum exit_class serve(struct session *session)
{
	session->login_deadline = io_deadline(session->config.login_timeout);
	if (session->config.login_timeout > 0 && session->config.login_timeout < CONTROL_PATIENCE)
		session->control.patience = session->config.login_timeout;
	while (!session->finishing) {
		/* A client that never pauses is never waited for. */
		if (session->login.kind == LOGIN_NONE && io_now() >= session->login_deadline)
			return end_by(session, -ETIMEDOUT);
		int64_t deadline = io_deadline(session->config.idle_session_timeout);
		if (session->login.kind == LOGIN_NONE && session->login_deadline < deadline)
			deadline = session->login_deadline;
		char *text;
		size_t size;
		int event = control_next(&session->control, deadline, &text, &size);
		if (event == LINE_READY) {
			dispatch_line(session, text, size);
		} else if (event == LINE_TOO_LONG) {
			struct reply answer = reply(500, "Input line too long.");
			record_reply(session, &answer);
		} else {
			return end_by(session, event);
		}
	}
	(void)control_flush(&session->control);
	return session->outcome;
}

static void start_logs(struct session *session)
{
	record_open(session);
	record_connect(session, NULL);
}

static enum exit_class begin(struct session *session)
{
	enum exit_class outcome = configure(session);

	if (outcome != EXIT_CLASS_CLEAN)
		return outcome;
	/* The logs come after the greeting, unless they are to show it. */
	if (session->config.log_ftp_protocol)
		start_logs(session);
	outcome = greet(session);
	if (outcome != EXIT_CLASS_CLEAN)
		return outcome;
	net_tune_control(session->control.fd);
	if (!session->config.log_ftp_protocol)
		start_logs(session);
	return EXIT_CLASS_CLEAN;
}

static enum exit_class live(struct session *session)
{
	enum exit_class outcome = begin(session);

	if (outcome == EXIT_CLASS_CONFIGURATION)
		(void)farewell(session, 421, "Service not available.");
	return outcome == EXIT_CLASS_CLEAN ? serve(session) : outcome;
}

enum exit_class session_run(const struct session_start *start)
{
	struct session *session = &the_session;
	enum exit_class outcome = EXIT_CLASS_SYSTEM;

	session->start = start;
	session->native_log = session->transfer_log = -1;
	session->ascii = true; /* RFC 959 3.1.1.1 */
	log_system_name(start->daemon);
	io_start();
	control_start(&session->control, start->control, CONTROL_PATIENCE);
	if (net_local(start->control, &session->local) == 0 &&
		net_peer(start->control, &session->peer) == 0) {
		address_format_host(&session->peer, session->peer_text);
		data_start(&session->data, &session->local, &session->peer);
		outcome = live(session);
		data_end(&session->data);
	}
	record_close(session);
	control_close(&session->control);
	return outcome;
}
