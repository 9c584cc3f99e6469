#include "commands/message.h"

#include "system/vfs.h"

/* vsftpd's limit for a message, in bytes. */
#define MESSAGE_MAX 4000

/* FNV-1a: only to tell directories apart. */
static uint32_t hash(const char *text)
{
	uint32_t value = 2166136261U;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 16777619U;
	return value;
}

/* Notes the visit to the working directory; returns whether it is the first. */
static bool is_new_here(struct session *session)
{
	UNCLEARED char here[PATH_TEXT];
	uint32_t mark;

	if (vfs_current(here, sizeof(here)) < 0)
		return false;
	mark = hash(here);
	for (unsigned i = 0; i < session->visited_count; i++)
		if (session->visited[i] == mark)
			return false;
	if (session->visited_count < SESSION_VISITED)
		session->visited[session->visited_count++] = mark;
	return true;
}

static size_t read_message(const char *file, char *text, size_t capacity)
{
	struct facts facts;
	ssize_t got;
	int fd;

	if (vfs_open_read(file, &fd, &facts) < 0)
		return 0;
	got = vfs_read(fd, text, capacity);
	vfs_close(fd);
	return got > 0 ? (size_t)got : 0;
}

/* The file's lines, each ended by one LF, whatever ended them there. */
static void append_lines(struct buffer *b, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] != '\r' && text[i] != '\0')
			buffer_byte(b, text[i]);
	if (size > 0 && text[size - 1] != '\n')
		buffer_byte(b, '\n');
}

struct reply message_reply(struct session *session, int code, const char *text)
{
	const struct config *config = &session->config;
	char message[MESSAGE_MAX];
	struct buffer b;
	size_t size;

	if (!config->dirmessage_enable || !config->message_file || !is_new_here(session))
		return reply(code, text);
	size = read_message(config->message_file, message, sizeof(message));
	if (size == 0)
		return reply(code, text);
	buffer_start(&b, session->text, sizeof(session->text));
	append_lines(&b, message, size);
	buffer_string(&b, text);
	return reply(code, buffer_text(&b));
}
