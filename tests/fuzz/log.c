/*
 * text/logline: one event is one line, whose frame no client can imitate; an xferlog line has its eighteen columns.
 *
 * Input: a byte for the size of the storage, a byte of flags, a byte of the event, four numbers of eight bytes, then
 * user, client, text and password, each ended by NUL.
 */
#include "fuzz.h"
#include "text/logline.h"

/* What may stand in a line: printable ASCII, and with `utf8` characters that do not change how the line reads. */
static void must_be_harmless(const struct buffer *b, bool line_end, bool utf8)
{
	char *text = copy_text(b->data, b->size);
	size_t size = b->size - line_end, length;
	uint32_t point;

	must(!line_end || text[size] == '\n');
	for (size_t at = 0; at < size; at += length) {
		length = utf8_point(text + at, &point);
		must(length > 0 && point >= 0x20 && point != 0x7F);
		must(point < 0x7F || utf8);
		must(point < 0x80 || point >= 0xA0);
		must((point < 0x2028 || point > 0x202E) && (point < 0x2066 || point > 0x2069));
	}
	free(text);
}

static unsigned count_byte(const struct buffer *b, char byte)
{
	unsigned count = 0;

	for (size_t i = 0; i < b->size; i++)
		count += b->data[i] == byte;
	return count;
}

static void check_native(const struct logline *line, bool stamped)
{
	struct buffer b = exact_buffer(LOGLINE_MAX + 1);
	bool text = line->text && *line->text, user = line->user && *line->user;

	logline_append_native(&b, line, stamped);
	must(!b.cut && b.size <= LOGLINE_MAX);
	must_be_harmless(&b, stamped, line->keep_utf8);
	must(count_byte(&b, '"') == 2U + 2 * text + 2 * (line->anonymous_password != NULL));
	if (stamped)
		must(strncmp(b.data + 24, " [pid ", 6) == 0);
	else if (user)
		must(b.data[0] == '[' && memchr(b.data, ']', b.size) != NULL);
	else
		must(b.data[0] >= 'A' && b.data[0] <= 'Z');
	free(b.data);
}

static void check_xfer(const struct xferline *line)
{
	struct buffer b = exact_buffer(LOGLINE_MAX + 1);
	char *text, *rest = NULL, *last = NULL;
	unsigned columns = 0;

	logline_append_xfer(&b, line);
	must(!b.cut && b.size <= LOGLINE_MAX);
	must_be_harmless(&b, true, line->keep_utf8);
	text = copy_text(b.data, b.size - 1);
	must(!strstr(text + 24, "  "));
	for (char *column = strtok_r(text, " ", &rest); column; columns++) {
		if (columns == 12)
			must(strlen(column) == 1 && column[0] == line->access);
		last = column;
		column = strtok_r(NULL, " ", &rest);
	}
	must(columns == 18 && strcmp(last, line->complete ? "c" : "i") == 0);
	free(text);
	free(b.data);
}

/* In little storage nothing is written past it. */
static void check_small(
	const struct logline *line, const struct xferline *xfer, size_t capacity, bool stamped)
{
	struct buffer b = exact_buffer(capacity);

	logline_append_native(&b, line, stamped);
	must(b.size < capacity);
	buffer_start(&b, b.data, capacity);
	logline_append_xfer(&b, xfer);
	must(b.size < capacity);
	free(b.data);
}

static double take_double(struct input *in)
{
	uint64_t bits = take_number(in, 8);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	size_t capacity = 1 + 8 * take_byte(&in);
	unsigned flags = take_byte(&in), event = take_byte(&in);
	uint64_t now = take_number(&in, 8), moved = take_number(&in, 8), time = take_number(&in, 8);
	double seconds = take_double(&in);
	char *user = take_text(&in), *client = take_text(&in), *text = take_text(&in),
	     *password = take_text(&in);
	const struct logline line = {.now = (int64_t)now,
		.pid = (int)(uint32_t)time,
		.user = flags & 1 ? user : NULL,
		.client = client,
		.event = (enum logline_event)(event % (LOGLINE_DEBUG + 1)),
		.ok = flags & 2,
		.text = flags & 4 ? text : NULL,
		.bytes = moved,
		.seconds = seconds,
		.anonymous_password = flags & 8 ? password : NULL,
		.keep_utf8 = flags & 16};
	const struct xferline xfer = {.now = (int64_t)now,
		.seconds = time,
		.client = client,
		.bytes = moved,
		.path = text,
		.ascii = flags & 1,
		.incoming = flags & 2,
		.access = "agr"[flags % 3],
		.user = user,
		.complete = flags & 4,
		.keep_utf8 = flags & 16};

	check_native(&line, flags & 32);
	check_xfer(&xfer);
	check_small(&line, &xfer, capacity, flags & 32);
	free(user);
	free(client);
	free(text);
	free(password);
	return 0;
}
