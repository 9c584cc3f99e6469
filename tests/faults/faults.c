/* Which faults there are: every call of a fault-free run with every error, what lasts, and lies. */
#include "faults.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

static const struct {
	const char *name;
	int error;
} errors[] = {{"EINTR", EINTR}, {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT},
	{"EMFILE", EMFILE}, {"ENOMEM", ENOMEM}, {"EAGAIN", EAGAIN},
	/* below, for calls about names alone */
	{"ESTALE", ESTALE}, {"EXDEV", EXDEV}, {"EBUSY", EBUSY}, {"ETXTBSY", ETXTBSY},
	{"ENFILE", ENFILE}, {"ENOSYS", ENOSYS}};

#define EVERYWHERE 7
#define ON_NAMES 11

const char *error_name(int error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i].error == error)
			return errors[i].name;
	return "?";
}

static void add(struct list *list, const struct scenario *scenario, const struct fault *fault)
{
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 4096;
		list->all = realloc(list->all, list->room * sizeof(*list->all));
		if (!list->all)
			abort();
	}
	list->all[list->count++] = (struct one){scenario, *fault};
}

/* ---- one call, one error ---- */

/* What never fails: the manual pages say so, and nobody asks. */
static bool is_left_out(int call)
{
	static const int these[] = {SYS_exit_group, SYS_exit, SYS_rt_sigreturn, SYS_execve,
		SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid,
		SYS_getegid, SYS_umask};

	for (size_t i = 0; i < sizeof(these) / sizeof(*these); i++)
		if (these[i] == call)
			return true;
	return false;
}

/* The first look at the socket decides whether there is a client at all or a usage message is due; libwrap makes the third,
 * and waits for data if it fails, which it does only when the client has gone. */
static bool is_expected(const struct scenario *scenario, int call, unsigned ordinal)
{
	return scenario->effect == EFFECT_LOGIN && call == SYS_getpeername &&
	       (ordinal == 1 || ordinal == 3);
}

static bool is_about_names(int call)
{
	return strncmp(call_name(call), "rename", 6) == 0 ||
	       strncmp(call_name(call), "open", 4) == 0;
}

static void add_call(struct list *list, const struct scenario *scenario, int call, unsigned ordinal)
{
	bool names = scenario->effect != EFFECT_LOGIN && is_about_names(call);
	struct fault fault = {.kind = KIND_ERROR, .call = call, .ordinal = ordinal};

	if (is_expected(scenario, call, ordinal))
		return;
	for (size_t i = 0; i < (names ? ON_NAMES : EVERYWHERE); i++) {
		fault.error = errors[i].error;
		add(list, scenario, &fault);
	}
	fault.kind = KIND_SHORT;
	if (call_can_be_short(call))
		add(list, scenario, &fault);
}

void add_calls(struct list *list, const struct scenario *scenario, const struct baseline *b)
{
	struct fault fault = {.kind = KIND_ERROR, .call = CALL_ALLOCATION, .error = ENOMEM};

	for (int call = 0; call < CALLS_MAX; call++)
		for (unsigned ordinal = 1; ordinal <= b->counts[call] && !is_left_out(call);
			ordinal++)
			add_call(list, scenario, call, ordinal);
	for (fault.ordinal = 1; fault.ordinal <= b->allocations; fault.ordinal++)
		add(list, scenario, &fault);
}

/* ---- what lasts ---- */

static void add_full_disk(struct list *list, const struct scenario *scenario)
{
	static const int calls[] = {SYS_openat, SYS_write, SYS_pwrite64, SYS_splice,
		SYS_copy_file_range, SYS_ftruncate, -1};
	static const struct {
		int error;
		unsigned short code;
	} ways[] = {{ENOSPC, 452}, {EDQUOT, 552}, {EIO, 451}};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		for (unsigned ordinal = 1; ordinal <= 8; ordinal++)
			add(list, scenario,
				&(struct fault){.kind = KIND_ERROR,
					.error = ways[i].error,
					.ordinal = ordinal,
					.calls = calls,
					.on_disk = true,
					.title = "disk",
					.codes = {ways[i].code}});
}

