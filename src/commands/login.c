/* USER PASS QUIT: the way from 220 to 230 (RFC 959 4.1.1). */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "commands/attendance.h"
#include "commands/entries.h"
#include "commands/inquiry.h"
#include "commands/message.h"
#include "commands/record.h"
#include "commands/security.h"
#include "commands/table.h"
#include "policy/confinement.h"
#include "policy/jail.h"
#include "policy/language.h"
#include "system/account.h"
#include "system/io.h"
#include "system/log.h"
#include "system/privilege.h"
#include "system/vfs.h"
#include "system/zone.h"

/* Waits until `seconds` after `since` (io_now()). Returns false when the client did not wait that long:
 * then it gets no answer, or closing its side would be a way around the delay. */
static bool delay(struct session *session, int64_t since, unsigned seconds)
{
	int64_t until = since + (int64_t)seconds * 1000;
	int ready;

	if (seconds == 0)
		return true;
	(void)control_flush(&session->control);
	do {
		bool room = control_has_room(&session->control);
		ready = room ? io_wait(-1, 0, session->control.channel.fd, until)
			     : io_wait_hangup(-1, 0, session->control.channel.fd, until);
		if (ready > 0 && (!room || control_gather(&session->control) < 0)) {
			session->finishing = true;
			session->outcome = EXIT_CLASS_CLIENT;
			return false;
		}
	} while (ready > 0);
	return true;
}

/* ---- USER ---- */

/* The last whole multiple of `seconds` after `since`: what took longer than one delay waits for the end of
 * the next, or the time would tell how long it took. */
static int64_t last_multiple(int64_t since, unsigned seconds)
{
	int64_t step = (int64_t)seconds * 1000;

	return step > 0 ? since + (io_now() - since) / step * step : since;
}

/* The answer comes as long after the command as any other refusal's, whatever was looked up. */
static struct reply refuse(struct session *session, int64_t since, const char *text)
{
	struct reply answer = reply(530, text);

	session->user[0] = '\0';
	since = last_multiple(since, session->config.delay_failed_login);
	if (!delay(session, since, session->config.delay_failed_login))
		return reply(0, NULL);
	if (++session->failures >= session->config.max_login_fails) {
		answer.closing = true;
		session->outcome = EXIT_CLASS_CLIENT;
		session->ending = "login_failures";
	}
	return answer;
}

static struct reply refuse_listed(struct session *session, int64_t since, enum login_user verdict)
{
	record_login_failed(session, NULL, verdict == LOGIN_LISTED ? "listed" : "not_listed", NULL);
	if (session->config.userlist_log) {
		record_login(session, false,
			verdict == LOGIN_LISTED ? "User is in the deny user list."
						: "User is not in the allow user list.");
		attendance_fail(session);
	}
	return refuse(session, since, "Permission denied.");
}

static struct reply broken(struct session *session, const char *what, const char *why)
{
	char text[512];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, "login of \"");
	for (const char *at = session->user; *at && b.size < LOGIN_NAME; at++)
		buffer_byte(&b, *at == '"' ? '_' : *at);
	buffer_string(&b, "\": ");
	buffer_string(&b, what);
	buffer_string(&b, why);
	record_problem(session, buffer_text(&b));
	record_login_failed(session, NULL, "configuration", NULL);
	session->outcome = EXIT_CLASS_CONFIGURATION;
	session->ending = "configuration";
	return reply_closing(421, "Service not available.");
}

static struct reply again(struct session *session, const char *user)
{
	bool same = session->login.kind == LOGIN_ANONYMOUS
			    ? login_is_anonymous(&session->config, user)
			    : strcmp(user, session->user) == 0;

	if (same)
		return reply(331, "Any password will do.");
	return reply(530, "Can't change to another user.");
}

struct reply cmd_user(struct session *session, const char *argument)
{
	int64_t since = io_now();
	struct reply refusal;
	struct buffer b;

	if (session->login.kind != LOGIN_NONE)
		return again(session, argument);
	if (*argument == '\0')
		return reply(501, "Argument required.");
	if (!security_admits(session, argument, &refusal))
		return refusal;
	buffer_start(&b, session->user, sizeof(session->user));
	buffer_string(&b, argument);
	buffer_text(&b);
	switch (login_check_user(&session->config, argument)) {
	case LOGIN_ANONYMOUS_ONLY:
		record_login_failed(session, NULL, "anonymous_only", NULL);
		session->user[0] = '\0';
		return reply(530, "This FTP server is anonymous only.");
	case LOGIN_LISTED:
		return refuse_listed(session, since, LOGIN_LISTED);
	case LOGIN_UNLISTED:
		return refuse_listed(session, since, LOGIN_UNLISTED);
	case LOGIN_BROKEN:
		return broken(session, "userlist_file can't be read: ",
			session->config.userlist_file ? session->config.userlist_file : "(none)");
	case LOGIN_NO_PASSWORD:
		return cmd_pass(session, "<no password>"); /* for the logs */
	case LOGIN_ASK:
		break;
	}
	return reply(331, "Please specify the password.");
}

/* ---- PASS ---- */

/* What the jail lacks is opened or loaded now. */
static void warm_up(struct session *session)
{
	const struct config *config = &session->config;

	/* Always: libc would load it for a line to syslog, from the jail. */
	zone_load();
	if ((config->text_userdb_names && !config->hide_ids) || config->tilde_user_enable)
		account_names_open();
	log_system_open();
	if (config->connect_from_port_20 && !config->run_as_launching_user &&
		data_reserve(&session->data, config) < 0)
		record_problem(session, "connect_from_port_20: the port can't be bound; "
					"active data connections will come from others");
}

