/* Counts the calls of each scenario, and then lets each of them fail in each way, one session a fault. */
#include "faults.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the list of faults ---- */

struct one {
	const struct scenario *scenario;
	struct fault fault;
};

static struct one *all;
static size_t all_count, all_room;
static struct baseline *baselines;

static const struct {
	const char *name;
	int error;
} errors[] = {{"EINTR", EINTR}, {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EMFILE", EMFILE},
	{"ENOMEM", ENOMEM}, {"EAGAIN", EAGAIN}};

static const char *error_name(int error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i].error == error)
			return errors[i].name;
	return strerrorname_np(error);
}

static void add(const struct scenario *scenario, const struct fault *fault)
{
	if (all_count == all_room) {
		all_room = all_room ? 2 * all_room : 4096;
		all = realloc(all, all_room * sizeof(*all));
		if (!all)
			abort();
	}
	all[all_count++] = (struct one){scenario, *fault};
}

/* What never fails: the manual pages say so, and nobody asks. */
static bool is_left_out(int call)
{
	static const int these[] = {SYS_exit_group, SYS_exit, SYS_rt_sigreturn, SYS_execve, SYS_getpid, SYS_gettid,
		SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_umask};

	for (size_t i = 0; i < sizeof(these) / sizeof(*these); i++)
		if (these[i] == call)
			return true;
	return false;
}

/* The first look at the socket decides whether there is a client at all or a usage message is due; libwrap makes the third,
 * and waits for data if it fails, which it does only when the client has gone. */
static bool is_expected(const struct scenario *scenario, int call, unsigned ordinal)
{
	return scenario->effect == EFFECT_LOGIN && call == SYS_getpeername && (ordinal == 1 || ordinal == 3);
}

static void add_calls(const struct scenario *scenario, const struct baseline *b)
{
	for (int call = 0; call < CALLS_MAX; call++) {
		if (is_left_out(call))
			continue;
		for (unsigned ordinal = 1; ordinal <= b->counts[call]; ordinal++) {
			struct fault fault = {.kind = KIND_ERROR, .call = call, .ordinal = ordinal};
			if (is_expected(scenario, call, ordinal))
				continue;
			for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
				fault.error = errors[i].error;
				add(scenario, &fault);
			}
			fault.kind = KIND_SHORT;
			fault.error = 0;
			if (call_can_be_short(call))
				add(scenario, &fault);
		}
	}
	for (unsigned ordinal = 1; ordinal <= b->allocations; ordinal++)
		add(scenario,
			&(struct fault){.kind = KIND_ERROR, .call = CALL_ALLOCATION, .error = ENOMEM, .ordinal = ordinal});
}

/* ---- running ---- */

static char program[512], preload[512];

static void play(const struct scenario *scenario, struct place *place, const struct fault *fault, struct session *s)
{
	memset(s, 0, sizeof(*s));
	session_play(s, scenario, place, fault, program, fault->call == CALL_ALLOCATION ? preload : NULL);
}

static bool note_baseline(const struct scenario *scenario, struct place *place, struct baseline *b)
{
	static struct session s;

	play(scenario, place, &(struct fault){.kind = KIND_NONE}, &s);
	*b = (struct baseline){.code = s.code, .landlocks = s.tracee.walls};
	memcpy(b->counts, s.tracee.counts, sizeof(b->counts));
	memcpy(b->walls, s.walls, sizeof(b->walls));
	b->received = (struct bytes){malloc(s.received.size + 1), s.received.size};
	memcpy(b->received.at, s.received.at, s.received.size);
	judge(&s, b);
	if (s.code < 200 || s.code > 299 || s.verdict[0]) {
		printf("%s without a fault: %d %s\n%s", scenario->name, s.code, s.verdict, s.talk);
		return false;
	}
	play(scenario, place, &(struct fault){.kind = KIND_NONE, .call = CALL_ALLOCATION}, &s);
	b->allocations = s.tracee.allocated;
	return true;
}

static void describe(const struct one *one, const struct session *s)
{
	const struct fault *f = &one->fault;
	static char text[TALK_MAX + 2048];
	int size = snprintf(text, sizeof(text), "FAILED %s:%s:%u:%s%s: %s\n%s", one->scenario->name, call_name(f->call),
		f->ordinal, f->kind == KIND_SHORT ? "short" : error_name(f->error), f->lasting ? "+" : "", s->verdict,
		s->talk);

	if (write(1, text, (size_t)size) < 0)
		abort();
}

