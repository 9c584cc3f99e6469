/* pump: transfers of awkward sizes over sockets, whole and interrupted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "data/pump.h"
#include "system/io.h"
#include "system/net.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MIB ((size_t)1 << 20)
#define LARGEST (3 * MIB)

static const size_t sizes[] = {
	0, 1, 2, 65535, 65536, 65537, 262143, 262144, 262145, 524288, 524289, MIB + 1, LARGEST};

static char path[256];
static char content[LARGEST], wire[2 * LARGEST], seen[2 * LARGEST];

/* ---- both ends ---- */

enum kind { LOCAL, TCP };

static int ends[2]; /* ours, the client's */
static int control[2];
static int verdict; /* of the watch */
static unsigned heard;
static struct watch watch;
static struct pace pace;
static struct channel channel;
static struct pump pump;

static int make_path(void **state)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	(void)state;
	signal(SIGPIPE, SIG_IGN); /* sendfile has no flag for it */
	signal(SIGXFSZ, SIG_IGN);
	snprintf(path, sizeof(path), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static int hear(struct watch *w)
{
	char bytes[64];

	heard++;
	if (recv(w->control, bytes, sizeof(bytes), MSG_DONTWAIT) == 0)
		w->deaf = true;
	return verdict;
}

static void make_tcp_pair(void)
{
	struct address address = {.family = ADDRESS_IPV4, .host = {127, 0, 0, 1}}, peer;
	int listener = net_listen(&address, 0, 0, 1), small = 65536;

	assert_true(listener >= 0);
	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	/* Less than the largest file fits between the two ends. */
	assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	assert_int_equal(net_connect(ends[1], &address), 0);
	ends[0] = net_accept(listener, &peer);
	assert_true(ends[0] >= 0);
	assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	close(listener);
}

static void begin(enum kind kind, bool kernel_copies)
{
	if (kind == TCP) {
		make_tcp_pair();
	} else {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, control), 0);
	verdict = 0;
	heard = 0;
	watch = (struct watch){.control = control[0], .heard = hear};
	pace = (struct pace){.rate = 0};
	channel = (struct channel){.fd = ends[0]};
	pump = (struct pump){.data = &channel,
		.watch = &watch,
		.pace = &pace,
		.stall = 60,
		.kernel_copies = kernel_copies};
}

static void finish(void)
{
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	close(control[0]);
	close(control[1]);
}

/* Bytes that repeat at no power of two. */
static void fill(char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 7 + i / 251 + i / 65536);
}

static void write_file(const char *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	for (size_t done = 0; done < size;) {
		ssize_t written = write(fd, bytes + done, size - done);
		assert_true(written > 0);
		done += (size_t)written;
	}
	close(fd);
}

static void check_file(const char *bytes, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t total = 0;
	ssize_t got;

	assert_true(fd >= 0);
	while ((got = read(fd, seen + total, sizeof(seen) - total)) > 0)
		total += (size_t)got;
	close(fd);
	assert_int_equal(total, size);
	assert_true(memcmp(seen, bytes, size) == 0);
}

/* ---- the client, in a process of its own ---- */

static pid_t start_client(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0) {
		close(ends[1]);
		ends[1] = -1;
	} else {
		close(ends[0]);
		close(control[1]);
		close(control[0]);
	}
	return pid;
}

