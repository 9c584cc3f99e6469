/* LIST, NLST and MLSD: see limit.h. */
#include "limit.h"

enum { LOOK = AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC };

struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

static char *add_list_line(char *to, const struct statx *status, int64_t now)
{
	static const char months[] = "Jan\0Feb\0Mar\0Apr\0May\0Jun\0Jul\0Aug\0Sep\0Oct\0Nov\0Dec";
	struct day day = day_of(status->stx_mtime.tv_sec);
	uint64_t rest = (uint64_t)(status->stx_mtime.tv_sec % 86400);

	*to++ = (status->stx_mode & 0170000) == 0040000 ? 'd' : '-';
	for (int bit = 8; bit >= 0; bit--)
		*to++ = status->stx_mode >> bit & 1 ? "xwr"[bit % 3] : '-';
	to = add_number(to, status->stx_nlink, 5, ' ');
	to = add_number(add_text(to, " "), status->stx_uid, 8, ' ');
	to = add_number(add_text(to, " "), status->stx_gid, 8, ' ');
	to = add_number(add_text(to, " "), status->stx_size, 12, ' ');
	to = add_text(add_text(to, " "), months + 4 * (day.month - 1));
	to = add_text(add_number(add_text(to, " "), day.day, 2, '0'), " ");
	if (now - status->stx_mtime.tv_sec > 15552000)
		return add_text(add_number(to, day.year, 5, ' '), " ");
	to = add_number(
		add_text(add_number(to, rest / 3600, 2, '0'), ":"), rest % 3600 / 60, 2, '0');
	return add_text(to, " ");
}

static char *add_facts(char *to, const struct statx *status)
{
	to = add_number(add_text(to, "type=file;size="), status->stx_size, 1, ' ');
	to = add_stamp(add_text(to, ";modify="), status->stx_mtime.tv_sec);
	to = add_text(to, ";UNIX.mode=0");
	for (int shift = 6; shift >= 0; shift -= 3)
		*to++ = (char)('0' + (status->stx_mode >> shift & 7));
	to = add_number(add_text(to, ";UNIX.uid="), status->stx_uid, 1, ' ');
	to = add_number(add_text(to, ";UNIX.gid="), status->stx_gid, 1, ' ');
	return add_text(add_number(add_text(to, ";unique="), status->stx_ino, 1, ' '), "; ");
}

void list(const char *name, char kind)
{
	long directory =
		call(SYS_openat, AT_FDCWD, (long)name, DIRECTORY_ONLY | CLOSE_ON_EXEC, 0, 0, 0);
	int64_t now[2] = {0, 0};
	long count;

	if (directory < 0) {
		say("550 no");
		return;
	}
	long data = begin();
	char *memory = room(), *to = memory, *entries = memory + PIECE;
	call(SYS_clock_gettime, 0, (long)now, 0, 0, 0, 0);
	while ((count = call(SYS_getdents64, directory, (long)entries, ENTRIES, 0, 0, 0)) > 0) {
		for (char *at = entries; at < entries + count;) {
			struct entry *entry = (struct entry *)(void *)at;
			struct statx status;
			at += entry->length;
			if (entry->name[0] == '.')
				continue;
			if (kind != 'N' && look(directory, entry->name, LOOK, &status) < 0)
				continue;
			if (kind != 'N')
				to = kind == 'L' ? add_list_line(to, &status, now[0])
						 : add_facts(to, &status);
			to = add_text(add_text(to, entry->name), "\r\n");
			if (to - memory > BLOCK) {
				data_write(data, memory, (size_t)(to - memory));
				to = memory;
			}
		}
	}
	data_write(data, memory, (size_t)(to - memory));
	end(data, directory);
}
