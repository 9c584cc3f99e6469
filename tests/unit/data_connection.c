/* connection: the data connection, on loopback addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "data/connection.h"
#include "system/io.h"
#include "system/net.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct data data;
static struct config config;
static struct watch watch;
static struct address announced;
static bool intruder;
static int control[2]; /* ours, the client's */
static int verdict;    /* of the watch */

static const struct address here = {.family = ADDRESS_IPV4, .host = {127, 0, 0, 1}, .port = 21};
static const struct address client = {.family = ADDRESS_IPV4, .host = {127, 0, 0, 1}, .port = 5000};
static const struct address stranger = {.family = ADDRESS_IPV4, .host = {127, 0, 0, 2}};

static int hear(struct watch *w)
{
	char bytes[64];

	while (recv(w->control, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	return verdict;
}

static int start(void **state)
{
	(void)state;
	config_defaults(&config, "soloftpd");
	config.accept_timeout = config.connect_timeout = 60;
	data_start(&data, &here, &client);
	verdict = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, control) < 0)
		return -1;
	watch = (struct watch){.control = control[0], .heard = hear};
	return 0;
}

static int end(void **state)
{
	(void)state;
	data_end(&data);
	close(control[0]);
	close(control[1]);
	return 0;
}

/* ---- the client's side ---- */