static void check_client(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A client that takes all there is and exits with 0 if it was that. */
static pid_t take(const char *bytes, size_t size)
{
	pid_t pid = start_client();
	size_t total = 0;
	ssize_t got;

	if (pid > 0)
		return pid;
	while ((got = recv(ends[1], seen + total, sizeof(seen) - total, 0)) > 0)
		total += (size_t)got;
	_exit(got == 0 && total == size && memcmp(seen, bytes, size) == 0 ? 0 : 1);
}

/* A client that gives all of it and leaves. */
static pid_t give(const char *bytes, size_t size)
{
	pid_t pid = start_client();
	size_t piece = 1;

	if (pid > 0)
		return pid;
	while (size > 0) {
		ssize_t sent = send(ends[1], bytes, size < piece ? size : piece, MSG_NOSIGNAL);
		if (sent < 0)
			_exit(1);
		bytes += sent;
		size -= (size_t)sent;
		piece = piece * 3 % 99991 + 1;
	}
	_exit(0);
}

/* ---- whole transfers ---- */

/* The file has `size` bytes; those from `offset` to `end` (0: all) come over. */
static void download(unsigned way, size_t size, uint64_t offset, uint64_t end)
{
	size_t stop = end > 0 && end < size ? (size_t)end : size;
	size_t left = offset < stop ? stop - (size_t)offset : 0;
	int file = open(path, O_RDONLY);
	pid_t client;

	begin(way & 1 ? TCP : LOCAL, way & 2);
	client = take(content + (left > 0 ? offset : 0), left);
	assert_int_equal(pump_download(&pump, file, offset, end), PUMP_DONE);
	assert_int_equal(pump.moved, left);
	finish();
	check_client(client);
	close(file);
}

static void test_downloads(void **state)
{
	(void)state;
	fill(content, LARGEST);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		write_file(content, sizes[i]);
		for (unsigned way = 0; way < 4; way++) {
			download(way, sizes[i], 0, sizes[i]);
			download(way, sizes[i], 0, 0);
			download(way, sizes[i], sizes[i] / 2 + 1, sizes[i]);
			download(way, sizes[i], sizes[i], sizes[i]);
		}
	}
}

/* Only as much as was announced, even if the file has grown; less if it has shrunk. */
static void test_download_as_announced(void **state)
{
	static const size_t announced[] = {1, 99, 65536, 262144, 262145, MIB};

	(void)state;
	write_file(content, MIB);
	for (size_t i = 0; i < COUNT(announced); i++) {
		for (unsigned way = 0; way < 4; way++) {
			download(way, MIB, 0, announced[i]);
			download(way, MIB, announced[i] - 1, announced[i]);
			download(way, MIB, announced[i], announced[i]);
			download(way, MIB, MIB / 2, MIB + announced[i]);
		}
	}
}

static void test_download_past_the_end(void **state)
{
	(void)state;
	write_file(content, 100);
	for (unsigned way = 0; way < 4; way++) {
		download(way, 100, 101, 100);
		download(way, 100, 101, 0);
		download(way, 100, (uint64_t)1 << 40, 100);
		download(way, 100, (uint64_t)1 << 40, (uint64_t)1 << 41);
	}
}

/* The file's own position does not matter; only the offset does. */
static void test_download_ignores_the_position(void **state)
{
	int file = open(path, O_RDWR);

	(void)state;
	write_file(content, 1000);
	for (unsigned kernel = 0; kernel < 2; kernel++) {
		pid_t client;
		assert_int_equal(lseek(file, 500, SEEK_SET), 500);
		begin(TCP, kernel);
		client = take(content + 10, 990);
		assert_int_equal(pump_download(&pump, file, 10, 1000), PUMP_DONE);
		finish();
		check_client(client);
	}
	close(file);
}

static void upload(enum kind kind, bool kernel, size_t size, int flags)
{
	int file = open(path, O_WRONLY | O_TRUNC | flags);
	pid_t client;

	begin(kind, kernel);
	client = give(content, size);
	assert_int_equal(pump_upload(&pump, file), PUMP_DONE);
	assert_int_equal(pump.moved, size);
	finish();
	check_client(client);
	close(file);
	check_file(content, size);
}

static void test_uploads(void **state)
{
	(void)state;
	fill(content, LARGEST);
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (unsigned way = 0; way < 4; way++)
			upload(way & 1 ? TCP : LOCAL, way & 2, sizes[i], 0);
}

/* The kernel does not splice into such files: what the pipe holds goes through memory. */
static void test_uploads_where_splice_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		upload(LOCAL, true, sizes[i], O_APPEND);
		upload(TCP, true, sizes[i], O_APPEND);
	}
}

