/* address: hosts and ports in FTP's text forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "text/address.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct address host(const char *text)
{
	struct address address;

	assert_int_equal(address_parse_host(text, &address), 0);
	return address;
}

static void check_address(const struct address *address, const char *text, unsigned port)
{
	char out[ADDRESS_TEXT];

	address_format_host(address, out);
	assert_string_equal(out, text);
	assert_int_equal(address->port, port);
	assert_int_equal(address->scope, 0);
}

static void check_untouched(const struct address *address)
{
	struct address untouched;

	memset(&untouched, 0x5A, sizeof(untouched));
	assert_memory_equal(address, &untouched, sizeof(untouched));
}

static void test_port(void **state)
{
	struct address address;

	(void)state;
	assert_int_equal(address_parse_port("192,0,2,33,4,1", &address), 0);
	assert_int_equal(address.family, ADDRESS_IPV4);
	check_address(&address, "192.0.2.33", 1025);
	assert_int_equal(address_parse_port("255,255,255,255,255,255", &address), 0);
	check_address(&address, "255.255.255.255", 65535);
	assert_int_equal(address_parse_port("0,0,0,0,0,0", &address), 0);
	check_address(&address, "0.0.0.0", 0);
	assert_int_equal(address_parse_port("010,001,002,003,004,005", &address), 0);
	check_address(&address, "10.1.2.3", 1029);
}

static const char *const bad_ports[] = {
	"",
	",",
	"1",
	"1,2,3,4,5",
	"1,2,3,4,5,",
	"1,2,3,4,5,6,",
	"1,2,3,4,5,6,7",
	"1,2,3,4,5,6 ",
	" 1,2,3,4,5,6",
	"1, 2,3,4,5,6",
	"1,2,3,4,5,256",
	"256,2,3,4,5,6",
	"0001,2,3,4,5,6",
	"1,2,3,4,5,0006",
	"99999999999999999999999,2,3,4,5,6",
	"1,,3,4,5,6",
	"-1,2,3,4,5,6",
	"+1,2,3,4,5,6",
	"1.2.3.4,5,6",
	"1,2,3,4,5,a",
	"0x1,2,3,4,5,6",
	"1,2,3,4,5,6\r",
};

static void test_bad_ports(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_ports); i++) {
		struct address address;

		memset(&address, 0x5A, sizeof(address));
		assert_int_equal(address_parse_port(bad_ports[i], &address), -EINVAL);
		check_untouched(&address);
	}
}

struct extended_case {
	const char *text;
	enum address_family family;
	const char *host;
	unsigned port;
};

static const struct extended_case extended[] = {
	{"|1|132.235.1.2|6275|", ADDRESS_IPV4, "132.235.1.2", 6275},
	{"|2|1080::8:800:200C:417A|5282|", ADDRESS_IPV6, "1080::8:800:200c:417a", 5282},
	{"|2|::1|1|", ADDRESS_IPV6, "::1", 1},
	{"!1!127.0.0.1!65535!", ADDRESS_IPV4, "127.0.0.1", 65535},
	{"~1~127.0.0.1~0021~", ADDRESS_IPV4, "127.0.0.1", 21},
	{",01,127.0.0.1,80,", ADDRESS_IPV4, "127.0.0.1", 80},
	{"|2|::ffff:192.0.2.1|80|", ADDRESS_IPV4, "192.0.2.1", 80},
	{"|2|::ffff:c000:0201|80|", ADDRESS_IPV4, "192.0.2.1", 80},
};

static void test_extended(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(extended); i++) {
		struct address address;

		assert_int_equal(address_parse_extended(extended[i].text, &address), 0);
		assert_int_equal(address.family, extended[i].family);
		check_address(&address, extended[i].host, extended[i].port);
	}
}

static const struct {
	const char *text;
	int result;
} bad_extended[] = {
	{"", -EINVAL},
	{"|", -EINVAL},
	{"||||", -EINVAL},
	{"|1|127.0.0.1|80", -EINVAL},
	{"|1|127.0.0.1|80||", -EINVAL},
	{"|1|127.0.0.1|80| ", -EINVAL},
	{" 1 127.0.0.1 80 ", -EINVAL},
	{"\x7F"
	 "1\x7F"
	 "127.0.0.1\x7F"
	 "80\x7F",
		-EINVAL},
	{"\xFF"
	 "1\xFF"
	 "127.0.0.1\xFF"
	 "80\xFF",
		-EINVAL},
	{"|1|127.0.0.1!80|", -EINVAL},
	{"|x|127.0.0.1|80|", -EINVAL},
	{"|-1|127.0.0.1|80|", -EINVAL},
	{"|1|127.0.0.1|0|", -EINVAL},
	{"|1|127.0.0.1||", -EINVAL},
	{"|1|127.0.0.1|65536|", -EINVAL},
	{"|1|127.0.0.1|-1|", -EINVAL},
	{"|1|127.0.0.1|80x|", -EINVAL},
	{"|1||80|", -EINVAL},
	{"|1|127.1|80|", -EINVAL},
	{"|1|::1|80|", -EINVAL},
	{"|2|127.0.0.1|80|", -EINVAL},
	{"|2|fe80::1%eth0|80|", -EINVAL},
	{"|2|fe80::1%2|80|", -EINVAL},
	{"|2|[::1]|80|", -EINVAL},
	{":2:::1:80:", -EINVAL},
	{"|1|example.com|80|", -EINVAL},
	{"|2|0000000000000000000000000000000000000000000000000000000001|80|", -EINVAL},
	{"|0|127.0.0.1|80|", -EAFNOSUPPORT},
	{"|3|127.0.0.1|80|", -EAFNOSUPPORT},
	{"|99999999999999999999999|x|y|", -EAFNOSUPPORT},
	{"|3|127.0.0.1|80", -EINVAL},
};

static void test_bad_extended(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_extended); i++) {
		struct address address;

		memset(&address, 0x5A, sizeof(address));
		assert_int_equal(address_parse_extended(bad_extended[i].text, &address),
			bad_extended[i].result);
		check_untouched(&address);
	}
}

static void test_host(void **state)
{
	struct address address = host("192.0.2.1");

	(void)state;
	assert_int_equal(address.family, ADDRESS_IPV4);
	assert_memory_equal(address.host, "\xC0\x00\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	check_address(&address, "192.0.2.1", 0);
	address = host("2001:DB8::1");
	assert_int_equal(address.family, ADDRESS_IPV6);
	check_address(&address, "2001:db8::1", 0);
	address = host("::ffff:1.2.3.4");
	assert_int_equal(address.family, ADDRESS_IPV6);
}

static void test_longest_host(void **state)
{
	struct address address = host("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255");

	(void)state;
	check_address(&address, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0);
}

static void test_bad_hosts(void **state)
{
	static const char *const texts[] = {"", "a", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4",
		" 1.2.3.4", "1.2.3.4 ", "::1%lo", ":::", "1::2::3", "localhost",
		"1.2.3.4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct address address;

		memset(&address, 0x5A, sizeof(address));
		assert_int_equal(address_parse_host(texts[i], &address), -EINVAL);
		check_untouched(&address);
	}
}

static void test_unmap(void **state)
{
	struct address address = host("::ffff:10.0.0.1");
	struct address plain = host("10.0.0.1");

	(void)state;
	address.port = 21;
	address.scope = 3;
	address_unmap(&address);
	assert_int_equal(address.family, ADDRESS_IPV4);
	assert_memory_equal(address.host, plain.host, sizeof(plain.host));
	check_address(&address, "10.0.0.1", 21);
}

static void test_unmap_leaves_others(void **state)
{
	static const char *const texts[] = {
		"10.0.0.1", "::1", "::10.0.0.1", "::fffe:10.0.0.1", "1::ffff:10.0.0.1"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct address address = host(texts[i]);
		struct address before = address;

		address_unmap(&address);
		assert_memory_equal(&address, &before, sizeof(address));
	}
}

static void test_format_nothing(void **state)
{
	struct address address = {.family = ADDRESS_NONE};

	(void)state;
	check_address(&address, "", 0);
}

static void check_passive(const char *text, uint16_t port, const char *expected)
{
	struct address address = host(text);
	char storage[32];
	struct buffer b;

	buffer_start(&b, storage, sizeof(storage));
	address.port = port;
	address_append_passive(&b, &address);
	assert_string_equal(buffer_text(&b), expected);
}

static void test_append_passive(void **state)
{
	(void)state;
	check_passive("127.0.0.1", 0, "127,0,0,1,0,0");
	check_passive("192.0.2.255", 65535, "192,0,2,255,255,255");
	check_passive("10.0.0.1", 256, "10,0,0,1,1,0");
	check_passive("2001:db8::1", 1025, "0,0,0,0,4,1");
}

static bool same(const char *a, uint32_t a_scope, const char *b, uint32_t b_scope)
{
	struct address first = host(a);
	struct address second = host(b);

	first.scope = a_scope;
	second.scope = b_scope;
	second.port = 99;
	return address_same_host(&first, &second);
}

static void test_same_host(void **state)
{
	(void)state;
	assert_true(same("10.0.0.1", 0, "10.0.0.1", 0));
	assert_false(same("10.0.0.1", 0, "10.0.0.2", 0));
	assert_true(same("::1", 0, "0:0::1", 0));
	assert_false(same("::1", 0, "::2", 0));
	assert_false(same("10.0.0.1", 0, "::ffff:10.0.0.1", 0));
	assert_false(same("0.0.0.0", 0, "::", 0));
}

static void test_same_host_scopes(void **state)
{
	(void)state;
	assert_true(same("fe80::1", 2, "fe80::1", 2));
	assert_false(same("fe80::1", 2, "fe80::1", 3));
	assert_true(same("fe80::1", 2, "fe80::1", 0));
	assert_true(same("fe80::1", 0, "fe80::1", 3));
}

static void test_no_host_is_not_the_same(void **state)
{
	struct address nothing = {.family = ADDRESS_NONE};

	(void)state;
	assert_false(address_same_host(&nothing, &nothing));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_bad_ports),
		cmocka_unit_test(test_extended),
		cmocka_unit_test(test_bad_extended),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_longest_host),
		cmocka_unit_test(test_bad_hosts),
		cmocka_unit_test(test_unmap),
		cmocka_unit_test(test_unmap_leaves_others),
		cmocka_unit_test(test_format_nothing),
		cmocka_unit_test(test_append_passive),
		cmocka_unit_test(test_same_host),
		cmocka_unit_test(test_same_host_scopes),
		cmocka_unit_test(test_no_host_is_not_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
