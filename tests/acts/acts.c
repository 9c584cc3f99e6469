/*
 * The acts of tests/client/test_walls.py: in soloftpd-acts, and nowhere else, CLNT makes any system call with any
 * arguments, as code of an attacker's would.
 *
 *   CLNT call NAME [ARGUMENT...]   answered by its result, or by the name of its error
 *   CLNT x32 NAME, CLNT int80 NAME the same, asked for in other programs' ways
 *   CLNT number NAME               answered by the number of the call
 *   CLNT where                     answered by the address of the room for bytes
 *
 * An ARGUMENT is a number, or 'TEXT, or =HEX: bytes, whose address it is. Bytes are kept in the room one behind the other.
 */
#include "commands/table.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the linker calls instead of cmd_clnt (ld(1), --wrap). */
handler __wrap_cmd_clnt;

#define ABSENT (-1L)

#define CALL(name)                \
	{                         \
#name, SYS_##name \
	}

static const struct {
	const char *name;
	long number;
} calls[] = {
	CALL(accept4),
	CALL(acct),
	CALL(add_key),
	CALL(bind),
	CALL(bpf),
	CALL(capset),
	CALL(chdir),
	CALL(chroot),
	CALL(clock_settime),
	CALL(clone),
	CALL(clone3),
	CALL(close),
	CALL(connect),
	CALL(dup),
	CALL(dup3),
	CALL(execve),
	CALL(execveat),
	CALL(fallocate),
	CALL(fchmod),
	CALL(fchmodat),
	CALL(fchown),
	CALL(fchownat),
	CALL(fcntl),
	CALL(fsetxattr),
	CALL(fstat),
	CALL(ftruncate),
	CALL(getdents64),
	CALL(getpid),
	CALL(init_module),
	CALL(io_uring_setup),
	CALL(ioctl),
	CALL(kcmp),
	CALL(keyctl),
	CALL(kill),
	CALL(landlock_create_ruleset),
	CALL(linkat),
	CALL(listen),
	CALL(lseek),
	CALL(memfd_create),
	CALL(mkdirat),
	CALL(mknodat),
	CALL(mmap),
	CALL(mount),
	CALL(mprotect),
	CALL(newfstatat),
	CALL(open_by_handle_at),
	CALL(openat),
	CALL(openat2),
	CALL(perf_event_open),
	CALL(personality),
	CALL(pidfd_getfd),
	CALL(pidfd_open),
	CALL(pidfd_send_signal),
	CALL(pipe2),
	CALL(pivot_root),
	CALL(pkey_mprotect),
	CALL(prctl),
	CALL(pread64),
	CALL(prlimit64),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(ptrace),
	CALL(pwrite64),
	CALL(pwritev),
	CALL(pwritev2),
	CALL(read),
	CALL(readlinkat),
	CALL(reboot),
	CALL(renameat2),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigqueueinfo),
	CALL(seccomp),
	CALL(sendfile),
	CALL(sendto),
	CALL(setfsuid),
	CALL(setgid),
	CALL(setgroups),
	CALL(sethostname),
	CALL(setns),
	CALL(setpriority),
	CALL(setresgid),
	CALL(setresuid),
	CALL(setsid),
	CALL(setsockopt),
	CALL(settimeofday),
	CALL(setuid),
	CALL(setxattr),
	CALL(shmget),
	CALL(socket),
	CALL(socketpair),
	CALL(splice),
	CALL(swapon),
	CALL(symlinkat),
	CALL(sync_file_range),
	CALL(tgkill),
	CALL(tkill),
	CALL(truncate),
	CALL(umask),
	CALL(umount2),
	CALL(unlinkat),
	CALL(unshare),
	CALL(userfaultfd),
	CALL(utimensat),
	CALL(vmsplice),
	CALL(write),
	CALL(writev),
#ifdef SYS_fork
	CALL(chmod),
	CALL(creat),
	CALL(dup2),
	CALL(fork),
	CALL(open),
	CALL(vfork),
#endif
};

static char room[4096];
static size_t room_used;

static long number_of_call(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	return ABSENT;
}

static long keep(const void *bytes, size_t size)
{
	char *place = room + room_used;

	if (size > sizeof(room) - room_used)
		_exit(99);
	memcpy(place, bytes, size);
	room_used += (size + 7) / 8 * 8;
	return (long)(intptr_t)place;
}

static long keep_hex(const char *hex)
{
	char bytes[sizeof(room)];
	size_t size = 0;

	for (; hex[0] && hex[1] && size < sizeof(bytes); hex += 2) {
		const char pair[] = {hex[0], hex[1], '\0'};
		bytes[size++] = (char)strtol(pair, NULL, 16);
	}
	return keep(bytes, size);
}

static long argument_of(const char *word)
{
	if (word[0] == '\'')
		return keep(word + 1, strlen(word));
	if (word[0] == '=')
		return keep_hex(word + 1);
	return (long)strtoull(word, NULL, 0);
}

/* A child does nothing: two would speak to the client. */
static long make(long number, const long a[6])
{
	long result;

#ifdef SYS_vfork
	/* It comes back twice on one stack, which only libc's own can. */
	if (number == SYS_vfork)
		result = vfork();
	else
#endif
		result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (result != 0)
		return result;
#ifdef SYS_fork
	if (number == SYS_fork || number == SYS_vfork)
		_exit(0);
#endif
	if (number == SYS_clone || number == SYS_clone3)
		_exit(0);
	return result;
}

/* The same call, asked for as 32-bit programs do, or by the numbers of x32. */
static long make_foreign(const char *way, long number)
{
#if defined(__x86_64__)
	long result;

	if (strcmp(way, "x32") == 0)
		return syscall(number | 0x40000000L, 0, 0, 0, 0, 0, 0);
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "0"(number), "b"(0), "c"(0), "d"(0)
			 : "memory");
	errno = result < 0 ? (int)-result : 0;
	return result < 0 ? -1 : result;
#else
	(void)way;
	(void)number;
	errno = ENOSYS;
	return -1;
#endif
}

static void perform(char *text, char *out, size_t capacity)
{
	long arguments[6] = {0}, number, result;
	char *next = NULL, *way = strtok_r(text, " ", &next), *name = strtok_r(NULL, " ", &next);

	room_used = 0;
	number = name ? number_of_call(name) : ABSENT;
	if (way && strcmp(way, "where") == 0) {
		snprintf(out, capacity, "%ld", (long)(intptr_t)room);
		return;
	}
	if (number == ABSENT) {
		snprintf(out, capacity, "no such call");
		return;
	}
	if (strcmp(way, "number") == 0) {
		snprintf(out, capacity, "%ld", number);
		return;
	}
	for (int i = 0; i < 6; i++) {
		const char *word = strtok_r(NULL, " ", &next);
		arguments[i] = word ? argument_of(word) : 0;
	}
	errno = 0;
	if (strcmp(way, "call") == 0)
		result = make(number, arguments);
	else
		result = make_foreign(way, number);
	if (result == -1 && errno != 0)
		snprintf(out, capacity, "%s", strerrorname_np(errno));
	else
		snprintf(out, capacity, "%ld", result);
}

struct reply __wrap_cmd_clnt(struct session *session, const char *argument)
{
	static char text[4096], answer[64];

	(void)session;
	snprintf(text, sizeof(text), "%s", argument);
	perform(text, answer, sizeof(answer));
	return reply(200, answer);
}
