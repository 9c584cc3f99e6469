/*
 * talk-runner: plays talks (docs/testing.md) against sessions in this process' own children, or
 * against a server that a super-server starts. Runs as root inside tests/lib/sandbox.
 */
#include "player.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A service for mapped addresses is one port up, one named vsftpd two: tests/talk/run. */
enum { PORT_MAPPED = 1, PORT_VSFTPD = 2 };

static struct {
	bool verbose;
	unsigned int port; /* 0: in-process */
	const char *host;
	const char *config;
	pid_t super; /* 0: not known */
	unsigned int slower;
	unsigned int passed, failed;
} run = {.config = "/run/talk/soloftpd.conf", .slower = 1};

/* ---- under a super-server ---- */

/* The session is over when the super-server has no child left. */
static bool wait_for_server(struct player *player)
{
	pid_t last = 0;

	player->item = NULL;
	for (unsigned int i = 0; i < player->patience * 500; i++) {
		if (run.super == 0 || process_children(run.super, &last) == 0)
			return true;
		usleep(2000);
	}
	return fail(player, "the session did not end");
}

static bool find_server(struct player *player, struct end *to)
{
	const struct script *script = player->script;
	unsigned int port = run.port;

	if (script->mapped)
		port += PORT_MAPPED;
	else if (strcmp(script->daemon, "vsftpd") == 0)
		port += PORT_VSFTPD;
	return end_of(to, script->to, port) || fail(player, "bad address");
}

/* ---- one talk ---- */

/* Connect; a super-server may still be starting. */
static bool call(struct player *player, const struct end *to)
{
	static bool answered;
	struct end from = {0};

	if (!end_of(&from, player->script->from, 0))
		return fail(player, "bad address: %s", player->script->from);
	for (int tries = 0; tries < 250; tries++) {
		player->control = wire_connect(&from, to, player->patience);
		if (player->control >= 0 || errno != ECONNREFUSED || answered)
			break;
		usleep(20000);
	}
	if (player->control < 0)
		return fail(player, "cannot connect: %s", strerror(errno));
	answered = true;
	return true;
}

static bool converse(struct player *player)
{
	struct end to = {0};
	pid_t child = 0;

	if (run.port > 0) {
		if (!find_server(player, &to))
			return false;
	} else {
		child = inprocess_start(player, run.config, &to);
		if (child < 0)
			return false;
	}
	bool good = call(player, &to) && play_conversation(player);
	wire_close(&player->control);
	wire_close(&player->data);
	wire_close(&player->listener);
	bool ended = child > 0 ? inprocess_end(player, child) : wait_for_server(player);
	return good && ended;
}

static bool play(struct player *player)
{
	size_t before = 0;

	return syslog_mark(player, &before, &player->syslog_start) &&
	       tree_build(player, run.config) && converse(player) && after_check(player);
}

static void report(struct player *player, bool good)
{
	const char *mode = run.port > 0 ? "xinetd" : "in-process";

	if (good)
		run.passed++;
	else
		run.failed++;
	if (!good || run.verbose)
		printf("%s %s (%s)\n", good ? "ok  " : "FAIL", player->script->path, mode);
	if (!good && player->failure.size > 0)
		printf("%s", player->failure.data);
	if ((!good || run.verbose) && player->transcript.size > 0)
		printf("%s", player->transcript.data);
	if (!good)
		syslog_print(player);
	fflush(stdout);
}

static void play_script(struct script *script)
{
	struct player player = {.script = script,
		.super = run.port > 0 ? run.super : 0,
		.control = -1,
		.data = -1,
		.listener = -1,
		.patience = script->patience * run.slower};

	if (script->to == NULL && strchr(script->from, ':') != NULL)
		script->to = "::1";
	else if (script->to == NULL)
		script->to = run.host != NULL ? run.host : "127.0.0.1";
	bool good = play(&player);
	tree_clean();
	report(&player, good);
	bytes_free(&player.transcript);
	bytes_free(&player.failure);
	bytes_free(&player.received);
}

static void play_file(const char *path)
{
	struct script script;
	unsigned int mode = run.port > 0 ? MODE_XINETD : MODE_INPROCESS;

	if (!script_read(&script, path)) {
		run.failed++;
		printf("FAIL %s\n", path);
	} else if ((script.modes & mode) != 0) {
		play_script(&script);
	}
	script_free(&script);
}

/* ---- the command line ---- */

static void set_server(char *text)
{
	uint64_t port = 0;
	char *colon = strrchr(text, ':');

	if (colon == NULL || !number_of(colon + 1, &port) || port == 0 || port > 65000)
		errx(2, "--connect HOST:PORT");
	*colon = '\0';
	run.host = text;
	run.port = (unsigned int)port;
}

static unsigned int number_option(const char *text)
{
	uint64_t number = 0;

	if (!number_of(text, &number) || number == 0 || number > INT32_MAX)
		errx(2, "not a number: %s", text);
	return (unsigned int)number;
}

static void read_options(int count, char **arguments)
{
	static const struct option options[] = {
		{"verbose", no_argument, NULL, 'v'},
		{"connect", required_argument, NULL, 'c'},
		{"config", required_argument, NULL, 'f'},
		{"super", required_argument, NULL, 's'},
		{"slower", required_argument, NULL, 'x'},
		{NULL, 0, NULL, 0},
	};
	int letter = 0;

	while ((letter = getopt_long(count, arguments, "v", options, NULL)) >= 0) {
		if (letter == 'v')
			run.verbose = true;
		else if (letter == 'c')
			set_server(optarg);
		else if (letter == 'f')
			run.config = optarg;
		else if (letter == 's')
			run.super = (pid_t)number_option(optarg);
		else if (letter == 'x')
			run.slower = number_option(optarg);
		else
			errx(2, "usage: talk-runner [--verbose] [--connect HOST:PORT] [--super PID]"
				" [--config FILE] [--slower TIMES] TALK...");
	}
}

int main(int count, char **arguments)
{
	read_options(count, arguments);
	if (optind == count)
		errx(2, "no talks");
	if (mkdir("/run/talk", 0755) < 0 && errno != EEXIST)
		err(4, "/run/talk");
	for (int i = optind; i < count; i++)
		play_file(arguments[i]);
	printf("%u passed, %u failed\n", run.passed, run.failed);
	return run.failed > 0 ? 1 : 0;
}
