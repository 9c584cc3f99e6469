/* soloftpctl: the administrator's tool. It reads what a session would read, and changes nothing. */
#include <stdio.h>
#include <string.h>

#include "ctl/advice.h"
#include "ctl/beside.h"
#include "ctl/encryption.h"
#include "ctl/explain.h"
#include "ctl/report.h"
#include "ctl/show.h"
#include "ctl/superserver.h"
#include "policy/layers.h"
#include "system/process.h"
#include "system/vfs.h"
#include "text/address.h"
#include "text/path.h"

#define FILES_MAX 64

struct arguments {
	const char *command;
	const char *files[FILES_MAX];
	size_t file_count;
	const char *as, *from, *to, *user, *format;
	struct address client, server; /* from and to, as values */
	char host[ADDRESS_TEXT];       /* to, as a session writes it */
	bool help;
};

static struct config config;

static const char help[] =
	"usage: soloftpctl check [--as NAME] [--format=json] [FILE]\n"
	"       soloftpctl show [--as NAME] [--from ADDRESS] [--to ADDRESS] [--user NAME] "
	"[FILE...]\n"
	"       soloftpctl explain [--as NAME] [--from ADDRESS] [--to ADDRESS] [--user NAME] "
	"[FILE...]\n"
	"       soloftpctl superserver xinetd|inetd|systemd|tcpserver [--as NAME] [FILE]\n"
	"\n"
	"check        Every problem of a configuration, as FILE:LINE:COLUMN: error or warning: "
	"what is\n"
	"             wrong. Exit status: 0 none, 1 warnings, 2 errors.\n"
	"show         The configuration in force, each value with its origin: for clients in "
	"general, or\n"
	"             for one that comes from an address, connects to one of the server's, logs "
	"in.\n"
	"explain      What a session would decide about that client, step by step, up to the first "
	"that\n"
	"             refuses it. No password is needed. Exit status: 0 nothing refuses, 1 "
	"refused.\n"
	"superserver  The entry that does what listen_port, listen_address, max_clients and "
	"max_per_ip\n"
	"             asked of vsftpd's own listener, and what can't be carried over.\n"
	"\n"
	"Without FILE it is the one that soloftpd would read: /etc/soloftpd.conf, or with --as "
	"vsftpd,\n"
	"the name with vsftpd's defaults, /etc/vsftpd.conf. See soloftpctl(8).\n";

static int misuse(const char *problem, const char *subject)
{
	fprintf(stderr, "soloftpctl: %s%s%s\n%s", problem, subject ? ": " : "",
		subject ? subject : "", help);
	return 2;
}

/* Takes the value of "--name VALUE" or "--name=VALUE". Returns how many words it took; 0: another. */
static int take_value(int count, char **words, const char *name, const char **out_value)
{
	size_t size = strlen(name);

	if (strncmp(words[0], name, size) != 0)
		return 0;
	if (words[0][size] == '=') {
		*out_value = words[0] + size + 1;
		return 1;
	}
	if (words[0][size] != '\0' || count < 2)
		return 0;
	*out_value = words[1];
	return 2;
}

static int take_option(int count, char **words, struct arguments *out)
{
	int taken;

	if (strcmp(words[0], "--help") == 0) {
		out->help = true;
		return 1;
	}
	taken = take_value(count, words, "--as", &out->as);
	if (taken == 0)
		taken = take_value(count, words, "--from", &out->from);
	if (taken == 0)
		taken = take_value(count, words, "--to", &out->to);
	if (taken == 0)
		taken = take_value(count, words, "--user", &out->user);
	if (taken == 0)
		taken = take_value(count, words, "--format", &out->format);
	return taken;
}

/* Addresses count in the form that a session would see. */
static int read_address(const char *text, struct address *out)
{
	if (address_parse_host(text, out) < 0)
		return misuse("not an address", text);
	address_unmap(out);
	return 0;
}

static int read_arguments(int argc, char **argv, struct arguments *out)
{
	for (int i = 1; i < argc;) {
		int taken = 1;
		if (argv[i][0] == '-' && argv[i][1] != '\0') {
			taken = take_option(argc - i, argv + i, out);
			if (taken == 0)
				return misuse("unknown or incomplete option", argv[i]);
		} else if (!out->command) {
			out->command = argv[i];
		} else if (out->file_count < FILES_MAX) {
			out->files[out->file_count++] = argv[i];
		} else {
			return misuse("too many files", NULL);
		}
		i += taken;
	}
	return 0;
}

