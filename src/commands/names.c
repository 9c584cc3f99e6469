#include "commands/names.h"

#include <errno.h>
#include <string.h>

#include "commands/record.h"
#include "policy/access.h"
#include "system/account.h"
#include "system/charset.h"
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

/* ---- client_charset ---- */

static int hex_digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Undoes what charset_to_client does to bytes that the client's character set does not have. Returns whether
 * there was anything to undo. */
static bool unescape(char *text)
{
	const char *from = text;
	char *to = text;

	while (*from) {
		int high = *from == '%' ? hex_digit(from[1]) : -1;
		int low = high >= 8 ? hex_digit(from[2]) : -1;
		*to++ = (char)(low >= 0 ? high << 4 | low : *from);
		from += low >= 0 ? 3 : 1;
	}
	*to = '\0';
	return to != from;
}

/* Puts a component behind the path in `b`, escapes undone where that, and not the name as it stands, is there:
 * a client can have an escape in a name of its own. */
static void append_component(struct buffer *b, const char *name, size_t size)
{
	size_t start = b->size;
	struct facts facts;

	buffer_bytes(b, name, size);
	if (!memchr(name, '%', size) || vfs_link_stat(buffer_text(b), &facts) == 0)
		return;
	if (unescape(b->data + start) && vfs_link_stat(b->data, &facts) == 0) {
		b->size = strlen(b->data);
		return;
	}
	b->size = start;
	buffer_bytes(b, name, size);
}

static void find_escaped(char path[PATH_TEXT])
{
	UNCLEARED char found[PATH_TEXT];
	const char *cursor = path;
	struct buffer b;

	buffer_start(&b, found, sizeof(found));
	while (*cursor) {
		size_t slashes = strspn(cursor, "/"), size = strcspn(cursor + slashes, "/");
		buffer_bytes(&b, cursor, slashes);
		append_component(&b, cursor + slashes, size);
		cursor += slashes + size;
	}
	if (!b.cut)
		memcpy(path, buffer_text(&b), b.size + 1);
}

/* What is not in the client's character set is taken as it is. Returns 0 or -ENAMETOOLONG. */
static int convert(struct session *session, const char **argument, char converted[PATH_TEXT])
{
	int error = -EILSEQ;

	if (record_converts(session))
		error = charset_from_client(*argument, converted, PATH_TEXT);
	if (error == 0)
		*argument = converted;
	return error == -EILSEQ ? 0 : error;
}

int names_expand(struct session *session, const char *argument, char out[PATH_TEXT])
{
	UNCLEARED char home[PATH_TEXT], converted[PATH_TEXT];
	const char *rest;
	struct buffer b;

	buffer_start(&b, out, PATH_TEXT);
	if (convert(session, &argument, converted) < 0) {
		buffer_string(&b, argument); /* cut, for the log */
		buffer_text(&b);
		return -ENAMETOOLONG;
	}
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
	if (record_converts(session) && strchr(out, '%'))
		find_escaped(out);
	return 0;
}

/* On what the path leads to through symbolic links. Where that has no name, nothing shows that it is not
 * denied: but what is not there is no matter, as long as there is somewhere to look from. */
static bool is_denied_behind_links(struct session *session, const char *path)
{
	UNCLEARED char real[PATH_TEXT];
	int error = vfs_real(path, real, sizeof(real));

	if (error == 0)
		return access_denies(&session->config, real);
	if (error != -ENOENT && error != -ENOTDIR)
		return true;
	return path[0] != '/' && vfs_current(real, sizeof(real)) < 0;
}

bool names_denies(struct session *session, const char *path)
{
	UNCLEARED char name[PATH_TEXT];

	if (!session->config.deny_file)
		return false;
	record_absolute(path, name);
	return access_denies(&session->config, name) || is_denied_behind_links(session, path);
}

int names_use(struct session *session, const char *argument, char out[PATH_TEXT])
{
	int error = names_expand(session, argument, out);

	if (error == 0 && names_denies(session, out))
		error = NAMES_DENIED;
	return error;
}

struct reply names_error(int error, const char *text)
{
	if (error == NAMES_DENIED)
		return reply(550, "Permission denied.");
	return reply_error(error, text);
}