/* The session that the filter would stop, for its handler. */
static struct session *confined;

static void stopped(int call)
{
	const char *name = filter_call_name(call);
	char text[96];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, "stopped by seccomp_sandbox: system call ");
	buffer_number(&b, (uint64_t)call);
	if (name) {
		buffer_byte(&b, ' ');
		buffer_string(&b, name);
	}
	record_problem(confined, buffer_text(&b));
	confined->ending = "stopped";
	attendance_end(confined);
	record_end(confined);
	record_close(confined);
}

/* From root to the user: the directory, the identity, the walls. */
static int confine(struct session *session, const struct login *login, struct buffer *problem)
{
	struct filter_kept kept = record_kept(session);
	int error = 0;

	attendance_keep(&kept);
	session->owner = NULL;
	if (confinement_gives(&session->config, login))
		error = confinement_owner(&session->config, &session->owner, problem);
	if (error == 0)
		error = jail_enter(&session->config, login, problem);
	if (error < 0)
		return error;
	if (problem->size > 0)
		record_warning(session, buffer_text(problem));
	buffer_start(problem, problem->data, problem->capacity);
	session->gives = session->owner && privilege_gives();
	if (session->owner && !session->gives)
		record_warning(
			session, "chown_uploads: there is no CAP_CHOWN: new files are refused");
	confined = session;
	return confinement_after(&session->config, login, session->owner, &kept, stopped, problem);
}

static void settle_in(struct session *session, const struct login *login)
{
	const struct config *config = &session->config;

	memcpy(&session->login, login, offsetof(struct login, account));
	session->control.patience = CONTROL_PATIENCE;
	session->idle_granted = config->idle_session_timeout;
	session->pace.rate = login->anonymous ? config->anon_max_rate : config->local_max_rate;
	vfs_umask((mode_t)(login->anonymous ? config->anon_umask : config->local_umask));
	if (vfs_current(session->home, sizeof(session->home)) < 0)
		(void)path_join("", "/", session->home, sizeof(session->home));
	session->drafts_seen = config->upload_atomic;
	entries_sweep(session, ".");
}

static struct reply refuse_password(
	struct session *session, const struct login *login, int64_t since, const char *why)
{
	record_refusal(session, NULL, login->refusal, why);
	record_login(session, false, NULL);
	attendance_fail(session);
	attendance_dismiss(session);
	/* It ended while PAM had a question. */
	if (session->finishing)
		return reply(0, NULL);
	return refuse(session, since, "Login incorrect.");
}

/* What must happen between an admitted password and 230: the user's file, the account, all that the
 * jail will lack, the jail. Any other reply than 230 means that nobody is in. */
static struct reply proceed(struct session *session, struct login *login, int64_t since)
{
	char text[512];
	struct config_note error;
	struct buffer problem;

	buffer_start(&problem, text, sizeof(text));
	login->refusal = "account";
	if (session->finishing)
		buffer_string(
			&problem, "the session ended before PAM's last question was answered");
	if (session->finishing || !attendance_admit(session, &problem))
		return refuse_password(session, login, since, buffer_text(&problem));
	if (login_configure(&session->config, login, &error) < 0) {
		config_append_note(&problem, &error);
		return broken(session, "", buffer_text(&problem));
	}
	record_notes(session);
	switch (login_settle(&session->config, login, &problem)) {
	case LOGIN_REFUSED:
		login_unconfigure(&session->config);
		return refuse_password(session, login, since, buffer_text(&problem));
	case LOGIN_FAILED:
		return broken(session, "", buffer_text(&problem));
	case LOGIN_ADMITTED:
		break;
	}
	if (data_announce(&session->data, &session->config, &error) < 0 ||
		language_settle(&session->config, &error) < 0) {
		config_append_note(&problem, &error);
		return broken(session, "", buffer_text(&problem));
	}
	warm_up(session);
	attendance_begin(session, login);
	if (confine(session, login, &problem) < 0)
		return broken(session, "", buffer_text(&problem));
	settle_in(session, login);
	record_login(session, true, NULL);
	if (!delay(session, since, session->config.delay_successful_login))
		return reply(0, NULL);
	return message_reply(session, 230, "Login successful.");
}

struct reply cmd_pass(struct session *session, const char *argument)
{
	struct login login = {.kind = LOGIN_NONE};
	struct inquiry inquiry = {.session = session, .since = io_now()};
	struct pam_dialogue dialogue = inquiry_dialogue(&inquiry);
	char text[512];
	struct buffer problem;

	if (session->login.kind != LOGIN_NONE)
		return reply(230, "Already logged in.");
	if (!session->user[0])
		return reply(503, "Login with USER first.");
	buffer_start(&problem, text, sizeof(text));
	switch (login_check(&session->config, session->user, argument, session->peer_text,
		&dialogue, &login, &problem)) {
	case LOGIN_REFUSED:
		return refuse_password(session, &login, inquiry.since, buffer_text(&problem));
	case LOGIN_FAILED:
		return broken(session, "", buffer_text(&problem));
	case LOGIN_ADMITTED:
		break;
	}
	return proceed(session, &login, inquiry.since);
}

struct reply cmd_quit(struct session *session, const char *argument)
{
	(void)argument;
	session->ending = "quit";
	return reply_closing(221, "Goodbye.");
}