/* Which options a command takes. */
static int check_options(const struct arguments *arguments)
{
	bool client = strcmp(arguments->command, "show") == 0 ||
		      strcmp(arguments->command, "explain") == 0;

	if (arguments->format && strcmp(arguments->command, "check") != 0)
		return misuse("--format is check's", NULL);
	if (arguments->format && strcmp(arguments->format, "json") != 0 &&
		strcmp(arguments->format, "text") != 0)
		return misuse("no such format", arguments->format);
	if (!client && (arguments->from || arguments->to || arguments->user))
		return misuse("--from, --to and --user are show's and explain's", NULL);
	return 0;
}

static int check(const struct arguments *arguments)
{
	const char *file = arguments->file_count > 0 ? arguments->files[0]
						     : layers_default_file(arguments->as);
	bool json = arguments->format && strcmp(arguments->format, "json") == 0;
	struct report report;

	if (arguments->file_count > 1)
		return misuse("check takes one file", NULL);
	report_start(&report, json);
	config_defaults(&config, arguments->as);
	if (config_file_all(&config, file, false, report_problem, &report) == 0) {
		config_review(&config, report_problem, &report);
		advice_give(&config, arguments->as, &report);
		encryption_check(&config, &report);
		beside_check_files(&config, &report);
		beside_check_homes(&config, &report);
	}
	return report_end(&report);
}

static struct show_question ask(const struct arguments *arguments)
{
	/* Only TCP wrappers' rules may set what is read from the environment. */
	process_clean();
	return (struct show_question){.layers = {.daemon = arguments->as,
					      .files = arguments->files,
					      .file_count = arguments->file_count,
					      .host = arguments->to ? arguments->host : NULL},
		.from = arguments->from ? &arguments->client : NULL,
		.to = arguments->to ? &arguments->server : NULL,
		.user = arguments->user};
}

static int show(const struct arguments *arguments)
{
	struct show_question question = ask(arguments);

	return show_print(&question, &config);
}

static int explain(const struct arguments *arguments)
{
	struct show_question question = ask(arguments);

	return explain_print(&question, &config);
}

/* The first word behind the command is the kind. */
static int superserver(const struct arguments *arguments)
{
	const char *file = arguments->file_count > 1 ? arguments->files[1]
						     : layers_default_file(arguments->as);
	struct config_note error;
	char text[640], absolute[PATH_TEXT];
	struct buffer b;

	if (arguments->file_count < 1 || arguments->file_count > 2)
		return misuse("superserver takes a kind and one file", NULL);
	if (!superserver_is_known(arguments->files[0]))
		return misuse("no such super-server", arguments->files[0]);
	config_defaults(&config, arguments->as);
	if (config_file(&config, file, false, &error) < 0) {
		/* Not into an entry that is being written. */
		buffer_start(&b, text, sizeof(text));
		config_append_note(&b, &error);
		fprintf(stderr, "%s\n", buffer_text(&b));
		return 2;
	}
	if (vfs_real(file, absolute, sizeof(absolute)) < 0)
		return misuse("no such file", file);
	superserver_print(arguments->files[0], &config, arguments->as, absolute);
	return 0;
}

static int run(struct arguments *arguments)
{
	int status = check_options(arguments);

	if (status == 0 && arguments->from)
		status = read_address(arguments->from, &arguments->client);
	if (status == 0 && arguments->to)
		status = read_address(arguments->to, &arguments->server);
	if (status != 0)
		return status;
	address_format_host(&arguments->server, arguments->host);
	if (strcmp(arguments->command, "check") == 0)
		return check(arguments);
	if (strcmp(arguments->command, "show") == 0)
		return show(arguments);
	if (strcmp(arguments->command, "explain") == 0)
		return explain(arguments);
	if (strcmp(arguments->command, "superserver") == 0)
		return superserver(arguments);
	return misuse("no such command", arguments->command);
}

int main(int argc, char **argv)
{
	static struct arguments arguments = {.as = "soloftpd"};
	int status = read_arguments(argc, argv, &arguments);

	if (status != 0)
		return status;
	if (arguments.help)
		fputs(help, stdout);
	else if (!arguments.command)
		status = misuse("what shall it do?", NULL);
	else
		status = run(&arguments);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fputs("soloftpctl: the output could not be written\n", stderr);
	return 2;
}
