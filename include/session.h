/* A session: everything there is between one client's 220 and its end. */
#ifndef SOLOFTPD_SESSION_H
#define SOLOFTPD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/connection.h"
#include "data/connection.h"
#include "data/pace.h"
#include "policy/config.h"
#include "policy/login.h"
#include "system/digest.h"
#include "system/log.h"
#include "text/address.h"
#include "text/path.h"

/* How a session ended; main's exit status. */
enum exit_class {
	EXIT_CLASS_CLEAN = 0,
	EXIT_CLASS_CLIENT = 1,	      /* the client's fault, or it went away */
	EXIT_CLASS_USAGE = 2,	      /* the command line */
	EXIT_CLASS_CONFIGURATION = 3, /* the administrator's files */
	EXIT_CLASS_SYSTEM = 4,	      /* the machine */
};

/* What a session starts from. All pointers are borrowed for the whole session. */
struct session_start {
	int control;		  /* a connected TCP socket above 2; the session owns it */
	const char *daemon;	  /* the name of the program: "vsftpd" has its own defaults */
	const char *load_file;	  /* a configuration file named by the environment; NULL for none */
	const char *const *files; /* configuration files of the command line */
	size_t file_count;	  /* 0: the default file, if it exists */
	const char *const *settings; /* KEY=VALUE settings of the command line */
	size_t setting_count;
};

/* Runs one session to its end: configuration, greeting, commands, farewell. Closes the control
 * connection and everything else it opened. Once a process: it may leave it in a jail, without root. */
enum exit_class session_run(const struct session_start *start);

/* What a transfer in progress is about; told by STAT and left to the log. */
struct transfer {
	const char *verb; /* NULL: none is in progress */
	const char *path;
	const uint64_t *moved;	/* bytes so far; NULL: none yet */
	bool sends_file, brief; /* by pump_download; all of it fits into the socket */
};

/* The verbs that only hold for the next command (commands.def, "after"). */
struct pending {
	uint64_t restart; /* REST's offset in bytes; 0: none */
	bool range;	  /* RANG has named these bytes, both included: */
	uint64_t first, last;
	bool rename; /* RNFR has named a file */
};

/* Where a session's lines go (commands/logs). */
enum session_log { LOGS_NATIVE, LOGS_TRANSFERS, LOGS_EVENTS, LOGS_SYSLOG, LOGS_COUNT };

/* The longest text of a reply: a directory's message of 4000 bytes, or a path with its quotes doubled. */
#define SESSION_TEXT 12288

/* Directories whose message has been shown. */
#define SESSION_VISITED 100

struct session {
	const struct session_start *start;
	const char *load_file; /* that TCP wrappers or the environment chose; NULL: none */
	struct pace pace;
	struct address local, peer;
	char peer_text[ADDRESS_TEXT];

	int64_t login_deadline;	      /* io_now() by which somebody must be in */
	unsigned failures, strangers; /* failed logins; unknown commands before login */
	const struct account *owner;  /* of new files (chown_uploads); NULL: itself */

	bool ascii;		    /* TYPE A */
	bool utf8;		    /* the client has said OPTS UTF8 ON */
	unsigned facts;		    /* of MLST and MLSD: enum fact */
	enum digest_algorithm hash; /* HASH's */
	bool extended_only;	    /* EPSV ALL */
	bool private, sized;	    /* PROT P: data connections are protected; PBSZ was given */
	unsigned hosts;		    /* changes by HOST */
	bool host_given;	    /* HOST has chosen a configuration */
	bool aborted;		    /* ABOR ended a transfer and has not been answered yet */
	bool finishing, gives; /* the client has left, or must; files can be given to the owner */
	int ended;	       /* by what control_next returned within a command; 0: not so */
	enum exit_class outcome;
	unsigned idle_granted; /* idle_session_timeout before any SITE IDLE */
	bool drafts_seen;      /* in a listing */
	uint64_t kept_told;    /* the last SIZE was that of an interrupted upload; 0: it was not */
	uint64_t allocated;    /* bytes that ALLO announced for the next upload; 0: unknown */
	struct transfer transfer;
	int native_log, transfer_log, event_log; /* owned; -1: none */
	bool log_to_syslog;			 /* native lines go there */
	struct log_losses losses[LOGS_COUNT];
	char name[17];	 /* in the event log: random, hexadecimal; "" before it is asked for */
	unsigned events; /* logged so far */
	bool announced;	 /* the first of them, too */
	int64_t started; /* io_microseconds() */
	const char *failure, *ending; /* words for why the transfer failed, and why all ends */
	uint64_t uploads, downloads, bytes_in, bytes_out; /* the bytes of incomplete ones, too */
	unsigned visited_count;
	struct pending pending;
	struct data data;
	/* What is large comes last: a page that is never touched is no memory. */
	struct config config;
	struct login login; /* kind LOGIN_NONE until 230 */
	struct control control;
	uint32_t visited[SESSION_VISITED]; /* hashes of directory names */
	char rename_from[PATH_TEXT];	   /* RNFR's file, expanded */
	char user[LINE_MAX_SIZE + 1];	   /* USER's name; "" before it and after a failure */
	char home[PATH_TEXT];		   /* the working directory at 230, which "~" stands for */
	char command[LINE_MAX_SIZE + 1];   /* the line being run */
	char text[SESSION_TEXT];	   /* for the text of the reply in the making */
};

#endif
