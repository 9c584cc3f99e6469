#include "ctl/show.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/login.h"
#include "policy/options.h"
#include "system/process.h"
#include "system/wrappers.h"

static int complain(const struct config_note *error)
{
	char text[640];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	config_append_note(&b, error);
	printf("# the client gets 421 Service not available: %s\n", buffer_text(&b));
	return 2;
}

/* Asks TCP wrappers as a session would and loads the file that a rule names. */
static int load_by_rule(const struct show_question *question, struct config *config)
{
	char host[ADDRESS_TEXT];
	const char *file;
	struct config_note error;

	if (!question->from || !config->tcp_wrappers)
		return 0;
	if (!wrappers_foresee(question->from, question->to, question->layers.daemon)) {
		address_format_host(question->from, host);
		printf("# TCP wrappers refuse %s: 421 Service not available\n", host);
		return 2;
	}
	file = process_load_file();
	if (file && config_file(config, file, false, &error) < 0)
		return complain(&error);
	return 0;
}

static int load_for_user(const struct show_question *question, struct config *config)
{
	static struct login login;
	struct config_note error;
	struct buffer b;

	if (!question->user)
		return 0;
	buffer_start(&b, login.name, sizeof(login.name));
	/* Anonymous has one name, whatever the client calls itself. */
	if (login_is_anonymous(config, question->user))
		buffer_string(&b, config->ftp_username ? config->ftp_username : "ftp");
	else
		buffer_string(&b, question->user);
	buffer_text(&b);
	return login_configure(config, &login, &error) < 0 ? complain(&error) : 0;
}

static void print_option(const struct config *config, enum option option)
{
	struct origin origin = config->origin[option];
	static char value[CONFIG_FILE_MAX + 64];
	struct buffer b;

	buffer_start(&b, value, sizeof(value));
	buffer_string(&b, config_name(option));
	buffer_byte(&b, '=');
	config_print(config, option, &b);
	printf("%-48s  # %s", buffer_text(&b), config->sources[origin.source]);
	if (origin.line > 0)
		printf(":%u", origin.line);
	putchar('\n');
}

int show_print(const struct show_question *question, struct config *config)
{
	struct config_note error;
	int status;

	if (layers_load(config, &question->layers, &error) < 0)
		return complain(&error);
	status = load_by_rule(question, config);
	if (status == 0 && config_validate(config, &error) < 0)
		status = complain(&error);
	if (status == 0)
		status = load_for_user(question, config);
	if (status != 0)
		return status;
	for (enum option option = 0; option < OPTION_COUNT; option++)
		print_option(config, option);
	return 0;
}
