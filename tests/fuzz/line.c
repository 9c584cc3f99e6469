/*
 * control/line and text/telnet: any cut of the bytes gives the lines and answers that a plain reading of RFC 854
 * and of control/line.h gives, and nothing grows.
 *
 * Input: two bytes that choose the cuts, then the stream, in which 0x80 N stands for 97 * N times the byte before it
 * (so that small inputs make long lines).
 */
#include "control/line.h"
#include "fuzz.h"

#define STREAM_MAX 80000
#define EVENTS_MAX 4096

struct event {
	enum line_event kind;
	size_t size;
	uint64_t sum; /* of the line's bytes */
};

struct reading {
	struct event events[EVENTS_MAX];
	size_t count;
	struct buffer answers;
	char answer_bytes[STREAM_MAX * 3 + 1];
};

static void add_event(struct reading *to, enum line_event kind, const char *text, size_t size)
{
	struct event event = {.kind = kind, .size = size};

	for (size_t i = 0; i < size; i++)
		event.sum = event.sum * 31 + (unsigned char)text[i] + 1;
	if (to->count < EVENTS_MAX)
		to->events[to->count++] = event;
}

static bool has_ended(const struct reading *reading)
{
	return reading->count > 0 && reading->events[reading->count - 1].kind == LINE_FLOOD;
}

/* ---- what the headers promise, in the plainest way ---- */

static void read_plainly(const char *text, size_t size, struct reading *out)
{
	for (size_t at = 0; at < size && !has_ended(out);) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t length = end ? (size_t)(end - text) - at : size - at;
		size_t shown = length - (end && length > 0 && text[at + length - 1] == '\r');
		if (shown > LINE_MAX_SIZE && (end || length > LINE_MAX_SIZE + 1)) {
			add_event(out, LINE_TOO_LONG, NULL, 0);
			if (1 + length + (end != NULL) > LINE_SKIP_MAX)
				add_event(out, LINE_FLOOD, NULL, 0);
		} else if (end) {
			add_event(out, LINE_READY, text + at, shown);
		}
		at += length + 1;
	}
}

/* ---- the real ones ---- */

struct peek {
	const char *text;
	size_t size;
	unsigned count;
};

static bool see(const char *text, size_t size, bool first, void *context)
{
	struct peek *peek = context;

	must(first == (peek->count == 0));
	if (first) {
		peek->text = text;
		peek->size = size;
	}
	return ++peek->count < 3;
}

/* `ends` tells whether a line's end has just arrived. */
static void take_lines(struct line *line, bool ends, struct reading *out)
{
	for (;;) {
		struct peek peek = {0};
		bool skipping = line->skipped > 0; /* then nothing is shown */
		char *text = NULL;
		size_t size = 0, before = line->end - line->begin;
		if (ends)
			line_peek(line, see, &peek);
		enum line_event event = line_take(line, &text, &size);
		must(line->begin <= line->end && line->end <= sizeof(line->bytes));
		if (event == LINE_NONE)
			return;
		add_event(out, event, text, size);
		if (event == LINE_FLOOD)
			return;
		must(line->end - line->begin < before);
		must(size <= LINE_MAX_SIZE);
		if (event == LINE_READY) {
			must(text[size] == '\0' && !memchr(text, '\n', size));
			must(skipping ||
				(peek.count > 0 && peek.text == text && peek.size == size));
		}
	}
}

/* Feeds pieces of at most `most` bytes. */
static void read_in_pieces(
	const char *bytes, size_t size, size_t most, uint32_t cuts, struct reading *out)
{
	static struct line line;

	memset(&line, 0, sizeof(line));
	while (size > 0 && !has_ended(out)) {
		char *where;
		size_t room = line_room(&line, &where);
		size_t piece = most == 0 ? room : 1 + next_random(&cuts) % most;
		must(room > 0 && where + room == line.bytes + sizeof(line.bytes));
		piece = piece < room ? piece : room;
		piece = piece < size ? piece : size;
		memcpy(where, bytes, piece);
		size_t end = line.end;
		line_arrived(&line, piece, &out->answers);
		must(line.end >= end && line.end - end <= piece);
		bytes += piece;
		size -= piece;
		take_lines(&line, memchr(line.bytes + end, '\n', line.end - end) != NULL, out);
	}
}

static void begin(struct reading *reading)
{
	reading->count = 0;
	buffer_start(&reading->answers, reading->answer_bytes, sizeof(reading->answer_bytes));
}

static void must_agree(const struct reading *a, const struct reading *b)
{
	must(a->count == b->count);
	must(memcmp(a->events, b->events, a->count * sizeof(a->events[0])) == 0);
	if (has_ended(a))
		return; /* the connection ends there, with the rest unread */
	must(a->answers.size == b->answers.size);
	must(memcmp(a->answers.data, b->answers.data, a->answers.size) == 0);
}

static size_t expand(const struct input *in, char *out)
{
	size_t size = 0;

	for (size_t i = 0; i < in->size && size < STREAM_MAX; i++) {
		size_t times = 97;
		if (in->bytes[i] != 0x80 || i + 1 == in->size || size == 0) {
			out[size++] = (char)in->bytes[i];
			continue;
		}
		times *= in->bytes[++i];
		times = times < STREAM_MAX - size ? times : STREAM_MAX - size;
		memset(out + size, out[size - 1], times);
		size += times;
	}
	return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct reading plain, pieces;
	static char stream[STREAM_MAX], stripped[STREAM_MAX];
	static const size_t most[] = {0, 1, 7, 5000};
	struct input in = {bytes, size};
	uint32_t cuts = (uint32_t)take_number(&in, 2) + 1;
	size_t total = expand(&in, stream);

	begin(&plain);
	read_plainly(stripped, telnet_plainly(stream, total, stripped, &plain.answers), &plain);
	for (size_t i = 0; i < COUNT(most); i++) {
		begin(&pieces);
		read_in_pieces(stream, total, most[i], cuts, &pieces);
		must_agree(&plain, &pieces);
	}
	return 0;
}
