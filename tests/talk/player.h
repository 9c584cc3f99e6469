/* One talk under way, and what plays its sections. */
#ifndef TALK_PLAYER_H
#define TALK_PLAYER_H

#include "script.h"
#include "text.h"
#include "wire.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct player {
	const struct script *script;
	const struct item *item; /* the line now being played */
	unsigned int patience;	 /* seconds a step */
	struct variables variables;
	struct bytes transcript;
	struct bytes failure; /* empty: none so far */
	int control;	      /* -1: closed by the client */
	bool ended;	      /* the server has closed it */
	bool skipping;	      /* "< ..." was the last line */
	struct bytes received;
	char passive[128]; /* the last 227 or 229 */
	int listener;
	int data;
	size_t syslog_start;
	pid_t super; /* the super-server; 0: none that is known */
};

/* Keep the first failure. Always false. */
bool fail(struct player *player, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Keep the first failure as what was expected and what came. Always false. */
bool mismatch(struct player *player, const char *expected, const void *came, size_t size);
/* The item's text with escapes and names expanded. */
bool expanded(struct player *player, const char *text, struct bytes *out);
/* Whether lines (each with its ending) are what the item's "| " lines say; "..." is any lines. */
bool lines_match(struct player *player, const struct bytes *data, const char *ending);

/* The whole conversation, with the control connection open. */
bool play_conversation(struct player *player);

/* ---- data.c: the "data" steps ---- */

bool play_data(struct player *player, char *rest);

/* ---- tree.c: files before ---- */

/* What a line of [tree] or [after] says of a file; all strings point into the line. */
struct attributes {
	bool has_mode, has_owner, has_time, has_size, is_pattern;
	mode_t mode;
	uid_t user;
	gid_t group;
	struct timespec time;
	uint64_t size;
	const char *text;   /* NULL: none */
	const char *target; /* of a link */
};

/* The standard homes, empty of all but the [tree]; no logs; the configuration file, root's. */
bool tree_build(struct player *player, const char *config);
/* Remove what the [tree] made outside /srv. */
void tree_clean(void);
/* A path of the talk: escapes expanded, under /srv unless absolute. */
bool tree_path(struct player *player, const char *text, char out[PATH_MAX]);
bool attributes_read(struct player *player, char *rest, struct attributes *out);

/* ---- after.c: files afterwards ---- */

bool after_check(struct player *player);
/*
 * Send a line of our own to the syslog and wait until it has been written: all that was logged
 * earlier stands before *out_before, all that is logged later after *out_after.
 */
bool syslog_mark(struct player *player, size_t *out_before, size_t *out_after);
/* Print what the talk left in the syslog. */
void syslog_print(struct player *player);

/* ---- process.c ---- */

/* How many children a process has, and the number of one. */
unsigned int process_children(pid_t parent, pid_t *out_last);
/* Whether the super-server's session is one process that has given up all it must after a login. */
bool process_check(struct player *player);

/* ---- inprocess.c ---- */

/* Fork a session and tell where it waits for its client. The process, or -1. */
pid_t inprocess_start(struct player *player, const char *config, struct end *to);
/* Wait for its end, or kill it when that takes too long. Whether it ended as it should. */
bool inprocess_end(struct player *player, pid_t child);

#endif
