/*
 * The logs of a session as places that lines go to: opened, appended to, their losses counted. What a line says is
 * not known here, and nobody is told of a loss: telling may lose lines itself.
 */
#ifndef SOLOFTPD_COMMANDS_LOGS_H
#define SOLOFTPD_COMMANDS_LOGS_H

#include <stddef.h>

#include "session.h"
#include "system/log.h"

/* Closes the files that are open. */
void logs_close(struct session *session);

/* The option that names the file, and its descriptor (-1: it is not open). */
enum option logs_option(enum session_log log);
int logs_descriptor(const struct session *session, enum session_log log);

/* Appends a line to one of the files, which is open. */
void logs_append(struct session *session, enum session_log log, const char *line, size_t size);

/* Sends a line to syslog. */
void logs_tell(struct session *session, enum log_level level, const char *text);

#endif
