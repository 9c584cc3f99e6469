#include "system/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define PROCESSOR AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define PROCESSOR AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define PROCESSOR AUDIT_ARCH_RISCV64
#else
#define PROCESSOR 0 /* 32-bit processors split arguments: no filters there */
#endif

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

/* ---- the book ---- */

enum before { PASS, REFUSE, BEFORE_RULE };
enum after { STOP, ALLOW, AFTER_RULE };

/* RULE is a word of both columns. */
#define BEFORE_PASS PASS
#define BEFORE_REFUSE REFUSE
#define AFTER_STOP STOP
#define AFTER_ALLOW ALLOW

/* The book was made with all calls before this one (Linux 6.18) in mind; what is newer is not there. */
#define CALL_NEWER 470

/* Those have a bit each; calls that this processor does not have get a number that no call has. */
#define CALL_NUMBERS 480
#define CALL_ABSENT 4095

static const struct call {
	uint16_t number;
	uint8_t before, after;
	char name[20]; /* no pointers: nothing to relocate at the start */
} book[] = {
#define CALL(name, before, after) {SYS_##name, BEFORE_##before, AFTER_##after, #name},
#include "syscalls.def"
#undef CALL
};

#define BOOK_ROWS (sizeof(book) / sizeof(book[0]))
#define WORDS (CALL_NUMBERS / 32)

const char *filter_call_name(int call)
{
	for (size_t i = 0; i < BOOK_ROWS; i++)
		if (book[i].number == call)
			return book[i].name;
	return NULL;
}

/* ---- programs: what BPF's instructions are put together to ---- */

#define LOW(argument) \
	((uint32_t)offsetof(struct seccomp_data, args) + (uint32_t)(argument)*8 + LOW_HALF)
#define HIGH(argument) \
	((uint32_t)offsetof(struct seccomp_data, args) + (uint32_t)(argument)*8 + 4 - LOW_HALF)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_HALF 4
#else
#define LOW_HALF 0
#endif

static void emit(struct filter_program *p, unsigned code, uint32_t value, unsigned if_true,
	unsigned if_false)
{
	/* The programs have one size each; the tests build them all. */
	if (p->size < FILTER_MOST)
		p->code[p->size++] = (struct sock_filter){
			(uint16_t)code, (uint8_t)if_true, (uint8_t)if_false, value};
}

static void load(struct filter_program *p, uint32_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void load_number(struct filter_program *p)
{
	load(p, (uint32_t)offsetof(struct seccomp_data, nr));
}

static void answer(struct filter_program *p, uint32_t action)
{
	emit(p, BPF_RET | BPF_K, action, 0, 0);
}

/* What commands are made of: for each entry, file and line. */
static const uint16_t frequent[] = {
	SYS_newfstatat, SYS_recvfrom, SYS_close, SYS_accept4, SYS_getcwd, SYS_ppoll};
#define FREQUENT ((unsigned)(sizeof(frequent) / sizeof(frequent[0])))

/* Answers `action` to every call whose bit is set; the others go on behind it. Numbers without a bit get `strange`.
 * With comparisons alone, and no arithmetic, the kernel could find out beforehand which calls are always allowed; but that
 * takes it longer than all calls of a login then save. Just the most frequent ones, which both books allow, are compared before
 * the arithmetic: for them no filter is run at all. */
static void by_bits(
	struct filter_program *p, const uint32_t bits[WORDS], uint32_t action, uint32_t strange)
{
	load(p, (uint32_t)offsetof(struct seccomp_data, arch));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, PROCESSOR, 1, 0);
	answer(p, SECCOMP_RET_KILL_PROCESS);
	load_number(p);
	for (unsigned i = 0; i < FREQUENT; i++)
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, frequent[i], FREQUENT - 1 - i,
			i == FREQUENT - 1);
	answer(p, SECCOMP_RET_ALLOW);
	emit(p, BPF_ALU | BPF_AND | BPF_K, 31, 0, 0);
	emit(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	load_number(p);
	emit(p, BPF_JMP | BPF_JGE | BPF_K, CALL_NEWER, 0, 1);
	answer(p, strange);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, 5, 0, 0);
	for (unsigned word = 0; word < WORDS; word++) {
		/* The last word needs no question. */
		unsigned left = WORDS - 1 - word;
		if (left > 0)
			emit(p, BPF_JMP | BPF_JEQ | BPF_K, word, 0, 2);
		emit(p, BPF_LD | BPF_W | BPF_IMM, bits[word], 0, 0);
		/* Three instructions a word, one less for the last, which needs no jump either. */
		if (left > 0)
			emit(p, BPF_JMP | BPF_JA, left * 3 - 2, 0, 0);
	}
	emit(p, BPF_ALU | BPF_RSH | BPF_X, 0, 0, 0);
	emit(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1);
	answer(p, action);
}

