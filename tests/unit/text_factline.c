/* factline: an entry as MLST and MLSD tell it (RFC 3659 section 7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "text/factline.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define FACTS_ALL ((FACT_UNIX_GROUP << 1) - 1)

static char storage[8192];
static struct buffer b;

static const struct factline file = {.name = "a file",
	.mode = S_IFREG | 0644,
	.size = 123456789012,
	.modified = 1795361103,
	.nanoseconds = 5000000,
	.device = 0xFE01,
	.inode = 0xABCDEF0123,
	.perm = "adfrw",
	.uid = "1801",
	.gid = "1802",
	.owner = "alice",
	.group = "users"};

static void check(const struct factline *line, unsigned facts, const char *expected)
{
	buffer_start(&b, storage, sizeof(storage));
	factline_append(&b, line, facts);
	assert_string_equal(buffer_text(&b), expected);
	assert_false(b.cut);
}

/* ---- lines ---- */

static void test_whole_line(void **state)
{
	(void)state;
	check(&file, FACTS_ALL,
		"type=file;size=123456789012;modify=20261122152503.005;perm=adfrw;"
		"unique=fe01gabcdef0123;UNIX.mode=0644;UNIX.uid=1801;UNIX.gid=1802;"
		"UNIX.owner=alice;UNIX.group=users; a file\r\n");
}

