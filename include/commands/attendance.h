/* What the system is told of logins, of their ends, and of those that failed: wtmp, utmp, btmp, lastlog, and
 * PAM's sessions. */
#ifndef SOLOFTPD_COMMANDS_ATTENDANCE_H
#define SOLOFTPD_COMMANDS_ATTENDANCE_H

#include "session.h"
#include "system/filter.h"

/* Opens PAM's session of a user whose password was right (session_support). False: it was refused, and
 * `problem` says why. */
bool attendance_admit(const struct session *session, struct buffer *problem);

/* Closes PAM's session, also of a user who was not let in after all; nothing if there is none. */
void attendance_dismiss(struct session *session);

/* A login that was admitted, while the process is still root. What can't be written is complained about in
 * syslog and changes nothing else. */
void attendance_begin(struct session *session, const struct login *login);

/* Adds the books that stay open to what the filter of system calls protects. */
void attendance_keep(struct filter_kept *kept);

/* The end of the session; nothing if there was no login. */
void attendance_end(struct session *session);

/* A failed login. The name is written only if there is an account of that name: people type passwords
 * where names belong. */
void attendance_fail(struct session *session);

#endif
