#include "text/order.h"

#include <endian.h>
#include <string.h>

#include "text/number.h"

/* Fewer entries are merged: counting takes its time, however few there are. */
#define COUNTED 512

/* ---- keys ---- */

/* Eight bytes as a number that sorts as they do. */
static uint64_t eight_bytes(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return be64toh(word);
}

/* How many of their first `most` bytes two names have in common; the first has as many. */
static size_t common_bytes(const char *one, const char *other, size_t most)
{
	for (size_t same = 0; same < most; same += sizeof(uint64_t)) {
		uint64_t difference = eight_bytes(one + same) ^ eight_bytes(other + same);
		if (difference == 0)
			continue;
		same += (size_t)__builtin_clzll(difference) / 8;
		return same < most ? same : most;
	}
	return most;
}

/* What a name has from here to its end, or the first eight bytes of that. */
static uint64_t name_key(const char *name)
{
	uint64_t key = eight_bytes(name);
	uint64_t ends = number_zeros(key);

	if (ends == 0)
		return key;
	return key & ~(UINT64_MAX >> __builtin_clzll(ends));
}

void order_set_keys(struct order_entry *entries, size_t count, const char *names)
{
	const char *first = count > 0 ? names + entries[0].name : "";
	size_t common = strlen(first);

	for (size_t i = 1; i < count; i++)
		common = common_bytes(first, names + entries[i].name, common);
	for (size_t i = 0; i < count; i++)
		entries[i].key = name_key(names + entries[i].name + common);
}

/* ---- comparing ---- */

static bool comes_before(
	const struct order_entry *one, const struct order_entry *other, const char *names)
{
	if (one->key != other->key)
		return one->key < other->key;
	return strcmp(names + one->name, names + other->name) < 0;
}

bool order_holds(const struct order_entry *entries, size_t count, const char *names, bool backwards)
{
	for (size_t i = 1; i < count; i++) {
		const struct order_entry *left = &entries[i - 1], *right = &entries[i];
		if (!comes_before(backwards ? right : left, backwards ? left : right, names))
			return false;
	}
	return true;
}

static void merge(const struct order_entry *from, struct order_entry *to, const char *names,
	size_t begin, size_t middle, size_t end)
{
	size_t left = begin, right = middle;

	for (size_t out = begin; out < end; out++) {
		bool take_right = left == middle ||
				  (right < end && comes_before(&from[right], &from[left], names));
		to[out] = take_right ? from[right++] : from[left++];
	}
}

/* From the bottom up, so that there is no recursion. */
static struct order_entry *merge_sort(
	struct order_entry *entries, struct order_entry *spare, size_t count, const char *names)
{
	struct order_entry *from = entries, *to = spare;

	for (size_t width = 1; width < count; width *= 2) {
		struct order_entry *swap = from;
		for (size_t begin = 0; begin < count; begin += 2 * width) {
			size_t middle = begin + width < count ? begin + width : count;
			size_t end = middle + width < count ? middle + width : count;
			merge(from, to, names, begin, middle, end);
		}
		from = to;
		to = swap;
	}
	return from;
}

/* ---- counting ---- */

/* So many bits of the keys at a time, which two digits or letters have: their places stay near the processor. */
#define WINDOW 12
#define WINDOW_MASK ((1U << WINDOW) - 1)

/* Sorts by these bits; those that have the same ones stay as they are. */
static void by_bits(
	const struct order_entry *from, struct order_entry *to, size_t count, unsigned shift)
{
	static uint32_t places[WINDOW_MASK + 1];
	uint32_t place = 0;

	memset(places, 0, sizeof(places));
	for (size_t i = 0; i < count; i++)
		places[from[i].key >> shift & WINDOW_MASK]++;
	for (unsigned bits = 0; bits <= WINDOW_MASK; bits++) {
		uint32_t many = places[bits];
		places[bits] = place;
		place += many;
	}
	for (size_t i = 0; i < count; i++)
		to[places[from[i].key >> shift & WINDOW_MASK]++] = from[i];
}

/* Puts those that have the same key in the order of their names. */
static void sort_alike(
	struct order_entry *entries, struct order_entry *spare, size_t count, const char *names)
{
	for (size_t begin = 0, end; begin < count; begin = end) {
		struct order_entry *sorted;
		for (end = begin + 1; end < count && entries[end].key == entries[begin].key;)
			end++;
		sorted = merge_sort(entries + begin, spare, end - begin, names);
		if (sorted == spare)
			memcpy(entries + begin, spare, (end - begin) * sizeof(*spare));
	}
}

struct order_entry *order_sort(
	struct order_entry *entries, struct order_entry *spare, size_t count, const char *names)
{
	struct order_entry *from = entries, *to = spare;
	uint64_t differences = 0;

	if (count < COUNTED)
		return merge_sort(entries, spare, count, names);
	for (size_t i = 1; i < count; i++)
		differences |= entries[i].key ^ entries[0].key;
	for (unsigned shift = 0; shift < 64 && differences >> shift > 0; shift += WINDOW) {
		struct order_entry *swap = from;
		shift += (unsigned)__builtin_ctzll(differences >> shift);
		by_bits(from, to, count, shift);
		from = to;
		to = swap;
	}
	sort_alike(from, to, count, names);
	return from;
}

void order_reverse(struct order_entry *entries, size_t count)
{
	for (size_t low = 0, high = count; low + 1 < high; low++) {
		struct order_entry swap = entries[low];
		entries[low] = entries[--high];
		entries[high] = swap;
	}
}
