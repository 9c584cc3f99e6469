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

void attendance_keep(struct filter_kept *kept)
{
	int books[ACCOUNTING_KEPT];
	size_t count = accounting_descriptors(books);
	unsigned slot = 0;

	kept->record = accounting_utmp(&kept->utmp, &kept->slot);
	for (size_t i = 0; i < count; i++) {
		while (slot < FILTER_LOGS && kept->logs[slot] >= 0)
			slot++;
		if (slot < FILTER_LOGS && books[i] != kept->utmp)
			kept->logs[slot] = books[i];
	}
}

void attendance_end(struct session *session)
{
	complain(session, ACCOUNTING_WTMP, accounting_leave_wtmp());
	complain(session, ACCOUNTING_UTMP, accounting_leave_utmp());
}

void attendance_fail(struct session *session)
{
	static bool told; /* once a session */
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
	if (!told)
		complain(session, ACCOUNTING_BTMP, error);
	told |= error < 0;
}

bool attendance_admit(const struct session *session, struct buffer *problem)
{
	struct pam_verdict verdict;

	if (pam_enter(&verdict) == 0)
		return true;
	login_append_verdict(&session->config, &verdict, problem);
	return false;
}

void attendance_dismiss(struct session *session)
{
	struct pam_verdict verdict;
	char text[256];
	struct buffer b;

	if (pam_leave(&verdict) == 0)
		return;
	/* Without the hint: what is missing now is root. */
	verdict.hindered = false;
	buffer_start(&b, text, sizeof(text));
	login_append_verdict(&session->config, &verdict, &b);
	record_warning(session, buffer_text(&b));
}
