/* HASH, and XCRC XMD5 XSHA1 XSHA256 XSHA512, which older clients use: digests of files. */
#include "commands/hash.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "commands/files.h"
#include "commands/names.h"
#include "commands/record.h"
#include "commands/table.h"
#include "commands/transfer.h"
#include "policy/access.h"
#include "system/digest.h"
#include "system/io.h"
#include "system/process.h"
#include "system/vfs.h"
#include "text/number.h"

static const struct {
	const char *name;
	enum digest_algorithm algorithm;
} algorithms[] = {
	{"SHA-256", DIGEST_SHA256},
	{"SHA-512", DIGEST_SHA512},
	{"SHA-1", DIGEST_SHA1},
	{"MD5", DIGEST_MD5},
	{"CRC32", DIGEST_CRC32},
};

#define COUNT (sizeof(algorithms) / sizeof(algorithms[0]))

void hash_append_algorithms(const struct session *session, struct buffer *b)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (i > 0)
			buffer_byte(b, ';');
		buffer_string(b, algorithms[i].name);
		if (algorithms[i].algorithm == session->hash)
			buffer_byte(b, '*');
	}
}

static const char *algorithm_name(enum digest_algorithm algorithm)
{
	for (size_t i = 0; i < COUNT; i++)
		if (algorithms[i].algorithm == algorithm)
			return algorithms[i].name;
	return "";
}

struct reply hash_options(struct session *session, const char *argument)
{
	for (size_t i = 0; *argument && i < COUNT; i++) {
		if (strcasecmp(argument, algorithms[i].name) != 0)
			continue;
		session->hash = algorithms[i].algorithm;
		return reply(200, algorithms[i].name);
	}
	if (*argument)
		return reply(501, "Unknown algorithm.");
	return reply(200, algorithm_name(session->hash));
}

/* The bytes to digest. */
struct part {
	uint64_t first, end;
};

/* Chunks between two looks at the client and the clock. */
#define LOOK_EVERY 16

/* Processor time in milliseconds for a client that has closed its half of the control connection: it may still
 * wait for the answer, or be gone, and nothing tells. */
#define HALF_CLOSED_MOST 2000

/* Whether the digest has taken long enough; `used` is in milliseconds. 0, -EFBIG or -EPIPE. */
static int check_time(const struct session *session, int64_t used)
{
	int64_t most = (int64_t)session->config.hash_max_seconds * 1000;

	if (most > 0 && used > most)
		return -EFBIG;
	return session->control.ended && used > HALF_CLOSED_MOST ? -EPIPE : 0;
}

/* Reads and digests: 0, -errno, -ECANCELED (ABOR), -EPIPE (the client has gone) or -EFBIG (over
 * hash_max_seconds). */
static int digest_part(struct session *session, int fd, struct part part)
{
	static char piece[65536];
	struct watch watch = transfer_watch(session);
	int64_t started = process_milliseconds();
	int error = transfer_heard(session);

	transfer_sending(&watch);
	if (error == 0)
		error = vfs_seek(fd, part.first);
	for (unsigned count = 1; error == 0 && part.first < part.end; count++) {
		uint64_t left = part.end - part.first;
		ssize_t got = vfs_read(fd, piece, left < sizeof(piece) ? left : sizeof(piece));
		if (got <= 0)
			return got < 0 ? (int)got : -EIO; /* it has become shorter */
		digest_add(piece, (size_t)got);
		part.first += (uint64_t)got;
		if (count % LOOK_EVERY != 0)
			continue;
		error = watch_glance(&watch);
		if (error == 0)
			error = check_time(session, process_milliseconds() - started);
	}
	return error;
}

/* 0 or what is against it: NAMES_DENIED, -EISDIR, -ERANGE, or another -errno. */
static int open_part(struct session *session, const char *path, int *out_fd, struct part *part)
{
	struct facts facts;
	int error;

	if (!access_permits_transfer(&session->config, path, false))
		return NAMES_DENIED;
	if (vfs_stat(path, &facts) == 0 && !S_ISREG(facts.mode))
		return -EISDIR;
	error = files_open(session, path, out_fd, &facts);
	if (error < 0)
		return error;
	if (part->end > facts.size)
		part->end = facts.size;
	if (part->first > 0 && part->first >= facts.size) {
		vfs_close(*out_fd);
		return -ERANGE;
	}
	return 0;
}

static struct reply not_opened(int error)
{
	if (error == -EISDIR)
		return reply(553, "Not a file.");
	if (error == -ERANGE)
		return reply(554, "The range is beyond the end of the file.");
	return names_error(error, "Failed to open file.");
}

static struct reply not_digested(struct session *session, int error)
{
	if (error == -ECANCELED)
		return reply(426, "HASH aborted.");
	if (error == -EPIPE || error == -EINTR)
		return transfer_gone(session, error);
	if (error == -EFBIG)
		return reply(556, "HASH would take too long.");
	return reply(451, "Failure reading local file.");
}

/* Returns whether there is a digest; if not, sets the command's final reply. */
static bool digest_file(struct session *session, const char *path, enum digest_algorithm algorithm,
	struct part *part, char out[DIGEST_TEXT], struct reply *out_reply)
{
	struct record_hash log = {
		.path = path, .algorithm = algorithm_name(algorithm), .started = io_microseconds()};
	int fd = -1, error = open_part(session, path, &fd, part);