static void test_upload_to_a_position(void **state)
{
	int file;

	(void)state;
	fill(content, LARGEST);
	for (unsigned kernel = 0; kernel < 2; kernel++) {
		pid_t client;
		write_file(content, MIB);
		file = open(path, O_WRONLY);
		assert_int_equal(lseek(file, 1000, SEEK_SET), 1000);
		begin(TCP, kernel);
		client = give(content + 1000, LARGEST - 1000);
		assert_int_equal(pump_upload(&pump, file), PUMP_DONE);
		finish();
		check_client(client);
		close(file);
		check_file(content, LARGEST);
	}
}

/* Lines of all lengths around the edges of what is moved at once; no CR, so that it all comes back. */
static void fill_lines(size_t size)
{
	fill(content, size);
	for (size_t i = 0; i < size; i++)
		if (content[i] == '\r')
			content[i] = '\n';
	for (size_t edge = 65536; edge <= size; edge += 65536)
		content[edge - 1 - (edge / 65536) % 2] = '\n';
}

static size_t to_wire(size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		if (content[i] == '\n')
			wire[used++] = '\r';
		wire[used++] = content[i];
	}
	return used;
}

static void ascii_round_trip(size_t size)
{
	size_t on_wire = to_wire(size);
	int file = open(path, O_RDWR);
	pid_t client;

	write_file(content, size);
	begin(TCP, true);
	client = take(wire, on_wire);
	assert_int_equal(pump_download_ascii(&pump, file, 0), PUMP_DONE);
	assert_int_equal(pump.moved, on_wire);
	finish();
	check_client(client);
	write_file("", 0);
	assert_int_equal(lseek(file, 0, SEEK_SET), 0);
	begin(TCP, true);
	client = give(wire, on_wire);
	assert_int_equal(pump_upload_ascii(&pump, file), PUMP_DONE);
	assert_int_equal(pump.moved, on_wire);
	finish();
	check_client(client);
	close(file);
	check_file(content, size);
}

static void test_ascii(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		fill_lines(sizes[i]);
		ascii_round_trip(sizes[i]);
	}
}

static void test_ascii_of_nothing_but_lines(void **state)
{
	(void)state;
	memset(content, '\n', MIB + 1);
	ascii_round_trip(MIB + 1);
}

static void test_ascii_keeps_lone_returns(void **state)
{
	static const char sent[] = "a\rb\r\r\nc\r";
	int file = open(path, O_RDWR | O_TRUNC);
	pid_t client;

	(void)state;
	begin(LOCAL, false);
	client = give(sent, sizeof(sent) - 1);
	assert_int_equal(pump_upload_ascii(&pump, file), PUMP_DONE);
	finish();
	check_client(client);
	close(file);
	check_file("a\rb\r\nc\r", 7);
}

static void test_bytes(void **state)
{
	(void)state;
	fill(content, LARGEST);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		pid_t client;
		begin(i % 2 ? TCP : LOCAL, true);
		client = take(content, sizes[i]);
		assert_int_equal(pump_bytes(&pump, content, sizes[i]), PUMP_DONE);
		assert_int_equal(pump.moved, sizes[i]);
		finish();
		check_client(client);
	}
}

static void test_paced_transfers(void **state)
{
	int file = open(path, O_RDWR);
	size_t size = 300000;

	(void)state;
	fill(content, size);
	write_file(content, size);
	for (unsigned way = 0; way < 4; way++) {
		pid_t client;
		begin(TCP, way & 1);
		pace.rate = 2000000;
		pump.chunk = way & 2 ? 5000 : 0;
		client = take(content, size);
		assert_int_equal(pump_download(&pump, file, 0, 0), PUMP_DONE);
		finish();
		check_client(client);
		begin(TCP, way & 1);
		pace.rate = 2000000;
		pump.chunk = way & 2 ? 5000 : 0;
		client = give(content, size);
		assert_int_equal(lseek(file, 0, SEEK_SET), 0);
		assert_int_equal(pump_upload(&pump, file), PUMP_DONE);
		assert_int_equal(pump.moved, size);
		finish();
		check_client(client);
	}
	close(file);
	check_file(content, size);
}

