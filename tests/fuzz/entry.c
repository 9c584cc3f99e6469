/*
 * text/listline and text/factline: whatever an entry is called, it is one line, with the columns or facts that clients
 * parse; nothing is written past the storage.
 *
 * Input: a byte for the size of the storage, four of flags, seven numbers of eight, then name, target, owner, group and
 * a selection of facts, each ended by NUL.
 */
#include <sys/stat.h>

#include "fuzz.h"
#include "text/factline.h"
#include "text/listline.h"

/* What the callers see to: names of accounts are words. */
static void make_word(char *text)
{
	for (char *c = text; *c; c++)
		if (is_control(*c) || *c == ' ')
			*c = '_';
}

static void must_be_line(const struct buffer *b)
{
	must(b->size >= 2 && memcmp(b->data + b->size - 2, "\r\n", 2) == 0);
	for (size_t i = 0; i < b->size - 2; i++)
		must(!is_control(b->data[i]));
}

/* ---- LIST ---- */

static void must_have_columns(struct buffer *b, const struct listline *entry)
{
	char *text = copy_text(b->data, b->size), *rest = NULL, *name;
	unsigned columns = 1;

	must(strspn(text, "-dlbcps?") >= 1 && strcspn(text, " ") == 10);
	/* mode, links, owner, group, size, month, day, time or year */
	name = strtok_r(text, " ", &rest);
	must(name != NULL);
	while (columns < 8 && strtok_r(NULL, " ", &rest))
		columns++;
	must(columns == 8);
	must(strlen(rest) >= strlen(entry->name));
	for (size_t i = 0; entry->name[i]; i++)
		must(rest[i] == (is_control(entry->name[i]) ? '?' : entry->name[i]));
	free(text);
}

static void check_list(const struct listline *entry, int64_t now, unsigned flags, size_t capacity)
{
	size_t most = 200 + strlen(entry->name) + (entry->target ? strlen(entry->target) : 0) +
		      strlen(entry->owner) + strlen(entry->group);
	struct buffer whole = exact_buffer(most), small = exact_buffer(capacity);

	listline_append(&whole, entry, now, flags & 1, flags & 2);
	must(!whole.cut);
	must_be_line(&whole);
	if (*entry->owner && *entry->group)
		must_have_columns(&whole, entry);
	listline_append(&small, entry, now, flags & 1, flags & 2);
	must(small.cut == (whole.size >= capacity));
	must(memcmp(small.data, whole.data, small.size) == 0);
	free(whole.data);
	free(small.data);
}

/* ---- MLSD ---- */

static void must_have_facts(const struct buffer *b, const struct factline *entry)
{
	size_t name = strlen(entry->name), end = b->size - 2 - name;
	const char *space = memchr(b->data, ' ', b->size), *at = b->data;

	must(memcmp(b->data + end, entry->name, name) == 0);
	must(space == b->data + end - 1);
	while (at < space) {
		const char *stop = memchr(at, ';', (size_t)(space - at));
		const char *sign = memchr(at, '=', (size_t)(space - at));
		must(stop && sign && sign > at && sign < stop);
		for (; at < stop; at++)
			must(!is_control(*at));
		at++;
	}
}

static void check_facts(const struct factline *entry, unsigned facts, size_t capacity)
{
	size_t most = 400 + strlen(entry->name) + (entry->target ? strlen(entry->target) : 0) +
		      strlen(entry->owner) + strlen(entry->group);
	struct buffer whole = exact_buffer(most), small = exact_buffer(capacity);

	factline_append(&whole, entry, facts);
	must(!whole.cut && memcmp(whole.data + whole.size - 2, "\r\n", 2) == 0);
	must_have_facts(&whole, entry);
	factline_append(&small, entry, facts);
	must(small.cut == (whole.size >= capacity));
	must(memcmp(small.data, whole.data, small.size) == 0);
	free(whole.data);
	free(small.data);
}

static void check_selection(const char *text)
{
	struct buffer b = exact_buffer(256);
	unsigned facts, again;

	if (factline_select(text, &facts) == 0) {
		must(!strpbrk(text, " \t"));
		must(facts < FACT_UNIX_GROUP * 2);
		factline_append_selected(&b, facts);
		must(!b.cut && factline_select(buffer_text(&b), &again) == 0 && again == facts);
	}
	free(b.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	size_t capacity = 1 + take_byte(&in);
	unsigned flags = (unsigned)take_number(&in, 4);
	uint64_t n[7];

	for (size_t i = 0; i < COUNT(n); i++)
		n[i] = take_number(&in, 8);
	char *name = take_text(&in), *target = take_text(&in), *owner = take_text(&in),
	     *group = take_text(&in), *selection = take_text(&in);
	bool is_link = flags & 4;
	make_word(owner);
	make_word(group);
	const struct listline line = {.name = name,
		.target = is_link ? target : NULL,
		.owner = owner,
		.group = group,
		.mode = (uint32_t)n[0],
		.links = n[1],
		.size = n[2],
		.modified = (int64_t)n[3]};
	const struct factline facts = {.name = name,
		.type = flags & 8 ? "cdir" : NULL,
		.target = is_link ? target : NULL,
		.mode = (uint32_t)n[0],
		.size = n[2],
		.modified = (int64_t)n[3],
		.nanoseconds = (uint32_t)(n[4] % 1000000000),
		.device = n[5],
		.inode = n[6],
		.perm = flags & 16 ? "adfrw" : "",
		.uid = flags & 32 ? "921" : NULL,
		.gid = flags & 32 ? "921" : NULL,
		.owner = owner,
		.group = group};
	check_list(&line, (int64_t)n[4], flags, capacity);
	check_facts(&facts, flags >> 8, capacity);
	check_selection(selection);
	free(name);
	free(target);
	free(owner);
	free(group);
	free(selection);
	return 0;
}
