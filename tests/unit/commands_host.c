/* host: HOST, and the configuration that comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/session_fixture.h"

#include "commands/configuration.h"
#include "system/charset.h"
#include "system/log.h"

static char base[300], load[300], hosts[300], setting[400];
static const char *const files[] = {base};
static const char *const settings[] = {setting};
static const struct session_start beginning = {.control = -1,
	.daemon = "soloftpd",
	.files = files,
	.file_count = 1,
	.settings = settings,
	.setting_count = 1};

static void write_file(const char *path, const char *text)
{
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

static void write_host(const char *name, const char *text)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", hosts, name);
	write_file(path, text);
}

static int start(void **state)
{
	if (session_start(state) < 0)
		return -1;
	snprintf(base, sizeof(base), "%s/a", directory);
	snprintf(load, sizeof(load), "%s/b", directory);
	snprintf(hosts, sizeof(hosts), "%s/host", directory);
	snprintf(setting, sizeof(setting), "host_config_dir=%s", hosts);
	if (mkdir(hosts, 0755) < 0)
		return -1;
	write_file(base, "anonymous_enable=YES\nrun_as_launching_user=YES\ntcp_wrappers=NO\n"
			 "anon_umask=022\nftpd_banner=Base.\n");
	session.start = &beginning;
	session.login.kind = LOGIN_NONE;
	session.user[0] = '\0';
	return configuration_load(&session) < 0 || configuration_settle(&session) < 0 ? -1 : 0;
}

static int end(void **state)
{
	static const char *const names[] = {
		"one.example", "two.example", "a-1", "broken", "sub", "127.0.0.1"};

	for (size_t i = 0; i < COUNT(names); i++) {
		char path[600];
		snprintf(path, sizeof(path), "%s/%s", hosts, names[i]);
		if (unlink(path) < 0)
			rmdir(path);
	}
	log_system_name("soloftpd");
	(void)charset_open(NULL);
	return session_end(state);
}

/* ---- names ---- */

static void test_bad_names(void **state)
{
	static const char *const names[] = {"", " ", ".", "..", "a..b", ".a", "-a", "a-", "a.-b",
		"a-.b", "a b", "a/b", "../a", "/etc/passwd", "a_b", "a:21", "a%00", "caf\xC3\xA9",
		"*", "[::1", "::1", "[]", "[127.0.0.1]", "[fe80::1%lo]", "[localhost]", "a\tb",
		"a,b"};
	char line[512];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(line, sizeof(line), "HOST %s", names[i]);
		if (run(line) != 501)
			fail_msg("%s: %s", line, received);
	}
	assert_int_equal(run("HOST"), 501);
	/* 254 letters, where a name has at most 253 (RFC 1035 section 2.3.4). */
	memset(line, 'a', sizeof(line));
	memcpy(line, "HOST ", 5);
	line[5 + 254] = '\0';
	assert_int_equal(run(line), 501);
	line[5 + 253] = '\0';
	assert_int_equal(run(line), 504);
	assert_string_equal(config->ftpd_banner, "Base.");
}

static void test_unknown_names(void **state)
{
	static const char *const names[] = {"example.net", "localhost", "x", "7", "one.example.net",
		"one", "xn--caf-dma.example", "10.0.0.1", "127.0.0.2", "[::1]", "999.1.1.1"};
	char line[64];

	(void)state;
	write_host("one.example", "ftpd_banner=One.\n");
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(line, sizeof(line), "HOST %s", names[i]);
		if (run(line) != 504)
			fail_msg("%s: %s", line, received);
	}
	assert_string_equal(config->ftpd_banner, "Base.");
	assert_int_equal(run("USER ftp"), 331);
}

static void test_forms_of_a_name(void **state)
{
	static const char *const names[] = {
		"one.example", "ONE.Example", "one.example.", "oNe.exAmplE."};
	char line[64];

	(void)state;
	write_host("one.example", "ftpd_banner=One.\n");
	write_host("a-1", "ftpd_banner=A.\n");
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(line, sizeof(line), "HOST %s", names[i]);
		check("HOST a-1", "220 A.");
		check(line, "220 One.");
	}
	assert_int_equal(run("HOST one.example.."), 501);
}

/* ---- what it changes ---- */

static void test_layers(void **state)
{
	(void)state;
	write_host("one.example", "anon_umask=027\nhide_ids=YES\nclient_charset=CP949\n");
	write_host("two.example", "ftpd_banner=Two.\n");
	check("HOST one.example", "220 Base.");
	assert_int_equal(config->anon_umask, 027);
	assert_true(config->hide_ids);
	assert_true(charset_is_open());
	/* The last one holds, and nothing of those before (RFC 7151 section 3.1). */
	check("HOST two.example", "220 Two.");
	assert_int_equal(config->anon_umask, 022);
	assert_false(config->hide_ids);
	assert_false(charset_is_open());
	check("HOST two.example", "220 Two.");
}

