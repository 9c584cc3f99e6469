/* SIZE MDTM MFMT MFF AVBL, SITE UTIME: facts of files, asked for and set. */
#include "commands/facts.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "commands/entries.h"
#include "commands/files.h"
#include "commands/names.h"
#include "commands/record.h"
#include "commands/table.h"
#include "policy/access.h"
#include "system/draft.h"
#include "system/vfs.h"
#include "text/number.h"
#include "text/timestamp.h"

/* ---- asked for ---- */

static int size_on_wire(struct session *session, const char *path, uint64_t *out_size)
{
	struct facts facts;
	int fd, error = files_open(session, path, &fd, &facts);

	if (error < 0)
		return error;
	error = files_measure_ascii(fd, out_size);
	vfs_close(fd);
	return error;
}

/* It lies beside the file, where links lead to. */
static int kept_size(const char *path, bool is_link, uint64_t *out_size)
{
	UNCLEARED char target[PATH_TEXT];

	if (!is_link)
		return draft_kept_size(path, out_size);
	if (vfs_real(path, target, sizeof(target)) < 0)
		return -ENOENT;
	return draft_kept_size(target, out_size);
}

/* Of an interrupted upload the client is told how much there is, to go on from there; that it was told is remembered. */
static int size_on_disk(struct session *session, const char *path, uint64_t *out_size)
{
	struct facts facts;
	int error = vfs_link_stat(path, &facts);
	bool is_link = error == 0 && vfs_is_link(&facts);

	session->kept_told = 0;
	if (entries_keep(session) && kept_size(path, is_link, out_size) == 0) {
		session->kept_told = *out_size;
		return 0;
	}
	if (is_link)
		error = vfs_stat(path, &facts);
	if (error == 0 && !S_ISREG(facts.mode))
		error = -EINVAL;
	if (error == 0)
		*out_size = facts.size;
	return error;
}

struct reply cmd_size(struct session *session, const char *argument)
{
	bool converts = session->ascii && session->config.ascii_download_enable;
	UNCLEARED char path[PATH_TEXT];
	uint64_t size = 0;
	struct buffer b;
	int error = names_use(session, argument, path);

	if (error == 0)
		error = converts ? size_on_wire(session, path, &size)
				 : size_on_disk(session, path, &size);
	if (converts && error == -EFBIG)
		return reply(550, "The file is too large for SIZE in ASCII mode.");
	if (error < 0)
		return names_error(error, "Could not get file size.");
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_number(&b, size);
	return reply(213, buffer_text(&b));
}

struct reply cmd_avbl(struct session *session, const char *argument)
{
	UNCLEARED char path[PATH_TEXT];
	uint64_t bytes = 0;
	struct buffer b;
	int error = names_use(session, *argument ? argument : ".", path);

	if (error == 0)
		error = vfs_available(path, &bytes);
	if (error < 0)
		return names_error(error, "Could not get the space available.");
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_number(&b, bytes);
	return reply(213, buffer_text(&b));
}

/* ---- set ---- */

/* A point in time as a client gives it. */
struct moment {
	int64_t seconds;
	uint32_t nanoseconds;
};

static int set_modified(struct session *session, const char *argument, const struct moment *moment,
	char path[PATH_TEXT])
{
	int error = names_use(session, argument, path);

	if (error == 0)
		error = vfs_set_modified(path, moment->seconds, moment->nanoseconds);
	record_times(session, error, path, moment->seconds, moment->nanoseconds);
	return error;
}

static struct moment from_civil(const struct civil *civil, bool local)
{
	return (struct moment){
		local ? timestamp_join_local(civil) : timestamp_join(civil), civil->nanoseconds};
}

/* Reads "TIME PATH". Returns where the path begins, or NULL if the argument has another form. */
static const char *read_moment(const char *argument, bool local, struct moment *out_moment)
{
	struct civil civil;
	size_t size;

	if (timestamp_parse_digits(argument, &civil, &size) < 0 || argument[size] != ' ' ||
		!argument[size + 1])
		return NULL;
	*out_moment = from_civil(&civil, local);
	return argument + size + 1;
}

static struct reply set_by_mdtm(
	struct session *session, const char *argument, const struct moment *moment)
{
	UNCLEARED char path[PATH_TEXT];
	int error;

