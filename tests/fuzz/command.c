/*
 * commands/dispatch: a line is taken apart as commands.def says, and the gate lets nothing pass that is not for now:
 * before the login only the verbs marked ANY, after it what the configuration and the lists of commands leave open,
 * with an argument of its shape.
 *
 * Input: four bytes of circumstances, cmds_allowed, NUL, cmds_denied, NUL, the line.
 */
#include <errno.h>

#include "commands/dispatch.h"
#include "fuzz.h"

static struct session session;

static void set_out(unsigned circumstances, const char *allowed, const char *denied)
{
	struct config *config = &session.config;
	bool *const switches[] = {&config->write_enable, &config->dirlist_enable,
		&config->download_enable, &config->anon_upload_enable,
		&config->anon_mkdir_write_enable, &config->anon_other_write_enable,
		&config->chmod_enable, &config->mdtm_write, &config->pasv_enable,
		&config->port_enable, &config->hash_enable, &config->ssl_enable};

	config_defaults(config, circumstances & 1 ? "vsftpd" : "soloftpd");
	session.login.kind = (enum login_kind)(circumstances >> 1 & 3);
	session.login.anonymous = session.login.kind == LOGIN_ANONYMOUS || circumstances & 8;
	for (size_t i = 0; i < COUNT(switches); i++)
		*switches[i] = circumstances >> (4 + i) & 1;
	config->host_config_dir = circumstances >> 16 & 1 ? "/etc/hosts.d" : NULL;
	config->cmds_allowed = circumstances >> 17 & 1 ? allowed : NULL;
	config->cmds_denied = circumstances >> 18 & 1 ? denied : NULL;
}

static const struct command *find_plainly(const char *verb)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(command_table[i].verb, verb) == 0)
			return &command_table[i];
	return NULL;
}

static bool has_shape(enum argument argument, const char *text)
{
	size_t size = strlen(text);

	switch (argument) {
	case ARGUMENT_NONE:
		return size == 0;
	case ARGUMENT_WORD:
		return size > 0 && !strchr(" \t", text[0]) && !strchr(" \t", text[size - 1]);
	case ARGUMENT_NUMBER:
		return size > 0 && strspn(text, "0123456789") == size;
	case ARGUMENT_PATH:
		return size > 0 && size < PATH_TEXT;
	case ARGUMENT_OPTPATH:
		return size < PATH_TEXT + 16;
	case ARGUMENT_TEXT:
	case ARGUMENT_OPTIONAL:
		break;
	}
	return true;
}

static void check_passed(const struct command *command, const struct call *call)
{
	const struct config *config = &session.config;
	bool in = session.login.kind != LOGIN_NONE;

	must(in || command->phase == PHASE_ANY);
	must(has_shape(command->argument, call->argument));
	must(access_offers(config, command->class));
	if (!in)
		return;
	must(access_permits(config, session.login.anonymous, command->class));
	must(!config_lists(config->cmds_denied, command->verb));
	must(!config->cmds_allowed || config_lists(config->cmds_allowed, command->verb));
	must(command->handle == cmd_none || dispatch_would_permit(&session, command));
}

static void check_refused(const struct command *command, int code)
{
	bool in = session.login.kind != LOGIN_NONE;

	must(code == 501 || code == 502 || code == 530 || code == 550);
	must((code == 530) == (!in && command->phase == PHASE_IN && code != 502));
	must(code != 550 || in);
	must(code != 502 || !access_offers(&session.config, command->class));
}

static void check_split(const struct call *call, const char *line, const char *text, size_t size)
{
	size_t length = strcspn(line, " \t");

	must(memchr(call->verb, '\0', sizeof(call->verb)) != NULL);
	must(call->argument >= text && call->argument <= text + size);
	must(strlen(call->argument) <= size);
	for (const char *c = call->verb; *c; c++)
		must((*c < 'a' || *c > 'z') && *c != ' ' && *c != '\t');
	if (length < sizeof(call->verb) && !strchr(line, '\r'))
		must(strlen(call->verb) == length && strncasecmp(call->verb, line, length) == 0);
}

static void run_line(const char *line, size_t size)
{
	char *text = copy_text(line, size);
	char *original = copy_text(line, size);
	const struct command *command;
	struct call call;
	int error = dispatch_split(text, size, &call);

	must(error == 0 || (error == -EILSEQ && memchr(line, '\0', size)));
	if (error == 0) {
		if (strlen(original) == size)
			check_split(&call, original, text, size);
		command = command_find(call.verb);
		must(command == find_plainly(call.verb));
		if (command) {
			struct reply answer = dispatch_gate(&session, command, &call);
			must(call.argument >= text && call.argument <= text + size);
			if (answer.code == 0)
				check_passed(command, &call);
			else
				check_refused(command, answer.code);
		}
	}
	free(text);
	free(original);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	unsigned circumstances = (unsigned)take_number(&in, 4);
	char *allowed = take_text(&in), *denied = take_text(&in);

	set_out(circumstances, allowed, denied);
	if (in.size > 0 && in.size <= LINE_MAX_SIZE)
		run_line((const char *)in.bytes, in.size);
	free(allowed);
	free(denied);
	return 0;
}
