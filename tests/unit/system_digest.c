/* digest: the published examples, whole and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "system/digest.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ALGORITHMS 5

static char result[DIGEST_TEXT], expected[DIGEST_TEXT];

static void digest(enum digest_algorithm algorithm, const void *bytes, size_t size, char *out)
{
	digest_start(algorithm);
	digest_add(bytes, size);
	digest_finish(out);
}

/* FIPS 180-4's examples (one block, two blocks), RFC 1321 A.5, and CRC-32's check value; those of the same
 * texts by the other algorithms are what Python's hashlib and zlib say. */
static const struct {
	const char *text;
	const char *digests[ALGORITHMS]; /* in the order of enum digest_algorithm */
} examples[] = {
	{"", {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		     ("cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
		      "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"),
		     "da39a3ee5e6b4b0d3255bfef95601890afd80709", "d41d8cd98f00b204e9800998ecf8427e",
		     "00000000"}},
	{"abc", {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			 "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"),
			"a9993e364706816aba3e25717850c26c9cd0d89d",
			"900150983cd24fb0d6963f7d28e17f72", "352441c2"}},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		{"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
			("204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
			 "96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445"),
			"84983e441c3bd26ebaae4aa1f95129e5e54670f1",
			"8215ef0796a20bcaaae116d3876c664a", "171a3f5f"}},
	{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
	 "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		{"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
			("8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
			 "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"),
			"a49b2446a02c645bf419f995b67091253a04a259",
			"03dd8807a93175fb062dfb55dc7d359c", "191f3349"}},
	{"123456789", {NULL, NULL, NULL, NULL, "cbf43926"}},
	{"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
		{NULL, NULL, NULL, "57edf4a22be3c955ac49da2e2107b67a", NULL}},
};

static void test_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++)
		for (size_t k = 0; k < ALGORITHMS; k++) {
			const char *text = examples[i].text;
			if (!examples[i].digests[k])
				continue;
			digest((enum digest_algorithm)k, text, strlen(text), result);
			assert_string_equal(result, examples[i].digests[k]);
		}
}

/* FIPS 180-4's long example: a million times "a", in pieces that fit no block. */
static void test_a_million(void **state)
{
	static const char *const digests[ALGORITHMS] = {
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
		("e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
		 "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"),
		"34aa973cd4c4daa4f61eeb2bdbad27316534016f", "7707d6ae4e027c70eea2a935c2296f21",
		"dc25bfbc"};
	static char piece[999];

	(void)state;
	memset(piece, 'a', sizeof(piece));
	for (size_t k = 0; k < ALGORITHMS; k++) {
		digest_start((enum digest_algorithm)k);
		for (size_t left = 1000000; left > 0;) {
			size_t size = left < sizeof(piece) ? left : sizeof(piece);
			digest_add(piece, size);
			left -= size;
		}
		digest_finish(result);
		assert_string_equal(result, digests[k]);
	}
}

/* More than two blocks of the largest block there is (128 bytes). */
static void test_every_split(void **state)
{
	unsigned char bytes[260];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + 13);
	for (size_t k = 0; k < ALGORITHMS; k++) {
		digest((enum digest_algorithm)k, bytes, sizeof(bytes), expected);
		for (size_t first = 0; first <= sizeof(bytes); first++) {
			digest_start((enum digest_algorithm)k);
			digest_add(bytes, first);
			digest_add(bytes + first, 0);
			digest_add(bytes + first, sizeof(bytes) - first);
			digest_finish(result);
			assert_string_equal(result, expected);
		}
	}
}

static void test_byte_by_byte(void **state)
{
	(void)state;
	for (size_t size = 0; size < 260; size++) {
		unsigned char bytes[260];
		memset(bytes, (int)size, sizeof(bytes));
		for (size_t k = 0; k < ALGORITHMS; k++) {
			digest((enum digest_algorithm)k, bytes, size, expected);
			digest_start((enum digest_algorithm)k);
			for (size_t i = 0; i < size; i++)
				digest_add(bytes + i, 1);
			digest_finish(result);
			assert_string_equal(result, expected);
		}
	}
}

/* One digest at a time: what was begun before leaves nothing. */
static void test_beginning_anew(void **state)
{
	(void)state;
	for (size_t before = 0; before < ALGORITHMS; before++)
		for (size_t k = 0; k < ALGORITHMS; k++) {
			digest_start((enum digest_algorithm)before);
			digest_add("left behind", 11);
			digest((enum digest_algorithm)k, "abc", 3, result);
			assert_string_equal(result, examples[1].digests[k]);
		}
}

static void test_form(void **state)
{
	static const size_t sizes[ALGORITHMS] = {64, 128, 40, 32, 8};

	(void)state;
	for (size_t k = 0; k < ALGORITHMS; k++) {
		memset(result, 'X', sizeof(result));
		digest((enum digest_algorithm)k, "soloftpd", 8, result);
		assert_int_equal(strspn(result, "0123456789abcdef"), sizes[k]);
		assert_int_equal(result[sizes[k]], '\0');
	}
	assert_int_equal(DIGEST_TEXT, 128 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_a_million),
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_beginning_anew),
		cmocka_unit_test(test_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
