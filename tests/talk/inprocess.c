/* Sessions in this process' own children, for sanitizers, coverage and faults to see. */
#include "session.h"
#include "player.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Sanitizers end a process with a status no session has. A jailed process without privilege cannot
 * look for leaks: that takes /proc and ptrace.
 */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
	return "exitcode=86:detect_leaks=0:detect_stack_use_after_return=1";
}

const char *__ubsan_default_options(void)
{
	return "exitcode=86:print_stacktrace=1";
}

/* The child: one session, as a super-server's child would have it. */
_Noreturn static void serve(const struct script *script, const char *config, int listener)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int control = accept(listener, NULL, NULL);
	close(listener);
	if (control < 0)
		_exit(EXIT_CLASS_SYSTEM);
	const struct session_start start = {.control = control,
		.daemon = script->daemon,
		.load_file = script->load,
		.files = &config,
		.file_count = 1,
		.settings = script->settings,
		.setting_count = script->setting_count};
	exit((int)session_run(&start));
}

pid_t inprocess_start(struct player *player, const char *config, struct end *to)
{
	const struct script *script = player->script;
	struct end at = {0};

	if (!end_of(&at, script->mapped ? "::" : script->to, 0)) {
		fail(player, "bad address");
		return -1;
	}
	int listener = wire_listen(&at, script->mapped);
	at.size = sizeof(at.address);
	if (listener < 0 || getsockname(listener, (struct sockaddr *)&at.address, &at.size) < 0) {
		fail(player, "listen: %s", strerror(errno));
		return -1;
	}
	end_of(to, script->to, end_port(&at));
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		serve(script, config, listener);
	close(listener);
	return child;
}

static bool check_exit(struct player *player, int status)
{
	int wanted = player->script->exit_status;

	player->item = NULL;
	if (WIFSIGNALED(status))
		return fail(player, "the session ended by signal %d", WTERMSIG(status));
	if (wanted >= 0 ? WEXITSTATUS(status) == wanted : WEXITSTATUS(status) <= 1)
		return true;
	return fail(player, "the session ended with status %d", WEXITSTATUS(status));
}

bool inprocess_end(struct player *player, pid_t child)
{
	int status = 0;
	int handle = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd wait = {.fd = handle, .events = POLLIN};
	unsigned int seconds = player->failure.size > 0 ? 1 : player->patience;
	bool ended = poll(&wait, 1, (int)seconds * 1000) > 0;

	close(handle);
	if (!ended)
		kill(child, SIGKILL);
	waitpid(child, &status, 0);
	if (!ended)
		return fail(player, "the session did not end");
	return check_exit(player, status);
}