/* One question about an argument. */
struct condition {
	unsigned argument; /* 0 to 5 */
	bool high;	   /* its upper half, not the lower */
	bool none;	   /* it must be none of the values, not one of them */
	uint32_t mask;	   /* 0: all bits */
	uint32_t values[FILTER_LOGS + 1];
	unsigned count;
};

static unsigned length(const struct condition *condition)
{
	return 1U + (condition->mask != 0) + condition->count + !condition->none;
}

/* Asks one question; whoever fails goes on `rest` instructions behind it. */
static void ask(struct filter_program *p, const struct condition *condition, unsigned rest)
{
	load(p, condition->high ? HIGH(condition->argument) : LOW(condition->argument));
	if (condition->mask != 0)
		emit(p, BPF_ALU | BPF_AND | BPF_K, condition->mask, 0, 0);
	for (unsigned i = 0; i < condition->count; i++) {
		unsigned behind = condition->count - 1 - i;
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, condition->values[i],
			condition->none ? behind + rest : behind + 1, 0);
	}
	if (!condition->none)
		emit(p, BPF_JMP | BPF_JA, rest, 0, 0);
}

/* Allows `call` when all conditions hold; otherwise the next rule is asked. The number of the call is loaded, before and
 * behind. */
static void rule(
	struct filter_program *p, uint32_t call, const struct condition *conditions, unsigned count)
{
	unsigned rest = 1; /* the answer */

	if (call == CALL_ABSENT)
		return;
	for (unsigned i = 0; i < count; i++)
		rest += length(&conditions[i]);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, rest + 1);
	for (unsigned i = 0; i < count; i++) {
		rest -= length(&conditions[i]);
		ask(p, &conditions[i], rest);
	}
	answer(p, SECCOMP_RET_ALLOW);
	load_number(p);
}

#define RULE(p, call, ...)                                     \
	rule(p, call, (const struct condition[]){__VA_ARGS__}, \
		sizeof((const struct condition[]){__VA_ARGS__}) / sizeof(struct condition))

/* ---- rules of both filters ---- */

#define SPECIAL_BITS 07000 /* set-user-ID, set-group-ID, sticky */

/* Mode `argument` has only the bits of access. */
#define PLAIN_MODE(argument)                                   \
	{                                                      \
		(argument), false, false, SPECIAL_BITS, {0}, 1 \
	}

/* The descriptor that is `argument` is none of these. */
static struct condition not_among(unsigned argument, const int *fds, unsigned count)
{
	struct condition condition = {.argument = argument, .none = true};

	for (unsigned i = 0; i < count; i++)
		if (fds[i] >= 0)
			condition.values[condition.count++] = (uint32_t)fds[i];
	return condition;
}

/* A file that is not opened to be written to is not cut short either: Landlock does not see that before its version 3. */
#define TRUNCATING(argument)                                                                    \
	{                                                                                       \
		(argument), false, true, O_TRUNC | O_ACCMODE, {O_TRUNC, O_TRUNC | O_ACCMODE}, 2 \
	}

static void add_grants(struct filter_program *p, const struct filter_grants *grants,
	const int whole[FILTER_LOGS + 1])
{
	/* Who gives a file away sets its mode first. */
	if (grants->modes || grants->gives || grants->replaces)
		RULE(p, SYS_fchmod, PLAIN_MODE(1));
	if (grants->replaces)
		rule(p, SYS_fsetxattr, NULL, 0);
	/* A group of the user's own: others need a privilege. */
	if (grants->replaces && !grants->gives)
		RULE(p, SYS_fchown, {1, false, false, 0, {~0U}, 1});
	if (grants->modes) {
		RULE(p, SYS_chmod, PLAIN_MODE(1));
		RULE(p, SYS_fchmodat, PLAIN_MODE(2));
	}
	if (grants->gives)
		RULE(p, SYS_fchown, not_among(0, whole, FILTER_LOGS + 1),
			{1, false, false, 0, {grants->uid}, 1},
			{2, false, false, 0, {grants->gid}, 1});
	/* A signal to itself: abort(3). */
	RULE(p, SYS_tgkill, {0, false, false, 0, {(uint32_t)getpid()}, 1});
}

/* ---- before the login ---- */

/* Other processes of root's are reached without kill(2) as well: by the signals that a descriptor sends, by what a
 * terminal is made to read, and by their limits. */
