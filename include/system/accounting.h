/*
 * The system's books of who was here: wtmp (every login and its end), utmp (who is in now), btmp (failed
 * logins), lastlog (the last login of each account); utmp(5), last(1), who(1), lastb(1), lastlog(8).
 *
 * A book that is missing is one the administrator does not keep: it is never made, and its absence is no
 * error. Otherwise it must be a regular file of root's. Records are this machine's struct utmpx and struct
 * lastlog, each written whole by one system call, without libc's functions: those take locks that any reader
 * can hold for ever, and names in a jail.
 */
#ifndef SOLOFTPD_SYSTEM_ACCOUNTING_H
#define SOLOFTPD_SYSTEM_ACCOUNTING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "text/address.h"

#define ACCOUNTING_WTMP "/var/log/wtmp"
#define ACCOUNTING_UTMP "/run/utmp"
#define ACCOUNTING_BTMP "/var/log/btmp"
#define ACCOUNTING_LASTLOG "/var/log/lastlog"

/* What a record tells. Texts are cut to the room there is. */
struct accounting_entry {
	const char *daemon; /* "vsftpd", or anything else: the line is "vsftpd:PID" or "ftpd:PID" */
	const char *user;
	const struct address *client;
};

/* Writes a login into the book at `path` as root. All return 0 (also when there is no such file), or
 * -errno: -ENOSPC when only a part of the record fitted, which is taken back if it can be, -EAGAIN when
 * somebody holds a lock on utmp, -EINVAL when the file is not root's or is not a regular file.
 *
 * wtmp and utmp stay open for the record of the logout, which no privilege and no name is needed for. */
int accounting_enter_wtmp(const char *path, const struct accounting_entry *entry);
int accounting_enter_utmp(const char *path, const struct accounting_entry *entry);
int accounting_enter_lastlog(const char *path, const struct accounting_entry *entry, uid_t uid);

/* A failed login, for btmp; -EINVAL also when others may read the file: what was typed may be a password. */
int accounting_enter_failure(const char *path, const struct accounting_entry *entry);

/* Writes the logout where a login was written, once, and closes the book. 0 or -errno; part of a record is not
 * taken back, because by then nothing may cut a file short. */
int accounting_leave_wtmp(void);
int accounting_leave_utmp(void);

/* The descriptors that stay open for the logout: how many, at most ACCOUNTING_KEPT. */
#define ACCOUNTING_KEPT 2
size_t accounting_descriptors(int out[ACCOUNTING_KEPT]);

/* utmp's descriptor and the offset of the session's slot, which has the size of a record (returned); 0 if
 * there is no slot. */
size_t accounting_utmp(int *out_fd, int64_t *out_offset);

#endif
