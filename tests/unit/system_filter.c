/* The filters are run here on every system call there could be, by an interpreter of the kernel's filter machine. */
#include "system/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CALL_ABSENT 4095
#define CALL(name, before, after)
#include "syscalls.def"
#undef CALL

static const struct row {
	const char *name;
	int number;
	const char *before, *after;
} rows[] = {
#define CALL(name, before, after) {#name, SYS_##name, #before, #after},
#include "syscalls.def"
#undef CALL
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

#if defined(__x86_64__)
#define PROCESSOR AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define PROCESSOR AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define PROCESSOR AUDIT_ARCH_RISCV64
#endif

static struct filter_program program;

static uint32_t fetch(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t value;

	assert_true(offset + sizeof(value) <= sizeof(*data));
	memcpy(&value, (const char *)data + offset, sizeof(value));
	return value;
}

/* The instructions that the programs use; any other is a fault, as is a way that ends nowhere. */
static uint32_t run(const struct seccomp_data *data)
{
	uint32_t a = 0, x = 0;

	for (unsigned at = 0; at < program.size; at++) {
		const struct sock_filter *i = &program.code[at];
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = fetch(data, i->k);
			break;
		case BPF_LD | BPF_W | BPF_IMM:
			a = i->k;
			break;
		case BPF_MISC | BPF_TAX:
			x = a;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			a >>= i->k;
			break;
		case BPF_ALU | BPF_RSH | BPF_X:
			assert_true(x < 32);
			a >>= x;
			break;
		case BPF_JMP | BPF_JA:
			at += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			at += (a & i->k) != 0 ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			fail_msg("instruction %u is 0x%x", at, i->code);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

/* What the program says to a call with these arguments; what is not given is a large number. */
static uint32_t call(int number, ...)
{
	struct seccomp_data data = {.nr = number, .arch = PROCESSOR};
	va_list arguments;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		data.args[i] = va_arg(arguments, uint64_t);
	va_end(arguments);
	return run(&data);
}

#define U(x) ((uint64_t)(x))
#define CALL6(n, a, b, c, d) call(n, U(a), U(b), U(c), U(d), U(0), U(0))
#define GOES(n, a, b, c, d) assert_int_equal(CALL6(n, a, b, c, d), SECCOMP_RET_ALLOW)
#define STOPS(n, a, b, c, d) assert_int_equal(CALL6(n, a, b, c, d), SECCOMP_RET_TRAP)
#define REFUSES(n, a, b, c, d) assert_int_equal(CALL6(n, a, b, c, d), SECCOMP_RET_ERRNO | EPERM)
#define LACKS(n, a, b, c, d) \
	assert_int_equal(CALL6(n, a, b, c, d), SECCOMP_RET_ERRNO | EAFNOSUPPORT)

static const struct filter_grants nothing;
static const struct filter_kept none = {.logs = {-1, -1, -1, -1, -1, -1, -1, -1}, .utmp = -1};

static const struct row *row_of(int number)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].number == number)
			return &rows[i];
	return NULL;
}

