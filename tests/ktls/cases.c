/* What must hold with TLS inside the kernel, and without: run in a virtual machine by tests/ktls/run.
 *
 *   ktls-cases with|without [NAME]
 *
 * says whether the kernel has TLS. Each case is run with TLS 1.2 and 1.3, in a session of its own. Every result is
 * a line, ok or FAIL, on the console and in /tmp/results. */
#include "client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The services that the guest's init starts. */
enum { USUAL = 2121, LENIENT, SLOW, COPYING, PORT20, ANSWERED, OPEN };

#define MIB (1024 * 1024)

/* A client's room for data: what it has not read is not all on its way yet. */
#define LITTLE 4096

static const size_t sizes[] = {0, 1, 16383, 16384, 16385, MIB, 8 * MIB};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static bool kernel_has;
static jmp_buf give_up;
static char why[1024];
static unsigned char pattern[8 * MIB + 1], other[8 * MIB + 1];

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	why[strcspn(why, "\r\n")] = '\0';
	longjmp(give_up, 1);
}

/* ---- files and counters ---- */

static void put_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
		fail("%s: %s", path, strerror(errno));
}

/* Exactly these bytes were uploaded. */
static void check_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t got;

	if (!file)
		fail("%s: %s", path, strerror(errno));
	got = fread(other, 1, sizeof(other), file);
	fclose(file);
	if (got != size)
		fail("%s has %zu bytes, not %zu", path, got, size);
	if (memcmp(other, bytes, size) != 0)
		fail("%s: wrong bytes", path);
}

/* Exactly these bytes were received, and a close_notify. */
static void check_bytes(const void *bytes, size_t size)
{
	if (client.size != size)
		fail("%zu bytes came, not %zu", client.size, size);
	if (memcmp(client.bytes, bytes, size) != 0)
		fail("wrong bytes among %zu", size);
	if (!client.notified)
		fail("no close_notify after %zu bytes", size);
}

static long counter(const char *name)
{
	FILE *file = fopen("/proc/net/tls_stat", "r");
	char line[128], *value;
	long found = -1;

	while (file && fgets(line, sizeof(line), file)) {
		value = line + strcspn(line, " \t");
		if (strncmp(line, name, (size_t)(value - line)) == 0 && !name[value - line])
			found = atol(value);
	}
	if (file)
		fclose(file);
	if ((found >= 0) != kernel_has)
		fail("/proc/net/tls_stat: %s is %ld", name, found);
	return found;
}

/* So many connections more than `before` used the kernel's TLS; without the module, none can be counted. */
static void check_counter(const char *name, long before, long more)
{
	long now = counter(name);

	if (kernel_has && now - before != more)
		fail("%s grew by %ld, not %ld", name, now - before, more);
}

/* ---- transfers ---- */

static void retrieve(const char *path)
{
	expect(150, "RETR %s", path);
	data_start();
	data_receive(SIZE_MAX);
	data_drop();
	expect_reply(226);
}

static void store(const char *command, const void *bytes, size_t size)
{
	data_passive();
	expect(150, "%s", command);
	data_start();
	data_send(bytes, size);
	data_finish();
	expect_reply(226);
	if (!client.notified)
		fail("an upload of %zu bytes is not answered with close_notify", size);
}

static void download_sizes(void)
{
	client_open(USUAL, NULL);
	for (size_t i = 0; i < SIZES; i++) {
		long before = counter("TlsTxSw");
		char path[64];
		snprintf(path, sizeof(path), "/srv/ftp/pub/%zu", sizes[i]);
		put_file(path, pattern, sizes[i]);
		data_passive();
		retrieve(path + strlen("/srv/ftp"));
		check_bytes(pattern, sizes[i]);
		check_counter("TlsTxSw", before, 1);
	}
}

/* The kernel hides where a record was cut: uploads are OpenSSL's. */
static void upload_sizes(void)
{
	client_open(USUAL, NULL);
	for (size_t i = 0; i < SIZES; i++) {
		long before = counter("TlsTxSw");
		char command[64];
		snprintf(command, sizeof(command), "STOR /up/%zu", sizes[i]);
		store(command, pattern, sizes[i]);
		snprintf(command, sizeof(command), "/srv/ftp/up/%zu", sizes[i]);
		check_file(command, pattern, sizes[i]);
		check_counter("TlsTxSw", before, 0);
	}
}

