/* accounting: the books of who was here, in files of our own. Only root can own a book. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <lastlog.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>
#include <cmocka.h>

#include "system/accounting.h"
#include "system/io.h"

#define RECORD ((off_t)sizeof(struct utmpx))

static char directory[256], book[300];
static const struct address client = {.family = ADDRESS_IPV4, .host = {192, 0, 2, 7}};
static struct accounting_entry entry = {.daemon = "soloftpd", .user = "alice", .client = &client};

static int make_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	snprintf(book, sizeof(book), "%s/book", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(book);
	return rmdir(directory);
}

/* A new book with these bytes. */
static void make_book(const void *bytes, size_t size, mode_t mode)
{
	int fd;

	unlink(book);
	fd = open(book, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static off_t book_size(void)
{
	struct stat st;

	assert_int_equal(stat(book, &st), 0);
	return st.st_size;
}

static struct utmpx record_at(off_t number)
{
	struct utmpx record;
	int fd = open(book, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &record, sizeof(record), number * RECORD), RECORD);
	close(fd);
	return record;
}

static void assert_zeros(const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(((const char *)bytes)[i], 0);
}

/* The whole field: the text, and nothing behind it. */
static void assert_field(const char *field, size_t size, const char *text)
{
	assert_true(strlen(text) <= size);
	assert_memory_equal(field, text, strlen(text));
	assert_zeros(field + strlen(text), size - strlen(text));
}

static void assert_login(
	const struct utmpx *record, short type, const char *daemon, const char *user)
{
	char line[32];

	snprintf(line, sizeof(line), "%s:%d", daemon, (int)getpid());
	assert_int_equal(record->ut_type, type);
	assert_int_equal(record->ut_pid, getpid());
	assert_field(record->ut_line, sizeof(record->ut_line), line);
	assert_field(record->ut_user, sizeof(record->ut_user), user);
	assert_field(record->ut_host, sizeof(record->ut_host), "192.0.2.7");
	assert_memory_equal(record->ut_addr_v6, client.host, 16);
	assert_true(record->ut_tv.tv_sec >= time(NULL) - 5 && record->ut_tv.tv_sec <= time(NULL));
}

static void assert_logout(const struct utmpx *record, const struct utmpx *login)
{
	assert_int_equal(record->ut_type, DEAD_PROCESS);
	assert_int_equal(record->ut_pid, login->ut_pid);
	assert_memory_equal(record->ut_line, login->ut_line, sizeof(record->ut_line));
	assert_memory_equal(record->ut_id, login->ut_id, sizeof(record->ut_id));
	assert_zeros(record->ut_user, sizeof(record->ut_user));
	assert_zeros(record->ut_host, sizeof(record->ut_host));
	assert_zeros(record->ut_addr_v6, sizeof(record->ut_addr_v6));
	assert_true(record->ut_tv.tv_sec >= login->ut_tv.tv_sec);
}

/* ---- wtmp ---- */

static void test_wtmp(void **state)
{
	int kept[ACCOUNTING_KEPT];
	struct utmpx in, out;

	(void)state;
	make_book("", 0, 0664);
	assert_int_equal(accounting_descriptors(kept), 0);
	assert_int_equal(accounting_enter_wtmp(book, &entry), 0);
	assert_int_equal(book_size(), RECORD);
	in = record_at(0);
	assert_login(&in, USER_PROCESS, "ftpd", "alice");
	assert_int_equal(accounting_descriptors(kept), 1);
	assert_int_equal(fcntl(kept[0], F_GETFL) & (O_ACCMODE | O_APPEND), O_WRONLY | O_APPEND);
	assert_int_equal(fcntl(kept[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(accounting_leave_wtmp(), 0);
	assert_int_equal(book_size(), 2 * RECORD);
	out = record_at(1);
	assert_logout(&out, &in);
	assert_int_equal(accounting_descriptors(kept), 0);
	assert_int_equal(fcntl(kept[0], F_GETFD), -1);
	/* Once. */
	assert_int_equal(accounting_leave_wtmp(), 0);
	assert_int_equal(book_size(), 2 * RECORD);
}

static void test_names(void **state)
{
	static const char longest[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	struct utmpx in;

	(void)state;
	make_book("", 0, 0664);
	entry.daemon = "vsftpd";
	entry.user = longest;
	assert_int_equal(accounting_enter_wtmp(book, &entry), 0);
	assert_int_equal(accounting_leave_wtmp(), 0);
	entry.daemon = "soloftpd";
	entry.user = "alice";
	in = record_at(0);
	assert_memory_equal(in.ut_line, "vsftpd:", 7);
	/* Full to the last byte, and nothing of it in the next field. */
	assert_memory_equal(in.ut_user, longest, sizeof(in.ut_user));
	assert_memory_equal(in.ut_host, "192.0.2.7", 10);
}

static void test_missing(void **state)
{
	int kept[ACCOUNTING_KEPT], fd;
	int64_t offset;

	(void)state;
	unlink(book);
	assert_int_equal(accounting_enter_wtmp(book, &entry), 0);
	assert_int_equal(accounting_enter_utmp(book, &entry), 0);
	assert_int_equal(accounting_enter_failure(book, &entry), 0);
	assert_int_equal(accounting_enter_lastlog(book, &entry, 3), 0);
	assert_int_equal(access(book, F_OK), -1);
	assert_int_equal(accounting_descriptors(kept), 0);
	assert_int_equal(accounting_utmp(&fd, &offset), 0);
	assert_int_equal(accounting_leave_wtmp(), 0);
	assert_int_equal(accounting_leave_utmp(), 0);
}

static void assert_all_refuse(const char *path, int error)
{
	assert_int_equal(accounting_enter_wtmp(path, &entry), error);
	assert_int_equal(accounting_enter_utmp(path, &entry), error);
	assert_int_equal(accounting_enter_failure(path, &entry), error);
	assert_int_equal(accounting_enter_lastlog(path, &entry, 3), error);
}

static void test_no_books(void **state)
{
	int reader;

	(void)state;
	make_book("", 0, 0600);
	assert_int_equal(chown(book, 65534, (gid_t)-1), 0);
	assert_all_refuse(book, -EINVAL);
	assert_int_equal(book_size(), 0);
	assert_all_refuse(directory, -EISDIR);
	assert_all_refuse("/dev/null", -EINVAL);
	unlink(book);
	assert_int_equal(mkfifo(book, 0600), 0);
	assert_all_refuse(book, -ENXIO);
	reader = open(book, O_RDONLY | O_NONBLOCK);
	assert_all_refuse(book, -EINVAL);
	close(reader);
}

/* What a full disk has left: part of a record. What comes after it must be readable again. */
static void test_mended(void **state)
{
	char bytes[1000];
	struct utmpx in;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	make_book(bytes, sizeof(bytes), 0664);
	assert_int_equal(accounting_enter_wtmp(book, &entry), 0);
	assert_int_equal(book_size(), 3 * RECORD);
	in = record_at(2);
	assert_login(&in, USER_PROCESS, "ftpd", "alice");
	assert_int_equal(accounting_leave_wtmp(), 0);
	make_book(bytes, 1, 0600);
	assert_int_equal(accounting_enter_failure(book, &entry), 0);
	assert_int_equal(book_size(), RECORD);
}

/* Another process holds a lock on the book until it is ended. */
static pid_t hold(short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(book, O_RDWR);
		if (fcntl(fd, F_SETLK, &lock) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_true(pid > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void let_go(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* wtmp asks no lock; where one is needed it is not waited for for long. */
static void test_locked(void **state)
{
	int64_t before;
	pid_t pid;

	(void)state;
	make_book("", 0, 0664);
	pid = hold(F_RDLCK);
	before = io_now();
	assert_int_equal(accounting_enter_wtmp(book, &entry), 0);
	assert_int_equal(accounting_leave_wtmp(), 0);
	assert_int_equal(accounting_enter_failure("/nonexistent/btmp", &entry), 0);
	assert_true(io_now() - before < 100);
	before = io_now();
	assert_int_equal(accounting_enter_utmp(book, &entry), -EAGAIN);
	assert_true(io_now() - before < 1000);
	let_go(pid);
	assert_int_equal(book_size(), 2 * RECORD);
}

/* ---- btmp ---- */

static void test_failure(void **state)
{
	struct utmpx record;

	(void)state;
	make_book("", 0, 0660);
	assert_int_equal(accounting_enter_failure(book, &entry), 0);
	assert_int_equal(accounting_enter_failure(book, &entry), 0);
	assert_int_equal(book_size(), 2 * RECORD);
	record = record_at(1);
	assert_login(&record, LOGIN_PROCESS, "ftpd", "alice");
	make_book("", 0, 0664);
	assert_int_equal(accounting_enter_failure(book, &entry), -EINVAL);
	assert_int_equal(book_size(), 0);
}

/* ---- utmp ---- */

/* A book of these types of records, each with an id and a name of its own. */
static void make_slots(const short *types, size_t count)
{
	struct utmpx slots[8];

	memset(slots, 0, sizeof(slots));
	for (size_t i = 0; i < count; i++) {
		slots[i].ut_type = types[i];
		slots[i].ut_id[0] = slots[i].ut_user[0] = (char)('1' + i);
		slots[i].ut_pid = 1;
	}
	make_book(slots, count * sizeof(slots[0]), 0664);
}

static void assert_slot(off_t number, off_t count)
{
	struct utmpx in, out;
	int64_t offset = -1;
	int fd = -1, kept[ACCOUNTING_KEPT];

	assert_int_equal(accounting_enter_utmp(book, &entry), 0);
	assert_int_equal(book_size(), count * RECORD);
	in = record_at(number);
	assert_login(&in, USER_PROCESS, "ftpd", "alice");
	assert_int_equal(accounting_utmp(&fd, &offset), RECORD);
	assert_int_equal(offset, number * RECORD);
	assert_int_equal(accounting_descriptors(kept), 1);
	assert_int_equal(kept[0], fd);
	assert_int_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_WRONLY);
	assert_int_equal(accounting_leave_utmp(), 0);
	assert_int_equal(book_size(), count * RECORD);
	out = record_at(number);
	assert_logout(&out, &in);
	assert_int_equal(accounting_utmp(&fd, &offset), 0);
	for (off_t i = 0; i < count; i++)
		if (i != number)
			assert_int_equal(record_at(i).ut_user[0], '1' + i);
}

static void test_slots(void **state)
{
	static const short taken[] = {BOOT_TIME, RUN_LVL, USER_PROCESS, LOGIN_PROCESS};
	static const short dead[] = {BOOT_TIME, USER_PROCESS, DEAD_PROCESS, DEAD_PROCESS};
	static const short empty[] = {BOOT_TIME, EMPTY, USER_PROCESS};

	(void)state;
	make_slots(NULL, 0);
	assert_slot(0, 1);
	make_slots(taken, 4);
	assert_slot(4, 5);
	/* Our own, which is free now. */
	assert_slot(4, 5);
	make_slots(dead, 4);
	assert_slot(2, 4);
	make_slots(empty, 3);
	assert_slot(1, 3);
}

/* What a process of our number has left is ours, wherever free slots are. */
static void test_own_slot(void **state)
{
	static const short types[] = {DEAD_PROCESS, USER_PROCESS, DEAD_PROCESS};
	struct utmpx own;
	int fd;

	(void)state;
	make_slots(NULL, 0);
	assert_int_equal(accounting_enter_utmp(book, &entry), 0);
	own = record_at(0);
	assert_int_equal(accounting_leave_utmp(), 0);
	make_slots(types, 3);
	own.ut_user[0] = '2';
	fd = open(book, O_WRONLY);
	assert_int_equal(pwrite(fd, &own, sizeof(own), RECORD), RECORD);
	close(fd);
	assert_slot(1, 3);
}

static void test_part_of_a_slot(void **state)
{
	char bytes[500];

	(void)state;
	memset(bytes, '1', sizeof(bytes));
	make_book(bytes, sizeof(bytes), 0664);
	assert_int_equal(accounting_enter_utmp(book, &entry), 0);
	assert_int_equal(book_size(), 2 * RECORD);
	assert_int_equal(accounting_leave_utmp(), 0);
}

/* ---- lastlog ---- */

static void test_lastlog(void **state)
{
	struct lastlog record;
	char line[32];
	int fd;

	(void)state;
	make_book("", 0, 0664);
	assert_int_equal(accounting_enter_lastlog(book, &entry, 1801), 0);
	assert_int_equal(book_size(), 1802 * (off_t)sizeof(record));
	fd = open(book, O_RDONLY);
	assert_int_equal(pread(fd, &record, sizeof(record), 1801 * (off_t)sizeof(record)),
		(ssize_t)sizeof(record));
	close(fd);
	snprintf(line, sizeof(line), "ftpd:%d", (int)getpid());
	assert_field(record.ll_line, sizeof(record.ll_line), line);
	assert_field(record.ll_host, sizeof(record.ll_host), "192.0.2.7");
	assert_true((time_t)record.ll_time >= time(NULL) - 5);
	assert_int_equal(accounting_enter_lastlog(book, &entry, 0), 0);
	assert_int_equal(book_size(), 1802 * (off_t)sizeof(record));
}

/* ---- without root ---- */

static void test_not_root(void **state)
{
	(void)state;
	make_book("", 0, 0600);
	assert_all_refuse(book, -EINVAL);
	assert_int_equal(book_size(), 0);
}

int main(void)
{
	const struct CMUnitTest roots[] = {
		cmocka_unit_test(test_wtmp),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_no_books),
		cmocka_unit_test(test_mended),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_own_slot),
		cmocka_unit_test(test_part_of_a_slot),
		cmocka_unit_test(test_lastlog),
	};
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_not_root),
	};

	if (geteuid() == 0)
		return cmocka_run_group_tests(roots, make_directory, remove_directory);
	return cmocka_run_group_tests(others, make_directory, remove_directory);
}
