/* The data connection: "data" and one of the words at the end. */
#include "player.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 65536 };

static unsigned char piece[PIECE], wanted[PIECE];

/* ---- opening ---- */

/* The end that a 227 or 229 names. */
static bool passive_end(struct player *player, struct end *to)
{
	unsigned int n[6];
	char address[64];
	const char *at = strpbrk(player->passive, "(");

	if (at == NULL)
		return fail(player, "no 227 or 229 to connect to");
	if (sscanf(at, "(%u,%u,%u,%u,%u,%u)", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5]) == 6) {
		snprintf(address, sizeof(address), "%u.%u.%u.%u", n[0], n[1], n[2], n[3]);
		if (end_of(to, address, n[4] * 256 + n[5]))
			return true;
	} else if (sscanf(at, "(|||%u|)", &n[0]) == 1) {
		to->size = sizeof(to->address);
		if (getpeername(player->control, (struct sockaddr *)&to->address, &to->size) == 0) {
			in_port_t port = htons((uint16_t)n[0]);
			if (to->address.ss_family == AF_INET6)
				((struct sockaddr_in6 *)&to->address)->sin6_port = port;
			else
				((struct sockaddr_in *)&to->address)->sin_port = port;
			return true;
		}
	}
	return fail(player, "cannot connect to: %s", player->passive);
}

/* The words "from ADDRESS" and "to ADDRESS". */
static bool connect_words(struct player *player, char *rest, struct end *from, struct end *to)
{
	const char *word = NULL;

	while ((word = next_word(&rest)) != NULL) {
		const char *address = next_word(&rest);
		if (address != NULL && strcmp(word, "from") == 0 && end_of(from, address, 0))
			continue;
		if (address != NULL && strcmp(word, "to") == 0 && end_of(to, address, end_port(to)))
			continue;
		return fail(player, "data passive [from ADDRESS] [to ADDRESS]");
	}
	return true;
}

static bool data_passive(struct player *player, char *rest)
{
	struct end from = {0};
	struct end to = {0};

	if (player->data >= 0)
		return fail(player, "a data connection is open already");
	if (!end_of(&from, player->script->from, 0) || !passive_end(player, &to) ||
		!connect_words(player, rest, &from, &to))
		return fail(player, "bad address");
	if (from.address.ss_family != to.address.ss_family)
		from.size = 0;
	player->data = wire_connect(from.size > 0 ? &from : NULL, &to, player->patience);
	if (player->data < 0)
		return fail(player, "data connection: %s", strerror(errno));
	return true;
}

static bool data_refused(struct player *player, char *rest)
{
	struct bytes port = {0};
	struct end to = {0};
	uint64_t number = 0;
	const char *host = player->script->to;
	bool good = expanded(player, rest, &port) && port.size > 0 &&
		    number_of((const char *)port.data, &number) && number < 65536 &&
		    end_of(&to, host, (unsigned int)number);

	bytes_free(&port);
	if (!good)
		return fail(player, "data refused PORT");
	int fd = wire_connect(NULL, &to, player->patience);
	bool refused = fd < 0 && errno == ECONNREFUSED;
	wire_close(&fd);
	return refused || fail(player, "the connection was not refused");
}

static void set_names(struct player *player, const char *address, unsigned int port)
{
	char text[128];
	bool six = strchr(address, ':') != NULL;

	snprintf(text, sizeof(text), "%u", port);
	variable_set(&player->variables, "LISTEN", text, strlen(text));
	snprintf(text, sizeof(text), "|%d|%s|%u|", six ? 2 : 1, address, port);
	variable_set(&player->variables, "EPRT", text, strlen(text));
	if (six)
		return;
	snprintf(text, sizeof(text), "%s,%u,%u", address, port / 256, port % 256);
	for (char *at = text; *at != '\0'; at++)
		if (*at == '.')
			*at = ',';
	variable_set(&player->variables, "PORT", text, strlen(text));
}

static bool data_listen(struct player *player, char *rest)
{
	const char *word = next_word(&rest);
	const char *address = word != NULL ? word : player->script->from;
	struct end at = {0};

	wire_close(&player->listener);
	if (!end_of(&at, address, 0))
		return fail(player, "data listen [ADDRESS]");
	player->listener = wire_listen(&at, false);
	if (player->listener < 0)
		return fail(player, "data listen: %s", strerror(errno));
	at.size = sizeof(at.address);
	getsockname(player->listener, (struct sockaddr *)&at.address, &at.size);
	set_names(player, address, end_port(&at));
	return true;
}

