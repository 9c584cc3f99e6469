/* passive: the address that PASV announces, and to whom. Names of hosts are left to system tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "policy/passive.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct config config;
static struct config_note note;
static struct address announced;

static struct address host(const char *text)
{
	struct address address;

	assert_int_equal(address_parse_host(text, &address), 0);
	return address;
}

static int start(void **state)
{
	(void)state;
	config_defaults(&config, "soloftpd");
	memset(&note, 0, sizeof(note));
	announced = host("192.168.1.1"); /* the server's own */
	return 0;
}

static void check(const char *client, const char *expected)
{
	struct address from = host(client);
	char text[ADDRESS_TEXT];

	announced = host("192.168.1.1");
	assert_int_equal(passive_address(&config, &from, &announced, &note), 0);
	address_format_host(&announced, text);
	if (strcmp(text, expected) != 0)
		fail_msg("%s is told %s", client, text);
}

static void test_default(void **state)
{
	(void)state;
	check("10.0.0.1", "192.168.1.1");
	config.pasv_local_networks = "10.0.0.0/8"; /* says nothing by itself */
	check("10.0.0.1", "192.168.1.1");
	check("203.0.113.9", "192.168.1.1");
}

static void test_for_everyone(void **state)
{
	(void)state;
	config.pasv_address = "198.51.100.7";
	check("10.0.0.1", "198.51.100.7");
	check("203.0.113.9", "198.51.100.7");
	check("2001:db8::1", "198.51.100.7");
	config.pasv_local_networks = "";
	check("10.0.0.1", "198.51.100.7");
}

static void test_local_networks(void **state)
{
	(void)state;
	config.pasv_address = "198.51.100.7";
	config.pasv_local_networks = "10.0.0.0/8, 192.168.0.0/16 fd00::/8";
	check("10.0.0.1", "192.168.1.1");
	check("10.255.255.255", "192.168.1.1");
	check("192.168.77.1", "192.168.1.1");
	check("fd12::1", "192.168.1.1");
	check("11.0.0.1", "198.51.100.7");
	check("192.169.0.1", "198.51.100.7");
	check("203.0.113.9", "198.51.100.7");
	check("fe80::1", "198.51.100.7");
	config.pasv_local_networks = "203.0.113.9";
	check("203.0.113.9", "192.168.1.1");
	check("203.0.113.8", "198.51.100.7");
	config.pasv_local_networks = "0.0.0.0/0";
	check("203.0.113.9", "192.168.1.1");
}

static void test_one_who_is_nowhere(void **state)
{
	struct address nobody = {.family = ADDRESS_NONE}, expected = host("198.51.100.7");

	(void)state;
	config.pasv_address = "198.51.100.7";
	config.pasv_local_networks = "0.0.0.0/0 ::/0";
	assert_int_equal(passive_address(&config, &nobody, &announced, &note), 0);
	assert_true(address_same_host(&announced, &expected));
}

/* A wrong address is a fault, also for clients who would not be told it. */
static void test_no_address(void **state)
{
	static const char *const texts[] = {"localhost", "198.51.100", "198.51.100.7.9", "::1",
		"2001:db8::1", "198.51.100.7/32", "*"};
	struct address client = host("10.0.0.1"), before = announced;

	(void)state;
	config.pasv_local_networks = "10.0.0.0/8";
	for (size_t i = 0; i < COUNT(texts); i++) {
		memset(&note, 0, sizeof(note));
		config.pasv_address = texts[i];
		assert_int_equal(passive_address(&config, &client, &announced, &note), -EINVAL);
		assert_string_equal(note.text, "pasv_address: is not an IPv4 address");
		assert_memory_equal(&announced, &before, sizeof(before));
	}
}

/* The list is looked at before a session begins, with the place to blame. */
static void test_bad_list(void **state)
{
	static const char *const settings[] = {"pasv_local_networks=10.0.0.0/33",
		"pasv_local_networks=localhost", "pasv_local_networks=10.0.0.0/8 x"};

	(void)state;
	for (size_t i = 0; i < COUNT(settings); i++) {
		config_defaults(&config, "soloftpd");
		config.local_enable = true;
		assert_int_equal(config_validate(&config, &note), 0);
		assert_int_equal(config_setting(&config, settings[i], &note), 0);
		assert_int_equal(config_validate(&config, &note), -EINVAL);
		assert_string_equal(note.text,
			"pasv_local_networks: is not a list of networks such as 10.0.0.0/8");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_default, start),
		cmocka_unit_test_setup(test_for_everyone, start),
		cmocka_unit_test_setup(test_local_networks, start),
		cmocka_unit_test_setup(test_one_who_is_nowhere, start),
		cmocka_unit_test_setup(test_no_address, start),
		cmocka_unit_test_setup(test_bad_list, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