	if (error < 0) {
		*out_reply = not_opened(error);
	} else {
		digest_start(algorithm);
		error = digest_part(session, fd, *part);
		vfs_close(fd);
		if (error < 0)
			*out_reply = not_digested(session, error);
	}
	if (error == 0) {
		digest_finish(out);
		log.digest = out;
		log.offset = part->first;
		log.bytes = part->end - part->first;
	}
	log.error = error;
	record_hash(session, &log);
	return error == 0;
}

struct reply cmd_hash(struct session *session, const char *argument)
{
	const struct pending *pending = &session->pending;
	struct part part = {.first = 0, .end = UINT64_MAX};
	UNCLEARED char path[PATH_TEXT], hex[DIGEST_TEXT];
	struct reply refusal;
	struct buffer b;
	int error = names_use(session, argument, path);

	if (error < 0)
		return names_error(error, "Failed to open file.");
	if (pending->range)
		part = (struct part){.first = pending->first, .end = pending->last + 1};
	if (!digest_file(session, path, session->hash, &part, hex, &refusal))
		return refusal;
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, algorithm_name(session->hash));
	buffer_byte(&b, ' ');
	buffer_number(&b, part.first);
	buffer_byte(&b, '-');
	buffer_number(&b, part.end > 0 ? part.end - 1 : 0);
	buffer_byte(&b, ' ');
	buffer_string(&b, hex);
	buffer_byte(&b, ' ');
	buffer_string(&b, path);
	return reply(213, buffer_text(&b));
}

/* ---- the older forms ---- */

/* Where in "PATH START END" the blank before the one or two numbers is; NULL: there are none. */
static const char *find_numbers(const char *argument)
{
	const char *found = NULL, *end = argument + strlen(argument);

	for (int count = 0; count < 2; count++) {
		const char *blank = memrchr(argument, ' ', (size_t)(end - argument));
		uint64_t number;
		if (!blank || blank == argument ||
			number_parse_bytes(
				blank + 1, (size_t)(end - blank) - 1, INT64_MAX, &number) < 0)
			break;
		found = end = blank;
	}
	return found;
}

/* " START" or " START END": END is the first byte that no longer counts. */
static int read_numbers(const char *text, struct part *part)
{
	size_t size = strcspn(text + 1, " ");

	if (*text == '\0')
		return 0;
	if (number_parse_bytes(text + 1, size, INT64_MAX, &part->first) < 0)
		return -EINVAL;
	text += 1 + size;
	if (*text && number_parse(text + 1, INT64_MAX, &part->end) < 0)
		return -EINVAL;
	return part->first <= part->end ? 0 : -EINVAL;
}

/* Reads `PATH`, `PATH START END` or `"PATH" START END`: numbers belong to the name if such a file is there. */
static int read_old_form(
	struct session *session, const char *argument, char path[PATH_TEXT], struct part *part)
{
	const char *begin = argument, *end = argument[0] == '"' ? strchr(argument + 1, '"') : NULL;
	const char *numbers = end ? end + 1 : find_numbers(argument);
	UNCLEARED char name[PATH_TEXT];
	struct facts facts;
	int error;

	error = names_use(session, argument, path);
	if (error < 0 || !numbers || vfs_stat(path, &facts) == 0)
		return error;
	if (*numbers && *numbers != ' ')
		return 0; /* a quote within a name */
	if (end)
		begin++;
	else
		end = numbers;
	memcpy(name, begin, (size_t)(end - begin));
	name[end - begin] = '\0';
	error = read_numbers(numbers, part);
	return error < 0 ? error : names_use(session, name, path);
}

static struct reply old_hash(
	struct session *session, const char *argument, enum digest_algorithm algorithm)
{
	struct part part = {.first = 0, .end = UINT64_MAX};
	UNCLEARED char path[PATH_TEXT], hex[DIGEST_TEXT];
	struct reply refusal;
	struct buffer b;
	int error = read_old_form(session, argument, path, &part);

	if (error == -EINVAL)
		return reply(501, "Bad range.");
	if (error < 0)
		return names_error(error, "Failed to open file.");
	if (!digest_file(session, path, algorithm, &part, hex, &refusal))
		return refusal;
	buffer_start(&b, session->text, sizeof(session->text));
	buffer_string(&b, hex);
	return reply(250, buffer_text(&b));
}

struct reply cmd_xcrc(struct session *session, const char *argument)
{
	return old_hash(session, argument, DIGEST_CRC32);
}

struct reply cmd_xmd5(struct session *session, const char *argument)
{
	return old_hash(session, argument, DIGEST_MD5);
}

struct reply cmd_xsha1(struct session *session, const char *argument)
{
	return old_hash(session, argument, DIGEST_SHA1);
}

struct reply cmd_xsha256(struct session *session, const char *argument)
{
	return old_hash(session, argument, DIGEST_SHA256);
}

struct reply cmd_xsha512(struct session *session, const char *argument)
{
	return old_hash(session, argument, DIGEST_SHA512);
}
