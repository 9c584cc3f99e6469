/* One conversation: the steps of the control connection. */
#include "player.h"

#include <ctype.h>
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool fail(struct player *player, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	if (player->failure.size > 0)
		return false;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		err(4, "memory");
	va_end(arguments);
	bytes_print(&player->failure, "%s:%u: %s\n", player->script->path,
		player->item != NULL ? player->item->line : 1, text);
	free(text);
	return false;
}

bool mismatch(struct player *player, const char *expected, const void *came, size_t size)
{
	struct bytes shown = {0};

	bytes_show(&shown, came, size);
	fail(player, "not what was expected\n    expected: %s\n    came:     %s", expected,
		shown.size > 0 ? (const char *)shown.data : "");
	bytes_free(&shown);
	return false;
}

bool expanded(struct player *player, const char *text, struct bytes *out)
{
	const char *error = expand(text, &player->variables, out);

	return error == NULL || fail(player, "%s", error);
}

/* One line of the transcript. */
static void note(struct player *player, const char *mark, const void *data, size_t size)
{
	bytes_print(&player->transcript, "    %s", mark);
	bytes_show(&player->transcript, data, size);
	bytes_add(&player->transcript, "\n", 1);
}

/* ---- lines ---- */

static bool line_matches(struct player *player, const char *text, const void *data, size_t size)
{
	const char *error = NULL;
	bool same = matches(text, &player->variables, data, size, &error);

	if (error != NULL)
		fail(player, "%s", error);
	return same;
}

static const unsigned char *line_end(const unsigned char *data, size_t size, const char *ending)
{
	return size == 0 ? NULL : memmem(data, size, ending, strlen(ending));
}

static bool lines_from(struct player *player, size_t at, const unsigned char *data, size_t size,
	const char *ending)
{
	const struct item *item = player->item;

	for (;; at++) {
		if (at == item->under_count)
			return size == 0;
		const unsigned char *end = line_end(data, size, ending);
		if (strcmp(item->under[at], "...") == 0) {
			if (lines_from(player, at + 1, data, size, ending))
				return true;
			if (end == NULL)
				return false;
			at--;
		} else if (end == NULL ||
			   !line_matches(player, item->under[at], data, (size_t)(end - data))) {
			return false;
		}
		size -= (size_t)(end - data) + strlen(ending);
		data = end + strlen(ending);
	}
}

bool lines_match(struct player *player, const struct bytes *data, const char *ending)
{
	const unsigned char *at = data->data;
	size_t size = data->size;

	if (lines_from(player, 0, at, size, ending))
		return true;
	struct bytes text = {0};
	bytes_print(&text, "not the lines that were expected\n    came:");
	while (size > 0) {
		const unsigned char *end = line_end(at, size, ending);
		size_t line = end != NULL ? (size_t)(end - at) : size;
		bytes_print(&text, "\n    | ");
		bytes_show(&text, at, line);
		line += end != NULL ? strlen(ending) : 0;
		at += line;
		size -= line;
	}
	fail(player, "%s", text.data);
	bytes_free(&text);
	return false;
}

/* ---- replies ---- */

/* Wait for more of the control connection. */
static enum wire receive_more(struct player *player, unsigned int milliseconds)
{
	static unsigned char buffer[65536];
	size_t got = 0;

	if (player->control < 0)
		return WIRE_EOF;
	enum wire wire = wire_receive(player->control, buffer, sizeof(buffer), milliseconds, &got);
	if (wire == WIRE_OK)
		bytes_add(&player->received, buffer, got);
	return wire;
}

/* The next line, without its end, moved from what was received. */
static bool take_line(struct player *player, const char *expected, struct bytes *line)
{
	const unsigned char *end = NULL;

	while ((end = line_end(player->received.data, player->received.size, "\n")) == NULL) {
		enum wire wire = receive_more(player, player->patience * 1000);
		if (wire == WIRE_OK)
			continue;
		if (player->received.size > 0)
			note(player, "< ", player->received.data, player->received.size);
		return fail(player, "not what was expected\n    expected: %s\n    came:     %s",
			expected, wire_text(wire));
	}
	size_t size = (size_t)(end - player->received.data);
	bytes_add(line, player->received.data, size);
	bytes_cut(&player->received, size + 1);
	note(player, "< ", line->data, size > 0 && line->data[size - 1] == '\r' ? size - 1 : size);
	if (size == 0 || line->data[size - 1] != '\r')
		return fail(player, "a line that does not end in CR LF");
	line->data[--line->size] = '\0';
	return true;
}