/* ---- interruptions ---- */

typedef enum pump_result transfer(int file);

static enum pump_result send_binary(int file)
{
	return pump_download(&pump, file, 0, 0);
}

static enum pump_result send_ascii(int file)
{
	return pump_download_ascii(&pump, file, 0);
}

static enum pump_result send_bytes(int file)
{
	(void)file;
	return pump_bytes(&pump, content, LARGEST);
}

static enum pump_result receive_binary(int file)
{
	return pump_upload(&pump, file);
}

static enum pump_result receive_ascii(int file)
{
	return pump_upload_ascii(&pump, file);
}

/* The downloads come first. */
static transfer *const transfers[] = {
	send_binary, send_ascii, send_bytes, receive_binary, receive_ascii};
#define DOWNLOADS 3

static int open_full(void)
{
	int file;

	fill(content, LARGEST);
	write_file(content, LARGEST);
	file = open(path, O_RDWR);
	assert_true(file >= 0);
	return file;
}

static void check_verdict(transfer *run, bool kernel, int said, enum pump_result expected)
{
	int file = open_full();

	begin(TCP, kernel);
	verdict = said;
	assert_int_equal(send(control[1], "ABOR\r\n", 6, 0), 6);
	assert_int_equal(run(file), expected);
	assert_int_equal(heard, 1);
	assert_true(pump.moved < LARGEST);
	finish();
	close(file);
}

/* The client neither takes nor gives: the pump waits, and hears it. */
static void test_abort(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(transfers); i++) {
		for (unsigned kernel = 0; kernel < 2; kernel++) {
			check_verdict(transfers[i], kernel, -ECANCELED, PUMP_ABORTED);
			check_verdict(transfers[i], kernel, -EPIPE, PUMP_GONE);
		}
	}
}

/* The data never have to wait: the client is heard all the same. */
static void test_abort_of_a_fast_transfer(void **state)
{
	for (unsigned kernel = 0; kernel < 2; kernel++) {
		int file = open(path, O_RDWR);
		pid_t client;
		assert_int_equal(ftruncate(file, 64 << 20), 0);
		begin(LOCAL, kernel);
		verdict = -ECANCELED;
		assert_int_equal(send(control[1], "ABOR\r\n", 6, 0), 6);
		client = start_client();
		if (client == 0) {
			while (recv(ends[1], seen, sizeof(seen), 0) > 0)
				;
			_exit(0);
		}
		assert_int_equal(pump_download(&pump, file, 0, 0), PUMP_ABORTED);
		assert_true(pump.moved < (64 << 20));
		finish();
		check_client(client);
		close(file);
	}
	write_file("", 0);
	(void)state;
}

static void test_abort_of_a_slow_transfer(void **state)
{
	int file = open_full();

	(void)state;
	begin(TCP, true);
	pace.rate = 10; /* it would take three days */
	verdict = -ECANCELED;
	assert_int_equal(send(control[1], "ABOR\r\n", 6, 0), 6);
	assert_int_equal(pump_download(&pump, file, 0, 0), PUMP_ABORTED);
	finish();
	close(file);
}

/* Whatever the client says, the transfer goes on. */
static void test_chatter(void **state)
{
	int file = open_full();
	pid_t client;

	(void)state;
	begin(TCP, true);
	assert_int_equal(send(control[1], "NOOP\r\n", 6, 0), 6);
	shutdown(control[1], SHUT_WR);
	client = take(content, LARGEST);
	assert_int_equal(pump_download(&pump, file, 0, 0), PUMP_DONE);
	finish();
	check_client(client);
	close(file);
}

/* A killed client's last bytes look like the end of the file. */
static void test_client_is_gone_at_the_end_of_an_upload(void **state)
{
	for (size_t i = DOWNLOADS; i < COUNT(transfers); i++) {
		int file = open(path, O_RDWR | O_TRUNC);
		begin(TCP, true);
		assert_int_equal(send(ends[1], "half", 4, 0), 4);
		close(ends[1]);
		ends[1] = -1;
		close(control[1]);
		control[1] = -1;
		verdict = -EPIPE;
		assert_int_equal(transfers[i](file), PUMP_GONE);
		assert_int_equal(pump.moved, 4);
		finish();
		close(file);
	}
	(void)state;
}