	if (!access_permits(&session->config, session->login.anonymous, CLASS_TIMES))
		return reply(550, "Permission denied.");
	error = set_modified(session, argument, moment, path);
	if (error < 0)
		return names_error(error, "Could not set file modification time.");
	return reply(213, "File modification time set.");
}

/* MDTM with a time in front sets it, unless that whole argument names a file (RFC 3659 section 3.1
 * knows only the names; setting is an older habit of clients). */
struct reply cmd_mdtm(struct session *session, const char *argument)
{
	const struct config *config = &session->config;
	UNCLEARED char path[PATH_TEXT];
	struct facts facts = {.size = 0};
	struct moment moment;
	struct buffer b;
	int error = names_use(session, argument, path);

	if (error == 0)
		error = vfs_stat(path, &facts);
	if (error == -ENOENT || error == -ENAMETOOLONG) {
		const char *rest = read_moment(argument, config->use_localtime, &moment);
		if (rest)
			return set_by_mdtm(session, rest, &moment);
	}
	if (error == 0 && !S_ISREG(facts.mode))
		error = -EINVAL;
	if (error < 0)
		return names_error(error, "Could not get file modification time.");
	buffer_start(&b, session->text, sizeof(session->text));
	timestamp_append_digits(&b, facts.modified, config->use_localtime);
	if (config->time_fractions)
		timestamp_append_fraction(&b, facts.nanoseconds);
	return reply(213, buffer_text(&b));
}

/* "213 FACTS; PATH", as MFMT and MFF confirm what they have set (draft-somers-ftp-mfxx). */
static struct reply confirm(
	struct session *session, const char *facts, size_t size, const char *path)
{
	struct buffer b;

	buffer_start(&b, session->text, sizeof(session->text));
	buffer_bytes(&b, facts, size);
	buffer_string(&b, "; ");
	buffer_string(&b, path);
	return reply(213, buffer_text(&b));
}

struct reply cmd_mfmt(struct session *session, const char *argument)
{
	struct moment moment;
	const char *name = read_moment(argument, false, &moment);
	UNCLEARED char facts[128], path[PATH_TEXT];
	struct buffer b;
	int error;

	if (!name)
		return reply(501, "MFMT needs a time, YYYYMMDDhhmmss, and a pathname.");
	error = set_modified(session, name, &moment, path);
	if (error < 0)
		return names_error(error, "Could not set file modification time.");
	buffer_start(&b, facts, sizeof(facts));
	buffer_string(&b, "Modify=");
	buffer_bytes(&b, argument, (size_t)(name - argument) - 1);
	return confirm(session, facts, b.size, path);
}

/* ---- MFF ---- */

/* The facts that MFF was asked to set. */
struct wish {
	bool modify, mode;
	struct moment moment;
	unsigned bits;
	char digits[32]; /* of the mode, as they were given */
};

/* Reads one "name=value"; returns 0, or the reply's code. */
static int read_fact(const char *text, size_t size, struct wish *wish)
{
	char value[32];
	const char *equals = memchr(text, '=', size);
	size_t name = equals ? (size_t)(equals - text) : size;
	size_t length = size - name - 1, used;
	struct civil civil;

	if (!equals || length >= sizeof(value))
		return 501;
	memcpy(value, equals + 1, length);
	value[length] = '\0';
	if (name == 6 && strncasecmp(text, "modify", 6) == 0) {
		if (timestamp_parse_digits(value, &civil, &used) < 0 || value[used])
			return 501;
		wish->modify = true;
		wish->moment = from_civil(&civil, false);
		return 0;
	}
	if (name == 9 && strncasecmp(text, "UNIX.mode", 9) == 0) {
		wish->mode = true;
		memcpy(wish->digits, value, length + 1);
		return number_parse_octal(value, 0777, &wish->bits) < 0 ? 501 : 0;
	}
	return 504;
}

/* Reads "name=value;name=value; path"; sets the size of the facts, without the last ';'. */
static int read_wish(const char *argument, struct wish *out_wish, size_t *out_size)
{
	size_t size = strcspn(argument, " "), at = 0;

	if (size < 2 || argument[size - 1] != ';' || !argument[size] || !argument[size + 1])
		return 501;
	while (at < size) {
		size_t length = strcspn(argument + at, ";");
		int code = read_fact(argument + at, length, out_wish);
		if (code != 0)
			return code;
		at += length + 1;
	}
	*out_size = size - 1;
	return 0;
}