static bool data_accept(struct player *player, char *rest)
{
	struct end peer = {.size = sizeof(peer.address)};
	const char *word = next_word(&rest);
	uint64_t port = 0;

	if (word != NULL && (strcmp(word, "from") != 0 || !number_of(next_word(&rest), &port)))
		return fail(player, "data accept [from PORT]");
	if (player->listener < 0)
		return fail(player, "data accept without data listen");
	player->data = wire_accept(player->listener, player->patience);
	if (player->data < 0)
		return fail(player, "the server did not connect");
	wire_close(&player->listener);
	getpeername(player->data, (struct sockaddr *)&peer.address, &peer.size);
	if (word != NULL && end_port(&peer) != port)
		return fail(player, "the server's port is %u", end_port(&peer));
	return true;
}

/* ---- receiving ---- */

/* All data to the end. */
static enum wire collect(struct player *player, struct bytes *data)
{
	size_t got = 0;
	enum wire wire = WIRE_OK;

	for (;;) {
		wire = wire_receive(player->data, piece, PIECE, player->patience * 1000, &got);
		if (wire != WIRE_OK)
			return wire;
		bytes_add(data, piece, got);
	}
}

static bool gets_bytes(struct player *player, const struct bytes *expected)
{
	struct bytes data = {0};
	enum wire wire = collect(player, &data);
	bool good = data.size == expected->size &&
		    (data.size == 0 || memcmp(data.data, expected->data, data.size) == 0);

	if (!good) {
		struct bytes shown = {0};
		bytes_show(&shown, expected->data, expected->size);
		mismatch(player, shown.size > 0 ? (const char *)shown.data : "(no data)", data.data,
			data.size);
		bytes_free(&shown);
	} else if (wire != WIRE_EOF) {
		good = fail(player, "all data came, and then %s", wire_text(wire));
	}
	bytes_free(&data);
	wire_close(&player->data);
	return good;
}

static bool gets_text(struct player *player, char *rest)
{
	struct bytes expected = {0};
	bool good = expanded(player, rest, &expected) && gets_bytes(player, &expected);

	bytes_free(&expected);
	return good;
}

static bool gets_empty(struct player *player, char *rest)
{
	(void)rest;
	return gets_bytes(player, &(struct bytes){0});
}

static bool gets_lines(struct player *player, char *rest)
{
	struct bytes data = {0};

	(void)rest;
	enum wire wire = collect(player, &data);
	bool good = lines_match(player, &data, "\r\n");
	if (good && wire != WIRE_EOF)
		good = fail(player, "all lines came, and then %s", wire_text(wire));
	bytes_free(&data);
	wire_close(&player->data);
	return good;
}

static bool gets_any(struct player *player, char *rest)
{
	struct bytes data = {0};

	(void)rest;
	enum wire wire = collect(player, &data);
	bytes_free(&data);
	wire_close(&player->data);
	return wire == WIRE_EOF || wire == WIRE_RESET || fail(player, "%s", wire_text(wire));
}

static bool gets_some(struct player *player, char *rest)
{
	uint64_t left = 0;

	if (!number_of(rest, &left))
		return fail(player, "data gets some BYTES");
	while (left > 0) {
		size_t got = 0;
		enum wire wire = wire_receive(player->data, piece, left < PIECE ? left : PIECE,
			player->patience * 1000, &got);
		if (wire != WIRE_OK)
			return fail(
				player, "%ju bytes missing: %s", (uintmax_t)left, wire_text(wire));
		left -= got;
	}
	return true;
}

/* "N [from OFFSET]" */
static bool extent_words(struct player *player, char *rest, uint64_t *size, uint64_t *offset)
{
	if (!number_of(next_word(&rest), size))
		return fail(player, "a size is missing");
	const char *word = next_word(&rest);
	if (word != NULL && (strcmp(word, "from") != 0 || !number_of(next_word(&rest), offset)))
		return fail(player, "SIZE [from OFFSET]");
	return true;
}

static void make_piece(unsigned char *out, size_t size, uint64_t offset, bool zeros)
{
	if (zeros)
		memset(out, 0, size);
	else
		pattern_fill(out, size, offset);
}