static void test_stall(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(transfers); i++) {
		int file = open_full();
		begin(TCP, true);
		pump.stall = 1;
		assert_int_equal(transfers[i](file), PUMP_STALLED);
		finish();
		close(file);
	}
}

static void test_stall_without_kernel_copies(void **state)
{
	int file = open_full();

	(void)state;
	begin(TCP, false);
	pump.stall = 1;
	assert_int_equal(pump_download(&pump, file, 0, 0), PUMP_STALLED);
	finish();
	close(file);
}

/* A client that only talks does not keep its transfer alive. */
static void test_stall_in_spite_of_chatter(void **state)
{
	int file = open_full();
	pid_t talker;

	(void)state;
	begin(TCP, true);
	pump.stall = 1;
	talker = fork();
	if (talker == 0) {
		while (send(control[1], "NOOP\r\n", 6, MSG_NOSIGNAL) > 0)
			usleep(10000);
		_exit(0);
	}
	assert_int_equal(pump_upload(&pump, file), PUMP_STALLED);
	assert_true(heard > 1);
	kill(talker, SIGKILL);
	assert_int_equal(waitpid(talker, NULL, 0), talker);
	finish();
	close(file);
}

static void reset_by_peer(void)
{
	net_reset_on_close(ends[1]);
	close(ends[1]);
	ends[1] = -1;
}

static void test_reset(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * COUNT(transfers); i++) {
		int file = open_full();
		begin(TCP, i % 2);
		reset_by_peer();
		assert_int_equal(transfers[i / 2](file), PUMP_NETWORK);
		assert_true(pump.error == -ECONNRESET || pump.error == -EPIPE);
		finish();
		close(file);
	}
}

/* The reset comes behind some data, and when the kernel already copies. */
static void test_reset_of_a_large_upload(void **state)
{
	for (unsigned kernel = 0; kernel < 2; kernel++) {
		int file = open(path, O_RDWR | O_TRUNC);
		pid_t client;
		begin(TCP, kernel);
		client = start_client();
		if (client == 0) {
			for (int i = 0; i < 40; i++)
				(void)send(ends[1], content, 65536, MSG_NOSIGNAL);
			/* Gone with the first word from the other side. */
			reset_by_peer();
			_exit(0);
		}
		assert_int_equal(pump_upload(&pump, file), PUMP_NETWORK);
		assert_int_equal(pump.error, -ECONNRESET);
		finish();
		check_client(client);
		close(file);
	}
	(void)state;
}

/* The client closed its end and has not taken all. */
static void test_download_to_a_closed_end(void **state)
{
	for (unsigned kernel = 0; kernel < 2; kernel++) {
		int file = open_full();
		begin(LOCAL, kernel);
		close(ends[1]);
		ends[1] = -1;
		assert_int_equal(pump_download(&pump, file, 0, 0), PUMP_NETWORK);
		assert_int_equal(pump.error, -EPIPE);
		finish();
		close(file);
	}
	(void)state;
}

/* What the kernel could hold for a client is no download yet. */
static void test_download_ends_when_it_is_taken(void **state)
{
	const size_t size = MIB / 2,
		     left = (64 << 10) + (128 << 10); /* on its way; received and not read */

	write_file(content, size);
	for (unsigned kernel = 0; kernel < 2; kernel++) {
		int file = open(path, O_RDONLY), large = 1 << 20, done[2];
		pid_t client;
		begin(TCP, kernel);
		assert_int_equal(
			setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof(large)), 0);
		assert_int_equal(pipe2(done, O_NONBLOCK), 0);
		client = start_client();
		if (client == 0) {
			size_t total = 0;
			ssize_t got;
			while (read(done[0], seen, 1) < 0) {
				usleep(500);
				got = recv(ends[1], seen, 4096, MSG_DONTWAIT);
				total += got > 0 ? (size_t)got : 0;
			}
			_exit(total + left >= size ? 0 : 1);
		}
		assert_int_equal(pump_download(&pump, file, 0, 0), PUMP_DONE);
		assert_int_equal(write(done[1], "", 1), 1);
		check_client(client);
		finish();
		close(done[0]);
		close(done[1]);
		close(file);
	}
	(void)state;
}