static bool is_permitted(const struct session *session, const struct wish *wish)
{
	const struct config *config = &session->config;
	bool anonymous = session->login.anonymous;

	return (!wish->modify || access_permits(config, anonymous, CLASS_TIMES)) &&
	       (!wish->mode || access_permits(config, anonymous, CLASS_CHMOD));
}

struct reply cmd_mff(struct session *session, const char *argument)
{
	struct wish wish = {.modify = false};
	UNCLEARED char path[PATH_TEXT];
	size_t size = 0;
	int error, code = read_wish(argument, &wish, &size);

	if (code == 504)
		return reply(504, "Only modify and UNIX.mode can be set.");
	if (code != 0)
		return reply(501, "MFF needs facts, as in UNIX.mode=644;, and a pathname.");
	if (!is_permitted(session, &wish))
		return reply(550, "Permission denied.");
	error = names_use(session, argument + size + 2, path);
	if (error == 0 && wish.mode)
		error = vfs_set_mode(path, wish.bits);
	if (wish.mode)
		record_chmod(session, error, path, wish.digits);
	if (error == 0 && wish.modify)
		error = vfs_set_modified(path, wish.moment.seconds, wish.moment.nanoseconds);
	if (wish.modify)
		record_times(session, error, path, wish.moment.seconds, wish.moment.nanoseconds);
	if (error < 0)
		return names_error(error, "Could not set the facts.");
	return confirm(session, argument, size, path);
}

bool facts_any_settable(const struct session *session)
{
	const struct wish modify = {.modify = true}, mode = {.mode = true};

	return is_permitted(session, &modify) || is_permitted(session, &mode);
}

void facts_append_settable(const struct session *session, struct buffer *b)
{
	const struct wish modify = {.modify = true}, mode = {.mode = true};

	if (is_permitted(session, &modify))
		buffer_string(b, "modify;");
	if (is_permitted(session, &mode))
		buffer_string(b, "UNIX.mode;");
}

/* ---- SITE UTIME ---- */

/* Finds the path in "PATH ATIME MTIME CTIME UTC"; sets the times. */
static bool read_three_times(const char *argument, char path[PATH_TEXT], struct moment *out_moment)
{
	const char *fields[4], *end = argument + strlen(argument);
	struct civil civil;
	size_t used;

	for (int i = 3; i >= 0; i--) {
		const char *blank = memrchr(argument, ' ', (size_t)(end - argument));
		if (!blank || blank == argument)
			return false;
		fields[i] = blank + 1;
		end = blank;
	}
	if (strcasecmp(fields[3], "UTC") != 0 || end - argument >= PATH_TEXT)
		return false;
	for (int i = 0; i < 3; i++)
		if (timestamp_parse_digits(fields[i], &civil, &used) < 0 || fields[i][used] != ' ')
			return false;
	(void)timestamp_parse_digits(fields[1], &civil, &used);
	*out_moment = from_civil(&civil, false);
	memcpy(path, argument, (size_t)(end - argument));
	path[end - argument] = '\0';
	return true;
}

/* "YYYYMMDDhhmm[ss] PATH": clients leave out the seconds. */
static const char *read_short_time(const char *argument, struct moment *out_moment)
{
	UNCLEARED char text[PATH_TEXT + 32];
	struct buffer b;

	if (strspn(argument, "0123456789") != 12 || argument[12] != ' ')
		return read_moment(argument, false, out_moment);
	buffer_start(&b, text, sizeof(text));
	buffer_bytes(&b, argument, 12);
	buffer_string(&b, "00");
	buffer_string(&b, argument + 12);
	return read_moment(buffer_text(&b), false, out_moment) ? argument + 13 : NULL;
}

struct reply facts_site_utime(struct session *session, const char *argument)
{
	UNCLEARED char path[PATH_TEXT], used[PATH_TEXT];
	const char *name = path;
	struct moment moment;
	int error;

	if (!read_three_times(argument, path, &moment))
		name = read_short_time(argument, &moment);
	if (!name)
		return reply(501, "SITE UTIME needs a time and a pathname.");
	error = set_modified(session, name, &moment, used);
	if (error < 0)
		return names_error(error, "SITE UTIME command failed.");
	return reply(200, "SITE UTIME command ok.");
}
