#include "system/accounting.h"

#include <errno.h>
#include <fcntl.h>
#include <lastlog.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>

#include "system/io.h"
#include "text/buffer.h"
#include "text/number.h"

/* Milliseconds that a lock or another writer is waited for. */
#define PATIENCE 100

/* utmp has a line for each terminal; one that has more of them than this is no utmp. */
#define SLOTS_MAX 65536

#define RECORD ((off_t)sizeof(struct utmpx))

/* A book that is open for the record of the logout, and that record but for its time. */
static struct kept {
	int fd;
	off_t offset;
	struct utmpx record;
} wtmp = {.fd = -1}, utmp = {.fd = -1};

/* ---- records ---- */

/* The fields have a fixed size and no terminator when they are full. */
static void fill(char *field, size_t size, const char *text)
{
	memcpy(field, text, strnlen(text, size));
}

/* Process numbers have at most 22 bits: 4 characters of 6 bits are another text for each. */
static void fill_id(char id[4], pid_t pid)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ+-";

	for (int i = 0; i < 4; i++)
		id[i] = digits[((unsigned)pid >> (6 * (3 - i))) & 63];
}

static void fill_line(char *field, size_t size, const char *daemon, pid_t pid)
{
	char text[32], number[NUMBER_TEXT];
	struct buffer b;

	number_format((uint64_t)pid, number);
	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, strcmp(daemon, "vsftpd") == 0 ? "vsftpd:" : "ftpd:");
	buffer_string(&b, number);
	fill(field, size, buffer_text(&b));
}

static void fill_time(struct utmpx *record)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	record->ut_tv.tv_sec = (__typeof__(record->ut_tv.tv_sec))now.tv_sec;
	record->ut_tv.tv_usec = (__typeof__(record->ut_tv.tv_usec))(now.tv_nsec / 1000);
}

static void fill_record(struct utmpx *record, short type, const struct accounting_entry *entry)
{
	char host[ADDRESS_TEXT];

	memset(record, 0, sizeof(*record));
	record->ut_type = type;
	record->ut_pid = getpid();
	fill_line(record->ut_line, sizeof(record->ut_line), entry->daemon, record->ut_pid);
	fill_id(record->ut_id, record->ut_pid);
	fill(record->ut_user, sizeof(record->ut_user), entry->user);
	address_format_host(entry->client, host);
	fill(record->ut_host, sizeof(record->ut_host), host);
	memcpy(record->ut_addr_v6, entry->client->host, sizeof(record->ut_addr_v6));
	fill_time(record);
}

/* What is left of the login at its end. */
static void fill_logout(struct utmpx *out, const struct utmpx *login)
{
	memset(out, 0, sizeof(*out));
	out->ut_type = DEAD_PROCESS;
	out->ut_pid = login->ut_pid;
	memcpy(out->ut_line, login->ut_line, sizeof(out->ut_line));
	memcpy(out->ut_id, login->ut_id, sizeof(out->ut_id));
}

/* ---- files ---- */

/* Opens a book. Returns a descriptor, -ENOENT or another -errno. */
static int open_book(const char *path, int flags, mode_t forbidden)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		error = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & forbidden))
		error = -EINVAL;
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

static int set_lock(int fd, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

	return fcntl(fd, F_SETLK, &lock) < 0 ? -errno : 0;
}

static int take_lock(int fd)
{
	int64_t deadline = io_now() + PATIENCE;
	int error;

	while ((error = set_lock(fd, F_WRLCK)) < 0 && io_now() < deadline) {
		if (error != -EAGAIN && error != -EACCES)
			return error;
		if (io_wait(-1, 0, -1, io_now() + 5) == -EINTR)
			return -EINTR;
	}
	return error < 0 ? -EAGAIN : 0;
}

static off_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_size;
}

/* What can't be cut off stays: nothing depends on it but those who read the book. */
static void cut(int fd, off_t size)
{
	if (ftruncate(fd, size) < 0)
		errno = 0;
}

/* Takes part of a record off the end of a book, which a full disk has left there: all that came behind it
 * would be misread. A part may also be of a record that is being written now: to write nothing waits for
 * the end of that. */
static void mend(int fd)
{
	off_t size = size_of(fd);

	if (size % RECORD == 0 || take_lock(fd) < 0)
		return;
	if (write(fd, "", 0) == 0 && size_of(fd) == size)
		cut(fd, size - size % RECORD);
	(void)set_lock(fd, F_UNLCK);
}

/* Appends a record by one write; -ENOSPC when only a part of it fitted. */
static int append(int fd, const struct utmpx *record)
{
	ssize_t written;

	do {
		written = write(fd, record, sizeof(*record));
	} while (written < 0 && errno == EINTR);
	if (written < 0)
		return -errno;
	return written == RECORD ? 0 : -ENOSPC;
}

/* Opens a book and appends to it as root: what is left of a record that did not fit is taken back. */
static int enter(const char *path, mode_t forbidden, const struct utmpx *record, int *out_fd)
{
	int fd = open_book(path, O_WRONLY | O_APPEND, forbidden), error;

	if (fd < 0)
		return fd;
	mend(fd);
	error = append(fd, record);
	if (error == 0) {
		*out_fd = fd;
		return 0;
	}
	mend(fd);
	close(fd);
	return error;
}

static int absent_is_fine(int error)
{
	return error == -ENOENT ? 0 : error;
}

/* ---- wtmp and btmp: appended to ---- */