/* A blocking socket connected from `from` to the announced port; or -errno. */
static int connect_from(const struct address *from)
{
	struct address to = announced, source = *from;
	int fd, error;

	source.port = 0;
	fd = net_bind(&source);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	error = net_connect(fd, &to);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

static int listen_here(struct address *out)
{
	int fd;

	*out = here;
	fd = net_listen(out, 0, 0, 1);
	assert_true(fd >= 0);
	return fd;
}

/* What reading the socket says in the end: 0, or -errno. Counts the bytes before that. */
static int read_to_end(int fd, size_t *out_size)
{
	char bytes[4096];
	ssize_t got;

	for (*out_size = 0; (got = recv(fd, bytes, sizeof(bytes), 0)) > 0;)
		*out_size += (size_t)got;
	return got < 0 ? -errno : 0;
}

static int open_data(void)
{
	return data_open(&data, &config, &watch, &intruder);
}

static void listen_passive(void)
{
	assert_int_equal(data_listen(&data, &config, &announced), 0);
	assert_int_equal(data.state, DATA_LISTENING);
	assert_int_not_equal(announced.port, 0);
}

static unsigned count_descriptors(void)
{
	DIR *entries = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(entries);
	while (readdir(entries))
		count++;
	closedir(entries);
	return count;
}

/* ---- passive ---- */

static void test_nothing_prepared(void **state)
{
	(void)state;
	assert_int_equal(open_data(), -ENOTCONN);
	data_close(&data);
	data_abort(&data);
	assert_int_equal(open_data(), -ENOTCONN);
	assert_int_equal(data.fd, -1);
}

static void test_passive(void **state)
{
	size_t size;
	int fd;

	(void)state;
	listen_passive();
	assert_true(address_same_host(&announced, &here));
	fd = connect_from(&client);
	assert_int_equal(open_data(), 0);
	assert_false(intruder);
	assert_int_equal(data.state, DATA_OPEN);
	assert_int_equal(send(data.fd, "data", 4, 0), 4);
	data_close(&data);
	assert_int_equal(data.state, DATA_NONE);
	assert_int_equal(read_to_end(fd, &size), 0);
	assert_int_equal(size, 4);
	close(fd);
	assert_int_equal(open_data(), -ENOTCONN); /* it served its one transfer */
}

static void test_abort_is_no_end(void **state)
{
	size_t size;
	int fd;

	(void)state;
	listen_passive();
	fd = connect_from(&client);
	assert_int_equal(open_data(), 0);
	data_abort(&data);
	assert_int_equal(data.state, DATA_NONE);
	assert_int_equal(read_to_end(fd, &size), -ECONNRESET);
	close(fd);
}

static void test_listener_goes_with_its_connection(void **state)
{
	int fd;

	(void)state;
	listen_passive();
	fd = connect_from(&client);
	assert_int_equal(open_data(), 0);
	assert_int_equal(connect_from(&client), -ECONNREFUSED);
	close(fd);
}

static void test_listener_is_replaced(void **state)
{
	struct address first;

	(void)state;
	listen_passive();
	first = announced;
	listen_passive();
	assert_int_not_equal(announced.port, first.port);
	announced = first;
	assert_int_equal(connect_from(&client), -ECONNREFUSED);
}

static void test_intruder_is_waited_past(void **state)
{
	size_t size;
	int thief, fd;

	(void)state;
	listen_passive();
	thief = connect_from(&stranger);
	assert_true(thief >= 0);
	fd = connect_from(&client);
	assert_int_equal(open_data(), 0);
	assert_true(intruder);
	assert_int_equal(read_to_end(thief, &size), 0);
	assert_int_equal(size, 0);
	assert_int_equal(send(data.fd, "x", 1, 0), 1);
	data_close(&data);
	assert_int_equal(read_to_end(fd, &size), 0);
	assert_int_equal(size, 1);
	close(thief);
	close(fd);
}

static void test_only_intruders(void **state)
{
	int thief;

	(void)state;
	config.accept_timeout = 1;
	listen_passive();
	thief = connect_from(&stranger);
	assert_int_equal(open_data(), -ETIMEDOUT);
	assert_true(intruder);
	close(thief);
}

static void test_promiscuous_passive(void **state)
{
	int fd;

	(void)state;
	config.pasv_promiscuous = true;
	listen_passive();
	fd = connect_from(&stranger);
	assert_int_equal(open_data(), 0);
	assert_false(intruder);
	close(fd);
}

static void test_nobody_comes(void **state)
{
	(void)state;
	config.accept_timeout = 1;
	listen_passive();
	assert_int_equal(open_data(), -ETIMEDOUT);
	assert_int_equal(data.state, DATA_NONE);
	assert_int_equal(data.fd, -1);
	assert_int_equal(connect_from(&client), -ECONNREFUSED);
}

/* The client connected and left again before the command: the connection stands, and has ended. */
static void test_client_came_and_went(void **state)
{
	char byte;

	(void)state;
	listen_passive();
	close(connect_from(&client));
	assert_int_equal(open_data(), 0);
	assert_int_equal(io_wait(data.fd, IO_READ, -1, io_now() + 10000), IO_READ);
	assert_int_equal(io_receive(data.fd, &byte, 1), 0);
}

static void test_watch_ends_the_wait(void **state)
{
	static const int verdicts[] = {-ECANCELED, -EPIPE};

	(void)state;
	for (size_t i = 0; i < COUNT(verdicts); i++) {
		listen_passive();
		verdict = verdicts[i];
		assert_int_equal(send(control[1], "ABOR\r\n", 6, 0), 6);
		assert_int_equal(open_data(), verdicts[i]);
		assert_int_equal(data.state, DATA_NONE);
		assert_int_equal(connect_from(&client), -ECONNREFUSED);
	}
}

static void test_watch_goes_on(void **state)
{
	int fd;

	(void)state;
	listen_passive();
	assert_int_equal(send(control[1], "NOOP\r\n", 6, 0), 6);
	fd = connect_from(&client);
	assert_int_equal(open_data(), 0);
	close(fd);
}

/* ---- ports ---- */

static uint16_t find_free_port(void)
{
	struct address address;

	close(listen_here(&address));
	return address.port;
}

static void test_one_port(void **state)
{
	static struct data second;
	struct address other;

	(void)state;
	config.pasv_min_port = config.pasv_max_port = find_free_port();
	listen_passive();
	assert_int_equal(announced.port, config.pasv_min_port);
	data_start(&second, &here, &client);
	assert_int_equal(data_listen(&second, &config, &other), -EADDRINUSE);
	assert_int_equal(second.state, DATA_NONE);
	assert_int_equal(second.fd, -1);
	data_end(&second);
	listen_passive(); /* our own listener gives way */
	assert_int_equal(announced.port, config.pasv_min_port);
}

static void test_ports_stay_in_their_range(void **state)
{
	bool seen[8] = {false};
	unsigned different = 0;

	(void)state;
	config.pasv_min_port = 42000;
	config.pasv_max_port = 42007;
	config.bind_retries = 100;
	for (int i = 0; i < 200; i++) {
		listen_passive();
		assert_in_range(announced.port, 42000, 42007);
		different += !seen[announced.port - 42000];
		seen[announced.port - 42000] = true;
	}
	assert_true(different > 4);
}

static void test_odd_ranges(void **state)
{
	static const unsigned ranges[][2] = {{0, 0}, {1024, 65535}, {0, 65535}, {5001, 0}, {80, 90},
		{1023, 1023}, {0, 1023}, {50000, 40000}, {65535, 65535}, {1, 0}};

	(void)state;
	config.bind_retries = 1000;
	for (size_t i = 0; i < COUNT(ranges); i++) {
		config.pasv_min_port = ranges[i][0];
		config.pasv_max_port = ranges[i][1];
		listen_passive();
		assert_true(announced.port >= 1024);
	}
}

static void test_many_preparations_leave_nothing_open(void **state)
{
	unsigned before = count_descriptors();
	struct address target = client;

	(void)state;
	for (int i = 0; i < 500; i++) {
		listen_passive();
		if (i % 3 == 0)
			assert_int_equal(data_target(&data, &config, &target), 0);
		if (i % 5 == 0)
			data_close(&data);
	}
	data_end(&data);
	assert_int_equal(count_descriptors(), before);
}

/* ---- active ---- */

static const struct {
	uint8_t host[4];
	uint16_t port;
	int error, promiscuous;
} targets[] = {
	{{127, 0, 0, 1}, 1024, 0, 0},
	{{127, 0, 0, 1}, 65535, 0, 0},
	{{127, 0, 0, 1}, 1023, -EACCES, 0},
	{{127, 0, 0, 1}, 22, -EACCES, 0},
	{{127, 0, 0, 1}, 0, -EACCES, 0},
	{{127, 0, 0, 2}, 5000, -EACCES, 0},
	{{10, 0, 0, 1}, 5000, -EACCES, 0},
	{{0, 0, 0, 0}, 5000, -EACCES, 0},
	{{255, 255, 255, 255}, 5000, -EACCES, 0},
	{{224, 0, 0, 1}, 5000, -EACCES, 0},
};

static void test_targets(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(targets); i++) {
		struct address target = {.family = ADDRESS_IPV4, .port = targets[i].port};
		memcpy(target.host, targets[i].host, 4);
		config.port_promiscuous = false;
		listen_passive();
		assert_int_equal(data_target(&data, &config, &target), targets[i].error);
		/* Refused or not, what was prepared is gone. */
		assert_int_equal(connect_from(&client), -ECONNREFUSED);
		assert_int_equal(data.state, targets[i].error ? DATA_NONE : DATA_TARGET);
		config.port_promiscuous = true;
		assert_int_equal(data_target(&data, &config, &target), targets[i].promiscuous);
		data_close(&data);
	}
}

