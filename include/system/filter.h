/*
 * The two filters of system calls (seccomp(2)): a list of what is refused before the login, and a list of all that is
 * left after it. include/syscalls.def says which call is in which; the rules about arguments are here.
 */
#ifndef SOLOFTPD_SYSTEM_FILTER_H
#define SOLOFTPD_SYSTEM_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Descriptors that a session keeps from before its login, and that nothing may cut short. */
#define FILTER_LOGS 8

/* What the configuration leaves open, in both filters. */
struct filter_grants {
	bool modes; /* modes of files may be set, but never set-user-ID and its like */
	bool times; /* times of files may be set */
	bool replaces; /* files are made like others: their group, access control list, attributes and mode */
	bool modules; /* PAM's modules run at the end: what they are refused fails, and stops nothing */
	bool services; /* PAM's modules talk to daemons: name services, and more with PAM's sessions */
	bool programs; /* PAM's modules start programs: by fork and execve alone */
	bool rewrites; /* PAM's modules write files of root's anew: a new one may be made root's */
	bool gives;    /* files may be given to `uid` and `gid`, and to nobody else (fchown) */
	uid_t uid;
	gid_t gid;
};

/* What the filter after the login knows about the descriptors from before it. */
struct filter_kept {
	int logs[FILTER_LOGS]; /* -1: none */
	int utmp; /* written in one place alone: by pwrite, `record` bytes at `slot`; -1: none */
	size_t record;
	int64_t slot;
};

/* A program of the kernel's filter machine; for the tests. */
#define FILTER_MOST 512
struct filter_program {
	struct sock_filter code[FILTER_MOST];
	unsigned short size;
};

/* Makes the programs. */
void filter_make_before(const struct filter_grants *grants, struct filter_program *out_program);
void filter_make_after(const struct filter_grants *grants, const struct filter_kept *kept,
	struct filter_program *out_program);

/* Whether the kernel and this processor have filters with all that is needed here. */
bool filter_is_available(void);

/* Puts the process under them, for good; it must have no_new_privs. Returns 0 or -errno: -ENOSYS where the kernel or this
 * processor has no filters, or a container hides them. Before the login a refused call fails with EPERM, a socket with EAFNOSUPPORT. After it, `stopped` is called with the
 * number of the call, in a signal handler; the call is not made, and the process ends if `stopped` returns. */
int filter_before(const struct filter_grants *grants);
int filter_after(const struct filter_grants *grants, const struct filter_kept *kept,
	void (*stopped)(int call));

/* The name of a system call of the book, for messages; NULL for another. */
const char *filter_call_name(int call);

#endif
