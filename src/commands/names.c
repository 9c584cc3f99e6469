#include "commands/names.h"

#include <errno.h>
#include <string.h>

#include "commands/record.h"
#include "policy/access.h"
#include "system/account.h"
#include "system/vfs.h"

/* Finds what a leading "~" or "~user" stands for; sets the rest of the argument. */
static int find_home(
	struct session *session, const char *argument, const char **out_rest, char home[PATH_TEXT])
{
	size_t size = strcspn(argument, "/");
	char user[LOGIN_NAME];

	*out_rest = argument + size;
	if (size == 1)
		return path_join("", session->home, home, PATH_TEXT);
	if (!session->config.tilde_user_enable || size > sizeof(user))
		return -ENOENT;
	memcpy(user, argument + 1, size - 1);
	user[size - 1] = '\0';
	return account_home(user, home, PATH_TEXT);
}

int names_expand(struct session *session, const char *argument, char out[PATH_TEXT])
{
	char home[PATH_TEXT];
	const char *rest;
	struct buffer b;

	buffer_start(&b, out, PATH_TEXT);
	if (argument[0] == '~' && find_home(session, argument, &rest, home) == 0) {
		buffer_string(&b, home);
		argument = rest;
	}
	buffer_string(&b, argument);
	buffer_text(&b);
	if (b.cut)
		return -ENAMETOOLONG;
	if (session->config.translate_windows_paths)
		for (char *at = strchr(out, '\\'); at; at = strchr(at, '\\'))
			*at = '/';
	return 0;
}

static bool is_denied(struct session *session, const char *path)
{
	char name[PATH_TEXT];

	if (!session->config.deny_file)
		return false;
	record_absolute(path, name);
	if (access_denies(&session->config, name))
		return true;
	return vfs_real(path, name, sizeof(name)) == 0 && access_denies(&session->config, name);
}

int names_use(struct session *session, const char *argument, char out[PATH_TEXT])
{
	int error = names_expand(session, argument, out);

	if (error == 0 && is_denied(session, out))
		error = NAMES_DENIED;
	return error;
}