static void test_every_number_before(void **state)
{
	(void)state;
	filter_make_before(&nothing, &program);
	for (int number = 0; number < 470; number++) {
		const struct row *row = row_of(number);
		uint32_t answer = CALL6(number, 0xdeac, 0xdeac, 0xdeac, 0xdeac);
		uint32_t wanted =
			!row || strcmp(row->before, "PASS") == 0
				? SECCOMP_RET_ALLOW
				: SECCOMP_RET_ERRNO | (number == SYS_socket ? EAFNOSUPPORT : EPERM);
		/* What these refuse is less than what they allow: test_others_before. */
		bool is_usual = number == SYS_fcntl || number == SYS_ioctl || number == SYS_open ||
				number == SYS_openat;
		if (answer != wanted && !is_usual)
			fail_msg("call %d: 0x%x", number, answer);
	}
	for (int number = 470; number < 1024; number++)
		assert_int_equal(CALL6(number, 0, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(CALL6(0x40000000, 0, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS); /* x32 */
	assert_int_equal(CALL6(-1, 0, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
}

static void test_every_number_after(void **state)
{
	(void)state;
	filter_make_after(&(struct filter_grants){.times = true}, &none, &program);
	for (int number = 0; number < 1024; number++) {
		const struct row *row = row_of(number);
		uint32_t answer = CALL6(number, 0xdead, 0xdead, 0xdead, 0xdead);
		bool ruled = row && strcmp(row->after, "RULE") == 0;
		bool allowed = row && strcmp(row->after, "ALLOW") == 0;
		if (!ruled && answer != (allowed ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRAP))
			fail_msg("call %d: 0x%x", number, answer);
	}
	assert_int_equal(CALL6(0x40000001, 0, 0, 0, 0), SECCOMP_RET_TRAP);
}

/* PAM's modules run behind the filter, and may ask for what there is not. */
static void test_modules(void **state)
{
	static const struct filter_grants modules = {.modules = true};

	(void)state;
	filter_make_after(&modules, &none, &program);
	GOES(SYS_write, 5, 0, 0, 0);
	REFUSES(SYS_execve, 1, 2, 3, 0);
	REFUSES(SYS_setsockopt, 5, 6, 7, 8);
	LACKS(SYS_socket, AF_NETLINK, SOCK_RAW, 9, 0);
	LACKS(SYS_socket, AF_UNIX, SOCK_DGRAM, 0, 0);
	GOES(SYS_socket, AF_INET, SOCK_STREAM, 0, 0);
	assert_int_equal(CALL6(1000, 0, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	filter_make_before(&nothing, &program);
	REFUSES(SYS_fchown, 5, 0, 0, 0);
	filter_make_before(&(struct filter_grants){.rewrites = true}, &program);
	GOES(SYS_fchown, 5, 0, 0, 0);
	REFUSES(SYS_fchown, 5, 0, 1, 0);
	REFUSES(SYS_fchown, 5, 1, 0, 0);
}

static void test_another_processor(void **state)
{
	struct seccomp_data data = {.nr = SYS_read, .arch = AUDIT_ARCH_I386};

	(void)state;
	filter_make_before(&nothing, &program);
	assert_int_equal(run(&data), SECCOMP_RET_KILL_PROCESS);
	filter_make_after(&nothing, &none, &program);
	assert_int_equal(run(&data), SECCOMP_RET_KILL_PROCESS);
}

static void test_modes_and_owners(void **state)
{
	static const struct filter_grants modes = {.modes = true};
	static const struct filter_grants gives = {.gives = true, .uid = 17, .gid = 18};

	(void)state;
	filter_make_after(&modes, &none, &program);
	GOES(SYS_fchmod, 5, 0777, 0, 0);
	STOPS(SYS_fchmod, 5, 04755, 0, 0);
	GOES(SYS_fchmodat, AT_FDCWD, 1, 0644, 0);
	STOPS(SYS_fchmodat, AT_FDCWD, 1, 02644, 0);
	STOPS(SYS_fchown, 5, 17, 18, 0);
	filter_make_after(&nothing, &none, &program);
	STOPS(SYS_fchmod, 5, 0644, 0, 0);
	STOPS(SYS_fchmodat, AT_FDCWD, 1, 0644, 0);
	STOPS(SYS_utimensat, 1, 2, 3, 4);
	filter_make_after(&gives, &none, &program);
	GOES(SYS_fchown, 5, 17, 18, 0);
	GOES(SYS_fchmod, 5, 0600, 0, 0);
	STOPS(SYS_fchown, 5, 0, 18, 0);
	STOPS(SYS_fchown, 5, 17, 0, 0);
	STOPS(SYS_fchown, 5, -1, 18, 0);
	STOPS(SYS_fchmodat, AT_FDCWD, 1, 0644, 0);
	STOPS(SYS_fchownat, AT_FDCWD, 1, 17, 18);
	filter_make_before(&gives, &program);
	GOES(SYS_fchown, 5, 17, 18, 0);
	REFUSES(SYS_fchown, 5, 17, 0, 0);
	REFUSES(SYS_fchown, 5, 0, 0, 0);
	REFUSES(SYS_fchmodat, AT_FDCWD, 1, 0644, 0);
	filter_make_before(&modes, &program);
	GOES(SYS_fchmodat, AT_FDCWD, 1, 0644, 0);
	REFUSES(SYS_fchmodat, AT_FDCWD, 1, 04755, 0);
	REFUSES(SYS_utimensat, 1, 2, 3, 4);
	filter_make_before(&(struct filter_grants){.times = true}, &program);
	GOES(SYS_utimensat, 1, 2, 3, 4);
	REFUSES(SYS_fchown, 5, 17, 18, 0);
}

static void test_kept_descriptors(void **state)
{
	struct filter_kept kept = none;

	(void)state;
	kept.logs[0] = 4;
	kept.logs[7] = 9;
	kept.utmp = 6;
	kept.record = 384;
	kept.slot = 0x500000180;
	filter_make_after(&nothing, &kept, &program);
	STOPS(SYS_ftruncate, 4, 0, 0, 0);
	STOPS(SYS_ftruncate, 9, 0, 0, 0);
	STOPS(SYS_ftruncate, 6, 0, 0, 0);
	STOPS(SYS_ftruncate, 0x700000004, 0, 0, 0); /* the kernel looks at 32 bits */
	GOES(SYS_ftruncate, 5, 0, 0, 0);
	STOPS(SYS_fallocate, 9, 0, 0, 0);
	GOES(SYS_write, 4, 0, 0, 0);
	STOPS(SYS_write, 6, 0, 0, 0);
	STOPS(SYS_writev, 6, 0, 0, 0);
	STOPS(SYS_sendfile, 6, 5, 0, 0);
	GOES(SYS_sendfile, 5, 6, 0, 0);
	STOPS(SYS_splice, 5, 0, 6, 0);
	GOES(SYS_splice, 5, 0, 7, 0);
	GOES(SYS_pwrite64, 6, 0, 384, 0x500000180);
	STOPS(SYS_pwrite64, 6, 0, 384, 0x180);
	STOPS(SYS_pwrite64, 6, 0, 385, 0x500000180);
	STOPS(SYS_pwrite64, 6, 0, 0x100000180, 0x500000180);
	STOPS(SYS_pwrite64, 4, 0, 384, 0x500000180);
	filter_make_after(
		&(struct filter_grants){.gives = true, .uid = 17, .gid = 18}, &kept, &program);
	GOES(SYS_fchown, 5, 17, 18, 0);
	STOPS(SYS_fchown, 4, 17, 18, 0);
	STOPS(SYS_fchown, 6, 17, 18, 0);
	STOPS(SYS_fchown, 9, 17, 18, 0);
	filter_make_after(&nothing, &none, &program);
	STOPS(SYS_pwrite64, -1, 0, 0, 0);
	GOES(SYS_write, 6, 0, 0, 0);
}

static void test_arguments_after(void **state)
{
	(void)state;
	filter_make_after(&nothing, &none, &program);
	GOES(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0);
	GOES(SYS_socket, AF_INET6, SOCK_STREAM, IPPROTO_TCP, 0);
	STOPS(SYS_socket, AF_INET, SOCK_DGRAM, 0, 0);
	STOPS(SYS_socket, AF_INET, SOCK_RAW, 0, 0);
	STOPS(SYS_socket, AF_INET, SOCK_STREAM, 262, 0); /* MPTCP */
	STOPS(SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0);
	STOPS(SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0);
	GOES(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	STOPS(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE);
	STOPS(SYS_mprotect, 0, 4096, PROT_EXEC, 0);
	GOES(SYS_fcntl, 3, F_SETLK, 0, 0);
	STOPS(SYS_fcntl, 3, F_DUPFD, 0, 0);
	STOPS(SYS_fcntl, 3, F_DUPFD_CLOEXEC, 0, 0);
	STOPS(SYS_fcntl, 3, F_SETFL, 0, 0);
	STOPS(SYS_fcntl, 3, F_SETOWN, 1, 0);
	GOES(SYS_ioctl, 3, SIOCOUTQ, 0, 0);
	STOPS(SYS_ioctl, 3, TIOCSTI, 0, 0);
	GOES(SYS_openat, AT_FDCWD, 0, O_WRONLY | O_CREAT, 0666);
	STOPS(SYS_openat, AT_FDCWD, 0, O_WRONLY | O_CREAT, 04755);
	GOES(SYS_openat, AT_FDCWD, 0, O_WRONLY | O_TRUNC, 0666);
	STOPS(SYS_openat, AT_FDCWD, 0, O_RDONLY | O_TRUNC, 0666);
	STOPS(SYS_openat, AT_FDCWD, 0, O_ACCMODE | O_TRUNC, 0666);
	GOES(SYS_tgkill, getpid(), getpid(), SIGABRT, 0);
	STOPS(SYS_tgkill, 1, 1, SIGKILL, 0);
	GOES(SYS_setsockopt, 3, SOL_SOCKET, SO_REUSEADDR, 0);
	GOES(SYS_setsockopt, 3, SOL_SOCKET, SO_RCVLOWAT, 0);
	GOES(SYS_setsockopt, 3, SOL_SOCKET, SO_SNDBUF, 0);
	GOES(SYS_setsockopt, 3, SOL_SOCKET, SO_RCVTIMEO, 0);
	STOPS(SYS_setsockopt, 3, SOL_SOCKET, SO_ATTACH_FILTER, 0);
	GOES(SYS_setsockopt, 3, IPPROTO_TCP, TCP_NODELAY, 0);
	STOPS(SYS_setsockopt, 3, IPPROTO_TCP, TCP_REPAIR, 0);
	STOPS(SYS_setsockopt, 3, IPPROTO_IP, IP_OPTIONS, 0);
	GOES(SYS_sendto, 3, 0, 1, MSG_NOSIGNAL);
	STOPS(SYS_sendto, 3, 0, 1, MSG_NOSIGNAL | MSG_FASTOPEN);
	GOES(SYS_sendmsg, 3, 0, MSG_NOSIGNAL, 0);
	STOPS(SYS_sendmsg, 3, 0, MSG_FASTOPEN, 0);
}

/* musl asks a name service for groups, and goes on without it only if there are no such sockets. */
static void test_sockets_before(void **state)
{
	(void)state;
	filter_make_before(&nothing, &program);
	GOES(SYS_socket, AF_UNIX, SOCK_DGRAM, 0, 0);
	GOES(SYS_socket, AF_NETLINK, SOCK_RAW, 9, 0);
	LACKS(SYS_socket, AF_PACKET, SOCK_RAW, 0, 0);
	LACKS(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
	LACKS(SYS_socket, AF_UNIX, SOCK_SEQPACKET, 0, 0);
	filter_make_before(&(struct filter_grants){.services = true}, &program);
	GOES(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
	LACKS(SYS_socket, 40, SOCK_STREAM, 0, 0); /* AF_VSOCK */
}

static void test_others_before(void **state)
{
	(void)state;
	filter_make_before(&nothing, &program);
	GOES(SYS_fcntl, 3, F_SETFL, O_NONBLOCK, 0);
	GOES(SYS_fcntl, 3, F_DUPFD_CLOEXEC, 0, 0);
	GOES(SYS_fcntl, 3, F_SETLKW, 0, 0);
	REFUSES(SYS_fcntl, 3, F_SETOWN, 1, 0);
	REFUSES(SYS_fcntl, 3, F_SETOWN_EX, 1, 0);
	REFUSES(SYS_fcntl, 3, F_SETSIG, 9, 0);
	REFUSES(SYS_fcntl, 3, 0x100000008, 1, 0); /* the kernel looks at 32 bits */
	GOES(SYS_ioctl, 3, TCGETS, 0, 0);
	GOES(SYS_ioctl, 3, FIONREAD, 0, 0);
	REFUSES(SYS_ioctl, 3, FIOSETOWN, 0, 0);
	REFUSES(SYS_ioctl, 3, SIOCSPGRP, 0, 0);
	REFUSES(SYS_ioctl, 3, TIOCSTI, 0, 0);
	REFUSES(SYS_ioctl, 3, TIOCLINUX, 0, 0);
	GOES(SYS_prlimit64, 0, 7, 0, 0);
	GOES(SYS_prlimit64, getpid(), 7, 0, 0);
	REFUSES(SYS_prlimit64, 1, 7, 0, 0);
	GOES(SYS_setpriority, PRIO_PROCESS, 0, 5, 0);
	REFUSES(SYS_setpriority, PRIO_PROCESS, 1, 5, 0);
	REFUSES(SYS_setpriority, PRIO_USER, 0, 5, 0);
	REFUSES(SYS_shmget, 1, 2, 3, 0);
	REFUSES(SYS_msgctl, 1, 2, 3, 0);
	REFUSES(SYS_mq_unlink, 1, 0, 0, 0);
}

/* Not by Landlock before its version 3. */
static void test_truncating_before(void **state)
{
	(void)state;
	filter_make_before(&nothing, &program);
	GOES(SYS_openat, AT_FDCWD, 1, O_RDONLY, 0);
	GOES(SYS_openat, AT_FDCWD, 1, O_WRONLY | O_CREAT | O_TRUNC, 04755);
	GOES(SYS_openat, AT_FDCWD, 1, O_RDWR | O_TRUNC, 0);
	REFUSES(SYS_openat, AT_FDCWD, 1, O_RDONLY | O_TRUNC | O_CLOEXEC, 0);
	REFUSES(SYS_openat, AT_FDCWD, 1, O_ACCMODE | O_TRUNC, 0);
	REFUSES(SYS_openat, AT_FDCWD, 1, 0x100000000 | O_TRUNC, 0);
	REFUSES(SYS_openat2, AT_FDCWD, 1, 2, 24);
	REFUSES(SYS_truncate, 1, 0, 0, 0);
	GOES(SYS_ftruncate, 5, 0, 0, 0);
	if (SYS_open != CALL_ABSENT) {
		GOES(SYS_open, 1, O_WRONLY | O_TRUNC, 0, 0);
		REFUSES(SYS_open, 1, O_RDONLY | O_TRUNC, 0, 0);
	}
}

static void test_programs_before(void **state)
{
	static const struct filter_grants programs = {.programs = true};
	const uint64_t as_libc = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;

	(void)state;
	filter_make_before(&nothing, &program);
	REFUSES(SYS_clone, as_libc, 0, 0, 0);
	if (SYS_fork != CALL_ABSENT)
		REFUSES(SYS_fork, 0, 0, 0, 0);
	REFUSES(SYS_execve, 1, 2, 3, 0);
	filter_make_before(&programs, &program);
	GOES(SYS_clone, as_libc, 0, 0, 0);
	GOES(SYS_clone, SIGCHLD, 0, 0, 0);
	if (SYS_fork != CALL_ABSENT)
		GOES(SYS_fork, 0, 0, 0, 0);
	GOES(SYS_execve, 1, 2, 3, 0);
	REFUSES(SYS_clone, SIGKILL, 0, 0, 0);
	REFUSES(SYS_clone, as_libc | CLONE_VM, 0, 0, 0);
	REFUSES(SYS_clone, as_libc | CLONE_NEWUSER, 0, 0, 0);
	REFUSES(SYS_clone, as_libc | CLONE_PARENT, 0, 0, 0);
	REFUSES(SYS_clone3, 1, 88, 0, 0);
	if (SYS_vfork != CALL_ABSENT)
		REFUSES(SYS_vfork, 0, 0, 0, 0);
	REFUSES(SYS_execveat, 1, 2, 3, 0);
	filter_make_after(&programs, &none, &program);
	STOPS(SYS_clone, as_libc, 0, 0, 0);
	STOPS(SYS_execve, 1, 2, 3, 0);
}

static void test_opening(void **state)
{
	(void)state;
	filter_make_before(&nothing, &program);
	GOES(SYS_openat, AT_FDCWD, 0, O_RDONLY, 0);
	GOES(SYS_openat, AT_FDCWD, 0, O_WRONLY | O_CREAT | O_TRUNC, 04755);
	REFUSES(SYS_openat, AT_FDCWD, 0, O_RDONLY | O_TRUNC, 0);
	filter_make_after(&nothing, &none, &program);
	GOES(SYS_openat, AT_FDCWD, 0, O_RDWR | O_TRUNC, 0644);
	STOPS(SYS_openat, AT_FDCWD, 0, O_RDWR | O_TRUNC, 04755);
	STOPS(SYS_openat, AT_FDCWD, 0, O_RDONLY | O_TRUNC, 0);
}

static void test_programs_fit(void **state)
{
	static const struct filter_grants all = {
		true, true, true, true, true, true, true, true, 1, 1};
	static const struct filter_kept full = {.logs = {3, 4, 5, 6, 7, 8, 9, 10}, .utmp = 11};

	(void)state;
	filter_make_before(&all, &program);
	assert_true(program.size < FILTER_MOST);
	filter_make_after(&all, &full, &program);
	assert_true(program.size < FILTER_MOST);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(filter_call_name(SYS_execve), "execve");
	assert_null(filter_call_name(511));
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].number != CALL_ABSENT)
			assert_string_equal(filter_call_name(rows[i].number), rows[i].name);
}

/* ---- for real, each in a process of its own ---- */

static int pipe_ends[2];

static void tell(int number)
{
	(void)!write(pipe_ends[1], &number, sizeof(number));
}

static int status_of(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void test_the_kernel_stops(void **state)
{
	int number = 0, status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(pipe_ends), 0);
	assert_true(filter_is_available());
	child = fork();
	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			filter_after(&nothing, &none, tell) < 0)
			_exit(1);
		(void)getpid();
		syscall(SYS_ptrace, 0, 0, 0, 0);
		_exit(2);
	}
	status = status_of(child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 4);
	assert_int_equal(read(pipe_ends[0], &number, sizeof(number)), sizeof(number));
	assert_int_equal(number, SYS_ptrace);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void test_the_kernel_refuses(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_before(&nothing) < 0)
			_exit(1);
		_exit(syscall(SYS_ptrace, 0, 0, 0, 0) < 0 && errno == EPERM &&
					kill(getpid(), SIGKILL) < 0 && errno == EPERM
				? 0
				: 2);
	}
	status = status_of(child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_the_kernel_wants_no_new_privs(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(1);
		_exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
					filter_before(&nothing) == -EACCES
				? 0
				: 2);
	}
	status = status_of(child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The argument is a pattern of tests to leave out: those of the kernel, for tests/lint/processors. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_number_before),
		cmocka_unit_test(test_every_number_after),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_another_processor),
		cmocka_unit_test(test_modes_and_owners),
		cmocka_unit_test(test_kept_descriptors),
		cmocka_unit_test(test_arguments_after),
		cmocka_unit_test(test_sockets_before),
		cmocka_unit_test(test_others_before),
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_truncating_before),
		cmocka_unit_test(test_programs_before),
		cmocka_unit_test(test_programs_fit),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_the_kernel_stops),
		cmocka_unit_test(test_the_kernel_refuses),
		cmocka_unit_test(test_the_kernel_wants_no_new_privs),
	};

	if (argc > 1)
		cmocka_set_skip_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
