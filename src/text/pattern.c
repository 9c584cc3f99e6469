#include "text/pattern.h"

#include <stdint.h>
#include <string.h>

/*
 * The positions of the simulation are the offsets in the pattern; the offset behind its last byte
 * is acceptance. All moves lead forward save a star's to itself, so one ascending pass over a set
 * both follows the moves that take no byte and makes those that do.
 */
#define WORD_BITS 64
#define WORDS (PATTERN_MAX / WORD_BITS + 1)

struct positions {
	uint64_t words[WORDS];
};

struct pattern {
	const char *text;
	size_t size;
	/* For a '[' its ']'; for a '{', ',' or '}' of a closed group its '}'; else 0: the byte
	 * stands for itself. */
	uint16_t link[PATTERN_MAX];
};

static void add(struct positions *set, size_t position)
{
	set->words[position / WORD_BITS] |= UINT64_C(1) << position % WORD_BITS;
}

/* The first member from `from` on, or `limit`. */
static size_t next_member(const struct positions *set, size_t from, size_t limit)
{
	uint64_t mask = UINT64_MAX << from % WORD_BITS;

	for (size_t i = from / WORD_BITS; i * WORD_BITS < limit; i++) {
		uint64_t word = set->words[i] & mask;

		if (word != 0) {
			size_t member = i * WORD_BITS + (size_t)__builtin_ctzll(word);

			return member < limit ? member : limit;
		}
		mask = UINT64_MAX;
	}
	return limit;
}

static bool is_complement(const char *set)
{
	return set[0] == '!' || set[0] == '^';
}

/* The ']' that closes the set opened at `open`, or 0. */
static size_t find_set_end(const struct pattern *p, size_t open)
{
	size_t first = open + 1;
	const char *close;

	if (first < p->size && is_complement(p->text + first))
		first++;
	/* The byte at `first` is a member whatever it is. */
	if (first + 1 >= p->size)
		return 0;
	close = memchr(p->text + first + 1, ']', p->size - first - 1);
	return close ? (size_t)(close - p->text) : 0;
}

static void link_group(struct pattern *p, size_t open, size_t close)
{
	p->link[open] = (uint16_t)close;
	for (size_t i = open + 1; i < close; i++) {
		if (p->link[i] != 0)
			i = p->link[i];
		else if (p->text[i] == ',')
			p->link[i] = (uint16_t)close;
	}
	p->link[close] = (uint16_t)close;
}

/* Links '[' and, under PATTERN_BRACES, groups. Linear: a '[' without end means that no later one
 * has an end either. */
static void link_all(struct pattern *p, unsigned flags)
{
	bool sets = true;
	bool is_open = false;
	size_t open = 0;

	for (size_t i = 0; i < p->size; i++) {
		char byte = p->text[i];

		if (byte == '[' && sets) {
			size_t end = find_set_end(p, i);

			sets = end != 0;
			p->link[i] = (uint16_t)end;
			i = sets ? end : i;
		} else if (byte == '{' && !is_open && (flags & PATTERN_BRACES)) {
			is_open = true;
			open = i;
		} else if (byte == '}' && is_open) {
			is_open = false;
			link_group(p, open, i);
		}
	}
}

static bool prepare(struct pattern *p, const char *text, unsigned flags)
{
	p->text = text;
	p->size = strnlen(text, PATTERN_MAX + 1);
	if (p->size > PATTERN_MAX)
		return false;
	memset(p->link, 0, p->size * sizeof(p->link[0]));
	link_all(p, flags);
	return true;
}

/* Whether the set between '[' and ']', both excluded, has the byte. */
static bool set_has(const char *set, size_t size, unsigned char byte)
{
	bool complement = is_complement(set);
	bool found = false;

	for (size_t i = complement; i < size; i++) {
		unsigned char low = (unsigned char)set[i];
		unsigned char high = low;

		if (size - i > 2 && set[i + 1] == '-') {
			high = (unsigned char)set[i + 2];
			i += 2;
		}
		found |= byte >= low && byte <= high;
	}
	return found != complement;
}

