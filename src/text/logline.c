#include "text/logline.h"

#include <stddef.h>
#include <string.h>

#include "text/timestamp.h"
#include "text/utf8.h"

/* What a name, an address or a password may take, so that the frame always fits in a line. */
#define FIELD_MAX 256

/* All that can stand behind the text of a line: a password and the numbers. */
#define TAIL_MAX (FIELD_MAX + 128)

/* Hundredths of a Kbyte a second; stays exact in a double and far inside uint64_t. */
#define RATE_MAX 1e15

/*
 * How one kind of field is made harmless: the printable characters in `barred` have a meaning in
 * the line around it, and become '_'.
 */
struct rule {
	const char *barred;
	bool keep_utf8;
};

/* The size of the multibyte character at `text` that may stay, or 0. */
static size_t kept_size(const char *text)
{
	uint32_t point;
	size_t size = utf8_decode(text, UTF8_LONGEST, &point);

	return size > 1 && !utf8_disturbs(point) ? size : 0;
}

static char safe_byte(char byte, const char *barred)
{
	if (byte < 0x20 || byte > 0x7E)
		return '?';
	if (strchr(barred, byte))
		return '_';
	return byte;
}

static void append_safe(struct buffer *b, const char *text, struct rule rule, size_t limit)
{
	size_t used = 0;

	while (*text != '\0') {
		size_t kept = rule.keep_utf8 ? kept_size(text) : 0;
		size_t size = kept > 0 ? kept : 1;

		used += size;
		if (used > limit)
			return;
		if (kept > 0)
			buffer_bytes(b, text, kept);
		else
			buffer_byte(b, safe_byte(*text, rule.barred));
		text += size;
	}
}

/* What the text of a line may take when `frame` bytes of the line are still to come. */
static size_t text_limit(const struct buffer *b, size_t start, size_t room, size_t frame)
{
	size_t taken = b->size - start + frame;

	if (room > LOGLINE_MAX)
		room = LOGLINE_MAX;
	return room > taken ? room - taken : 0;
}

static void append_stamp(struct buffer *b, int64_t now, int pid)
{
	timestamp_append_log(b, now);
	buffer_string(b, " [pid ");
	buffer_number(b, pid > 0 ? (uint64_t)pid : 0);
	buffer_string(b, "] ");
}

static void append_user(struct buffer *b, const struct logline *line)
{
	if (!line->user || line->user[0] == '\0')
		return;
	buffer_byte(b, '[');
	append_safe(b, line->user, (struct rule){"\"[]", line->keep_utf8}, FIELD_MAX);
	buffer_string(b, "] ");
}

static void append_event(struct buffer *b, enum logline_event event, bool ok)
{
	static const char *const words[] = {
		[LOGLINE_CONNECT] = "CONNECT",
		[LOGLINE_LOGIN] = "LOGIN",
		[LOGLINE_UPLOAD] = "UPLOAD",
		[LOGLINE_DOWNLOAD] = "DOWNLOAD",
		[LOGLINE_MKDIR] = "MKDIR",
		[LOGLINE_RMDIR] = "RMDIR",
		[LOGLINE_DELETE] = "DELETE",
		[LOGLINE_RENAME] = "RENAME",
		[LOGLINE_CHMOD] = "CHMOD",
		[LOGLINE_COMMAND] = "FTP command",
		[LOGLINE_RESPONSE] = "FTP response",
		[LOGLINE_DEBUG] = "DEBUG",
	};
	bool has_outcome = event != LOGLINE_CONNECT && event != LOGLINE_COMMAND &&
			   event != LOGLINE_RESPONSE && event != LOGLINE_DEBUG;

	if (has_outcome)
		buffer_string(b, ok ? "OK " : "FAIL ");
	buffer_string(b, words[event]);
}

static void append_client(struct buffer *b, const struct logline *line)
{
	buffer_string(b, ": Client \"");
	append_safe(b, line->client, (struct rule){"\"", false}, FIELD_MAX);
	buffer_byte(b, '"');
}

