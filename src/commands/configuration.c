#include "commands/configuration.h"

#include <errno.h>
#include <string.h>

#include "commands/record.h"
#include "policy/language.h"
#include "policy/layers.h"
#include "system/file.h"
#include "system/log.h"
#include "system/process.h"

static int complain(struct session *session, const struct config_note *error)
{
	record_error(session, error);
	return -EINVAL;
}

/* The name in syslog is an option too: what was read of it holds even for complaints about the rest. */
static void name_log(struct session *session)
{
	const char *ident = session->config.syslog_ident;

	log_system_name(ident ? ident : session->start->daemon);
}

int configuration_load(struct session *session)
{
	const struct session_start *start = session->start;
	char host[ADDRESS_TEXT];
	struct layers layers = {.daemon = start->daemon,
		.files = start->files,
		.file_count = start->file_count,
		.settings = start->settings,
		.setting_count = start->setting_count,
		.host = host};
	struct config_note error;
	int status;

	address_format_host(&session->local, host);
	status = layers_load(&session->config, &layers, &error);
	name_log(session);
	return status < 0 ? complain(session, &error) : 0;
}

int configuration_add(struct session *session, const char *file)
{
	struct config_note error;
	int status = config_file(&session->config, file, false, &error);

	name_log(session);
	return status < 0 ? complain(session, &error) : 0;
}

int configuration_settle(struct session *session)
{
	struct config_note error;

	if (config_validate(&session->config, &error) < 0)
		return complain(session, &error);
	if (!process_is_root() && !session->config.run_as_launching_user) {
		record_problem(session, "must be started as root (or with run_as_launching_user)");
		return -EINVAL;
	}
	if (data_announce(&session->data, &session->config, &error) < 0 ||
		language_settle(&session->config, &error) < 0)
		return complain(session, &error);
	return 0;
}

static void strip_returns(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (*text != '\r')
			*to++ = *text;
	*to = '\0';
}

int configuration_banner(struct session *session, const char **out_text)
{
	static char text[CONFIG_FILE_MAX + 1];
	const struct config *config = &session->config;
	struct config_note error;
	size_t size;
	int status;

	*out_text = config->ftpd_banner;
	if (!config->banner_file)
		return 0;
	status = file_read(config->banner_file, false, text, sizeof(text), &size);
	if (status < 0) {
		config_blame(config, OPTION_banner_file, strerror(-status), &error);
		return complain(session, &error);
	}
	strip_returns(text);
	*out_text = text;
	return 0;
}