static void remember_passive(struct player *player, const struct bytes *line)
{
	const char *text = (const char *)line->data;

	if (strncmp(text, "227 ", 4) == 0 || strncmp(text, "229 ", 4) == 0)
		snprintf(player->passive, sizeof(player->passive), "%s", text);
}

static bool is_final(const struct bytes *line)
{
	const unsigned char *text = line->data;

	return line->size >= 4 && isdigit(text[0]) && isdigit(text[1]) && isdigit(text[2]) &&
	       text[3] == ' ';
}

static bool play_expect(struct player *player, char *expected)
{
	struct bytes line = {0};
	bool good = false;

	if (strcmp(expected, "...") == 0) {
		player->skipping = true;
		return true;
	}
	for (;;) {
		bytes_free(&line);
		if (!take_line(player, expected, &line))
			break;
		remember_passive(player, &line);
		good = line_matches(player, expected, line.data, line.size);
		if (good || !player->skipping || is_final(&line))
			break;
	}
	if (!good)
		mismatch(player, expected, line.data, line.size);
	else if (line.size >= 4 && memcmp(line.data, "230 ", 4) == 0)
		good = process_check(player);
	player->skipping = false;
	bytes_free(&line);
	return good;
}

/* A line that may come, or the next expected one does. */
static bool play_perhaps(struct player *player, char *expected)
{
	const unsigned char *end = NULL;

	while ((end = line_end(player->received.data, player->received.size, "\r\n")) == NULL)
		if (receive_more(player, player->patience * 1000) != WIRE_OK)
			return true;
	size_t size = (size_t)(end - player->received.data);
	if (!line_matches(player, expected, player->received.data, size))
		return player->failure.size == 0;
	return play_expect(player, expected);
}

/* ---- what the client sends ---- */

static bool send_all(struct player *player, const void *data, size_t size, int flags)
{
	if (player->control < 0)
		return fail(player, "the control connection is closed");
	enum wire wire = wire_send(player->control, data, size, flags, player->patience);
	if (wire == WIRE_OK)
		return true;
	return fail(player, "cannot send: %s", wire_text(wire));
}

static bool nothing_came(struct player *player, unsigned int milliseconds)
{
	if (player->control >= 0 && player->received.size == 0)
		receive_more(player, milliseconds);
	if (player->received.size == 0)
		return true;
	mismatch(player, "(no reply now)", player->received.data, player->received.size);
	return false;
}

static bool play_line(struct player *player, char *text)
{
	struct bytes line = {0};
	bool good = nothing_came(player, 0) && expanded(player, text, &line);

	if (good) {
		note(player, "> ", line.data, line.size);
		bytes_add(&line, "\r\n", 2);
		good = send_all(player, line.data, line.size, 0);
	}
	bytes_free(&line);
	return good;
}

static bool play_raw(struct player *player, char *text, const char *mark, int flags, bool trickle)
{
	struct bytes raw = {0};
	bool good = expanded(player, text, &raw);

	if (good)
		note(player, mark, raw.data, raw.size);
	if (good && !trickle)
		good = send_all(player, raw.data, raw.size, flags);
	for (size_t i = 0; good && trickle && i < raw.size; i++) {
		good = send_all(player, raw.data + i, 1, flags);
		usleep(1000);
	}
	bytes_free(&raw);
	return good;
}

static bool play_send(struct player *player, char *text)
{
	return play_raw(player, text, "> send ", 0, false);
}

static bool play_trickle(struct player *player, char *text)
{
	return play_raw(player, text, "> trickle ", 0, true);
}

static bool play_urgent(struct player *player, char *text)
{
	return play_raw(player, text, "> urgent ", MSG_OOB, false);
}

/* ---- time and ends ---- */

static bool play_wait(struct player *player, char *rest)
{
	uint64_t milliseconds = 0;

	if (!number_of(rest, &milliseconds))
		return fail(player, "wait wants milliseconds");
	usleep((useconds_t)milliseconds * 1000);
	return true;
}

static bool play_quiet(struct player *player, char *rest)
{
	uint64_t milliseconds = 0;

	if (!number_of(rest, &milliseconds))
		return fail(player, "quiet wants milliseconds");
	return nothing_came(player, (unsigned int)milliseconds);
}