/* By turns in one session: the second connection knows what the first has found out about the kernel. */
static void both_ways(void)
{
	client_open(USUAL, NULL);
	put_file("/srv/ftp/pub/file", pattern, 100000);
	for (int i = 0; i < 3; i++) {
		store("STOR /up/file", pattern + i, 100000);
		check_file("/srv/ftp/up/file", pattern + i, 100000);
		data_passive();
		retrieve("/pub/file");
		check_bytes(pattern, 100000);
	}
}

static void restart_offsets(void)
{
	static const size_t offsets[] = {1, 4096, 16384, 99999, MIB - 1, MIB};

	client_open(USUAL, NULL);
	put_file("/srv/ftp/pub/file", pattern, MIB);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		data_passive();
		expect(350, "REST %zu", offsets[i]);
		retrieve("/pub/file");
		check_bytes(pattern + offsets[i], MIB - offsets[i]);
	}
	data_passive();
	expect(350, "REST %d", MIB + 1);
	expect(554, "RETR /pub/file");
}

/* A file with a hole of 5 GiB, and bytes behind it. */
static void far_offset(void)
{
	int file = open("/srv/ftp/pub/far", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	const off_t hole = (off_t)5 << 30;

	if (pwrite(file, pattern, 100000, hole) != 100000)
		fail("no large files here: %s", strerror(errno));
	close(file);
	client_open(USUAL, NULL);
	data_passive();
	expect(350, "REST %lld", (long long)hole + 1);
	retrieve("/pub/far");
	check_bytes(pattern + 1, 99999);
	data_passive();
	expect(350, "RANG %lld %lld", (long long)hole + 10, (long long)hole + 50009);
	retrieve("/pub/far");
	check_bytes(pattern + 10, 50000);
}

static void ranges(void)
{
	static const size_t first[] = {0, 100, 16383, 16384, 65536, MIB - 1, 300000};
	static const size_t last[] = {0, 70099, 16384, 32767, 524287, MIB - 1, MIB - 2};

	client_open(USUAL, NULL);
	put_file("/srv/ftp/pub/file", pattern, MIB);
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		data_passive();
		expect(350, "RANG %zu %zu", first[i], last[i]);
		retrieve("/pub/file");
		check_bytes(pattern + first[i], last[i] - first[i] + 1);
	}
}

static void appended(void)
{
	client_open(USUAL, NULL);
	store("STOR /up/file", pattern, 50000);
	store("APPE /up/file", pattern + 50000, 50000);
	check_file("/srv/ftp/up/file", pattern, 100000);
	expect(350, "REST 70000");
	store("STOR /up/file", pattern + 70000, 230000);
	check_file("/srv/ftp/up/file", pattern, 300000);
}

/* Lines, as the file and the wire have them. */
static size_t make_lines(unsigned char *to, const char *end)
{
	size_t size = 0;

	for (int i = 0; i < 60000; i++)
		size += (size_t)sprintf((char *)to + size, "line %d%s", i, end);
	return size;
}

static void ascii(void)
{
	size_t size;

	client_open(USUAL, NULL);
	size = make_lines(other, "\n");
	put_file("/srv/ftp/pub/lines", other, size);
	expect(200, "TYPE A");
	data_passive();
	retrieve("/pub/lines");
	size = make_lines(other, "\r\n");
	check_bytes(other, size);
	memcpy(client.bytes, other, size);
	store("STOR /up/lines", client.bytes, size);
	size = make_lines(client.bytes, "\n");
	check_file("/srv/ftp/up/lines", client.bytes, size);
}

static void list(const char *verb, int lines)
{
	int ends = 0;

	data_passive();
	expect(150, "%s /pub/many", verb);
	data_start();
	data_receive(SIZE_MAX);
	data_drop();
	expect_reply(226);
	for (size_t i = 0; i < client.size; i++)
		ends += client.bytes[i] == '\n';
	if (ends != lines || !client.notified)
		fail("%s: %d lines, not %d; close_notify: %d", verb, ends, lines, client.notified);
}

static void listings(void)
{
	char name[64];

	mkdir("/srv/ftp/pub/many", 0755);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "/srv/ftp/pub/many/a name of some length, %d", i);
		put_file(name, "", 0);
	}
	client_open(USUAL, NULL);
	list("LIST", 2000);
	list("MLSD", 2002); /* cdir and pdir */
	list("NLST", 2000);
}