static void test_target_of_another_family(void **state)
{
	struct address target = {.family = ADDRESS_IPV6, .host = {[15] = 1}, .port = 5000};

	(void)state;
	assert_int_equal(data_target(&data, &config, &target), -EACCES);
	target = (struct address){.family = ADDRESS_NONE, .port = 5000};
	assert_int_equal(data_target(&data, &config, &target), -EACCES);
}

/* The scope that EPRT can't say is the control connection's. */
static void test_target_takes_the_scope(void **state)
{
	struct address peer = {.family = ADDRESS_IPV6, .host = {0xfe, 0x80, [15] = 1}, .scope = 3};
	struct address target = {
		.family = ADDRESS_IPV6, .host = {0xfe, 0x80, [15] = 1}, .port = 5000};

	(void)state;
	data_start(&data, &here, &peer);
	assert_int_equal(data_target(&data, &config, &target), 0);
	assert_int_equal(data.target.scope, 3);
}

static void test_active(void **state)
{
	struct address target, from;
	size_t size;
	int listener = listen_here(&target), fd;

	(void)state;
	assert_int_equal(data_target(&data, &config, &target), 0);
	assert_int_equal(open_data(), 0);
	assert_int_equal(io_wait(listener, IO_READ, -1, io_now() + 10000), IO_READ);
	fd = net_accept(listener, &from);
	assert_true(fd >= 0);
	assert_true(address_same_host(&from, &here));
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	data_close(&data);
	assert_int_equal(read_to_end(fd, &size), 0);
	close(fd);
	close(listener);
}

