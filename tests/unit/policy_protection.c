/* protection: TLS as a configuration asks for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/protection.h"
#include "unit/tls_peer.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const files[] = {"ec.pem", "rsa.pem"};
static struct config config;

static int make_files(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	peer_make_folder();
	peer_make_certificate("ec.pem", false, "ftp.example.net");
	peer_make_certificate("rsa.pem", true, "ftp.example.net");
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	peer_remove_folder(files, COUNT(files));
	return 0;
}

static void set(const char *setting)
{
	struct config_note error;

	if (config_setting(&config, setting, &error) < 0)
		fail_msg("%s: %s", setting, error.text);
}

static void set_file(const char *option, const char *file)
{
	char text[512];

	snprintf(text, sizeof(text), "%s=%s", option, peer_path(file));
	set(text);
}

static int start(void **state)
{
	(void)state;
	config_defaults(&config, "soloftpd");
	set("ssl_enable=YES");
	return 0;
}

/* Whether a client of this version, and with these ciphers (NULL: all), gets through. */
static bool connects(int version, const char *ciphers)
{
	struct pair pair;
	char text[512];
	struct buffer problem;
	int error;

	buffer_start(&problem, text, sizeof(text));
	if (protection_load(&config, &problem) < 0)
		fail_msg("%s", buffer_text(&problem));
	peer_start(version);
	SSL_CTX_set_security_level(peer_context, 0);
	if (ciphers)
		assert_int_equal(SSL_CTX_set_cipher_list(peer_context, ciphers), 1);
	pair_connect(&pair, TLS_CONTROL);
	error = pair_shake_hands(&pair);
	pair_close(&pair);
	peer_stop();
	tls_unload();
	return error == 0;
}

static void check_versions(bool v10, bool v11, bool v12, bool v13)
{
	bool versions[TLS_VERSIONS];

	protection_versions(&config, versions);
	assert_int_equal(versions[TLS_1_0], v10);
	assert_int_equal(versions[TLS_1_1], v11);
	assert_int_equal(versions[TLS_1_2], v12);
	assert_int_equal(versions[TLS_1_3], v13);
}

/* A version that is off unless asked for is on by either spelling; one that is on is off by either. */
static void test_spellings(void **state)
{
	(void)state;
	check_versions(false, false, true, true);
	set("ssl_tlsv1=YES");
	check_versions(true, false, true, true);
	set("ssl_tlsv11=YES");
	check_versions(true, true, true, true);
	set("ssl_tlsv11=NO");
	set("ssl_tlsv1_1=YES");
	check_versions(true, true, true, true);
	set("ssl_tlsv1_2=NO");
	check_versions(true, true, false, true);
	set("ssl_tlsv12=YES");
	check_versions(true, true, false, true);
	set("ssl_tlsv13=NO");
	check_versions(true, true, false, false);
	set("ssl_sslv3=YES");
	check_versions(true, true, false, false);
}

static void test_versions(void **state)
{
	(void)state;
	set_file("rsa_cert_file", "ec.pem");
	assert_false(connects(TLS1_VERSION, NULL));
	assert_false(connects(TLS1_1_VERSION, NULL));
	assert_true(connects(TLS1_2_VERSION, NULL));
	assert_true(connects(TLS1_3_VERSION, NULL));
	set("ssl_tlsv1=YES");
	assert_true(connects(TLS1_VERSION, NULL));
	assert_false(connects(TLS1_1_VERSION, NULL));
	assert_true(connects(TLS1_3_VERSION, NULL));
	set("ssl_tlsv1=NO");
	set("ssl_tlsv13=NO");
	assert_true(connects(TLS1_2_VERSION, NULL));
	assert_false(connects(TLS1_3_VERSION, NULL));
}

/* What nobody has asked for, vsftpd's default and Fedora's profile, does not keep an elliptic key from TLS 1.2. */
static void test_ciphers(void **state)
{
	(void)state;
	config_defaults(&config, "vsftpd");
	set("ssl_enable=YES");
	set_file("rsa_cert_file", "ec.pem");
	assert_true(connects(TLS1_2_VERSION, NULL));
	set("ssl_ciphers=PROFILE=SYSTEM");
	assert_true(connects(TLS1_2_VERSION, NULL));
	set("ssl_ciphers=ECDHE-RSA-AES256-GCM-SHA384");
	assert_false(connects(TLS1_2_VERSION, NULL));
	assert_true(connects(TLS1_3_VERSION, NULL)); /* not its matter */
	set_file("rsa_cert_file", "rsa.pem");
	assert_true(connects(TLS1_2_VERSION, NULL));
	assert_false(connects(TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256"));
}

/* Unset, there is forward secrecy or nothing. */
static void test_forward_secrecy(void **state)
{
	(void)state;
	set_file("rsa_cert_file", "rsa.pem");
	assert_true(connects(TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256"));
	assert_true(connects(TLS1_2_VERSION, "DHE-RSA-AES256-GCM-SHA384"));
	assert_false(connects(TLS1_2_VERSION, "AES256-GCM-SHA384"));
	assert_false(connects(TLS1_2_VERSION, "AES128-SHA"));
}

static void test_second_certificate(void **state)
{
	(void)state;
	set_file("rsa_cert_file", "ec.pem");
	assert_false(connects(TLS1_2_VERSION, "aRSA"));
	set_file("dsa_cert_file", "rsa.pem");
	assert_true(connects(TLS1_2_VERSION, "aRSA"));
	assert_true(connects(TLS1_2_VERSION, "aECDSA"));
}

static void check_problem(const char *expected)
{
	char text[512];
	struct buffer problem;

	buffer_start(&problem, text, sizeof(text));
	assert_int_equal(protection_load(&config, &problem), -EINVAL);
	if (!strstr(buffer_text(&problem), expected))
		fail_msg("%s", text);
}

static void test_problems(void **state)
{
	(void)state;
	set("rsa_cert_file=/there/is/none.pem");
	check_problem("/there/is/none.pem: No such file");
	set_file("rsa_cert_file", "ec.pem");
	set_file("rsa_private_key_file", "none.key");
	check_problem("none.key: No such file");
	set_file("rsa_private_key_file", "rsa.pem");
	check_problem("rsa.pem: ");
	set("rsa_private_key_file=");
	set("ca_certs_file=/there/is/none.pem");
	check_problem("/there/is/none.pem: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_spellings, start),
		cmocka_unit_test_setup(test_versions, start),
		cmocka_unit_test_setup(test_ciphers, start),
		cmocka_unit_test_setup(test_forward_secrecy, start),
		cmocka_unit_test_setup(test_second_certificate, start),
		cmocka_unit_test_setup(test_problems, start),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