/* A client with little room: the server's calls come back with less than was asked for, or nothing. */
static void small_window(void)
{
	static const int ports[] = {USUAL, COPYING};
	size_t size;

	put_file("/srv/ftp/pub/file", pattern, 2 * MIB);
	size = make_lines(other, "\n");
	put_file("/srv/ftp/pub/lines", other, size);
	for (int i = 0; i < 2; i++) {
		client.small = LITTLE;
		client_open(ports[i], NULL);
		data_passive();
		expect(150, "RETR /pub/file");
		data_start();
		for (int piece = 0; piece < 20; piece++) {
			data_receive(10000);
			usleep(10000);
		}
		data_receive(SIZE_MAX);
		data_drop();
		expect_reply(226);
		check_bytes(pattern, 2 * MIB);
		expect(200, "TYPE A");
		data_passive();
		retrieve("/pub/lines");
		size = make_lines(other, "\r\n");
		check_bytes(other, size);
		client_close();
	}
}

static void aborted(void)
{
	client.small = LITTLE;
	client_open(USUAL, NULL);
	put_file("/srv/ftp/pub/file", pattern, 8 * MIB);
	for (int i = 0; i < 2; i++) {
		data_passive();
		expect(150, "RETR /pub/file");
		data_start();
		data_receive(100000);
		say("ABOR");
		expect_reply(426);
		expect_reply(226);
		data_receive(SIZE_MAX);
		if (client.size == 8 * MIB || client.notified)
			fail("an aborted download looks whole");
	}
	client.small = 0;
	data_passive();
	retrieve("/pub/file");
	check_bytes(pattern, 8 * MIB);
}

static void aborted_upload(void)
{
	client_open(USUAL, NULL);
	data_passive();
	expect(150, "STOR /up/file");
	data_start();
	data_send(pattern, 100000);
	say("ABOR");
	expect_reply(426);
	expect_reply(226);
	store("STOR /up/file", pattern, 200000);
	check_file("/srv/ftp/up/file", pattern, 200000);
}

/* The client goes away in the middle: its end of the connection failed, not the server's file. */
static void client_gone(void)
{
	client.small = LITTLE;
	client_open(USUAL, NULL);
	put_file("/srv/ftp/pub/file", pattern, 8 * MIB);
	data_passive();
	expect(150, "RETR /pub/file");
	data_start();
	data_receive(100000);
	data_drop();
	expect_reply(426);
	client.small = 0;
	data_passive();
	retrieve("/pub/file");
	check_bytes(pattern, 8 * MIB);
}

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* 768 KiB at 512 KiB/s take about one and a half seconds each way; emulation may take more. */
static void limited_rate(void)
{
	double start, took;

	client_open(SLOW, NULL);
	put_file("/srv/ftp/pub/file", pattern, 3 * MIB / 4);
	for (int upload = 0; upload < 2; upload++) {
		start = now();
		if (upload) {
			store("STOR /up/file", pattern, 3 * MIB / 4);
			check_file("/srv/ftp/up/file", pattern, 3 * MIB / 4);
		} else {
			data_passive();
			retrieve("/pub/file");
			check_bytes(pattern, 3 * MIB / 4);
		}
		took = now() - start;
		if (took < 1.0 || took > 10.0)
			fail("%s took %.1f s", upload ? "the upload" : "the download", took);
	}
}

/* Every one of several downloads comes from port 20, whatever became of the one before. */
static void from_port_20(void)
{
	long before = counter("TlsTxSw");

	client_open(PORT20, NULL);
	put_file("/srv/ftp/pub/file", pattern, 300000);
	for (int i = 0; i < 3; i++) {
		data_listen();
		retrieve("/pub/file");
		check_bytes(pattern, 300000);
		if (client.data_peer != 20)
			fail("download %d came from port %d", i + 1, client.data_peer);
	}
	check_counter("TlsTxSw", before, 0); /* its socket has to be connected again */
}

static void from_port_20_aborted(void)
{
	client.small = LITTLE;
	client_open(PORT20, NULL);
	put_file("/srv/ftp/pub/file", pattern, 8 * MIB);
	for (int i = 0; i < 2; i++) {
		data_listen();
		expect(150, "RETR /pub/file");
		data_start();
		if (client.data_peer != 20)
			fail("download %d came from port %d", i + 1, client.data_peer);
		data_receive(100000);
		say("ABOR");
		expect_reply(426);
		expect_reply(226);
		data_receive(SIZE_MAX); /* must end */
		if (client.size == 8 * MIB)
			fail("an aborted download is whole");
	}
}