static void test_active_is_refused(void **state)
{
	struct address target = here;

	(void)state;
	target.port = find_free_port();
	assert_int_equal(data_target(&data, &config, &target), 0);
	assert_int_equal(open_data(), -ECONNREFUSED);
	assert_int_equal(data.state, DATA_NONE);
	assert_int_equal(open_data(), -ENOTCONN);
}

static void test_last_target_wins(void **state)
{
	struct address first, second;
	int unused = listen_here(&first), listener = listen_here(&second);

	(void)state;
	assert_int_equal(data_target(&data, &config, &first), 0);
	assert_int_equal(data_target(&data, &config, &second), 0);
	assert_int_equal(open_data(), 0);
	assert_int_equal(io_wait(unused, IO_READ, listener, io_now() + 10000), IO_CONTROL);
	close(unused);
	close(listener);
}

/* ---- from a reserved port ---- */

/* Connects to the listener; returns the client's end and the port that we came from. */
static int open_active(int listener, const struct address *target, uint16_t *out_port)
{
	struct address from;
	int fd;

	assert_int_equal(data_target(&data, &config, target), 0);
	assert_int_equal(open_data(), 0);
	assert_int_equal(io_wait(listener, IO_READ, -1, io_now() + 10000), IO_READ);
	fd = net_accept(listener, &from);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	*out_port = from.port;
	return fd;
}

static void reserve(void)
{
	config.ftp_data_port = find_free_port();
	assert_int_equal(data_reserve(&data, &config), 0);
}

static void test_reserved_port(void **state)
{
	struct address target;
	int listener = listen_here(&target), fd;
	uint16_t port;
	size_t size;

	(void)state;
	reserve();
	for (int i = 0; i < 3; i++) {
		fd = open_active(listener, &target, &port);
		assert_int_equal(port, config.ftp_data_port);
		assert_int_equal(send(data.fd, "12345", 5, 0), 5);
		data_close(&data);
		assert_int_equal(data.fd, -1);
		assert_int_equal(read_to_end(fd, &size), 0);
		assert_int_equal(size, 5);
		close(fd);
	}
	close(listener);
}

/* A client that is slow to take its last bytes loses none of them to the next transfer. */
static void test_reserved_port_still_in_use(void **state)
{
	struct address target;
	int listener = listen_here(&target), first, second;
	uint16_t port;
	size_t size;

	(void)state;
	reserve();
	first = open_active(listener, &target, &port);
	assert_int_equal(send(data.fd, "12345", 5, 0), 5);
	data_close(&data);
	second = open_active(listener, &target, &port);
	assert_int_equal(send(data.fd, "678", 3, 0), 3);
	data_close(&data);
	assert_int_equal(read_to_end(first, &size), 0);
	assert_int_equal(size, 5);
	assert_int_equal(read_to_end(second, &size), 0);
	assert_int_equal(size, 3);
	close(first);
	close(second);
	close(listener);
}

static void test_reserved_port_after_an_abort(void **state)
{
	struct address target;
	int listener = listen_here(&target), fd;
	uint16_t port;
	size_t size;

	(void)state;
	reserve();
	for (int i = 0; i < 3; i++) {
		fd = open_active(listener, &target, &port);
		data_abort(&data);
		assert_int_equal(read_to_end(fd, &size), -ECONNRESET);
		close(fd);
	}
	fd = open_active(listener, &target, &port);
	assert_int_equal(port, config.ftp_data_port);
	close(fd);
	close(listener);
}

static void test_reserved_port_after_a_refusal(void **state)
{
	struct address target, nowhere = here;
	int listener = listen_here(&target), fd;
	uint16_t port;

	(void)state;
	reserve();
	nowhere.port = find_free_port();
	assert_int_equal(data_target(&data, &config, &nowhere), 0);
	assert_int_equal(open_data(), -ECONNREFUSED);
	fd = open_active(listener, &target, &port);
	assert_int_equal(port, config.ftp_data_port);
	close(fd);
	close(listener);
}