/* The file that TCP wrappers chose stays below the host's. */
static void test_file_of_the_wrappers(void **state)
{
	(void)state;
	write_file(load, "anon_umask=077\nhide_ids=YES\nftpd_banner=Rule.\n");
	write_host("one.example", "anon_umask=027\n");
	session.load_file = load;
	check("HOST one.example", "220 Rule.");
	assert_int_equal(config->anon_umask, 027);
	assert_true(config->hide_ids);
	check("HOST 127.0.0.1", "220 Rule.");
	assert_int_equal(config->anon_umask, 077);
}

static void test_no_banner(void **state)
{
	(void)state;
	write_host("one.example", "ftpd_banner=\n");
	check("HOST one.example", "220 Host accepted.");
}

/* The server's own address is the server without a name (section 3.2). */
static void test_literals(void **state)
{
	static const struct address six = {
		.family = ADDRESS_IPV6, .host = {0x20, 1, 0xd, 0xb8, [15] = 7}};

	(void)state;
	write_host("one.example", "anon_umask=027\n");
	write_host("127.0.0.1", "anon_umask=077\n"); /* an address is no name of a file */
	check("HOST one.example", "220 Base.");
	check("HOST 127.0.0.1", "220 Base.");
	assert_int_equal(config->anon_umask, 022);
	session.local = six;
	check("HOST [2001:db8::7]", "220 Base.");
	check("HOST [2001:DB8:0:0::7]", "220 Base.");
	assert_int_equal(run("HOST [2001:db8::8]"), 504);
	assert_int_equal(run("HOST 127.0.0.1"), 504);
	assert_int_equal(run("HOST 2001:db8::7"), 501);
}

/* ---- when it is refused ---- */

static void test_order(void **state)
{
	(void)state;
	write_host("one.example", "");
	assert_int_equal(run("USER ftp"), 331);
	check("HOST one.example", "503 HOST comes before USER.");
	session.user[0] = '\0';
	check("HOST one.example", "220 Base.");
	session.login.kind = LOGIN_LOCAL;
	check("HOST one.example", "503 HOST comes before USER.");
	check("HOST 127.0.0.1", "503 HOST comes before USER.");
}

static void test_not_configured(void **state)
{
	(void)state;
	config->host_config_dir = NULL;
	check("HOST one.example", "502 Command not implemented.");
	assert_int_equal(run("FEAT"), 211);
	assert_null(strstr(received, "HOST"));
	config->host_config_dir = hosts;
	assert_int_equal(run("FEAT"), 211);
	assert_non_null(strstr(received, "\n HOST\n"));
}

static void check_broken(const char *text)
{
	write_host("broken", text);
	if (run("HOST broken") != 421)
		fail_msg("%s: %s", text, received);
	assert_int_equal(session.outcome, EXIT_CLASS_CONFIGURATION);
	assert_true(session.finishing);
}

/* Half a configuration would be worse than none. */
static void test_broken_files(void **state)
{
	(void)state;
	write_host("one.example", "");
	check("HOST one.example", "220 Base.");
	check_broken("anon_umask=x\n");
	end(state);
	start(state);
	check_broken("anonymous_enable=NO\n");
	end(state);
	start(state);
	check_broken("client_charset=UTF-16\n");
	end(state);
	start(state);
	check_broken("banner_file=/no/such\n");
	end(state);
	start(state);
	check_broken("pasv_address=nowhere\n");
}

static void test_files_that_are_none(void **state)
{
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s/sub", hosts);
	assert_int_equal(mkdir(path, 0755), 0);
	check("HOST sub", "421 Service not available.");
	end(state);
	start(state);
	write_host("one.example", "");
	snprintf(path, sizeof(path), "%s/one.example", hosts);
	assert_int_equal(chmod(path, 0666), 0); /* everyone's to write */
	check("HOST one.example", "421 Service not available.");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bad_names),
		TEST(test_unknown_names),
		TEST(test_forms_of_a_name),
		TEST(test_layers),
		TEST(test_file_of_the_wrappers),
		TEST(test_no_banner),
		TEST(test_literals),
		TEST(test_order),
		TEST(test_not_configured),
		TEST(test_broken_files),
		TEST(test_files_that_are_none),
	};

	return cmocka_run_group_tests(tests, session_directory, session_remove_directory);
}
