/* One session from its beginning to its end, and what is wrong with how it goes. */
#include "faults.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the session ---- */

static void read_small(struct session *s, const char *name, char *out, size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)s->tracee.pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? 0 : read(fd, out, size - 1);
	close(fd);
	out[got > 0 ? got : 0] = '\0';
}

/* What holds the process, as one text. */
static void note_walls(struct session *s)
{
	static const char *const wanted[] = {"Uid:", "Gid:", "Groups:", "CapInh:", "CapPrm:",
		"CapEff:", "CapAmb:", "NoNewPrivs:", "Seccomp:", "Seccomp_filters:"};
	char status[4096], path[64], root[128];
	size_t size = 0;
	ssize_t got;

	read_small(s, "status", status, sizeof(status));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		const char *line = strstr(status, wanted[i]);
		if (line)
			size += (size_t)snprintf(s->walls + size, sizeof(s->walls) - size, "%.*s; ",
				(int)strcspn(line, "\n"), line);
	}
	snprintf(path, sizeof(path), "/proc/%d/root", (int)s->tracee.pid);
	got = readlink(path, root, sizeof(root) - 1);
	root[got > 0 ? got : 0] = '\0';
	snprintf(s->walls + size, sizeof(s->walls) - size, "root: %s",
		strcmp(root, s->scenario->anonymous ? s->place->pub : s->place->home) == 0
			? "its own"
			: root);
}

/* The numbers of open descriptors as bits. */
static uint64_t descriptors(struct session *s)
{
	char path[64];
	uint64_t open_ones = 0;
	struct dirent *entry;
	DIR *stream;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)s->tracee.pid);
	stream = opendir(path);
	while (stream && (entry = readdir(stream)) != NULL)
		if (entry->d_name[0] != '.')
			open_ones |= UINT64_C(1) << (strtoul(entry->d_name, NULL, 10) % 64);
	if (stream)
		closedir(stream);
	return open_ones;
}

static int login(struct session *s)
{
	bool anonymous = s->scenario->anonymous;
	int code = next_reply(s);

	if (code != 220)
		return code;
	say(s, anonymous ? "USER ftp" : "USER alice");
	code = next_reply(s);
	if (code != 331)
		return code;
	say(s, anonymous ? "PASS me@example.org" : "PASS secret-alice");
	return next_reply(s);
}

static int rename_file(struct session *s)
{
	int code;

	say(s, "%s", s->scenario->before[0]);
	code = next_reply(s);
	if (code != 350)
		return code;
	say(s, "%s", s->scenario->command);
	return next_reply(s);
}

static int single(struct session *s)
{
	say(s, "%s", s->scenario->command);
	return next_reply(s);
}

static int perform(struct session *s)
{
	switch (s->scenario->effect) {
	case EFFECT_LOGIN:
		return login(s);
	case EFFECT_RENAME:
		return rename_file(s);
	case EFFECT_QUIT:
		return single(s);
	case EFFECT_LISTING:
	case EFFECT_DOWNLOAD:
	case EFFECT_UPLOAD:
		break;
	}
	return transfer(s);
}

/* Only where the control connection has failed, or has been told so, may a session end. */
static void may_have_ended(struct session *s, const char *when)
{
	if (!s->tracee.hit_control)
		wrong(s, "the session ended %s", when);
}