static void add_others(struct filter_program *p)
{
	RULE(p, SYS_fcntl, {1, false, true, 0, {F_SETOWN, F_SETOWN_EX, F_SETSIG}, 3});
	RULE(p, SYS_ioctl, {1, false, true, 0, {FIOSETOWN, SIOCSPGRP, TIOCLINUX, TIOCSTI}, 4});
	RULE(p, SYS_setpriority, {0, false, false, 0, {PRIO_PROCESS}, 1},
		{1, false, false, 0, {0}, 1});
	RULE(p, SYS_prlimit64, {0, false, false, 0, {0, (uint32_t)getpid()}, 2});
}

/* A copy of the process, as fork(3) makes it: no thread, and no name space of its own. */
static void add_programs(struct filter_program *p)
{
	const uint32_t ids = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;

	RULE(p, SYS_clone, {0, false, false, ~ids, {SIGCHLD}, 1});
	rule(p, SYS_fork, NULL, 0);
	rule(p, SYS_execve, NULL, 0);
}

static void add_openings(struct filter_program *p)
{
	RULE(p, SYS_openat, TRUNCATING(2));
	RULE(p, SYS_open, TRUNCATING(1));
}

/* Modules and libcs do without what there is not: the audit log, a name service. */
static void refuse_softly(struct filter_program *p)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1);
	answer(p, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	answer(p, SECCOMP_RET_ERRNO | EPERM);
}

void filter_make_before(const struct filter_grants *grants, struct filter_program *p)
{
	static const int unknown[FILTER_LOGS + 1] = {-1, -1, -1, -1, -1, -1, -1, -1, -1};
	uint32_t passed[WORDS];

	for (unsigned word = 0; word < WORDS; word++)
		passed[word] = ~0U;
	for (size_t i = 0; i < BOOK_ROWS; i++)
		if (book[i].number < CALL_NUMBERS && book[i].before != PASS)
			passed[book[i].number / 32] &= ~(1U << book[i].number % 32);
	p->size = 0;
	/* What is newer than this program is not there: libraries then use what they used before. */
	by_bits(p, passed, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | ENOSYS);
	load_number(p);
	add_openings(p);
	add_others(p);
	add_grants(p, grants, unknown);
	if (grants->times) {
		RULE(p, SYS_utimensat, {0, false, true, 0, {0}, 0});
		RULE(p, SYS_utimes, {0, false, true, 0, {0}, 0});
		RULE(p, SYS_utime, {0, false, true, 0, {0}, 0});
		RULE(p, SYS_futimesat, {0, false, true, 0, {0}, 0});
	}
	if (grants->programs)
		add_programs(p);
	if (grants->rewrites) {
		RULE(p, SYS_fchmod, PLAIN_MODE(1));
		if (!grants->gives)
			RULE(p, SYS_fchown, {1, false, false, 0, {0}, 1},
				{2, false, false, 0, {0}, 1});
	}
	/* PAM's modules: directories (INET), the audit log (NETLINK), log daemons (UNIX). */
	RULE(p, SYS_socket, {0, false, false, 0, {AF_INET, AF_INET6, AF_NETLINK}, 3});
	if (grants->services)
		RULE(p, SYS_socket, {0, false, false, 0, {AF_UNIX}, 1});
	else
		RULE(p, SYS_socket, {0, false, false, 0, {AF_UNIX}, 1},
			{1, false, false, 0xf, {SOCK_DGRAM}, 1});
	refuse_softly(p);
}

/* ---- after the login ---- */

/* Logs can only grow, and the record of utmp is written in its place. */
static void add_kept(
	struct filter_program *p, const struct filter_kept *kept, const int whole[FILTER_LOGS + 1])
{
	RULE(p, SYS_write, not_among(0, &kept->utmp, 1));
	RULE(p, SYS_writev, not_among(0, &kept->utmp, 1));
	RULE(p, SYS_sendfile, not_among(0, &kept->utmp, 1));
	RULE(p, SYS_splice, not_among(2, &kept->utmp, 1));
	RULE(p, SYS_copy_file_range, not_among(2, whole, FILTER_LOGS + 1));
	RULE(p, SYS_ftruncate, not_among(0, whole, FILTER_LOGS + 1));
	RULE(p, SYS_fallocate, not_among(0, whole, FILTER_LOGS + 1));
	if (kept->utmp >= 0)
		RULE(p, SYS_pwrite64, {0, false, false, 0, {(uint32_t)kept->utmp}, 1},
			{2, false, false, 0, {(uint32_t)kept->record}, 1},
			{2, true, false, 0, {0}, 1},
			{3, false, false, 0, {(uint32_t)kept->slot}, 1},
			{3, true, false, 0, {(uint32_t)((uint64_t)kept->slot >> 32)}, 1});
}