static void active(void)
{
	client_open(USUAL, NULL);
	put_file("/srv/ftp/pub/file", pattern, 300000);
	for (int i = 0; i < 2; i++) {
		data_listen();
		retrieve("/pub/file");
		check_bytes(pattern, 300000);
	}
}

/* The file cannot be sent by sendfile: it is sent all the same. */
static void no_sendfile(void)
{
	int file = open("/srv/ftp/pub/no-sendfile", O_RDONLY);
	ssize_t size = read(file, other, sizeof(other));

	close(file);
	if (size < 64)
		fail("there is no such file here");
	client_open(OPEN, NULL); /* Landlock forbids to read another process */
	data_passive();
	retrieve("/pub/no-sendfile");
	check_bytes(other, (size_t)size);
}

/* A file that becomes shorter while it is sent must not look whole. */
static void shortened(void)
{
	client_open(USUAL, NULL);
	put_file("/srv/ftp/pub/file", pattern, 8 * MIB);
	client.small = LITTLE;
	data_passive();
	expect(150, "RETR /pub/file");
	data_start();
	data_receive(10000);
	if (truncate("/srv/ftp/pub/file", 7 * MIB + 1234) < 0)
		fail("truncate: %s", strerror(errno));
	data_receive(SIZE_MAX);
	data_drop();
	expect_reply(451);
	if (client.size > 7 * MIB + 1234 || memcmp(client.bytes, pattern, client.size) != 0)
		fail("what was sent of it is wrong");
	if (client.notified)
		fail("it looks whole");
}

static void uncut(int port, bool half, int code)
{
	client_open(port, NULL);
	data_passive();
	expect(150, "STOR /up/file");
	data_start();
	data_send(pattern, 100000);
	if (half)
		data_send_half(pattern, 16000);
	else
		shutdown(client.data, SHUT_WR);
	expect_reply(code);
	client_close();
}

/* An end without close_notify, where that is an error and where it is not; in a record it is one everywhere. */
static void ended_badly(void)
{
	uncut(USUAL, false, 426);
	uncut(LENIENT, false, 226);
	check_file("/srv/ftp/up/file", pattern, 100000);
}

static void ended_in_record(void)
{
	uncut(USUAL, true, 426);
	uncut(LENIENT, true, 426);
}

static void answered(void)
{
	client_open(ANSWERED, NULL);
	put_file("/srv/ftp/pub/file", pattern, MIB);
	for (int polite = 1; polite >= 0; polite--) {
		data_passive();
		expect(150, "RETR /pub/file");
		data_start();
		data_receive(SIZE_MAX);
		if (polite)
			SSL_shutdown(client.data_tls);
		data_drop();
		expect_reply(polite ? 226 : 426);
		check_bytes(pattern, MIB);
	}
}

static void ciphers(void)
{
	static const char *const old[] = {"ECDHE-ECDSA-AES128-GCM-SHA256",
		"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
		"ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-CCM"};
	static const char *const new[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
		"TLS_CHACHA20_POLY1305_SHA256", NULL, NULL};

	put_file("/srv/ftp/pub/file", pattern, MIB);
	for (int i = 0; i < 5; i++) {
		const char *one = client.version == TLS1_3_VERSION ? new[i] : old[i];
		if (!one)
			continue;
		snprintf(why, sizeof(why), "%s", one);
		client_open(USUAL, one);
		data_passive();
		retrieve("/pub/file");
		check_bytes(pattern, MIB);
		store("STOR /up/file", pattern, MIB);
		check_file("/srv/ftp/up/file", pattern, MIB);
		client_close();
	}
}

