/*
 * text/pattern: on short patterns and names the same answer as a matcher that writes out all alternatives and tries
 * every place; on any, a time that grows with the product of their sizes.
 *
 * Input: a byte of flags, the pattern, NUL, the name.
 */
#include <time.h>

#include "fuzz.h"
#include "text/pattern.h"

#define SHORT_PATTERN 24
#define SHORT_NAME 16

/* Nanoseconds of processor time for a step, with sanitizers, and for a call. */
#define STEP 300
#define CALL 200000000

/* ---- the plain matcher ---- */

struct trial {
	const char *pattern;
	size_t size;
	const char *name;
	size_t length;
	unsigned flags;
	char choice[SHORT_PATTERN + 1]; /* the pattern with one alternative of each group */
};

/* The ']' of the set at `open`, or 0. The byte behind "[" or "[!" is a member. */
static size_t set_end(const char *pattern, size_t size, size_t open)
{
	size_t i = open + 1;

	if (i < size && (pattern[i] == '!' || pattern[i] == '^'))
		i++;
	for (i++; i < size; i++)
		if (pattern[i] == ']')
			return i;
	return 0;
}

static bool set_takes(const char *set, size_t size, unsigned char byte)
{
	bool complement = set[0] == '!' || set[0] == '^', found = false;
	size_t i = complement, used;

	for (; i < size; i += used) {
		bool range = i + 2 < size && set[i + 1] == '-';
		unsigned char high = (unsigned char)set[range ? i + 2 : i];
		used = range ? 3 : 1;
		found |= (unsigned char)set[i] <= byte && byte <= high;
	}
	return found != complement;
}

/* Whether the rest of the choice from each place can take the rest of the name from each place. */
static bool choice_matches(const struct trial *t, size_t size)
{
	bool can[SHORT_PATTERN + 2][SHORT_NAME + 2] = {{false}};
	const char *choice = t->choice;

	if ((t->flags & PATTERN_HIDDEN_DOT) && t->length > 0 && t->name[0] == '.' &&
		(size == 0 || choice[0] != '.'))
		return false;
	can[size][t->length] = true;
	for (size_t p = size; p-- > 0;) {
		size_t end = choice[p] == '[' ? set_end(choice, size, p) : 0;
		for (size_t n = t->length + 1; n-- > 0;) {
			bool left = n < t->length;
			char byte = left ? t->name[n] : '\0';
			if (choice[p] == '*')
				can[p][n] = can[p + 1][n] || (left && can[p][n + 1]);
			else if (end > 0)
				can[p][n] =
					left && can[end + 1][n + 1] &&
					set_takes(choice + p + 1, end - p - 1, (unsigned char)byte);
			else
				can[p][n] = left && can[p + 1][n + 1] &&
					    (choice[p] == '?' || choice[p] == byte);
		}
	}
	return can[0][0];
}

/* The first byte of `stops` from `at` on that is in no set, or the pattern's size. */
static size_t find_outside(const struct trial *t, size_t at, const char *stops)
{
	while (at < t->size && !strchr(stops, t->pattern[at])) {
		size_t end = t->pattern[at] == '[' ? set_end(t->pattern, t->size, at) : 0;
		at = (end > 0 ? end : at) + 1;
	}
	return at < t->size ? at : t->size;
}

/* Goes on with the choice of `size` bytes, made of all before `at`. */
static bool some_choice_matches(struct trial *t, size_t at, size_t size)
{
	size_t open = t->flags & PATTERN_BRACES ? find_outside(t, at, "{") : t->size;
	size_t close = open < t->size ? find_outside(t, open + 1, "}") : t->size;

	if (close == t->size)
		open = t->size;
	memcpy(t->choice + size, t->pattern + at, open - at);
	size += open - at;
	if (open == t->size)
		return choice_matches(t, size);
	for (size_t from = open + 1; from <= close;) {
		size_t to = find_outside(t, from, ",}");
		memcpy(t->choice + size, t->pattern + from, to - from);
		if (some_choice_matches(t, close + 1, size + to - from))
			return true;
		from = to + 1;
	}
	return false;
}

/* ---- the target ---- */

static int64_t processor_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	struct trial t = {.flags = take_byte(&in) & (PATTERN_BRACES | PATTERN_HIDDEN_DOT)};
	char *pattern = take_text(&in), *name = exactly(in.size);
	int64_t began = processor_time();
	bool matches;

	t.pattern = pattern;
	t.size = strlen(pattern);
	t.name = name;
	t.length = in.size;
	memcpy(name, in.size > 0 ? (const void *)in.bytes : "", in.size);
	matches = pattern_match(pattern, name, t.length, t.flags);
	must(processor_time() - began <
		CALL + STEP * (int64_t)(t.size + 1) * (int64_t)(t.length + 1));
	must(!matches || t.size <= PATTERN_MAX);
	if (t.size <= SHORT_PATTERN && t.length <= SHORT_NAME)
		must(some_choice_matches(&t, 0, 0) == matches);
	if (t.size <= PATTERN_MAX && !pattern_is_one(pattern, t.flags))
		must(matches == (t.size == t.length && memcmp(pattern, name, t.size) == 0));
	free(pattern);
	free(name);
	return 0;
}
