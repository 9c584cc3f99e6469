/* SITE CHMOD, HELP, IDLE, UMASK, UTIME. */
#include "commands/site.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "commands/facts.h"
#include "commands/names.h"
#include "commands/record.h"
#include "commands/table.h"
#include "system/vfs.h"
#include "text/number.h"

static void append_mode(struct buffer *b, unsigned mode)
{
	buffer_byte(b, (char)('0' + (mode >> 6 & 7)));
	buffer_byte(b, (char)('0' + (mode >> 3 & 7)));
	buffer_byte(b, (char)('0' + (mode & 7)));
}

static struct reply site_chmod(struct session *session, const char *argument)
{
	UNCLEARED char path[PATH_TEXT], digits[8];
	size_t size = strcspn(argument, " ");
	unsigned mode;
	int error;

	if (size == 0 || size >= sizeof(digits) || argument[size] != ' ' || !argument[size + 1])
		return reply(501, "SITE CHMOD needs a mode and a pathname.");
	memcpy(digits, argument, size);
	digits[size] = '\0';
	/* Nobody sets a set-user-id bit from here. */
	if (number_parse_octal(digits, 0777, &mode) < 0)
		return reply(501, "Bad mode.");
	error = names_use(session, argument + size + 1, path);
	if (error == 0)
		error = vfs_set_mode(path, mode);
	record_chmod(session, error, path, digits);
	if (error == NAMES_DENIED)
		return reply(550, "Permission denied.");
	if (error < 0)
		return reply_error(error, "SITE CHMOD command failed.");
	return reply(200, "SITE CHMOD command ok.");
}

static struct reply site_umask(struct session *session, const char *argument)
{
	struct buffer b;
	unsigned mask;

	buffer_start(&b, session->text, sizeof(session->text));
	if (*argument == '\0') {
		mask = vfs_umask(0);
		vfs_umask(mask);
		buffer_string(&b, "Your current UMASK is ");
	} else {
		if (number_parse_octal(argument, 0777, &mask) < 0)
			return reply(501, "Bad umask.");
		vfs_umask(mask);
		buffer_string(&b, "UMASK set to ");
	}
	append_mode(&b, mask);
	return reply(200, buffer_text(&b));
}

/* The time the session may stay silent: a client can shorten what the administrator grants. */
static struct reply site_idle(struct session *session, const char *argument)
{
	uint64_t seconds, most = session->idle_granted ? session->idle_granted : UINT_MAX;
	struct buffer b;

	buffer_start(&b, session->text, sizeof(session->text));
	if (*argument && (number_parse(argument, most, &seconds) < 0 || seconds == 0)) {
		buffer_string(&b, "SITE IDLE takes 1 to ");
		buffer_number(&b, most);
		buffer_string(&b, " seconds.");
		return reply(501, buffer_text(&b));
	}
	if (*argument)
		session->config.idle_session_timeout = (unsigned)seconds;
	buffer_string(&b, "The idle time limit is ");
	buffer_number(&b, session->config.idle_session_timeout);
	buffer_string(&b, " seconds.");
	return reply(200, buffer_text(&b));
}

static struct reply site_help(struct session *session, const char *argument);

/* In alphabetical order. */
static const struct site {
	const char *name;
	handler *handle;
	enum access_class class;
	const char *syntax;
} sites[] = {
	{"CHMOD", site_chmod, CLASS_CHMOD, "mode <sp> pathname"},
	{"HELP", site_help, CLASS_SESSION, ""},
	{"IDLE", site_idle, CLASS_SESSION, "[seconds]"},
	{"UMASK", site_umask, CLASS_SESSION, "[mask]"},
	{"UTIME", facts_site_utime, CLASS_TIMES, "time <sp> pathname"},
};

#define COUNT (sizeof(sites) / sizeof(sites[0]))

static bool is_permitted(const struct session *session, const struct site *site)
{
	return access_permits(&session->config, session->login.anonymous, site->class);
}

static struct reply site_help(struct session *session, const char *argument)
{
	struct buffer b;

	(void)argument;
	buffer_start(&b, session->text, sizeof(session->text));
	for (size_t i = 0; i < COUNT; i++) {
		if (!is_permitted(session, &sites[i]))
			continue;
		if (b.size > 0)
			buffer_byte(&b, ' ');
		buffer_string(&b, sites[i].name);
	}
	return reply(214, buffer_text(&b));
}

struct reply site_syntax(struct session *session)
{
	struct buffer b;

	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, "Syntax:\n");
	for (size_t i = 0; i < COUNT; i++) {
		if (!is_permitted(session, &sites[i]))
			continue;
		buffer_string(&b, " SITE ");
		buffer_string(&b, sites[i].name);
		if (*sites[i].syntax)
			buffer_byte(&b, ' ');
		buffer_string(&b, sites[i].syntax);
		buffer_byte(&b, '\n');
	}
	buffer_string(&b, "Help OK.");
	return reply(214, buffer_text(&b));
}

struct reply cmd_site(struct session *session, const char *argument)
{
	size_t size = strcspn(argument, " ");
	const char *rest = argument + size + strspn(argument + size, " ");

	if (*argument == '\0')
		return reply(501, "Argument required.");
	for (size_t i = 0; i < COUNT; i++) {
		if (strlen(sites[i].name) != size ||
			strncasecmp(argument, sites[i].name, size) != 0)
			continue;
		if (!is_permitted(session, &sites[i]))
			return reply(550, "Permission denied.");
		return sites[i].handle(session, rest);
	}
	return reply(500, "Unknown SITE command.");
}
