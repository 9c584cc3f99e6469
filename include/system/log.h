/* Where log lines go: files that are appended to, and syslog. What a line says is text/logline's. */
#ifndef SOLOFTPD_SYSTEM_LOG_H
#define SOLOFTPD_SYSTEM_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* Opens a log to append to, made with mode 0600 if it is missing; a regular file or a device, nothing else.
 * Returns a descriptor the caller owns, or -errno. */
int log_open(const char *path);

/* Appends one whole line with one write, under the lock that other writers of the file take (unless
 * `locked` is false). A lock that stays taken for a second is not waited for: the line is worth more
 * than its order. Returns 0 or -errno. */
int log_append(int fd, bool locked, const char *line, size_t size);

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

/* Names this program in syslog (facility FTP, with the pid); `ident` is borrowed for ever. */
void log_system_name(const char *ident);

/* Connects to syslog now, so that a later line needs no path. */
void log_system_open(void);

/* One line to syslog; control characters in it become '?'. */
void log_system(enum log_level level, const char *text);

#endif
