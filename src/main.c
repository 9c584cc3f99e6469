#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "session.h"
#include "system/io.h"
#include "system/log.h"
#include "system/net.h"
#include "system/process.h"

/* Most of what a command line may hold. */
#define ARGUMENTS_MAX 64

struct arguments {
	const char *files[ARGUMENTS_MAX];
	size_t file_count;
	const char *settings[ARGUMENTS_MAX];
	size_t setting_count;
	bool version;
};

static int usage(const char *problem, const char *subject)
{
	if (problem)
		fprintf(stderr, "soloftpd: %s%s%s\n", problem, subject ? ": " : "",
			subject ? subject : "");
	fputs("usage: soloftpd [-v] [-oKEY=VALUE] [FILE...]\n"
	      "An FTP server for one connection, which it finds as its standard input: it is "
	      "started\n"
	      "by xinetd, inetd, systemd or tcpserver, not from a terminal. FILE is a "
	      "configuration\n"
	      "in vsftpd.conf's language; -o sets one option. See soloftpd(8).\n",
		stderr);
	return EXIT_CLASS_USAGE;
}

/* A mistake in the super-server's entry: its client is told that there is no service, syslog why. */
static int refuse_client(const char *problem, const char *subject)
{
	static const char answer[] = "421 Service not available.\r\n";
	char text[512];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, "command line: ");
	buffer_string(&b, problem);
	if (subject) {
		buffer_string(&b, ": ");
		buffer_string(&b, subject);
	}
	log_system(LOG_LEVEL_ERROR, buffer_text(&b));
	(void)io_send(0, answer, sizeof(answer) - 1);
	return EXIT_CLASS_USAGE;
}

static int misused(const char *problem, const char *subject)
{
	struct address peer;

	return net_peer(0, &peer) == 0 ? refuse_client(problem, subject) : usage(problem, subject);
}

static int read_arguments(int argc, char **argv, struct arguments *out)
{
	for (int i = 1; i < argc; i++) {
		const char *argument = argv[i];
		if (out->file_count == ARGUMENTS_MAX || out->setting_count == ARGUMENTS_MAX)
			return misused("too many arguments", NULL);
		if (argument[0] != '-')
			out->files[out->file_count++] = argument;
		else if (strcmp(argument, "-v") == 0)
			out->version = true;
		else if (argument[1] == 'o' && strchr(argument, '='))
			out->settings[out->setting_count++] = argument + 2;
		else
			return misused("unrecognised option", argument);
	}
	return EXIT_CLASS_CLEAN;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int check_socket(void)
{
	struct address peer;
	int error = net_peer(0, &peer);

	if (error == 0)
		return EXIT_CLASS_CLEAN;
	if (error == -ENOTCONN)
		return usage(
			"standard input is a socket without a client (xinetd: wait = no)", NULL);
	return usage("standard input is not a connected TCP socket", NULL);
}

int main(int argc, char **argv)
{
	static char daemon[64];
	static struct arguments arguments;
	struct session_start start = {.files = arguments.files, .settings = arguments.settings};
	struct buffer b;
	int problem = read_arguments(argc, argv, &arguments);

	if (problem == EXIT_CLASS_CLEAN && arguments.version) {
		puts("soloftpd: version " SOLOFTPD_VERSION);
		return EXIT_CLASS_CLEAN;
	}
	if (problem == EXIT_CLASS_CLEAN)
		problem = check_socket();
	if (problem != EXIT_CLASS_CLEAN)
		return problem;
	/* argv and the environment are overwritten by the title later on, so what is needed of them is copied. */
	buffer_start(&b, daemon, sizeof(daemon));
	buffer_string(&b, base_name(argv[0]));
	start.daemon = buffer_text(&b);
	start.load_file = process_keep_load_file();
	start.file_count = arguments.file_count;
	start.setting_count = arguments.setting_count;
	process_title_start(argc, argv);
	start.control = process_take_socket();
	if (start.control < 0)
		return EXIT_CLASS_SYSTEM;
	process_clean();
	return (int)session_run(&start);
}