/* The session must be as good as before. */
static void go_on(struct session *s, uint64_t before)
{
	int code;

	/* It closes a listener that a refused command has left for the next one. */
	say(s, "ABOR");
	code = next_reply(s);
	if (code == 0)
		may_have_ended(s, "after the command");
	else if (s->scenario->effect == EFFECT_LOGIN && s->code != 230 ? code != 530
								       : code != 225 && code != 226)
		wrong(s, "ABOR: %d", code);
	if (code <= 0)
		return;
	if (!tracee_idle(&s->tracee, s->patience))
		wrong(s, "it is busy with nothing");
	if (s->scenario->effect != EFFECT_LOGIN && descriptors(s) != before)
		wrong(s, "open descriptors: %#llx, not %#llx", (unsigned long long)descriptors(s),
			(unsigned long long)before);
	say(s, "NOOP");
	code = next_reply(s);
	if (code == 0)
		may_have_ended(s, "at NOOP");
	else if (code != 200 && code != 530)
		wrong(s, "NOOP: %d", code);
	if (code <= 0)
		return;
	say(s, "QUIT");
	code = next_reply(s);
	if (code != 221)
		wrong(s, "QUIT: %d", code);
	if (code == 221 && next_reply(s) != 0)
		wrong(s, "the connection stays open after QUIT");
}

static void talk(struct session *s)
{
	struct tracee *t = &s->tracee;
	uint64_t before = 0;

	if (s->scenario->effect != EFFECT_LOGIN) {
		int code = login(s);
		if (code == 230) {
			say(s, "TYPE I");
			code = next_reply(s);
		}
		if (code != 200 || !tracee_idle(t, s->patience)) {
			wrong(s, "before any fault: %d", code);
			return;
		}
		before = descriptors(s);
		tracee_arm(t);
	}
	s->code = perform(s);
	if (s->code > 0 && s->code != 421 && s->code != 221 && tracee_idle(t, s->patience) &&
		s->code == 230)
		note_walls(s);
	tracee_disarm(t);
	if (s->verdict[0] || s->code == 421)
		return;
	if (s->code == 0 && s->scenario->effect != EFFECT_LOGIN)
		may_have_ended(s, "without a reply");
	else if (s->code > 0 && s->scenario->effect != EFFECT_QUIT)
		go_on(s, before);
}

/* glibc's look-up of accounts does not bear want of memory: it aborts, or follows a null pointer (nss_database.c). Nobody
 * has been let in by then. */
static bool may_die(const struct session *s)
{
	const char *call = call_name(s->tracee.fault.call);

	return s->tracee.in_library && s->tracee.fault.kind == KIND_ERROR &&
	       s->scenario->effect == EFFECT_LOGIN && s->code == 0 &&
	       (strcmp(call, "malloc") == 0 || strcmp(call, "brk") == 0 ||
		       strcmp(call, "mmap") == 0);
}

static void judge_end(struct session *s, bool by_itself)
{
	int status = s->tracee.status;

	if (!by_itself)
		wrong(s, "the process stays when its client has gone");
	else if (WIFSIGNALED(status) && !may_die(s))
		wrong(s, "ended by signal %d", WTERMSIG(status));
	else if (WIFEXITED(status) && WEXITSTATUS(status) > 4)
		wrong(s, "ended with status %d", WEXITSTATUS(status));
}

void session_play(struct session *s, const struct scenario *scenario, struct place *place,
	const struct fault *fault, const char *program, const char *preload)
{
	int on = 1;

	scenario_prepare(scenario, place);
	s->scenario = scenario;
	s->place = place;
	s->patience = fault->lie && strncmp(fault->lie, "no ", 3) == 0 ? 1500 : PATIENCE;
	s->tracee.program = program;
	s->tracee.config = place->config[!scenario->in_place];
	s->tracee.preload = preload;
	s->tracee.fault = *fault;
	s->tracee.short_size =
		fault->calls && (scenario->sent == LARGE || strstr(scenario->name, "large")) ? 1000
											     : 1;
	s->tracee.from_start = scenario->effect == EFFECT_LOGIN;
	s->received.at = place->received;
	s->control = connect_to(place->port);
	s->tracee.socket = accept4(place->listener, NULL, NULL, SOCK_CLOEXEC);
	if (s->control < 0 || s->tracee.socket < 0)
		abort();
	setsockopt(s->control, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	tracee_start(&s->tracee);
	talk(s);
	close(s->control);
	judge_end(s, tracee_finish(&s->tracee, s->patience));
}