/* TLS 1.3 only: new keys in the middle of an upload, also for the other direction. */
static void new_keys(void)
{
	client_open(USUAL, NULL);
	for (int both = 0; both < 2; both++) {
		data_passive();
		expect(150, "STOR /up/file");
		data_start();
		data_send(pattern, 100000);
		if (SSL_key_update(client.data_tls,
			    both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
			fail("no new keys to be had");
		data_send(pattern + 100000, 100000);
		data_finish();
		expect_reply(226);
		check_file("/srv/ftp/up/file", pattern, 200000);
		if (!client.notified)
			fail("no close_notify that can be understood");
	}
}

static void unprotected_between(void)
{
	ssize_t got;

	client_open(USUAL, NULL);
	put_file("/srv/ftp/pub/file", pattern, 300000);
	data_passive();
	retrieve("/pub/file");
	expect(200, "PROT C");
	data_passive();
	expect(150, "RETR /pub/file");
	client.size = 0;
	while ((got = recv(client.data, client.bytes + client.size, 65536, 0)) > 0)
		client.size += (size_t)got;
	client.notified = true;
	data_drop();
	expect_reply(226);
	check_bytes(pattern, 300000);
	expect(200, "PROT P");
	data_passive();
	retrieve("/pub/file");
	check_bytes(pattern, 300000);
}

/* ---- sendfile ---- */

/* The newest soloftpd's process. */
static int server(void)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	char path[300], name[32] = "";
	int newest = 0;

	while ((entry = readdir(processes))) {
		FILE *file;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = atoi(entry->d_name) > 0 ? fopen(path, "r") : NULL;
		if (file && fgets(name, sizeof(name), file) && strcmp(name, "soloftpd\n") == 0 &&
			atoi(entry->d_name) > newest)
			newest = atoi(entry->d_name);
		if (file)
			fclose(file);
	}
	closedir(processes);
	return newest;
}

/* Bytes that calls for files have written, sendfile among them; not those of send. */
static long written(int pid)
{
	char path[64], line[128];
	long bytes = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/io", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "wchar:", 6) == 0)
			bytes = atol(line + 6);
	if (file)
		fclose(file);
	if (bytes < 0)
		fail("%s: no bytes counted", path);
	return bytes;
}

/* Where the kernel makes records, it makes them of what sendfile is told to send. */
static void by_sendfile(void)
{
	long before, bytes;
	int pid;

	client_open(USUAL, NULL);
	put_file("/srv/ftp/pub/file", pattern, 8 * MIB);
	pid = server();
	before = written(pid);
	data_passive();
	retrieve("/pub/file");
	check_bytes(pattern, 8 * MIB);
	bytes = written(pid) - before;
	if (kernel_has ? bytes < 8 * MIB : bytes >= MIB)
		fail("%ld bytes written", bytes);
}

/* ---- running ---- */

struct one {
	const char *name; /* with "-13" behind it: TLS 1.3 only */
	void (*run)(void);
};

static const struct one cases[] = {
	{"download-sizes", download_sizes},
	{"upload-sizes", upload_sizes},
	{"both-ways", both_ways},
	{"by-sendfile", by_sendfile},
	{"restart-offsets", restart_offsets},
	{"far-offset", far_offset},
	{"ranges", ranges},
	{"appended", appended},
	{"ascii", ascii},
	{"listings", listings},
	{"small-window", small_window},
	{"aborted", aborted},
	{"aborted-upload", aborted_upload},
	{"client-gone", client_gone},
	{"limited-rate", limited_rate},
	{"active", active},
	{"from-port-20", from_port_20},
	{"from-port-20-aborted", from_port_20_aborted},
	{"no-sendfile", no_sendfile},
	{"shortened", shortened},
	{"ended-badly", ended_badly},
	{"ended-in-record", ended_in_record},
	{"answered", answered},
	{"ciphers", ciphers},
	{"new-keys-13", new_keys},
	{"unprotected-between", unprotected_between},
};

static bool holds(const struct one *one)
{
	why[0] = '\0';
	if (setjmp(give_up) != 0)
		return false;
	one->run();
	return true;
}

static void run(const struct one *one, FILE *results)
{
	double start = now();
	char line[2048];
	bool ok = holds(one);

	client_close();
	snprintf(line, sizeof(line), "%s %s the kernel's, TLS 1.%d: %s (%.1f s)%s%s\n",
		ok ? "ok  " : "FAIL", kernel_has ? "with" : "without",
		client.version == TLS1_3_VERSION ? 3 : 2, one->name, now() - start, ok ? "" : ": ",
		ok ? "" : why);
	fputs(line, stdout);
	fputs(line, results);
	fflush(results);
}

int main(int count, char **arguments)
{
	FILE *results = fopen("/tmp/results", "a");

	if (count < 2 || !results)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	kernel_has = strcmp(arguments[1], "with") == 0;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (unsigned char)((i * 2654435761U >> 19) ^ (i >> 8));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		client.version = strstr(cases[i].name, "-13") ? TLS1_3_VERSION : TLS1_2_VERSION;
		for (; client.version <= TLS1_3_VERSION; client.version++)
			if (count < 3 || !*arguments[2] || strcmp(cases[i].name, arguments[2]) == 0)
				run(&cases[i], results);
	}
	return 0;
}
