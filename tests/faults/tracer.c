/* The server's process under ptrace. A filter of system calls stops it at the calls that are asked for and at no others, so
 * that a session costs little more than one that nobody looks at. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- registers ---- */

#if defined(__x86_64__)

typedef struct user_regs_struct registers;

static int number_of(const registers *r)
{
	return (int)r->orig_rax;
}

static unsigned long long *argument(registers *r, int index)
{
	unsigned long long *const all[] = {&r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9};

	return all[index];
}

static unsigned long long instruction(const registers *r)
{
	return r->rip;
}

static void set_result(registers *r, long result)
{
	r->rax = (unsigned long long)result;
}

static void skip(pid_t pid, registers *r)
{
	(void)pid;
	r->orig_rax = (unsigned long long)-1;
}

#elif defined(__aarch64__)

typedef struct user_regs_struct registers;

static int number_of(const registers *r)
{
	return (int)r->regs[8];
}

static unsigned long long *argument(registers *r, int index)
{
	return &r->regs[index];
}

static unsigned long long instruction(const registers *r)
{
	return r->pc;
}

static void set_result(registers *r, long result)
{
	r->regs[0] = (unsigned long long)result;
}

static void skip(pid_t pid, registers *r)
{
	int none = -1;
	struct iovec set = {&none, sizeof(none)};

	(void)r;
	ptrace(PTRACE_SETREGSET, pid, 0x404 /* NT_ARM_SYSTEM_CALL */, &set);
}

#else
#error "where are this processor's system calls?"
#endif

static void get_registers(pid_t pid, registers *r)
{
	struct iovec set = {r, sizeof(*r)};

	memset(r, 0, sizeof(*r));
	ptrace(PTRACE_GETREGSET, pid, 1 /* NT_PRSTATUS */, &set);
}

static void set_registers(pid_t pid, registers *r)
{
	struct iovec set = {r, sizeof(*r)};

	ptrace(PTRACE_SETREGSET, pid, 1, &set);
}

/* ---- the child ---- */

static void add_call(struct sock_filter *filter, unsigned short *count, int call)
{
	if (call < 0)
		return;
	filter[(*count)++] =
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1);
	filter[(*count)++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
}

/* Stops at the fault's calls, at the first look at the socket and at Landlock's wall; at all calls to count them. */
static int install_filter(const struct tracee *t)
{
	struct sock_filter filter[64];
	unsigned short count = 0;
	struct sock_fprog program = {.filter = filter};

	filter[count++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	add_call(filter, &count, SYS_getpeername);
	add_call(filter, &count, SYS_landlock_restrict_self);
	if (t->fault.calls)
		for (const int *call = t->fault.calls; *call >= 0; call++)
			add_call(filter, &count, *call);
	else
		add_call(filter, &count, t->fault.call);
	filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
		t->fault.kind == KIND_NONE && t->fault.call != CALL_ALLOCATION ? SECCOMP_RET_TRACE
									       : SECCOMP_RET_ALLOW);
	program.len = count;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static void become_server(const struct tracee *t)
{
	char preload[256], memory[64];
	char *program = strdup(t->program), *config = strdup(t->config);
	char *argv[] = {program, config, NULL};
	char *environment[] = {preload, memory, NULL};

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", t->preload ? t->preload : "");
	snprintf(memory, sizeof(memory), "FAULTS_MEMORY=/proc/%d/fd/%d", (int)getppid(), t->memory);
	if (!t->preload)
		environment[0] = NULL;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
		_exit(127);
	for (int fd = 0; fd < 3; fd++)
		if (dup2(t->socket, fd) < 0)
			_exit(127);
	if (install_filter(t) < 0)
		_exit(127);
	execve(program, argv, environment);
	_exit(127);
}

/* ---- what happens at a stop ---- */

/* Whether the call writes to a regular file, or makes one. */
static bool is_on_disk(pid_t pid, registers *r, int call)
{
	bool second = call == SYS_splice || call == SYS_copy_file_range;
	char path[64];
	struct stat st;

	if (call == SYS_openat)
		return (*argument(r, 2) & O_CREAT) != 0;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, (int)*argument(r, second ? 2 : 0));
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_meant(struct tracee *t, pid_t pid, registers *r, int call)
{
	if (!t->fault.calls)
		return call == t->fault.call && t->counts[call] == t->fault.ordinal;
	for (const int *one = t->fault.calls; *one >= 0; one++)
		if (*one == call && (!t->fault.on_disk || is_on_disk(pid, r, call)))
			return ++t->met >= t->fault.ordinal;
	return false;
}

static bool is_control(const struct tracee *t, pid_t pid, unsigned long long fd)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%llu", (int)pid, fd);
	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == t->control;
}