static void add_files(struct filter_program *p)
{
	RULE(p, SYS_openat, PLAIN_MODE(3), TRUNCATING(2));
	RULE(p, SYS_open, PLAIN_MODE(2), TRUNCATING(1));
	/* No descriptor gets a second number, and no log loses O_APPEND. */
	RULE(p, SYS_fcntl,
		{1, false, false, 0, {F_GETFL, F_GETFD, F_SETFD, F_SETLK, F_SETPIPE_SZ}, 5});
	RULE(p, SYS_ioctl, {1, false, false, 0, {FIONREAD, SIOCOUTQ}, 2});
}

static void add_memory(struct filter_program *p)
{
	RULE(p, SYS_mmap, {2, false, false, PROT_EXEC, {0}, 1});
	RULE(p, SYS_mprotect, {2, false, false, PROT_EXEC, {0}, 1});
}

static void add_sockets(struct filter_program *p)
{
	RULE(p, SYS_socket, {0, false, false, 0, {AF_INET, AF_INET6}, 2},
		{1, false, false, 0xf, {SOCK_STREAM}, 1},
		{2, false, false, 0, {0, IPPROTO_TCP}, 2});
	RULE(p, SYS_setsockopt, {1, false, false, 0, {SOL_SOCKET}, 1},
		{2, false, false, 0,
			{SO_KEEPALIVE, SO_LINGER, SO_OOBINLINE, SO_RCVLOWAT, SO_RCVTIMEO,
				SO_REUSEADDR, SO_SNDBUF},
			7});
	RULE(p, SYS_setsockopt, {1, false, false, 0, {IPPROTO_TCP}, 1},
		{2, false, false, 0, {TCP_NODELAY, TCP_QUICKACK, TCP_ULP}, 3});
	RULE(p, SYS_setsockopt, {1, false, false, 0, {SOL_TLS}, 1},
		{2, false, false, 0, {TLS_TX, TLS_RX}, 2});
	/* What is sent must not make a connection: Landlock sees none there. */
	RULE(p, SYS_sendto, {3, false, false, MSG_FASTOPEN, {0}, 1});
	RULE(p, SYS_sendmsg, {2, false, false, MSG_FASTOPEN, {0}, 1});
}

void filter_make_after(const struct filter_grants *grants, const struct filter_kept *kept,
	struct filter_program *p)
{
	uint32_t allowed[WORDS] = {0};
	int whole[FILTER_LOGS + 1];

	for (size_t i = 0; i < BOOK_ROWS; i++)
		if (book[i].number < CALL_NUMBERS && book[i].after == ALLOW)
			allowed[book[i].number / 32] |= 1U << book[i].number % 32;
	if (!grants->times)
		allowed[SYS_utimensat / 32] &= ~(1U << SYS_utimensat % 32);
	memcpy(whole, kept->logs, sizeof(kept->logs));
	whole[FILTER_LOGS] = kept->utmp;
	p->size = 0;
	by_bits(p, allowed, SECCOMP_RET_ALLOW,
		grants->modules ? SECCOMP_RET_ERRNO | ENOSYS : SECCOMP_RET_TRAP);
	load_number(p);
	add_kept(p, kept, whole); /* transfers first */
	add_files(p);
	add_memory(p);
	add_sockets(p);
	add_grants(p, grants, whole);
	if (grants->modules)
		refuse_softly(p);
	else
		answer(p, SECCOMP_RET_TRAP);
}

/* ---- putting the process under them ---- */

/* A program that is nowhere can't be read where there are filters; elsewhere, and where a container withholds them, nobody tries
 * to. 0, -ENOSYS, or what else is wrong. */
static int look_for_filters(void)
{
	if (PROCESSOR == 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == 0)
		return -ENOSYS;
	if (errno == EFAULT)
		return 0;
	return errno == EINVAL || errno == EPERM ? -ENOSYS : -errno;
}

bool filter_is_available(void)
{
	return look_for_filters() == 0;
}

static int install(struct filter_program *program)
{
	struct sock_fprog code = {.len = program->size, .filter = program->code};

	int missing = look_for_filters();

	if (missing < 0)
		return missing;
	/* Older kernels would slow down a filtered process against an attack from inside it, which needs code of
	 * the attacker's; before Linux 4.17 there is no such flag. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &code) ==
		0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &code) == 0 ? 0 : -errno;
}

int filter_before(const struct filter_grants *grants)
{
	struct filter_program program;

	filter_make_before(grants, &program);
	return install(&program);
}

static void (*on_stop)(int call);

static void stop(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	on_stop(info->si_syscall);
	_exit(4);
}

int filter_after(const struct filter_grants *grants, const struct filter_kept *kept,
	void (*stopped)(int call))
{
	struct sigaction action = {.sa_sigaction = stop, .sa_flags = SA_SIGINFO};
	struct filter_program program;

	on_stop = stopped;
	if (sigaction(SIGSYS, &action, NULL) < 0)
		return -errno;
	filter_make_after(grants, kept, &program);
	return install(&program);
}