static bool gets_made(struct player *player, char *rest, bool zeros)
{
	uint64_t size = 0;
	uint64_t offset = 0;
	uint64_t place = 0;
	size_t got = 0;
	enum wire wire = WIRE_OK;

	if (!extent_words(player, rest, &size, &offset))
		return false;
	for (; wire == WIRE_OK; place += got) {
		got = 0;
		wire = wire_receive(player->data, piece, PIECE, player->patience * 1000, &got);
		make_piece(wanted, got, offset + place, zeros);
		if (got > 0 && memcmp(piece, wanted, got) != 0)
			return fail(player, "other data near byte %ju", (uintmax_t)place);
	}
	wire_close(&player->data);
	if (place != size || wire != WIRE_EOF)
		return fail(player, "expected %ju bytes, came %ju and %s", (uintmax_t)size,
			(uintmax_t)place, wire_text(wire));
	return true;
}

static bool gets_pattern(struct player *player, char *rest)
{
	return gets_made(player, rest, false);
}

static bool gets_zeros(struct player *player, char *rest)
{
	return gets_made(player, rest, true);
}

/* ---- sending ---- */

static bool put(struct player *player, const void *data, size_t size, bool may_fail, bool *stopped)
{
	enum wire wire = wire_send(player->data, data, size, 0, player->patience);

	*stopped = wire != WIRE_OK;
	if (wire == WIRE_OK || (may_fail && wire == WIRE_RESET))
		return true;
	return fail(player, "cannot send data: %s", wire_text(wire));
}

static bool puts_made(struct player *player, char *rest, bool zeros, bool may_fail)
{
	uint64_t size = 0;
	uint64_t offset = 0;
	bool stopped = false;
	bool good = extent_words(player, rest, &size, &offset);

	while (good && !stopped && size > 0) {
		size_t now = size < PIECE ? (size_t)size : PIECE;
		make_piece(wanted, now, offset, zeros);
		good = put(player, wanted, now, may_fail, &stopped);
		offset += now;
		size -= now;
	}
	return good;
}

static bool puts_words(struct player *player, char *rest, bool may_fail)
{
	const char *word = next_word(&rest);

	if (word != NULL && strcmp(word, "pattern") == 0)
		return puts_made(player, rest, false, may_fail);
	if (word != NULL && strcmp(word, "zeros") == 0)
		return puts_made(player, rest, true, may_fail);
	if (word == NULL || strcmp(word, "text") != 0)
		return fail(player, "data sends text, pattern or zeros");
	struct bytes text = {0};
	bool stopped = false;
	bool good = expanded(player, rest, &text) &&
		    put(player, text.data, text.size, may_fail, &stopped);
	bytes_free(&text);
	return good;
}

static bool data_sends(struct player *player, char *rest)
{
	return puts_words(player, rest, false);
}

static bool data_tries(struct player *player, char *rest)
{
	return puts_words(player, rest, true);
}

/* ---- ending ---- */

static bool data_close(struct player *player, char *rest)
{
	(void)rest;
	wire_close(&player->data);
	wire_close(&player->listener);
	return true;
}

static bool data_reset(struct player *player, char *rest)
{
	(void)rest;
	wire_reset(&player->data);
	return true;
}

static bool data_half_close(struct player *player, char *rest)
{
	(void)rest;
	shutdown(player->data, SHUT_WR);
	return true;
}

/* ---- words ---- */

struct data_word {
	const char *word;
	bool needs_connection;
	bool (*play)(struct player *player, char *rest);
};

static const struct data_word kinds[] = {
	{"text", true, gets_text},
	{"lines", true, gets_lines},
	{"empty", true, gets_empty},
	{"any", true, gets_any},
	{"some", true, gets_some},
	{"pattern", true, gets_pattern},
	{"zeros", true, gets_zeros},
	{NULL, false, NULL},
};

static bool data_gets(struct player *player, char *rest);

static const struct data_word words[] = {
	{"passive", false, data_passive},
	{"listen", false, data_listen},
	{"accept", false, data_accept},
	{"refused", false, data_refused},
	{"gets", true, data_gets},
	{"sends", true, data_sends},
	{"tries", true, data_tries},
	{"close", false, data_close},
	{"reset", true, data_reset},
	{"half-close", true, data_half_close},
	{NULL, false, NULL},
};

static bool play_word(struct player *player, const struct data_word *table, char *rest)
{
	const char *word = next_word(&rest);

	for (const struct data_word *at = table; word != NULL && at->word != NULL; at++) {
		if (strcmp(at->word, word) != 0)
			continue;
		if (at->needs_connection && player->data < 0)
			return fail(player, "no data connection is open");
		return at->play(player, rest);
	}
	return fail(player, "not a step of the data connection");
}

static bool data_gets(struct player *player, char *rest)
{
	return play_word(player, kinds, rest);
}

bool play_data(struct player *player, char *rest)
{
	return play_word(player, words, rest);
}