static bool is_datagram(pid_t pid, unsigned long long fd)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0), type = SOCK_STREAM;
	int copy = (int)syscall(SYS_pidfd_getfd, process, (int)fd, 0);
	socklen_t size = sizeof(type);

	if (copy >= 0 && getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		type = SOCK_STREAM;
	close(copy);
	close(process);
	return type != SOCK_STREAM;
}

/* A message can't come in pieces, as a stream can. */
static void make_short(struct tracee *t, pid_t pid, registers *r, int call)
{
	int index = call_length(call);
	unsigned long long *length = argument(r, index);
	unsigned long long most = call == SYS_getdents64 ? 300 : t->short_size;

	if (*length <= most ||
		((call == SYS_recvfrom || call == SYS_sendto) && is_datagram(pid, *argument(r, 0))))
		return;
	t->kept = (long)*length;
	t->kept_at = index;
	*length = most;
	set_registers(pid, r);
	t->hit = true;
}

static void strike(struct tracee *t, pid_t pid, registers *r, int call)
{
	if (call == SYS_ppoll || is_control(t, pid, *argument(r, 0)))
		t->hit_control = true;
	t->second = *argument(r, 1);
	if (t->fault.kind == KIND_SHORT) {
		make_short(t, pid, r, call);
		return;
	}
	t->hit = true;
	/* A descriptor is closed whatever close says (close(2)). */
	if (call == SYS_close && t->fault.kind == KIND_ERROR) {
		t->closing = true;
		return;
	}
	/* brk never names an error: the end of the heap stays where it is, and that is what it says (brk(2)). */
	if (call == SYS_brk) {
		t->kept = (long)*argument(r, 0);
		t->kept_at = 0;
		*argument(r, 0) = 0;
		set_registers(pid, r);
		return;
	}
	if (t->fault.kind == KIND_LIE)
		set_result(r, call_length(call) >= 0 ? (long)*argument(r, call_length(call)) : 0);
	else
		set_result(r, -t->fault.error);
	skip(pid, r);
	set_registers(pid, r);
}

/* Before a call is made. */
static void entering(struct tracee *t, pid_t pid)
{
	registers r;
	int call;

	get_registers(pid, &r);
	call = number_of(&r);
	if (call < 0 || call >= CALLS_MAX)
		return;
	if (t->from_start && t->armed && call == SYS_getpeername)
		t->phase = true;
	if (t->armed && t->phase) {
		t->counts[call]++;
		if (t->fault.kind != KIND_NONE && is_meant(t, pid, &r, call)) {
			strike(t, pid, &r, call);
			if (t->fault.kind != KIND_SHORT)
				return;
		}
	}
	t->walls += call == SYS_landlock_restrict_self;
}

/* After a call that was changed has been made. */
static void leaving(struct tracee *t, pid_t pid)
{
	registers r;

	get_registers(pid, &r);
	if (t->closing)
		set_result(&r, -t->fault.error);
	if (t->kept_at >= 0)
		*argument(&r, t->kept_at) = (unsigned long long)t->kept;
	set_registers(pid, &r);
	t->closing = false;
	t->kept_at = -1;
}

/* Whether the code that runs is none of the program's. */
static bool is_in_library(const struct tracee *t, pid_t pid)
{
	unsigned long begin, end, at;
	char path[64], line[512];
	bool own = false;
	registers r;
	FILE *maps;

	get_registers(pid, &r);
	at = (unsigned long)instruction(&r);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &begin, &end) == 2 && at >= begin && at < end)
			own = strstr(line, t->program) != NULL || !strstr(line, ".so");
	if (maps)
		fclose(maps);
	return !own;
}