/* ---- trouble with the file ---- */

static void test_upload_into_a_read_only_descriptor(void **state)
{
	for (size_t i = DOWNLOADS; i < COUNT(transfers); i++) {
		int file = open(path, O_RDONLY);
		begin(LOCAL, true);
		assert_int_equal(send(ends[1], content, 100, 0), 100);
		assert_int_equal(transfers[i](file), PUMP_FILE);
		assert_int_equal(pump.error, -EBADF);
		finish();
		close(file);
	}
	(void)state;
}

/* The limit is met while the kernel copies. */
static void test_upload_meets_a_limit(void **state)
{
	struct rlimit before, limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){.rlim_cur = 2 * MIB, .rlim_max = before.rlim_max};
	for (unsigned kernel = 0; kernel < 2; kernel++) {
		int file = open(path, O_RDWR | O_TRUNC), status;
		enum pump_result result;
		pid_t client;
		begin(TCP, kernel);
		client = give(content, LARGEST);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		result = pump_upload(&pump, file);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		assert_int_equal(result, PUMP_FILE);
		assert_int_equal(pump.error, -EFBIG);
		finish();
		assert_int_equal(waitpid(client, &status, 0), client);
		close(file);
	}
}

static void test_download_of_what_can_not_be_read(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 3; way++) {
		int file = open("/", O_RDONLY | O_DIRECTORY);
		begin(LOCAL, way & 1);
		assert_int_equal(way < 2 ? pump_download(&pump, file, 0, 0)
					 : pump_download_ascii(&pump, file, 0),
			PUMP_FILE);
		assert_int_equal(pump.error, -EISDIR);
		assert_int_equal(pump.moved, 0);
		finish();
		close(file);
	}
}

/* A file that grows shorter meanwhile just ends. */
static void test_download_of_a_shrinking_file(void **state)
{
	(void)state;
	for (unsigned kernel = 0; kernel < 2; kernel++) {
		int file = open_full();
		begin(TCP, kernel);
		pace.rate = 20000000;
		assert_int_equal(ftruncate(file, 1000), 0);
		assert_int_equal(pump_download(&pump, file, 500, LARGEST), PUMP_DONE);
		assert_int_equal(pump.moved, 500);
		finish();
		close(file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_downloads),
		cmocka_unit_test(test_download_as_announced),
		cmocka_unit_test(test_download_past_the_end),
		cmocka_unit_test(test_download_ignores_the_position),
		cmocka_unit_test(test_uploads),
		cmocka_unit_test(test_uploads_where_splice_fails),
		cmocka_unit_test(test_upload_to_a_position),
		cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_ascii_of_nothing_but_lines),
		cmocka_unit_test(test_ascii_keeps_lone_returns),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_paced_transfers),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_abort_of_a_fast_transfer),
		cmocka_unit_test(test_abort_of_a_slow_transfer),
		cmocka_unit_test(test_chatter),
		cmocka_unit_test(test_client_is_gone_at_the_end_of_an_upload),
		cmocka_unit_test(test_stall),
		cmocka_unit_test(test_stall_without_kernel_copies),
		cmocka_unit_test(test_stall_in_spite_of_chatter),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_reset_of_a_large_upload),
		cmocka_unit_test(test_download_to_a_closed_end),
		cmocka_unit_test(test_download_ends_when_it_is_taken),
		cmocka_unit_test(test_upload_into_a_read_only_descriptor),
		cmocka_unit_test(test_upload_meets_a_limit),
		cmocka_unit_test(test_download_of_what_can_not_be_read),
		cmocka_unit_test(test_download_of_a_shrinking_file),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