static void test_end_closes_what_is_reserved(void **state)
{
	unsigned before = count_descriptors();
	struct address target;
	int listener = listen_here(&target), fd;
	uint16_t port;
	size_t size;

	(void)state;
	reserve();
	fd = open_active(listener, &target, &port);
	data_end(&data);
	assert_int_equal(read_to_end(fd, &size), 0);
	close(fd);
	close(listener);
	assert_int_equal(count_descriptors(), before);
}

/* ---- what PASV says ---- */

static void test_announce(void **state)
{
	struct config_note note;
	struct address ipv6 = {.family = ADDRESS_IPV6, .host = {[15] = 1}};

	(void)state;
	assert_int_equal(data_announce(&data, &config, &note), 0);
	assert_true(address_same_host(&data.announced, &here));
	config.pasv_address = "192.0.2.7";
	assert_int_equal(data_announce(&data, &config, &note), 0);
	assert_int_equal(data.announced.host[3], 7);
	config.pasv_address = "::1";
	assert_int_equal(data_announce(&data, &config, &note), -EINVAL);
	assert_non_null(strstr(note.text, "pasv_address"));
	config.pasv_address = "not an address";
	assert_int_equal(data_announce(&data, &config, &note), -EINVAL);
	data_start(&data, &ipv6, &ipv6);
	config.pasv_address = NULL;
	assert_int_equal(data_announce(&data, &config, &note), 0);
	assert_true(address_same_host(&data.announced, &ipv6));
	config.pasv_address = "192.0.2.7";
	assert_int_equal(data_announce(&data, &config, &note), 0);
	assert_int_equal(data.announced.family, ADDRESS_IPV4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_prepared, start, end),
		cmocka_unit_test_setup_teardown(test_passive, start, end),
		cmocka_unit_test_setup_teardown(test_abort_is_no_end, start, end),
		cmocka_unit_test_setup_teardown(test_listener_goes_with_its_connection, start, end),
		cmocka_unit_test_setup_teardown(test_listener_is_replaced, start, end),
		cmocka_unit_test_setup_teardown(test_intruder_is_waited_past, start, end),
		cmocka_unit_test_setup_teardown(test_only_intruders, start, end),
		cmocka_unit_test_setup_teardown(test_promiscuous_passive, start, end),
		cmocka_unit_test_setup_teardown(test_nobody_comes, start, end),
		cmocka_unit_test_setup_teardown(test_client_came_and_went, start, end),
		cmocka_unit_test_setup_teardown(test_watch_ends_the_wait, start, end),
		cmocka_unit_test_setup_teardown(test_watch_goes_on, start, end),
		cmocka_unit_test_setup_teardown(test_one_port, start, end),
		cmocka_unit_test_setup_teardown(test_ports_stay_in_their_range, start, end),
		cmocka_unit_test_setup_teardown(test_odd_ranges, start, end),
		cmocka_unit_test_setup_teardown(
			test_many_preparations_leave_nothing_open, start, end),
		cmocka_unit_test_setup_teardown(test_targets, start, end),
		cmocka_unit_test_setup_teardown(test_target_of_another_family, start, end),
		cmocka_unit_test_setup_teardown(test_target_takes_the_scope, start, end),
		cmocka_unit_test_setup_teardown(test_active, start, end),
		cmocka_unit_test_setup_teardown(test_active_is_refused, start, end),
		cmocka_unit_test_setup_teardown(test_last_target_wins, start, end),
		cmocka_unit_test_setup_teardown(test_reserved_port, start, end),
		cmocka_unit_test_setup_teardown(test_reserved_port_still_in_use, start, end),
		cmocka_unit_test_setup_teardown(test_reserved_port_after_an_abort, start, end),
		cmocka_unit_test_setup_teardown(test_reserved_port_after_a_refusal, start, end),
		cmocka_unit_test_setup_teardown(test_end_closes_what_is_reserved, start, end),
		cmocka_unit_test_setup_teardown(test_announce, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