static bool server_closes(struct player *player, bool reset_too)
{
	enum wire wire = WIRE_OK;

	while (player->received.size == 0 && wire == WIRE_OK)
		wire = receive_more(player, player->patience * 1000);
	if (!nothing_came(player, 0))
		return false;
	if (wire != WIRE_EOF && !(reset_too && wire == WIRE_RESET))
		return fail(player,
			"not what was expected\n    expected: the server closes\n"
			"    came:     %s",
			wire_text(wire));
	note(player, "(the server has closed)", "", 0);
	wire_close(&player->control);
	return true;
}

static bool play_closed(struct player *player, char *rest)
{
	return *rest == '\0' ? server_closes(player, false) : fail(player, "closed, and no more");
}

static bool play_gone(struct player *player, char *rest)
{
	return *rest == '\0' ? server_closes(player, true) : fail(player, "gone, and no more");
}

static bool play_control(struct player *player, char *rest)
{
	if (player->control < 0)
		return fail(player, "the control connection is closed");
	bytes_print(&player->transcript, "    > control %s\n", rest);
	if (strcmp(rest, "close") == 0)
		wire_close(&player->control);
	else if (strcmp(rest, "reset") == 0)
		wire_reset(&player->control);
	else if (strcmp(rest, "half-close") == 0)
		shutdown(player->control, SHUT_WR);
	else
		return fail(player, "control wants close, reset or half-close");
	return true;
}

static bool play_data_step(struct player *player, char *rest)
{
	bytes_print(&player->transcript, "    = data %s\n", rest);
	return play_data(player, rest);
}

/* "login NAME [PASSWORD]": from the greeting to 230. */
static bool play_login(struct player *player, char *rest)
{
	char greeting[] = "220 *";
	char asks[] = "331 *";
	char welcome[] = "230 *";
	char user[VALUE_MAX_SIZE];
	char pass[VALUE_MAX_SIZE];
	const char *name = next_word(&rest);

	if (name == NULL)
		return fail(player, "login NAME [PASSWORD]");
	snprintf(user, sizeof(user), "USER %s", name);
	if (*rest != '\0')
		snprintf(pass, sizeof(pass), "PASS %s", rest);
	else if (strcmp(name, "ftp") == 0 || strcmp(name, "anonymous") == 0)
		snprintf(pass, sizeof(pass), "PASS guest@example.net");
	else
		snprintf(pass, sizeof(pass), "PASS secret-%s", name);
	return play_expect(player, greeting) && play_line(player, user) &&
	       play_expect(player, asks) && play_line(player, pass) && play_expect(player, welcome);
}

/* ---- steps ---- */

static bool play_times(struct player *player, char *rest);

static const struct {
	const char *word;
	bool (*play)(struct player *player, char *rest);
} steps[] = {
	{">", play_line},
	{"<", play_expect},
	{"<?", play_perhaps},
	{"login", play_login},
	{"send", play_send},
	{"trickle", play_trickle},
	{"urgent", play_urgent},
	{"data", play_data_step},
	{"control", play_control},
	{"wait", play_wait},
	{"quiet", play_quiet},
	{"closed", play_closed},
	{"gone", play_gone},
	{"times", play_times},
};

static bool play_step(struct player *player, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		err(4, "memory");
	char *rest = copy;
	const char *word = next_word(&rest);
	bool (*play)(struct player * player, char *rest) = NULL;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (word != NULL && strcmp(word, steps[i].word) == 0)
			play = steps[i].play;
	bool good = play != NULL ? play(player, rest) : fail(player, "not a step: %s", text);
	free(copy);
	return good;
}

static bool play_times(struct player *player, char *rest)
{
	uint64_t times = 0;
	bool good = true;

	if (!number_of(next_word(&rest), &times))
		return fail(player, "times wants a number and a step");
	for (uint64_t i = 0; good && i < times; i++)
		good = play_step(player, rest);
	return good;
}

/* Nothing more may come when the client has no more to say. */
static bool play_end(struct player *player)
{
	wire_close(&player->data);
	wire_close(&player->listener);
	if (player->control < 0)
		return player->received.size == 0 || nothing_came(player, 0);
	shutdown(player->control, SHUT_WR);
	return server_closes(player, true);
}

bool play_conversation(struct player *player)
{
	const struct script *script = player->script;
	bool good = true;

	for (size_t i = 0; good && i < script->count; i++) {
		if (script->items[i].section != SECTION_TALK)
			continue;
		player->item = &script->items[i];
		good = play_step(player, player->item->text);
	}
	return good && play_end(player);
}
