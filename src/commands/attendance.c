#include "commands/attendance.h"

#include <errno.h>
#include <string.h>

#include "commands/record.h"
#include "system/accounting.h"
#include "system/pam.h"

static struct accounting_entry entry_of(const struct session *session, const char *user)
{
	return (struct accounting_entry){
		.daemon = session->start->daemon, .user = user, .client = &session->peer};
}

static void complain(struct session *session, const char *path, int error)
{
	char text[256];
	struct buffer b;

	if (error == 0)
		return;
	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, "can't write ");
	buffer_string(&b, path);
	buffer_string(&b, ": ");
	if (error == -EAGAIN)
		buffer_string(&b, "another program keeps it locked");
	else if (error == -EINVAL)
		buffer_string(
			&b, "not a file that is root's and, if it is btmp, nobody else's to read");
	else
		buffer_string(&b, strerror(-error));
	record_warning(session, buffer_text(&b));
}

void attendance_begin(struct session *session, const struct login *login)
{
	const struct config *config = &session->config;
	struct accounting_entry entry = entry_of(session, login->name);

	if (config->run_as_launching_user)
		return;
	if (config->wtmp_enable || config->session_support)
		complain(session, ACCOUNTING_WTMP, accounting_enter_wtmp(ACCOUNTING_WTMP, &entry));
	if (config->utmp_enable || config->session_support)
		complain(session, ACCOUNTING_UTMP, accounting_enter_utmp(ACCOUNTING_UTMP, &entry));
	/* It has one record for an account: those that many share have none. */
	if (config->lastlog_enable && login->kind == LOGIN_LOCAL)
		complain(session, ACCOUNTING_LASTLOG,
			accounting_enter_lastlog(ACCOUNTING_LASTLOG, &entry, login->account.uid));
}

void attendance_end(struct session *session)
{
	complain(session, ACCOUNTING_WTMP, accounting_leave_wtmp());
	complain(session, ACCOUNTING_UTMP, accounting_leave_utmp());
}

void attendance_fail(struct session *session)
{
	const char *user = session->user;
	struct accounting_entry entry;
	int error;

	if (!session->config.btmp_enable || session->config.run_as_launching_user ||
		login_is_anonymous(&session->config, user))
		return;
	if (!login_is_plain_name(user) || !account_exists(user))
		user = "unknown";
	entry = entry_of(session, user);
	error = accounting_enter_failure(ACCOUNTING_BTMP, &entry);
	if (!session->btmp_fails)
		complain(session, ACCOUNTING_BTMP, error);
	session->btmp_fails |= error < 0;
}

bool attendance_admit(struct buffer *problem)
{
	struct pam_verdict verdict;

	if (pam_enter(&verdict) == 0)
		return true;
	buffer_string(problem, "PAM ");
	buffer_string(problem, verdict.stage);
	buffer_string(problem, ": ");
	buffer_string(problem, verdict.reason);
	return false;
}

void attendance_dismiss(struct session *session)
{
	struct pam_verdict verdict;
	char text[256];
	struct buffer b;

	if (pam_leave(&verdict) == 0)
		return;
	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, "PAM ");
	buffer_string(&b, verdict.stage);
	buffer_string(&b, ": ");
	buffer_string(&b, verdict.reason);
	record_warning(session, buffer_text(&b));
}