static void add_no_descriptors(struct list *list, const struct scenario *scenario)
{
	static const int sets[][2] = {{SYS_socket, -1}, {SYS_openat, -1}, {SYS_accept4, -1}};

	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		for (int way = 0; way < 2; way++)
			add(list, scenario,
				&(struct fault){.kind = KIND_ERROR,
					.call = sets[i][0],
					.error = way ? ENFILE : EMFILE,
					.ordinal = 1,
					.calls = sets[i],
					.title = "descriptors",
					.codes = {425, 450, 451}});
}

/* Old kernels, and containers that hide new calls. Some can be done without, others must not be missing. */
static void add_unknown_calls(
	struct list *list, const struct scenario *scenario, const struct baseline *b)
{
	static const struct {
		int calls[2];
		unsigned short code;
	} these[] = {{{SYS_landlock_create_ruleset, -1}, 230}, {{SYS_landlock_add_rule, -1}, 421},
		{{SYS_landlock_restrict_self, -1}, 421}, {{SYS_seccomp, -1}, 500},
		{{SYS_renameat2, -1}, 0}, {{SYS_getrandom, -1}, 451},
		{{SYS_copy_file_range, -1}, 0}, {{SYS_splice, -1}, 0}, {{SYS_sendfile, -1}, 0},
		{{SYS_close_range, -1}, 0}, {{SYS_openat2, -1}, 0}};

	for (size_t i = 0; i < sizeof(these) / sizeof(*these); i++)
		if (b->counts[these[i].calls[0]] > 0)
			add(list, scenario,
				&(struct fault){.kind = KIND_ERROR,
					.call = these[i].calls[0],
					.error = ENOSYS,
					.ordinal = 1,
					.calls = these[i].calls,
					.title = call_name(these[i].calls[0]),
					.codes = {these[i].code ? these[i].code
								: (unsigned short)b->code}});
}

void add_lasting(struct list *list, const struct scenario *scenario, const struct baseline *b)
{
	/* Not pread64: it is libc's alone, which gives up on a library that it can't read in one piece. */
	static const int moving[] = {SYS_read, SYS_write, SYS_recvfrom, SYS_sendto, SYS_sendfile,
		SYS_splice, SYS_copy_file_range, SYS_getdents64, -1};

	add(list, scenario,
		&(struct fault){
			.kind = KIND_SHORT, .ordinal = 1, .calls = moving, .title = "everything"});
	add_unknown_calls(list, scenario, b);
	if (scenario->effect == EFFECT_UPLOAD)
		add_full_disk(list, scenario);
	if (scenario->effect == EFFECT_UPLOAD || scenario->effect == EFFECT_LISTING ||
		scenario->effect == EFFECT_DOWNLOAD)
		add_no_descriptors(list, scenario);
}

/* ---- lies ---- */

void add_lies(struct list *list, const struct scenario *scenario)
{
	static const struct {
		const char *scenario;
		int call;
		unsigned ordinal;
		const char *verdict;
	} lies[] = {
		{"stor-over", SYS_write, 1, "226, but f has 0 bytes"},
		{"stor-over", SYS_rename, 1, "kept: .soloftpd-part-f"},
		{"stor-over", SYS_close, 1, "open descriptors"},
		{"stor-over", SYS_sendto, 3, "no final reply"},
		{"stor-over-in-place", SYS_ftruncate, 1, "226, but f has 3000 bytes"},
		{"stor-rest", SYS_lseek, 1, "226, but f has"},
		{"appe-in-place", SYS_write, 1, "226, but f has 3000 bytes"},
		{"stou", SYS_write, 1, "226, but u."},
		{"rename", SYS_rename, 1, "250, and f has"},
		{"retr", SYS_sendfile, 1, "226, but 0 bytes"},
		{"retr-large", SYS_sendfile, 1, "is not the file's"},
		{"list", SYS_newfstatat, 3, "another listing"},
		{"list", SYS_getdents64, 1, "no final reply"},
		{"login-anonymous", SYS_landlock_restrict_self, 2,
			"230 with 1 of Landlock's walls"},
		{"login-anonymous", SYS_seccomp, 2, "230 with other walls"},
		{"login-local", SYS_mmap, 16, "ended by signal"},
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++)
		if (strcmp(lies[i].scenario, scenario->name) == 0)
			add(list, scenario,
				&(struct fault){.kind = KIND_LIE,
					.call = lies[i].call,
					.ordinal = lies[i].ordinal,
					.lie = lies[i].verdict});
}
