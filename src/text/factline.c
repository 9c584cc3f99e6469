#include "text/factline.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "text/timestamp.h"

/* In the order of enum fact. */
static const char *const names[] = {"type", "size", "modify", "perm", "unique", "UNIX.mode",
	"UNIX.uid", "UNIX.gid", "UNIX.owner", "UNIX.group"};

#define COUNT (sizeof(names) / sizeof(names[0]))

/* The size of a text that can be a fact's value, which ends at the first ';' and holds no blanks; otherwise 0. */
static size_t plain_size(const char *text)
{
	size_t size;

	for (size = 0; text[size]; size++) {
		unsigned char byte = (unsigned char)text[size];
		if (byte <= ' ' || byte == ';' || byte == 0x7F)
			return 0;
	}
	return size;
}

static const char *type_name(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "dir";
	case S_IFLNK:
		return "OS.unix=symlink";
	case S_IFIFO:
		return "OS.unix=fifo";
	case S_IFSOCK:
		return "OS.unix=socket";
	case S_IFBLK:
		return "OS.unix=blk";
	case S_IFCHR:
		return "OS.unix=chr";
	default:
		return "OS.unix=unknown";
	}
}

static void append_type(struct buffer *b, const struct factline *entry)
{
	size_t target = entry->target ? plain_size(entry->target) : 0;

	if (S_ISREG(entry->mode) && !entry->type && target == 0) {
		buffer_string(b, "type=file;");
		return;
	}
	buffer_string(b, "type=");
	if (target > 0) {
		buffer_string(b, "OS.unix=slink:");
		buffer_bytes(b, entry->target, target);
	} else {
		buffer_string(b, entry->type ? entry->type : type_name(entry->mode));
	}
	buffer_byte(b, ';');
}

static void append_hex(struct buffer *b, uint64_t value)
{
	char digits[16];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value > 0);
	buffer_bytes(b, digits + at, sizeof(digits) - at);
}

/* `name` with its '='. */
static inline void append_text(struct buffer *b, const char *name, const char *value)
{
	size_t size = value ? plain_size(value) : 0;

	if (size == 0)
		return;
	buffer_string(b, name);
	buffer_bytes(b, value, size);
	buffer_byte(b, ';');
}

static void append_modify(struct buffer *b, const struct factline *entry)
{
	buffer_bytes(b, "modify=", 7);
	timestamp_append_digits(b, entry->modified, false);
	timestamp_append_fraction(b, entry->nanoseconds);
	buffer_byte(b, ';');
}

static void append_unique(struct buffer *b, const struct factline *entry)
{
	buffer_bytes(b, "unique=", 7);
	append_hex(b, entry->device);
	buffer_byte(b, 'g');
	append_hex(b, entry->inode);
	buffer_byte(b, ';');
}

static void append_mode(struct buffer *b, uint32_t mode)
{
	char digits[] = "UNIX.mode=0000;";

	digits[10] = (char)('0' + (mode >> 9 & 7));
	digits[11] = (char)('0' + (mode >> 6 & 7));
	digits[12] = (char)('0' + (mode >> 3 & 7));
	digits[13] = (char)('0' + (mode & 7));
	buffer_bytes(b, digits, sizeof(digits) - 1);
}

static void append_owners(struct buffer *b, const struct factline *entry, unsigned facts)
{
	if (facts & FACT_UNIX_UID)
		append_text(b, "UNIX.uid=", entry->uid);
	if (facts & FACT_UNIX_GID)
		append_text(b, "UNIX.gid=", entry->gid);
	if (facts & FACT_UNIX_OWNER)
		append_text(b, "UNIX.owner=", entry->owner);
	if (facts & FACT_UNIX_GROUP)
		append_text(b, "UNIX.group=", entry->group);
}

void factline_append(struct buffer *b, const struct factline *entry, unsigned facts)
{
	if (facts & FACT_TYPE)
		append_type(b, entry);
	if ((facts & FACT_SIZE) && S_ISREG(entry->mode)) {
		buffer_bytes(b, "size=", 5);
		buffer_number(b, entry->size);
		buffer_byte(b, ';');
	}
	if (facts & FACT_MODIFY)
		append_modify(b, entry);
	if (facts & FACT_PERM) {
		buffer_bytes(b, "perm=", 5);
		buffer_string(b, entry->perm);
		buffer_byte(b, ';');
	}
	if (facts & FACT_UNIQUE)
		append_unique(b, entry);
	if (facts & FACT_UNIX_MODE)
		append_mode(b, entry->mode);
	append_owners(b, entry, facts);
	buffer_byte(b, ' ');
	buffer_string(b, entry->name);
	buffer_bytes(b, "\r\n", 2);
}

void factline_append_all(struct buffer *b, unsigned facts)
{
	for (unsigned i = 0; i < COUNT; i++) {
		buffer_string(b, names[i]);
		buffer_string(b, facts & 1U << i ? "*;" : ";");
	}
}

void factline_append_selected(struct buffer *b, unsigned facts)
{
	for (unsigned i = 0; i < COUNT; i++) {
		if (!(facts & 1U << i))
			continue;
		buffer_string(b, names[i]);
		buffer_byte(b, ';');
	}
}

int factline_select(const char *text, unsigned *out_facts)
{
	unsigned facts = 0;

	if (strpbrk(text, " \t"))
		return -EINVAL;
	while (*text) {
		size_t size = strcspn(text, ";");
		for (unsigned i = 0; i < COUNT; i++)
			if (strlen(names[i]) == size && strncasecmp(text, names[i], size) == 0)
				facts |= 1U << i;
		text += size + (text[size] == ';');
	}
	*out_facts = facts;
	return 0;
}
