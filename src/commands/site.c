/* SITE CHMOD, UMASK, HELP. */
#include <errno.h>
#include <string.h>
#include <strings.h>

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

static void record_chmod(struct session *session, bool ok, const char *path, const char *mode)
{
	char absolute[PATH_TEXT], text[PATH_TEXT + 16];
	struct buffer b;

	record_absolute(path, absolute);
	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, absolute);
	buffer_byte(&b, ' ');
	buffer_string(&b, mode);
	record_change_text(session, LOGLINE_CHMOD, ok, buffer_text(&b));
}

static struct reply site_chmod(struct session *session, const char *argument)
{
	char path[PATH_TEXT], digits[8];
	size_t size = strcspn(argument, " ");
	unsigned mode;
	int error;

	if (!access_permits(&session->config, session->login.anonymous, CLASS_CHMOD))
		return reply(550, "Permission denied.");
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
	record_chmod(session, error == 0, path, digits);
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

static struct reply site_help(struct session *session)
{
	if (access_permits(&session->config, session->login.anonymous, CLASS_CHMOD))
		return reply(214, "CHMOD UMASK HELP");
	return reply(214, "UMASK HELP");
}

struct reply cmd_site(struct session *session, const char *argument)
{
	size_t size = strcspn(argument, " ");
	const char *rest = argument + size + strspn(argument + size, " ");

	if (size == 5 && strncasecmp(argument, "CHMOD", 5) == 0)
		return site_chmod(session, rest);
	if (size == 5 && strncasecmp(argument, "UMASK", 5) == 0)
		return site_umask(session, rest);
	if (size == 4 && strncasecmp(argument, "HELP", 4) == 0)
		return site_help(session);
	if (*argument == '\0')
		return reply(501, "Argument required.");
	return reply(500, "Unknown SITE command.");
}