static void go_on(struct tracee *t, pid_t pid, int status)
{
	int signal_number = WSTOPSIG(status), event = status >> 16;
	bool server = pid == t->pid;

	if (server && event == PTRACE_EVENT_SECCOMP) {
		entering(t, pid);
		signal_number = 0;
	} else if (signal_number == (SIGTRAP | 0x80)) {
		leaving(t, pid);
		signal_number = 0;
	} else if (event != 0 || signal_number == SIGSTOP) {
		signal_number = 0; /* exec, children, and their beginnings */
	} else if (signal_number == SIGSEGV || signal_number == SIGABRT) {
		t->in_library = is_in_library(t, pid);
	}
	ptrace(t->closing || t->kept_at >= 0 ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL,
		(long)signal_number);
}

/* ptrace is for the thread that began it: each process has its own from its birth to its end. */
static void *trace(void *context)
{
	struct tracee *t = context;
	int status;
	pid_t child = fork(), pid;

	if (child == 0)
		become_server(t);
	close(t->socket);
	if (child < 0 || waitpid(child, &status, __WALL) != child || !WIFSTOPPED(status)) {
		t->ended = true;
		return NULL;
	}
	ptrace(PTRACE_SETOPTIONS, child, NULL,
		(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP |
			PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			PTRACE_O_TRACECLONE));
	t->pid = child;
	ptrace(PTRACE_CONT, child, NULL, 0L);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			go_on(t, pid, status);
		else if (pid == child) {
			t->status = status;
			t->ended = true;
		}
	}
	return NULL;
}

/* ---- from the client's thread ---- */

static int64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

void tracee_start(struct tracee *t)
{
	struct stat st;

	t->memory = -1;
	t->kept_at = -1;
	if (t->preload) {
		t->memory = memfd_create("allocations", MFD_CLOEXEC);
		if (t->memory < 0 || ftruncate(t->memory, sizeof(*t->allocations)) < 0)
			abort();
		t->allocations = mmap(NULL, sizeof(*t->allocations), PROT_READ | PROT_WRITE,
			MAP_SHARED, t->memory, 0);
		if (t->allocations == MAP_FAILED)
			abort();
	}
	if (fstat(t->socket, &st) == 0)
		t->control = st.st_ino;
	if (t->from_start)
		tracee_arm(t);
	if (pthread_create(&t->thread, NULL, trace, t) != 0)
		abort();
	while (t->pid == 0 && !t->ended)
		sched_yield();
}

bool tracee_finish(struct tracee *t, int milliseconds)
{
	int64_t end = now() + milliseconds;
	bool by_itself = true;

	while (!t->ended) {
		if (by_itself && now() > end) {
			by_itself = false;
			kill(t->pid, SIGKILL);
		}
		poll(NULL, 0, by_itself && now() + milliseconds < end + 2 ? 0 : 1);
	}
	pthread_join(t->thread, NULL);
	if (t->allocations)
		munmap(t->allocations, sizeof(*t->allocations));
	t->allocations = NULL;
	if (t->memory >= 0)
		close(t->memory);
	return by_itself;
}

static size_t read_of(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? 0 : read(fd, out, size - 1);
	close(fd);
	out[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

static bool sleeps(pid_t pid)
{
	char text[512], *end;

	if (read_of(pid, "stat", text, sizeof(text)) == 0)
		return false;
	end = strrchr(text, ')');
	return end && end[1] == ' ' && end[2] == 'S';
}

bool tracee_idle(struct tracee *t, int milliseconds)
{
	int64_t end = now() + milliseconds;
	char text[256];

	while (!t->ended && now() <= end) {
		/* Both before and after: it may have moved on. */
		if (sleeps(t->pid) && read_of(t->pid, "syscall", text, sizeof(text)) > 0) {
			long call = strtol(text, NULL, 10);
			if ((call == SYS_ppoll || call == SYS_recvfrom) && sleeps(t->pid))
				return true;
		}
		sched_yield();
	}
	return false;
}

void tracee_arm(struct tracee *t)
{
	t->phase = !t->from_start;
	if (t->allocations && t->fault.kind == KIND_ERROR)
		t->allocations->fail = t->allocations->count + t->fault.ordinal;
	if (t->allocations)
		t->allocated = t->allocations->count;
	t->armed = true;
}

void tracee_disarm(struct tracee *t)
{
	t->armed = false;
	if (t->allocations)
		t->allocated = t->allocations->count - t->allocated;
	if (t->allocations && t->fault.kind == KIND_ERROR) {
		t->hit = t->allocations->count >= t->allocations->fail;
		t->allocations->fail = 0;
	}
}
