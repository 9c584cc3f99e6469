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

static struct list list;
static struct baseline *baselines;

static const char *fault_call(const struct fault *f)
{
	return f->title ? f->title : call_name(f->call);
}

static const char *fault_error(const struct fault *f)
{
	return f->kind == KIND_SHORT ? "short" : f->kind == KIND_LIE ? "lie" : error_name(f->error);
}

/* ---- running ---- */

static char program[512], preload[512];

static void play(const struct scenario *scenario, struct place *place, const struct fault *fault,
	struct session *s)
{
	memset(s, 0, sizeof(*s));
	session_play(s, scenario, place, fault, program,
		fault->call == CALL_ALLOCATION ? preload : NULL);
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

/* A lie must be found out. */
static void judge_lie(struct session *s)
{
	const char *lie = s->tracee.fault.lie;
	char verdict[sizeof(s->verdict)];

	if (!lie)
		return;
	memcpy(verdict, s->verdict, sizeof(verdict));
	s->verdict[0] = '\0';
	if (!strstr(verdict, lie))
		wrong(s, "the lie was taken for the truth: \"%.200s\" instead of \"%s\"", verdict,
			lie);
}

static void describe(const struct one *one, const struct session *s)
{
	const struct fault *f = &one->fault;
	static char text[TALK_MAX + 2048];
	int size = snprintf(text, sizeof(text), "FAILED %s:%s:%u:%s: %s\n%s", one->scenario->name,
		fault_call(f), f->ordinal, fault_error(f), s->verdict, s->talk);

	if (write(1, text, (size_t)size) < 0)
		abort();
}

struct counts {
	_Atomic size_t next;
	_Atomic unsigned passed, failed, missed;
};

static void work(struct place *place, struct counts *counts, size_t always, size_t step)
{
	static struct session s;

	for (;;) {
		size_t at = counts->next++;
		/* The first are always tried; of the others, one of `step`. */
		at = at < always ? at : always + (at - always) * step;
		if (at >= list.count)
			return;
		play(list.all[at].scenario, place, &list.all[at].fault, &s);
		judge(&s, &baselines[list.all[at].scenario - scenarios]);
		counts->missed += !s.tracee.hit;
		judge_lie(&s);
		if (s.verdict[0]) {
			counts->failed++;
			describe(&list.all[at], &s);
		} else {
			counts->passed++;
		}
	}
}

static int run_all(struct place *places, unsigned workers, size_t always, size_t step)
{
	struct counts *counts = mmap(
		NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, failed = 0;

	if (counts == MAP_FAILED)
		abort();
	fflush(stdout);
	for (unsigned i = 0; i < workers; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			work(&places[i], counts, always, step);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	printf("%zu faults known, one of %zu tried; %u calls did not come again\n", list.count,
		step, counts->missed);
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
	       (!choice->only[1][0] || strcmp(choice->only[1], fault_call(f)) == 0) &&
	       (!choice->only[2][0] || strcmp(choice->only[2], ordinal) == 0) &&
	       (!choice->only[3][0] || strcmp(choice->only[3], fault_error(f)) == 0);
}

static void keep_chosen(const struct choice *choice)
{
	size_t kept = 0;

	for (size_t i = 0; i < list.count; i++)
		if (is_chosen(choice, &list.all[i]))
			list.all[kept++] = list.all[i];
	list.count = kept;
}

static bool make_list(const struct choice *choice, struct place *place, size_t *out_always)
{
	for (size_t i = 0; i < scenario_count; i++) {
		if (choice->only[0][0] && strcmp(choice->only[0], scenarios[i].name) != 0)
			continue;
		if (!note_baseline(&scenarios[i], place, &baselines[i]))
			return false;
		add_lies(&list, &scenarios[i]);
		add_lasting(&list, &scenarios[i], &baselines[i]);
	}
	keep_chosen(choice);
	*out_always = list.count;
	for (size_t i = 0; i < scenario_count; i++)
		if (baselines[i].code != 0)
			add_calls(&list, &scenarios[i], &baselines[i]);
	keep_chosen(choice);
	return true;
}

static int usage(void)
{
	fputs("usage: faults BUILD_DIR [--sample COUNT] [SCENARIO[:CALL[:ORDINAL[:ERROR]]]]\n",
		stderr);
	return 2;
}

static bool read_choice(int argc, char **argv, struct choice *out)
{
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--sample") == 0 && i + 1 < argc)
			out->sample = strtoul(argv[++i], NULL, 10);
		else if (argv[i][0] == '-' ||
			 sscanf(argv[i], "%63[^:]:%63[^:]:%63[^:]:%63s", out->only[0], out->only[1],
				 out->only[2], out->only[3]) < 1)
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
	size_t always, step = 1;

	if (argc < 2 || !read_choice(argc, argv, &choice))
		return usage();
	snprintf(program, sizeof(program), "%s/soloftpd", argv[1]);
	snprintf(preload, sizeof(preload), "%s/faults-allocations.so", argv[1]);
	for (unsigned i = 0; i < workers; i++)
		place_make(&places[i], i);
	baselines = calloc(scenario_count, sizeof(*baselines));
	if (!make_list(&choice, &places[0], &always)) {
		puts("0 passed, 1 failed");
		return 1;
	}
	/* Odd, so that all errors have their turn. */
	if (choice.sample > 0 && list.count > always + choice.sample)
		step = ((list.count - always) / choice.sample - 1) | 1;
	return run_all(places, workers, always, step);
}