struct counts {
	_Atomic size_t next;
	_Atomic unsigned passed, failed, missed;
};

static void work(struct place *place, struct counts *counts, size_t step)
{
	static struct session s;

	for (;;) {
		size_t at = counts->next++ * step;
		if (at >= all_count)
			return;
		play(all[at].scenario, place, &all[at].fault, &s);
		judge(&s, &baselines[all[at].scenario - scenarios]);
		counts->missed += !s.tracee.hit;
		if (s.verdict[0]) {
			counts->failed++;
			describe(&all[at], &s);
		} else {
			counts->passed++;
		}
	}
}

static int run_all(struct place *places, unsigned workers, size_t step)
{
	struct counts *counts =
		mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, failed = 0;

	if (counts == MAP_FAILED)
		abort();
	fflush(stdout);
	for (unsigned i = 0; i < workers; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			work(&places[i], counts, step);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	printf("%zu faults known, one of %zu tried; %u calls did not come again\n", all_count, step, counts->missed);
	printf("%u passed, %u failed\n", counts->passed, counts->failed + (unsigned)failed);
	return failed || counts->failed > 0;
}

/* ---- the command line ---- */

struct choice {
	size_t sample; /* 0: all */
	char only[4][64];
};

static bool is_chosen(const struct choice *choice, const struct one *one)
{
	const struct fault *f = &one->fault;
	char ordinal[16];

	snprintf(ordinal, sizeof(ordinal), "%u", f->ordinal);
	return (!choice->only[0][0] || strcmp(choice->only[0], one->scenario->name) == 0) &&
	       (!choice->only[1][0] || strcmp(choice->only[1], call_name(f->call)) == 0) &&
	       (!choice->only[2][0] || strcmp(choice->only[2], ordinal) == 0) &&
	       (!choice->only[3][0] ||
		       strcmp(choice->only[3], f->kind == KIND_SHORT ? "short" : error_name(f->error)) == 0);
}

static void keep_chosen(const struct choice *choice)
{
	size_t kept = 0;

	for (size_t i = 0; i < all_count; i++)
		if (is_chosen(choice, &all[i]))
			all[kept++] = all[i];
	all_count = kept;
}

static int usage(void)
{
	fputs("usage: faults BUILD_DIR [--sample COUNT] [SCENARIO[:CALL[:ORDINAL[:ERROR]]]]\n", stderr);
	return 2;
}

static bool read_choice(int argc, char **argv, struct choice *out)
{
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--sample") == 0 && i + 1 < argc)
			out->sample = strtoul(argv[++i], NULL, 10);
		else if (argv[i][0] == '-' ||
			 sscanf(argv[i], "%63[^:]:%63[^:]:%63[^:]:%63s", out->only[0], out->only[1], out->only[2],
				 out->only[3]) < 1)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct place places[16];
	struct choice choice = {.sample = 0};
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned workers = processors < 2 ? 2 : processors > 16 ? 16 : (unsigned)processors;
	size_t step = 1;

	if (argc < 2 || !read_choice(argc, argv, &choice))
		return usage();
	snprintf(program, sizeof(program), "%s/soloftpd", argv[1]);
	snprintf(preload, sizeof(preload), "%s/faults-allocations.so", argv[1]);
	for (unsigned i = 0; i < workers; i++)
		place_make(&places[i], i);
	baselines = calloc(scenario_count, sizeof(*baselines));
	for (size_t i = 0; i < scenario_count; i++) {
		if (choice.only[0][0] && strcmp(choice.only[0], scenarios[i].name) != 0)
			continue;
		if (!note_baseline(&scenarios[i], &places[0], &baselines[i])) {
			puts("0 passed, 1 failed");
			return 1;
		}
		add_calls(&scenarios[i], &baselines[i]);
	}
	keep_chosen(&choice);
	/* Odd, so that all errors have their turn. */
	if (choice.sample > 0 && all_count > choice.sample)
		step = (all_count / choice.sample - 1) | 1;
	return run_all(places, workers, step);
}