/* Enters every alternative of the group opened at `open`. */
static void enter_group(const struct pattern *p, size_t open, struct positions *now)
{
	size_t close = p->link[open];

	add(now, open + 1);
	for (size_t i = open + 1; i < close; i++) {
		if (p->text[i] == ',')
			add(now, i + 1);
		else if (p->link[i] != 0)
			i = p->link[i];
	}
}

/* Makes the moves from one position that take no byte; returns whether it had any. */
static bool move_freely(const struct pattern *p, size_t position, struct positions *now)
{
	size_t link = p->link[position];

	switch (p->text[position]) {
	case '*':
		add(now, position + 1);
		return true;
	case '{':
		if (link != 0)
			enter_group(p, position, now);
		return link != 0;
	case ',':
	case '}':
		if (link != 0)
			add(now, link + 1);
		return link != 0;
	default:
		return false;
	}
}

/* Makes the move from one position that takes `byte`, if there is one. */
static void move_over(
	const struct pattern *p, size_t position, unsigned char byte, struct positions *next)
{
	const char *text = p->text + position;
	size_t link = p->link[position];

	if (*text == '*')
		add(next, position);
	else if (*text == '[' && link != 0) {
		if (set_has(text + 1, link - position - 1, byte))
			add(next, link + 1);
	} else if (*text == '?' || (unsigned char)*text == byte) {
		add(next, position + 1);
	}
}

static void step(
	const struct pattern *p, struct positions *now, unsigned char byte, struct positions *next)
{
	size_t i = next_member(now, 0, p->size);

	while (i < p->size) {
		if (!move_freely(p, i, now) || p->text[i] == '*')
			move_over(p, i, byte, next);
		i = next_member(now, i + 1, p->size);
	}
}

/* The step over a leading '.': nothing but a '.' takes it, not even behind an empty star. */
static void step_hidden(const struct pattern *p, struct positions *now, struct positions *next)
{
	size_t i = next_member(now, 0, p->size);

	while (i < p->size) {
		if (p->text[i] == '.')
			add(next, i + 1);
		else if (p->text[i] != '*')
			move_freely(p, i, now);
		i = next_member(now, i + 1, p->size);
	}
}

static bool is_accepted(const struct pattern *p, struct positions *now)
{
	size_t i = next_member(now, 0, p->size);

	while (i < p->size) {
		move_freely(p, i, now);
		i = next_member(now, i + 1, p->size);
	}
	return next_member(now, p->size, p->size + 1) == p->size;
}

bool pattern_match(const char *pattern, const char *name, size_t size, unsigned flags)
{
	struct pattern p;
	struct positions sets[2];
	size_t used;

	if (!prepare(&p, pattern, flags))
		return false;
	used = (p.size / WORD_BITS + 1) * sizeof(sets[0].words[0]);
	memset(sets[0].words, 0, used);
	add(&sets[0], 0);
	for (size_t i = 0; i < size; i++) {
		struct positions *now = &sets[i % 2];
		struct positions *next = &sets[(i + 1) % 2];

		memset(next->words, 0, used);
		if (i == 0 && name[0] == '.' && (flags & PATTERN_HIDDEN_DOT))
			step_hidden(&p, now, next);
		else
			step(&p, now, (unsigned char)name[i], next);
		if (next_member(next, 0, p.size + 1) > p.size)
			return false;
	}
	return is_accepted(&p, &sets[size % 2]);
}

bool pattern_is_one(const char *text, unsigned flags)
{
	struct pattern p;

	if (!prepare(&p, text, flags))
		return false;
	for (size_t i = 0; i < p.size; i++) {
		if (p.text[i] == '*' || p.text[i] == '?' || p.link[i] != 0)
			return true;
	}
	return false;
}
