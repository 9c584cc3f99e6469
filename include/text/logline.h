/*
 * The lines of the two transfer logs that administrators' programs parse: vsftpd.log's own form and
 * wu-ftpd's xferlog. Whatever a client can choose (user names, passwords, paths) is made harmless
 * here, so that one event is one line and no field can imitate another.
 */
#ifndef SOLOFTPD_TEXT_LOGLINE_H
#define SOLOFTPD_TEXT_LOGLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "text/buffer.h"

/* The longest line, with its line end; longer ones are cut inside the path, never in the frame. */
#define LOGLINE_MAX 4096

enum logline_event {
	LOGLINE_CONNECT,
	LOGLINE_LOGIN,
	LOGLINE_UPLOAD,
	LOGLINE_DOWNLOAD,
	LOGLINE_MKDIR,
	LOGLINE_RMDIR,
	LOGLINE_DELETE,
	LOGLINE_RENAME,
	LOGLINE_CHMOD,
	LOGLINE_COMMAND,
	LOGLINE_RESPONSE,
	LOGLINE_DEBUG,
};

struct logline {
	int64_t now; /* seconds since 1970 */
	int pid;
	const char *user;   /* NULL before USER */
	const char *client; /* numeric address */
	enum logline_event event;
	bool ok;			/* OK or FAIL; ignored by CONNECT, COMMAND and RESPONSE */
	const char *text;		/* path, reason, command or reply; NULL for none */
	uint64_t bytes;			/* shown when not zero */
	double seconds;			/* of a transfer: for its rate */
	const char *anonymous_password; /* LOGIN of an anonymous user, else NULL */
	bool keep_utf8; /* UTF-8 stays (wc_logs_enable), but not what would change how the line reads:
			 * utf8_disturbs() */
};

/* Appends one native line with its LF: date and pid in front when `stamped` (a file), bare for
 * syslog (which wants no LF either):
 *   Sun Nov 22 15:25:03 2026 [pid 7] [bob] OK UPLOAD: Client "127.0.0.1", "/a b", 5 bytes, 4.88Kbyte/sec
 * Layouts in order of fields: `[user] ` if known; OK or FAIL; event; client; `, "text"` if any;
 * `, anon password "..."`; `, N bytes` if not zero; `, %.2fKbyte/sec` for UPLOAD and DOWNLOAD (rate =
 * bytes / 1024 / seconds, where a time of zero or less counts as 0.1 s). CONNECT, COMMAND ("FTP command") and
 * RESPONSE ("FTP response") have no OK or FAIL. Unprintable and non-ASCII bytes become '?'; in the
 * user name, also ']' '[' '"' become '_'; in text and password, '"' becomes '_'. User, client and
 * password are cut to 256 bytes. An empty user or text counts as none. */
void logline_append_native(struct buffer *b, const struct logline *line, bool stamped);

struct xferline {
	int64_t now;
	uint64_t seconds; /* at least 1 is written */
	const char *client;
	uint64_t bytes;
	const char *path; /* absolute in the session's root */
	bool ascii;
	bool incoming;	  /* i: stored on the server; o: retrieved from it */
	char access;	  /* 'a' anonymous, 'g' guest, 'r' real */
	const char *user; /* for anonymous: the password given */
	bool complete;
	bool keep_utf8;
};

/* Appends one xferlog line with its LF, 13 blank-separated columns behind the 5-word date:
 *   Sun Nov 22 15:25:03 2026 1 127.0.0.1 5000 /in/a_b?.txt b _ i a me@ex_ample ftp 0 * c
 * A blank in a column becomes '_', any other unprintable or non-ASCII byte '?'; an empty column
 * becomes '?'. User and client are cut to 256 bytes. */
void logline_append_xfer(struct buffer *b, const struct xferline *line);

#endif
