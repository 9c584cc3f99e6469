/* Where log lines go: files that are appended to, and syslog. What a line says is text/logline's. */
#ifndef SOLOFTPD_SYSTEM_LOG_H
#define SOLOFTPD_SYSTEM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens a log to append to, made with mode 0600 if it is missing; a regular file or a device, nothing else.
 * Returns a descriptor the caller owns, or -errno. */
int log_open(const char *path);

/* Appends one whole line with one write, under the lock that other writers of the file take (unless
 * `locked` is false). A lock that stays taken for a second is not waited for: the line is worth more
 * than its order. Returns the bytes written, fewer where there is room for no more, or -errno. */
ssize_t log_append(int fd, bool locked, const char *line, size_t size);

/* Lines that a log did not take; begins as all zeros. */
struct log_losses {
	uint64_t lines;
	int cause;	   /* errno of the last */
	uint64_t known[3]; /* all causes so far: a bit for each errno */
	bool news;	   /* the last cause is a new one */
	bool works;	   /* a later line was taken */
	bool torn;	   /* a part of the last is in the file */
};

/* Counts a line that was lost. */
void log_lose(struct log_losses *losses, int cause);

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

/* Names this program in syslog (facility FTP, with the pid); `ident` is borrowed for ever. */
void log_system_name(const char *ident);

/* Connects to syslog now, and makes what sockets a later connection takes: from here on none is made, so that
 * a sandbox may forbid it. */
void log_system_open(void);

/* One line to syslog, in libc's form; control characters in it become '?'. A daemon that is slow is waited for
 * 100 ms, and then not again until it has taken a line. One that has gone is looked for again: behind /dev/log,
 * which in another root directory than the first counts only if nobody but root can have put it there. Returns
 * 0, or -errno if no daemon took the line. */
int log_system(enum log_level level, const char *text);

/* Whether the daemon listens for a stream only. */
bool log_system_is_stream(void);

/* The sockets for syslog that there are. Sets them and returns how many. */
#define LOG_SYSTEM_DESCRIPTORS 3
size_t log_system_descriptors(int out[LOG_SYSTEM_DESCRIPTORS]);

#endif
