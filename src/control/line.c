#include "control/line.h"

#include <string.h>

size_t line_room(struct line *line, char **out_where)
{
	if (line->begin > 0) {
		memmove(line->bytes, line->bytes + line->begin, line->end - line->begin);
		line->end -= line->begin;
		/* No second copy of what may be a password. */
		explicit_bzero(line->bytes + line->end, line->begin);
		line->begin = 0;
	}
	*out_where = line->bytes + line->end;
	return sizeof(line->bytes) - line->end;
}

void line_arrived(struct line *line, size_t size, struct buffer *answers)
{
	line->end += telnet_strip(&line->telnet, line->bytes + line->end, size, answers);
}

/* Drops `size` bytes from the front. */
static void consume(struct line *line, size_t size)
{
	line->begin += size;
	line->seen = 0;
	if (line->begin == line->end)
		line->begin = line->end = 0;
}

static char *find_end(struct line *line)
{
	char *start = line->bytes + line->begin + line->seen;
	char *end = memchr(start, '\n', line->end - line->begin - line->seen);

	if (!end)
		line->seen = line->end - line->begin;
	return end;
}

/* The middle or the end of an over-long line. */
static enum line_event skip(struct line *line, const char *end)
{
	size_t size =
		end ? (size_t)(end + 1 - (line->bytes + line->begin)) : line->end - line->begin;

	line->skipped += size;
	consume(line, size);
	if (line->skipped > LINE_SKIP_MAX)
		return LINE_FLOOD;
	if (end)
		line->skipped = 0;
	return LINE_NONE;
}

static enum line_event begin_to_skip(struct line *line, const char *end)
{
	line->skipped = 1;
	(void)skip(line, end);
	return LINE_TOO_LONG;
}

enum line_event line_take(struct line *line, char **out_text, size_t *out_size)
{
	char *text, *end = find_end(line);
	size_t size;

	if (line->skipped > 0) {
		enum line_event event = skip(line, end);
		if (event != LINE_NONE || !end)
			return event;
		end = find_end(line);
	}
	/* The CR of its end may be here already. */
	if (!end)
		return line->end - line->begin > LINE_MAX_SIZE + 1 ? begin_to_skip(line, NULL)
								   : LINE_NONE;
	text = line->bytes + line->begin;
	size = (size_t)(end - text);
	if (size > 0 && text[size - 1] == '\r')
		size--;
	if (size > LINE_MAX_SIZE)
		return begin_to_skip(line, end);
	consume(line, (size_t)(end + 1 - text));
	text[size] = '\0';
	*out_text = text;
	*out_size = size;
	return LINE_READY;
}

void line_peek(const struct line *line, line_visitor *visit, void *context)
{
	const char *at = line->bytes + line->begin, *end = line->bytes + line->end;
	bool first = true;

	if (line->skipped > 0)
		return;
	for (;;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t size;
		if (!stop)
			return;
		size = (size_t)(stop - at);
		if (size > 0 && at[size - 1] == '\r')
			size--;
		if (!visit(at, size, first, context))
			return;
		first = false;
		at = stop + 1;
	}
}
