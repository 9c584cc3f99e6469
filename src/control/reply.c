#include "control/reply.h"

#include <errno.h>
#include <string.h>

#include "text/number.h"

/* Telnet's "interpret as command": as data it is sent twice (RFC 854). */
#define TELNET_IAC_BYTE 0xff

static int error_code(int error, int otherwise)
{
	switch (error) {
	case -EAGAIN:
	case -EBUSY:
	case -ETXTBSY:
	case -EINTR:
		return 450;
	case -EIO:
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
	case -ESTALE:
		return 451;
	case -ENOSPC:
		return 452;
	case -EDQUOT:
	case -EFBIG:
		return 552;
	default:
		return otherwise;
	}
}

struct reply reply_error(int error, const char *text)
{
	return reply(error_code(error, 550), text);
}

struct reply reply_name_error(int error, const char *text)
{
	return reply(error_code(error, 553), text);
}

/* Codes have three digits (RFC 959 section 4.2); with the separator, what a line begins with. */
#define CODE_SIZE 4
static void write_code(char out[CODE_SIZE], int code, char separator)
{
	unsigned digits = (unsigned)code;

	out[0] = (char)('0' + digits / 100);
	number_two(digits % 100, out + 1);
	out[3] = separator;
}

static void append_code(struct buffer *b, int code, char separator)
{
	char text[CODE_SIZE];

	write_code(text, code, separator);
	buffer_bytes(b, text, sizeof(text));
}

/* Whether a control character or 0xFF may be among eight bytes: never no when there is one. */
static bool maybe_special(uint64_t eight)
{
	return (((eight - NUMBER_EACH(0x20)) & ~eight) | ((~eight - NUMBER_EACH(0x01)) & eight)) &
	       NUMBER_EACH(0x80);
}

/* Copies the bytes up to the next one that does not stand for itself, and returns how many they are. */
static inline size_t copy_plain(char *out, const char *text, size_t size)
{
	size_t plain = 0;
	uint64_t eight;

	for (; size - plain >= sizeof(eight); plain += sizeof(eight)) {
		memcpy(&eight, text + plain, sizeof(eight));
		if (maybe_special(eight))
			break;
		memcpy(out + plain, &eight, sizeof(eight));
	}
	for (; plain < size && (unsigned char)text[plain] >= 0x20 &&
		(unsigned char)text[plain] != TELNET_IAC_BYTE;
		plain++)
		out[plain] = text[plain];
	return plain;
}

static void append_byte(struct buffer *b, char byte)
{
	if (byte == '\r')
		buffer_bytes(b, "\r\0", 2);
	else if ((unsigned char)byte == TELNET_IAC_BYTE)
		buffer_bytes(b, "\xff\xff", 2);
	else
		buffer_byte(b, byte == '\t' ? '\t' : '?');
}

static void append_text(struct buffer *b, const char *line, size_t size)
{
	size_t used = 0;

	/* Room is kept for a doubled byte and the line end. */
	while (used < size && buffer_room(b) >= 4) {
		size_t most = buffer_room(b) - 3;
		size_t plain = copy_plain(
			b->data + b->size, line + used, size - used < most ? size - used : most);
		b->size += plain;
		used += plain;
		if (plain == 0)
			append_byte(b, line[used++]);
	}
	buffer_bytes(b, "\r\n", 2);
}

bool reply_append_plain(struct buffer *b, const struct reply *reply)
{
	size_t size = strlen(reply->text);
	char *at = b->data + b->size;

	if (buffer_room(b) < CODE_SIZE + size + 2 ||
		copy_plain(at + CODE_SIZE, reply->text, size) < size)
		return false;
	write_code(at, reply->code, ' ');
	memcpy(at + CODE_SIZE + size, "\r\n", 2);
	b->size += CODE_SIZE + size + 2;
	return true;
}

const char *reply_append_line(struct buffer *b, const struct reply *reply, const char *line)
{
	size_t size = (size_t)(strchrnul(line, '\n') - line);
	bool last = line[size] == '\0';

	if (last)
		append_code(b, reply->code, ' ');
	else if (line[0] != ' ' || line == reply->text)
		append_code(b, reply->code, '-');
	append_text(b, line, size);
	return last ? NULL : line + size + 1;
}

void reply_append_path(struct buffer *b, const char *path)
{
	buffer_byte(b, '"');
	for (;;) {
		size_t plain = strcspn(path, "\"\n");
		buffer_bytes(b, path, plain);
		path += plain;
		if (*path == '\0')
			break;
		/* An LF would start another line of the reply. */
		buffer_string(b, *path++ == '"' ? "\"\"" : "?");
	}
	buffer_byte(b, '"');
}
