/* network: lists of networks, and who is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "text/network.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct address host(const char *text)
{
	struct address address;

	if (address_parse_host(text, &address) < 0)
		fail_msg("%s", text);
	return address;
}

static bool lists(const char *list, const char *text)
{
	struct address address = host(text);

	return network_lists(list, &address);
}

/* ---- the form ---- */

static void test_good_lists(void **state)
{
	static const char *const lists[] = {
		"", " ", ",", " ,\t, ", "10.0.0.0/8", "10.0.0.0/8,192.168.0.0/16",
		"10.0.0.0/8, 192.168.0.0/16", "10.0.0.0/8 192.168.0.0/16\tfd00::/8",
		", 10.0.0.0/8 ,, 10.1.2.3 ,", "0.0.0.0/0", "10.0.0.1/0", "10.0.0.1/32", "10.0.0.1",
		"::/0", "::1/128", "::1", "fe80::/10", "2001:db8:1:2:3:4:5:6/127",
		"2001:0db8:0001:0002:0003:0004:255.255.255.255/128", "::ffff:10.0.0.1",
		"10.1.2.3/8", /* bits behind the prefix do not count */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++)
		if (network_check(lists[i]) != 0)
			fail_msg("\"%s\"", lists[i]);
}

static void test_bad_lists(void **state)
{
	static const char *const lists[] = {
		"10.0.0.0/",
		"/8",
		"/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/8x",
		"10.0.0.0/0x8",
		"10.0.0.0/8/8",
		"10.0.0.0/255.0.0.0",
		"10.0.0.0/4294967304",
		"10.0.0.0/18446744073709551624",
		"10.0.0",
		"10.0.0.",
		"10",
		"10.0.0.256",
		"010.0.0.x",
		"10.0.0.0 / 8",
		"10.0.0.0;10.1.0.0",
		"::/129",
		"::1::/64",
		"[::1]",
		"[::1]/128",
		"fe80::1%lo",
		"localhost",
		"example.net/8",
		"10.0.0.0/8,x",
		"x,10.0.0.0/8",
		"2001:0db8:0001:0002:0003:0004:255.255.255.2550",
		"10.0.0.000000000000000000000000000000000000000000",
		"\xFF",
		"*",
		"ALL",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++)
		if (network_check(lists[i]) != -EINVAL)
			fail_msg("\"%s\"", lists[i]);
}

/* ---- what is in them ---- */

static const struct {
	const char *list, *address;
	bool listed;
} cases[] = {
	{"", "10.0.0.1", false},
	{" , ", "10.0.0.1", false},
	{"10.0.0.0/8", "10.0.0.0", true},
	{"10.0.0.0/8", "10.255.255.255", true},
	{"10.0.0.0/8", "9.255.255.255", false},
	{"10.0.0.0/8", "11.0.0.0", false},
	{"10.1.2.3/8", "10.9.9.9", true},
	{"172.16.0.0/12", "172.15.255.255", false},
	{"172.16.0.0/12", "172.16.0.0", true},
	{"172.16.0.0/12", "172.31.255.255", true},
	{"172.16.0.0/12", "172.32.0.0", false},
	{"192.168.1.128/25", "192.168.1.127", false},
	{"192.168.1.128/25", "192.168.1.128", true},
	{"192.168.1.128/25", "192.168.2.128", false},
	{"192.168.1.7", "192.168.1.7", true},
	{"192.168.1.7", "192.168.1.6", false},
	{"192.168.1.7/32", "192.168.1.7", true},
	{"192.168.1.7/31", "192.168.1.6", true},
	{"192.168.1.7/31", "192.168.1.8", false},
	{"0.0.0.0/0", "255.255.255.255", true},
	{"0.0.0.0/0", "::1", false},
	{"::/0", "::1", true},
	{"::/0", "ffff::", true},
	{"::/0", "10.0.0.1", false},
	{"0.0.0.0/0 ::/0", "10.0.0.1", true},
	{"0.0.0.0/0 ::/0", "fe80::1", true},
	{"::1", "::1", true},
	{"::1", "::2", false},
	{"fd00::/8", "fdff:1::", true},
	{"fd00::/8", "fc00::", false},
	{"fe80::/10", "febf::", true},
	{"fe80::/10", "fec0::", false},
	{"2001:db8::/33", "2001:db8:7fff::", true},
	{"2001:db8::/33", "2001:db8:8000::", false},
	{"2001:db8::/127", "2001:db8::1", true},
	{"2001:db8::/127", "2001:db8::2", false},
	{"2001:db8::/128", "2001:db8::", true},
	{"2001:db8::/128", "2001:db8::1", false},
	{"10.0.0.0/8,192.168.0.0/16", "192.168.9.9", true},
	{"10.0.0.0/8, 192.168.0.0/16", "192.168.9.9", true},
	{"10.0.0.0/8\t192.168.0.0/16", "10.9.9.9", true},
	{"10.0.0.0/8 192.168.0.0/16", "172.16.0.1", false},
	/* An element that is none is nobody, and does not hide the others. */
	{"10.0.0.0/x", "10.0.0.0", false},
	{"localhost 127.0.0.1", "127.0.0.1", true},
	{"localhost", "127.0.0.1", false},
};

static void test_membership(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (lists(cases[i].list, cases[i].address) != cases[i].listed)
			fail_msg("%s in \"%s\"", cases[i].address, cases[i].list);
}

/* Turning one bit takes an address out of a network if the bit is within the prefix, and only then. */
static void check_prefixes(const char *text, unsigned bits)
{
	struct address address = host(text);

	for (unsigned prefix = 0; prefix <= bits; prefix++) {
		char list[64];
		snprintf(list, sizeof(list), "%s/%u", text, prefix);
		assert_int_equal(network_check(list), 0);
		assert_true(network_lists(list, &address));
		for (unsigned bit = 0; bit < bits; bit++) {
			address.host[bit / 8] ^= (uint8_t)(0x80U >> bit % 8);
			if (network_lists(list, &address) != (bit >= prefix))
				fail_msg("%s, bit %u", list, bit);
			address.host[bit / 8] ^= (uint8_t)(0x80U >> bit % 8);
		}
	}
}

static void test_every_prefix(void **state)
{
	(void)state;
	check_prefixes("192.168.171.77", 32);
	check_prefixes("2001:db8:a5a5:5a5a:1:ff:80fe:8001", 128);
}

/* The port has no say, and what is no address is nowhere. */
static void test_what_does_not_count(void **state)
{
	struct address address = host("10.0.0.1"), none = {.family = ADDRESS_NONE};

	(void)state;
	address.port = 2121;
	assert_true(network_lists("10.0.0.1", &address));
	assert_false(network_lists("0.0.0.0/0 ::/0 0.0.0.0", &none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_lists),
		cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_membership),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_what_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