static uint64_t rate_hundredths(uint64_t bytes, double seconds)
{
	/* So written that a NaN counts as no time, too. */
	double time = seconds > 0 ? seconds : 0.1;
	double rate = (double)bytes / 1024 / time * 100 + 0.5;

	return (uint64_t)(rate < RATE_MAX ? rate : RATE_MAX);
}

static void append_rate(struct buffer *b, uint64_t hundredths)
{
	buffer_string(b, ", ");
	buffer_number(b, hundredths / 100);
	buffer_byte(b, '.');
	buffer_padded(b, hundredths % 100, 2, '0');
	buffer_string(b, "Kbyte/sec");
}

/* Everything behind the text; it is made first, for its size. */
static void make_tail(struct buffer *tail, const struct logline *line, bool stamped)
{
	if (line->anonymous_password) {
		buffer_string(tail, ", anon password \"");
		append_safe(tail, line->anonymous_password, (struct rule){"\"", line->keep_utf8},
			FIELD_MAX);
		buffer_byte(tail, '"');
	}
	if (line->bytes > 0) {
		buffer_string(tail, ", ");
		buffer_number(tail, line->bytes);
		buffer_string(tail, " bytes");
	}
	if (line->event == LOGLINE_UPLOAD || line->event == LOGLINE_DOWNLOAD)
		append_rate(tail, rate_hundredths(line->bytes, line->seconds));
	if (stamped)
		buffer_byte(tail, '\n');
}

void logline_append_native(struct buffer *b, const struct logline *line, bool stamped)
{
	static const char quote[] = ", \"";
	char storage[TAIL_MAX];
	struct buffer tail;
	size_t start = b->size;
	size_t room = buffer_room(b);

	buffer_start(&tail, storage, sizeof(storage));
	make_tail(&tail, line, stamped);
	if (stamped)
		append_stamp(b, line->now, line->pid);
	append_user(b, line);
	append_event(b, line->event, line->ok);
	append_client(b, line);
	if (line->text && line->text[0] != '\0') {
		buffer_string(b, quote);
		append_safe(b, line->text, (struct rule){"\"", line->keep_utf8},
			text_limit(b, start, room, 1 + tail.size));
		buffer_byte(b, '"');
	}
	buffer_bytes(b, tail.data, tail.size);
}

/* One column: never empty, never with a blank, so that the columns behind it keep their places. */
static void append_column(struct buffer *b, const char *text, bool keep_utf8, size_t limit)
{
	append_safe(b, text[0] != '\0' ? text : "?", (struct rule){" ", keep_utf8}, limit);
}

static void make_xfer_tail(struct buffer *tail, const struct xferline *line)
{
	buffer_string(tail, line->ascii ? " a _ " : " b _ ");
	buffer_string(tail, line->incoming ? "i " : "o ");
	buffer_byte(tail, line->access);
	buffer_byte(tail, ' ');
	append_column(tail, line->user, line->keep_utf8, FIELD_MAX);
	buffer_string(tail, " ftp 0 * ");
	buffer_string(tail, line->complete ? "c\n" : "i\n");
}

void logline_append_xfer(struct buffer *b, const struct xferline *line)
{
	char storage[TAIL_MAX];
	struct buffer tail;
	size_t start = b->size;
	size_t room = buffer_room(b);

	buffer_start(&tail, storage, sizeof(storage));
	make_xfer_tail(&tail, line);
	timestamp_append_log(b, line->now);
	buffer_byte(b, ' ');
	buffer_number(b, line->seconds > 0 ? line->seconds : 1);
	buffer_byte(b, ' ');
	append_column(b, line->client, false, FIELD_MAX);
	buffer_byte(b, ' ');
	buffer_number(b, line->bytes);
	buffer_byte(b, ' ');
	append_column(b, line->path, line->keep_utf8, text_limit(b, start, room, tail.size));
	buffer_bytes(b, tail.data, tail.size);
}