static void test_each_fact(void **state)
{
	static const struct {
		enum fact fact;
		const char *line;
	} cases[] = {
		{FACT_TYPE, "type=file; a file\r\n"},
		{FACT_SIZE, "size=123456789012; a file\r\n"},
		{FACT_MODIFY, "modify=20261122152503.005; a file\r\n"},
		{FACT_PERM, "perm=adfrw; a file\r\n"},
		{FACT_UNIQUE, "unique=fe01gabcdef0123; a file\r\n"},
		{FACT_UNIX_MODE, "UNIX.mode=0644; a file\r\n"},
		{FACT_UNIX_UID, "UNIX.uid=1801; a file\r\n"},
		{FACT_UNIX_GID, "UNIX.gid=1802; a file\r\n"},
		{FACT_UNIX_OWNER, "UNIX.owner=alice; a file\r\n"},
		{FACT_UNIX_GROUP, "UNIX.group=users; a file\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check(&file, cases[i].fact, cases[i].line);
	/* No fact at all: the blank still stands before the name (section 7.2). */
	check(&file, 0, " a file\r\n");
}

static void test_types(void **state)
{
	static const struct {
		uint32_t mode;
		const char *type, *target, *line;
	} cases[] = {
		{S_IFREG, NULL, NULL, "type=file; x\r\n"},
		{S_IFDIR, NULL, NULL, "type=dir; x\r\n"},
		{S_IFDIR, "cdir", NULL, "type=cdir; x\r\n"},
		{S_IFDIR, "pdir", NULL, "type=pdir; x\r\n"},
		{S_IFIFO, NULL, NULL, "type=OS.unix=fifo; x\r\n"},
		{S_IFSOCK, NULL, NULL, "type=OS.unix=socket; x\r\n"},
		{S_IFBLK, NULL, NULL, "type=OS.unix=blk; x\r\n"},
		{S_IFCHR, NULL, NULL, "type=OS.unix=chr; x\r\n"},
		{0, NULL, NULL, "type=OS.unix=unknown; x\r\n"},
		{S_IFLNK, NULL, NULL, "type=OS.unix=symlink; x\r\n"},
		{S_IFLNK, NULL, "a/b", "type=OS.unix=slink:a/b; x\r\n"},
		{S_IFLNK, NULL, "../\xC3\xA9", "type=OS.unix=slink:../\xC3\xA9; x\r\n"},
		/* Targets that would be more than a fact, or less. */
		{S_IFLNK, NULL, "", "type=OS.unix=symlink; x\r\n"},
		{S_IFLNK, NULL, "a b", "type=OS.unix=symlink; x\r\n"},
		{S_IFLNK, NULL, "a;type=dir", "type=OS.unix=symlink; x\r\n"},
		{S_IFLNK, NULL, "a\r\nb", "type=OS.unix=symlink; x\r\n"},
		{S_IFLNK, NULL, "a\x7F", "type=OS.unix=symlink; x\r\n"},
		{S_IFLNK, NULL, "a\t", "type=OS.unix=symlink; x\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct factline line = {.name = "x",
			.mode = cases[i].mode,
			.type = cases[i].type,
			.target = cases[i].target};
		check(&line, FACT_TYPE, cases[i].line);
	}
}

/* Only regular files have a size that a transfer would have. */
static void test_size(void **state)
{
	static const uint32_t modes[] = {S_IFDIR, S_IFLNK, S_IFIFO, S_IFCHR, S_IFSOCK};
	struct factline line = {.name = "x", .mode = S_IFREG, .size = 0};

	(void)state;
	check(&line, FACT_SIZE, "size=0; x\r\n");
	line.size = UINT64_MAX;
	check(&line, FACT_SIZE, "size=18446744073709551615; x\r\n");
	for (size_t i = 0; i < COUNT(modes); i++) {
		line.mode = modes[i] | 0777;
		check(&line, FACT_SIZE, " x\r\n");
	}
}

/* Universal time (section 7.5.3), with milliseconds where there are any. */
static void test_modify(void **state)
{
	static const struct {
		int64_t seconds;
		uint32_t nanoseconds;
		const char *line;
	} cases[] = {
		{0, 0, "modify=19700101000000; x\r\n"},
		{-1, 999999999, "modify=19691231235959.999; x\r\n"},
		{1795361103, 999999, "modify=20261122152503; x\r\n"},
		{1795361103, 1000000, "modify=20261122152503.001; x\r\n"},
		{1795361103, 120000000, "modify=20261122152503.120; x\r\n"},
		{253402300799, 0, "modify=99991231235959; x\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct factline line = {.name = "x",
			.modified = cases[i].seconds,
			.nanoseconds = cases[i].nanoseconds};
		check(&line, FACT_MODIFY, cases[i].line);
	}
}

static void test_unique(void **state)
{
	struct factline line = {.name = "x"};

	(void)state;
	check(&line, FACT_UNIQUE, "unique=0g0; x\r\n");
	line.device = 0x10;
	line.inode = 0x10000;
	check(&line, FACT_UNIQUE, "unique=10g10000; x\r\n");
	line.device = line.inode = UINT64_MAX;
	check(&line, FACT_UNIQUE, "unique=ffffffffffffffffgffffffffffffffff; x\r\n");
}

static void test_mode(void **state)
{
	static const struct {
		uint32_t mode;
		const char *line;
	} cases[] = {
		{S_IFREG, "UNIX.mode=0000; x\r\n"},
		{S_IFREG | 0007, "UNIX.mode=0007; x\r\n"},
		{S_IFREG | 0070, "UNIX.mode=0070; x\r\n"},
		{S_IFREG | 0700, "UNIX.mode=0700; x\r\n"},
		{S_IFDIR | 01777, "UNIX.mode=1777; x\r\n"},
		{S_IFREG | 07654, "UNIX.mode=7654; x\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct factline line = {.name = "x", .mode = cases[i].mode};
		check(&line, FACT_UNIX_MODE, cases[i].line);
	}
}

/* An empty list of permissions is a statement; owners that are not told are not. */
static void test_empty_values(void **state)
{
	struct factline line = {.name = "x", .mode = S_IFDIR | 0755, .perm = ""};
	unsigned owners = FACT_UNIX_UID | FACT_UNIX_GID | FACT_UNIX_OWNER | FACT_UNIX_GROUP;

	(void)state;
	check(&line, FACT_PERM | owners, "perm=; x\r\n");
	line.uid = line.gid = line.owner = line.group = "";
	check(&line, owners, " x\r\n");
	line.owner = "al ice";
	line.group = "a;b";
	check(&line, owners, " x\r\n");
	line.owner = "M\xC3\xBCller";
	line.group = "users";
	check(&line, owners, "UNIX.owner=M\xC3\xBCller;UNIX.group=users; x\r\n");
}

/* The name is all that is behind the first blank, as it is (section 7.2). */
static void test_names(void **state)
{
	static const char *const names[] = {"", " ", " leading", "trailing ", "a;b= c", "a=b;",
		"\x1B[2J", "\xFF\x80", "caf\xC3\xA9", "\"q\"", "-a", "%s%n", "/a/b"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct factline line = {.name = names[i], .mode = S_IFREG};
		char expected[64];
		snprintf(expected, sizeof(expected), "type=file; %s\r\n", names[i]);
		check(&line, FACT_TYPE, expected);
	}
}

static void test_storage_that_ends(void **state)
{
	struct factline line = file;
	size_t whole;

	(void)state;
	buffer_start(&b, storage, sizeof(storage));
	factline_append(&b, &line, FACTS_ALL);
	whole = b.size;
	for (size_t capacity = 1; capacity <= whole + 1; capacity++) {
		memset(storage, 0x5A, sizeof(storage));
		buffer_start(&b, storage, capacity);
		factline_append(&b, &line, FACTS_ALL);
		assert_int_equal(b.cut, capacity <= whole);
		assert_int_equal(storage[capacity], 0x5A);
	}
}

/* ---- selections ---- */

static void test_default(void **state)
{
	(void)state;
	assert_int_equal(FACTS_DEFAULT, FACTS_ALL & ~(FACT_UNIX_OWNER | FACT_UNIX_GROUP));
}

static void check_lists(unsigned facts, const char *all, const char *selected)
{
	buffer_start(&b, storage, sizeof(storage));
	factline_append_all(&b, facts);
	assert_string_equal(buffer_text(&b), all);
	buffer_start(&b, storage, sizeof(storage));
	factline_append_selected(&b, facts);
	assert_string_equal(buffer_text(&b), selected);
}

static void test_lists(void **state)
{
	(void)state;
	check_lists(FACTS_ALL,
		"type*;size*;modify*;perm*;unique*;UNIX.mode*;UNIX.uid*;UNIX.gid*;UNIX.owner*;"
		"UNIX.group*;",
		"type;size;modify;perm;unique;UNIX.mode;UNIX.uid;UNIX.gid;UNIX.owner;UNIX.group;");
	check_lists(0,
		"type;size;modify;perm;unique;UNIX.mode;UNIX.uid;UNIX.gid;UNIX.owner;UNIX.group;",
		"");
	check_lists(FACT_SIZE | FACT_UNIX_OWNER,
		"type;size*;modify;perm;unique;UNIX.mode;UNIX.uid;UNIX.gid;UNIX.owner*;UNIX.group;",
		"size;UNIX.owner;");
}

static const struct {
	const char *text;
	unsigned facts;
} selections[] = {
	{"", 0},
	{";", 0},
	{";;;", 0},
	{"type;", FACT_TYPE},
	{"type", FACT_TYPE}, /* its ';' forgotten */
	{"TYPE;", FACT_TYPE},
	{"tYpE;SiZe;", FACT_TYPE | FACT_SIZE},
	{"size;type;", FACT_TYPE | FACT_SIZE},
	{"size;type", FACT_TYPE | FACT_SIZE},
	{"type;type;", FACT_TYPE},
	{"modify;perm;unique;", FACT_MODIFY | FACT_PERM | FACT_UNIQUE},
	{"unix.MODE;UNIX.uid;UNIX.gid;", FACT_UNIX_MODE | FACT_UNIX_UID | FACT_UNIX_GID},
	{"UNIX.owner;UNIX.group;", FACT_UNIX_OWNER | FACT_UNIX_GROUP},
	/* Facts that nobody has do not count (section 7.9). */
	{"media-type;", 0},
	{"create;type;lang;", FACT_TYPE},
	{"typ;", 0},
	{"types;", 0},
	{"type=file;", 0},
	{"type*;", 0},
	{"UNIX.;", 0},
	{"UNIX.mod;", 0},
	{"%s%n;\xFF;size;", FACT_SIZE},
};

static void test_selections(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(selections); i++) {
		unsigned facts = 4711;
		assert_int_equal(factline_select(selections[i].text, &facts), 0);
		if (facts != selections[i].facts)
			fail_msg("\"%s\": %#x", selections[i].text, facts);
	}
}

static void test_selections_with_blanks(void **state)
{
	static const char *const texts[] = {" ", "type; size;", " type;", "type; ", "a b", "\t"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		unsigned facts = 4711;
		assert_int_equal(factline_select(texts[i], &facts), -EINVAL);
		assert_int_equal(facts, 4711);
	}
}

/* What a selection is answered with selects the same again. */
static void test_every_selection_comes_back(void **state)
{
	(void)state;
	for (unsigned facts = 0; facts <= FACTS_ALL; facts++) {
		unsigned again = 0;
		buffer_start(&b, storage, sizeof(storage));
		factline_append_selected(&b, facts);
		assert_int_equal(factline_select(buffer_text(&b), &again), 0);
		assert_int_equal(again, facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_line),
		cmocka_unit_test(test_each_fact),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_modify),
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_empty_values),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_storage_that_ends),
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_selections),
		cmocka_unit_test(test_selections_with_blanks),
		cmocka_unit_test(test_every_selection_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