int accounting_enter_wtmp(const char *path, const struct accounting_entry *entry)
{
	fill_record(&wtmp.record, USER_PROCESS, entry);
	return absent_is_fine(enter(path, 0, &wtmp.record, &wtmp.fd));
}

int accounting_leave_wtmp(void)
{
	struct utmpx record;
	int error;

	if (wtmp.fd < 0)
		return 0;
	fill_logout(&record, &wtmp.record);
	fill_time(&record);
	error = append(wtmp.fd, &record);
	close(wtmp.fd);
	wtmp.fd = -1;
	return error;
}

int accounting_enter_failure(const char *path, const struct accounting_entry *entry)
{
	struct utmpx record;
	int fd, error;

	fill_record(&record, LOGIN_PROCESS, entry);
	error = enter(path, S_IROTH, &record, &fd);
	if (error == 0)
		close(fd);
	return absent_is_fine(error);
}

/* ---- utmp: a slot that is taken and given back ---- */

static bool is_same(const struct utmpx *slot, const struct utmpx *record)
{
	return slot->ut_type >= INIT_PROCESS && slot->ut_type <= DEAD_PROCESS &&
	       memcmp(slot->ut_id, record->ut_id, sizeof(slot->ut_id)) == 0;
}

static bool is_free(const struct utmpx *slot)
{
	return slot->ut_type == EMPTY || slot->ut_type == DEAD_PROCESS;
}

/* The offset of the slot to write to: one that a process with our number left, or else a free one, or else
 * the end. Part of a record at the end is overwritten. */
static int find_slot(int fd, const struct utmpx *record, off_t *out_offset)
{
	off_t offset = 0, unused = -1;
	struct utmpx slot;
	ssize_t got;

	while ((got = pread(fd, &slot, sizeof(slot), offset)) == RECORD) {
		if (is_same(&slot, record)) {
			*out_offset = offset;
			return 0;
		}
		if (unused < 0 && is_free(&slot))
			unused = offset;
		offset += RECORD;
		if (offset > SLOTS_MAX * RECORD)
			return -EFBIG;
	}
	if (got < 0)
		return -errno;
	*out_offset = unused >= 0 ? unused : offset;
	return 0;
}

static int write_slot(int fd, const struct utmpx *record, off_t offset)
{
	ssize_t written;

	do {
		written = pwrite(fd, record, sizeof(*record), offset);
	} while (written < 0 && errno == EINTR);
	if (written < 0)
		return -errno;
	return written == RECORD ? 0 : -ENOSPC;
}

/* Under the lock that other writers take: two that log in must not take one slot. */
static int take_slot(int fd, const char *path)
{
	int book = open_book(path, O_RDONLY, 0), error;
	off_t size;

	if (book < 0)
		return book;
	error = take_lock(fd);
	if (error == 0)
		error = find_slot(book, &utmp.record, &utmp.offset);
	if (error == 0) {
		size = size_of(fd);
		error = write_slot(fd, &utmp.record, utmp.offset);
		if (error < 0 && size == utmp.offset)
			cut(fd, size);
	}
	/* To close any descriptor of the file gives up the lock. */
	close(book);
	return error;
}

int accounting_enter_utmp(const char *path, const struct accounting_entry *entry)
{
	int fd = open_book(path, O_WRONLY, 0), error;

	if (fd < 0)
		return absent_is_fine(fd);
	fill_record(&utmp.record, USER_PROCESS, entry);
	error = take_slot(fd, path);
	if (error < 0) {
		close(fd);
		return error;
	}
	utmp.fd = fd;
	return 0;
}

int accounting_leave_utmp(void)
{
	struct utmpx record;
	int error;

	if (utmp.fd < 0)
		return 0;
	fill_logout(&record, &utmp.record);
	fill_time(&record);
	error = write_slot(utmp.fd, &record, utmp.offset);
	close(utmp.fd);
	utmp.fd = -1;
	return error;
}

/* ---- lastlog: a record for each account, where its number says ---- */

int accounting_enter_lastlog(const char *path, const struct accounting_entry *entry, uid_t uid)
{
	int fd = open_book(path, O_WRONLY, 0), error = 0;
	char host[ADDRESS_TEXT];
	struct lastlog record;
	struct timespec now;
	ssize_t written;

	if (fd < 0)
		return absent_is_fine(fd);
	clock_gettime(CLOCK_REALTIME, &now);
	memset(&record, 0, sizeof(record));
	record.ll_time = (__typeof__(record.ll_time))now.tv_sec;
	fill_line(record.ll_line, sizeof(record.ll_line), entry->daemon, getpid());
	address_format_host(entry->client, host);
	fill(record.ll_host, sizeof(record.ll_host), host);
	written = pwrite(fd, &record, sizeof(record), (off_t)uid * (off_t)sizeof(record));
	if (written != (ssize_t)sizeof(record))
		error = written < 0 ? -errno : -ENOSPC;
	close(fd);
	return error;
}

/* ---- for those who confine the process ---- */

size_t accounting_descriptors(int out[ACCOUNTING_KEPT])
{
	size_t count = 0;

	if (wtmp.fd >= 0)
		out[count++] = wtmp.fd;
	if (utmp.fd >= 0)
		out[count++] = utmp.fd;
	return count;
}

size_t accounting_utmp(int *out_fd, int64_t *out_offset)
{
	if (utmp.fd < 0)
		return 0;
	*out_fd = utmp.fd;
	*out_offset = utmp.offset;
	return sizeof(struct utmpx);
}
