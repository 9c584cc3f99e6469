/* Facts of files that clients set. */
#ifndef SOLOFTPD_COMMANDS_FACTS_H
#define SOLOFTPD_COMMANDS_FACTS_H

#include "control/reply.h"
#include "session.h"

/* Appends the facts that MFF may set, each with a ';'. */
void facts_append_settable(const struct session *session, struct buffer *b);

/* Whether there are any. */
bool facts_any_settable(const struct session *session);

/* SITE UTIME, in both forms there are: "YYYYMMDDhhmm[ss] PATH", and "PATH ATIME MTIME CTIME UTC", of which the
 * time of modification counts. */
struct reply facts_site_utime(struct session *session, const char *argument);

#endif
