/* Fault injection: one session of the real soloftpd for each fault. docs/testing.md tells how it works. */
#ifndef FAULTS_H
#define FAULTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Numbers of system calls are below it, on every processor. */
#define CALLS_MAX 1024

/* The call that never is: its ordinals count allocations, made to fail by tests/faults/allocations.c. */
#define CALL_ALLOCATION (-1)

/* ---- what is done to a session ---- */

enum kind {
	KIND_NONE,  /* only counted */
	KIND_ERROR, /* the call fails */
	KIND_SHORT, /* it moves one byte (getdents: one entry or two) */
	KIND_LIE, /* it succeeds, and nothing was done: what a wrong server looks like, for --self-test */
};

struct fault {
	enum kind kind;
	int call; /* its number, or CALL_ALLOCATION */
	int error;
	unsigned ordinal; /* 1: the first in the scenario's phase */
	/* What lasts: from the ordinal on, all of these calls (up to a -1), or those of them that write files */
	const int *calls;
	bool on_disk;
	const char *title; /* of these calls */
	unsigned short codes
		[4]; /* other replies than a fault-free run's that are right; none: any failure */
	const char *lie; /* what the verdict on a lie must have in it */
};

/* ---- the server's process ---- */

/* What the preloaded library and we share. */
struct allocations {
	_Atomic unsigned long count;
	_Atomic unsigned long fail; /* the count of the one that is to fail; 0: none */
};

struct tracee {
	/* told before the start */
	const char *program, *config;
	const char *preload; /* NULL: allocations are left alone */
	struct fault fault;
	size_t short_size; /* what a short call may move */
	bool from_start;   /* the phase begins with the program's first look at its socket */
	int socket;	   /* becomes descriptors 0 to 2 */

	/* what comes of it */
	_Atomic int pid; /* 0: not yet */
	_Atomic bool armed, ended;
	int status; /* as waitpid tells */
	unsigned counts[CALLS_MAX];
	_Atomic bool hit, hit_control; /* the fault has struck; on the control connection */
	unsigned long long second;     /* that call's second argument */
	bool in_library;	 /* the signal that ended it came in libc, or in what PAM loads */
	unsigned walls;		 /* landlock_restrict_self that were made */
	unsigned long allocated; /* in the phase */

	/* the tracer's own */
	pthread_t thread;
	bool phase, closing;
	unsigned met; /* calls that last */
	ino_t control;
	long kept;
	int kept_at; /* the argument to put back when the call is over; -1: none */
	int memory;  /* with struct allocations; -1: none */
	struct allocations *allocations;
};

void tracee_start(struct tracee *tracee);

/* Waits for the end of the process, and kills it if that does not come within so many milliseconds. */
bool tracee_finish(struct tracee *tracee, int milliseconds);

/* Waits until it waits for its client: all that it will do by itself is done. */
bool tracee_idle(struct tracee *tracee, int milliseconds);

/* The phase in which faults strike. */
void tracee_arm(struct tracee *tracee);
void tracee_disarm(struct tracee *tracee);

const char *call_name(int call);
int call_number(const char *name);
/* Which argument is the number of bytes; -1: the call moves none. */
int call_length(int call);
bool call_can_be_short(int call);

const char *error_name(int error);

/* ---- one session and what is known of it ---- */

#define REPLY_MAX 2048
#define TALK_MAX 16384
#define LARGE 4500000

struct bytes {
	char *at;
	size_t size;
};

/* A client's worker: everything with a place of its own. */
struct place {
	char home[64], pub[64]; /* of a local user; of anonymous ones */
	char config[2][80];	/* upload_atomic=NO, YES */
	int listener, port;
	char *received; /* 2 * LARGE */
};

struct session {
	const struct scenario *scenario;
	struct place *place;
	struct tracee tracee;
	int patience; /* PATIENCE, or less where silence is what is expected */
	int control;
	char waiting[REPLY_MAX]; /* bytes that came and are not yet read */
	size_t waiting_size;
	char reply[REPLY_MAX]; /* the last one's text, behind its code */
	char unique[256];      /* the name that STOU told */
	int code;	       /* of the phase's last reply; 0: the connection ended instead */
	struct bytes received;
	char talk[TALK_MAX];
	size_t talk_size;
	char verdict[512]; /* empty: nothing is wrong */
	char walls[1024];  /* what /proc says after the login */
};

/* What a fault-free run was like. */
struct baseline {
	int code;
	unsigned counts[CALLS_MAX];
	unsigned long allocations;
	char walls[1024];
	unsigned landlocks;
	struct bytes received;
};

enum effect {
	EFFECT_LOGIN,
	EFFECT_LISTING,
	EFFECT_DOWNLOAD,
	EFFECT_UPLOAD,
	EFFECT_RENAME,
	EFFECT_QUIT
};

struct scenario {
	const char *name;
	enum effect effect;
	bool anonymous, active, in_place;
	const char
		*before[2]; /* commands of the phase before the last, each with a positive reply */
	const char *command;
	const char *target; /* the file it is about */
	size_t old_size;    /* what lies there before; 0: nothing does */
	size_t sent;	    /* bytes uploaded */
	size_t start;	    /* where in the file */
	bool kept;	    /* an interrupted upload of `start` bytes lies there */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* The first that is found wrong is the verdict. */
void wrong(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Milliseconds that a step may take: far more than it does, even where others keep the machine busy, and less than the
 * server's own patience. */
#define PATIENCE 15000

/* The next reply's code; 0: the connection ended, -1: something is wrong. */
int next_reply(struct session *s);

/* The scenario's transfer from PASV or PORT on: the code of the last reply. */
int transfer(struct session *s);

int new_listener(int *out_port);
int connect_to(int port);

void place_make(struct place *place, unsigned number);

/* What lies in the place before a session. */
void scenario_prepare(const struct scenario *scenario, const struct place *place);

/* Makes the scenario's files, holds its conversation with a server that meets the fault, and judges what is told in talk.
 * What else came of it is for judge(). */
void session_play(struct session *s, const struct scenario *scenario, struct place *place,
	const struct fault *fault, const char *program, const char *preload);

void judge(struct session *s, const struct baseline *baseline);

/* ---- which faults there are ---- */

struct one {
	const struct scenario *scenario;
	struct fault fault;
};

struct list {
	struct one *all;
	size_t count, room;
};

/* Each call that the fault-free run made, with each error; each allocation. */
void add_calls(struct list *list, const struct scenario *scenario, const struct baseline *baseline);

/* What lasts: full disks, short reads and writes everywhere, calls that the kernel does not have. */
void add_lasting(
	struct list *list, const struct scenario *scenario, const struct baseline *baseline);

/* What a wrong server would do, to see that it is noticed. */
void add_lies(struct list *list, const struct scenario *scenario);

/* The contents of files: no two places alike, and an upload unlike what it replaces. */
char old_byte(size_t at);
char new_byte(size_t at);

#endif
