/* net: which passive ports are tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "system/net.h"

/* An address of this process's own below 127/8: no other test listens there. */
static struct address own_address(void)
{
	struct address address;
	char text[32];
	int pid = getpid();

	assert_true(snprintf(text, sizeof(text), "127.77.%d.%d", pid >> 8 & 0xff, pid & 0xff) > 0);
	assert_int_equal(address_parse_host(text, &address), 0);
	return address;
}

/* As many tries as there are ports find the last free one, whatever the number of ports is. */
static void test_each_port_once(void **state)
{
	enum { LOW = 40000, MOST = 24 };
	struct address address = own_address();
	int busy[MOST];

	(void)state;
	for (unsigned count = 1; count <= MOST; count++) {
		for (unsigned i = 0; i < count; i++) {
			busy[i] = net_listen(&address, LOW, LOW + count - 1, count);
			assert_true(busy[i] >= 0);
			assert_in_range(address.port, LOW, LOW + count - 1);
		}
		assert_int_equal(net_listen(&address, LOW, LOW + count - 1, count), -EADDRINUSE);
		for (unsigned i = 0; i < count; i++)
			close(busy[i]);
	}
}

/* The first one is any of them. */
static void test_at_random(void **state)
{
	enum { LOW = 41000, COUNT = 8, ROUNDS = 400 };
	struct address address = own_address();
	unsigned seen[COUNT] = {0};

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		int fd = net_listen(&address, LOW, LOW + COUNT - 1, 1);
		assert_true(fd >= 0);
		seen[address.port - LOW]++;
		close(fd);
	}
	for (unsigned i = 0; i < COUNT; i++)
		assert_true(seen[i] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_port_once),
		cmocka_unit_test(test_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
