/* security: AUTH PBSZ PROT CCC, in clear and inside TLS, and who may log in how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "unit/tls_peer.h"
#include "unit/session_fixture.h"

#include "commands/security.h"
#include "commands/table.h"
#include "system/io.h"

static const char *const files[] = {"server.pem", "alice.pem"};
static char certificate[256], authorities[256];

static int make_files(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	if (session_directory(state) < 0)
		return -1;
	peer_make_folder();
	peer_make_certificate("server.pem", false, "ftp.example.net");
	peer_make_certificate("alice.pem", false, "alice");
	snprintf(certificate, sizeof(certificate), "%s", peer_path("server.pem"));
	snprintf(authorities, sizeof(authorities), "%s", peer_path("alice.pem"));
	return 0;
}

static int remove_files(void **state)
{
	peer_remove_folder(files, COUNT(files));
	return session_remove_directory(state);
}

/* Before the login, with TLS to be had. */
static int start(void **state)
{
	if (session_start(state) < 0)
		return -1;
	config->ssl_enable = true;
	config->rsa_cert_file = certificate;
	session.login.kind = LOGIN_NONE;
	session.user[0] = '\0';
	return 0;
}

static int end(void **state)
{
	int error = session_end(state);

	tls_unload();
	return error;
}

/* A client in a process of its own, which says the first line in clear, and shakes hands behind the 234. Inside
 * TLS it says `then`, and exits with 0 if nothing failed. */
static pid_t begin_client(const char *shown)
{
	pid_t pid = fork();
	char line[128];
	SSL *ssl;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	close(session.control.channel.fd);
	if (recv(client, line, sizeof(line), 0) < 3 || memcmp(line, "234 ", 4) != 0)
		_exit(1);
	peer_start(TLS1_3_VERSION);
	ssl = SSL_new(peer_context);
	if (shown && (SSL_use_certificate_chain_file(ssl, shown) != 1 ||
			     SSL_use_PrivateKey_file(ssl, shown, SSL_FILETYPE_PEM) != 1))
		_exit(2);
	if (SSL_set_fd(ssl, client) != 1 || SSL_connect(ssl) != 1)
		_exit(3);
	/* To the end: what comes behind the handshake is the server's affair. */
	while (SSL_read(ssl, line, sizeof(line)) > 0)
		;
	_exit(0);
}

static void say(const char *text)
{
	char line[128];

	snprintf(line, sizeof(line), "%s", text);
	dispatch_line(&session, line, strlen(line));
}

static void authenticate(const char *mechanism, const char *shown)
{
	char text[64];

	(void)begin_client(shown);
	snprintf(text, sizeof(text), "AUTH %s", mechanism);
	say(text);
	assert_non_null(session.control.channel.tls);
	assert_false(session.finishing);
}

static void end_client(void)
{
	int status = -1;

	channel_drop(&session.control.channel);
	shutdown(session.control.channel.fd, SHUT_RDWR);
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
}

static int code(handler *handle, const char *argument)
{
	return handle(&session, argument).code;
}

/* ---- in clear ---- */

static void test_in_clear(void **state)
{
	(void)state;
	assert_int_equal(run("AUTH KERBEROS_V4"), 504);
	assert_int_equal(run("AUTH"), 501);
	assert_int_equal(run("PBSZ 0"), 503);
	assert_int_equal(run("PROT P"), 503);
	assert_int_equal(run("CCC"), 533);
	assert_false(session.private);
	assert_false(session.sized);
	config->ssl_enable = false;
	assert_int_equal(run("AUTH TLS"), 502);
	assert_int_equal(run("PBSZ 0"), 502);
	assert_int_equal(run("PROT P"), 502);
	assert_int_equal(run("CCC"), 502);
}

static void test_behind_the_login(void **state)
{
	(void)state;
	session.login.kind = LOGIN_LOCAL;
	assert_int_equal(run("AUTH TLS"), 503);
	assert_null(session.control.channel.tls);
}

static void test_not_to_be_had(void **state)
{
	(void)state;
	config->rsa_cert_file = "/there/is/none.pem";
	assert_int_equal(run("AUTH TLS"), 431);
	assert_false(session.finishing);
	assert_int_equal(run("NOOP"), 200);
}

/* Anything behind AUTH in the same segment may be somebody else's. */
static void test_something_behind(void **state)
{
	static const char sent[] = "AUTH TLS\r\nUSER alice\r\n";
	char *text, bytes[128];
	size_t size;
	ssize_t got;

	(void)state;
	assert_int_equal(send(client, sent, sizeof(sent) - 1, 0), sizeof(sent) - 1);
	assert_int_equal(
		control_next(&session.control, 0, io_deadline(5), &text, &size), LINE_READY);
	dispatch_line(&session, text, size);
	assert_true(session.finishing);
	assert_null(session.control.channel.tls);
	assert_int_equal(control_flush(&session.control), 0);
	got = recv(client, bytes, sizeof(bytes), 0);
	assert_true(got > 4);
	assert_memory_equal(bytes, "503 ", 4);
}

static void test_what_is_no_handshake(void **state)
{
	char bytes[128];

	(void)state;
	assert_int_equal(send(client, "USER alice\r\n", 12, 0), 12);
	say("AUTH TLS");
	assert_null(session.control.channel.tls);
	assert_true(session.finishing);
	assert_true(session.control.failed);
	/* The 234, an alert perhaps, and nothing more in clear. */
	say("NOOP");
	(void)control_flush(&session.control);
	assert_true(recv(client, bytes, sizeof(bytes), 0) > 4);
	assert_memory_equal(bytes, "234 ", 4);
	assert_null(memmem(bytes, sizeof(bytes), "200 ", 4));
}

/* ---- inside TLS ---- */

static void test_levels(void **state)
{
	static const char *const unknown[] = {"", "X", "CC", "PP", "p c"};

	(void)state;
	authenticate("TLS", NULL);
	assert_false(session.private);
	assert_int_equal(code(cmd_auth, "TLS"), 503);
	assert_int_equal(code(cmd_ccc, ""), 534);
	assert_int_equal(code(cmd_prot, "P"), 503);
	assert_int_equal(code(cmd_pbsz, "x"), 501);
	assert_int_equal(code(cmd_pbsz, "-1"), 501);
	assert_int_equal(code(cmd_pbsz, "4294967296"), 501);
	assert_int_equal(code(cmd_prot, "P"), 503);
	assert_int_equal(code(cmd_pbsz, "16384"), 200);
	assert_int_equal(code(cmd_prot, "P"), 200);
	assert_true(session.private);
	assert_int_equal(code(cmd_prot, "S"), 536);
	assert_int_equal(code(cmd_prot, "e"), 536);
	for (size_t i = 0; i < COUNT(unknown); i++)
		assert_int_equal(code(cmd_prot, unknown[i]), 504);
	assert_true(session.private);
	assert_int_equal(code(cmd_prot, "c"), 200);
	assert_false(session.private);
	end_client();
}

/* The drafts' AUTH SSL stands for PROT P, too. */
static void test_mechanisms(void **state)
{
	static const struct {
		const char *mechanism;
		bool private;
	} cases[] = {{"TLS", false}, {"tls-c", false}, {"SSL", true}, {"TLS-P", true}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		authenticate(cases[i].mechanism, NULL);
		assert_int_equal(session.private, cases[i].private);
		end_client();
		assert_int_equal(end(state), 0);
		assert_int_equal(start(state), 0);
	}
}

static void test_what_is_forgotten(void **state)
{
	(void)state;
	strcpy(session.user, "alice");
	session.ascii = false;
	session.extended_only = true;
	session.pending.restart = 100;
	authenticate("TLS", NULL);
	assert_string_equal(session.user, "");
	assert_true(session.ascii);
	assert_false(session.extended_only);
	assert_int_equal(session.pending.restart, 0);
	assert_int_equal(session.data.state, DATA_NONE);
	end_client();
}

/* ---- who may log in how ---- */

static bool admits(const char *user, int *out_code, bool *out_closing)
{
	struct reply answer = {.code = 0};
	bool admitted = security_admits(&session, user, &answer);

	*out_code = answer.code;
	*out_closing = answer.closing;
	assert_int_equal(admitted, answer.code == 0);
	return admitted;
}

/* Every combination of what decides. */
static void check_admission(bool secure)
{
	for (unsigned set = 0; set < 16; set++) {
		bool closing, anonymous_refused;
		int answer;
		config->ssl_enable = (set & 1) != 0;
		config->force_local_logins_ssl = (set & 2) != 0;
		config->force_anon_logins_ssl = (set & 4) != 0;
		config->allow_anon_ssl = (set & 8) != 0;
		assert_int_equal(admits("alice", &answer, &closing),
			secure || !config->ssl_enable || !config->force_local_logins_ssl);
		assert_true(answer == 0 || (answer == 530 && closing));
		anonymous_refused = config->ssl_enable && (secure ? !config->allow_anon_ssl
								  : config->force_anon_logins_ssl);
		assert_int_equal(admits("ftp", &answer, &closing), !anonymous_refused);
		assert_int_equal(admits("anonymous", &answer, &closing), !anonymous_refused);
		assert_true(answer == 0 || answer == 530);
	}
	config->ssl_enable = true;
}

static void test_admission(void **state)
{
	(void)state;
	check_admission(false);
	authenticate("TLS", NULL);
	check_admission(true);
	end_client();
}

static void test_certificates_of_users(void **state)
{
	bool closing;
	int answer;

	(void)state;
	config->ssl_cert_user = true;
	config->ca_certs_file = authorities;
	authenticate("TLS", authorities);
	assert_true(admits("alice", &answer, &closing));
	assert_false(admits("bob", &answer, &closing));
	assert_int_equal(answer, 530);
	assert_true(closing);
	assert_false(admits("Alice", &answer, &closing));
	end_client();
}

static void test_user_without_a_certificate(void **state)
{
	bool closing;
	int answer;

	(void)state;
	config->ssl_cert_user = true;
	config->ca_certs_file = authorities;
	authenticate("TLS", NULL);
	assert_false(admits("alice", &answer, &closing));
	assert_int_equal(answer, 530);
	end_client();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_in_clear),
		TEST(test_behind_the_login),
		TEST(test_not_to_be_had),
		TEST(test_something_behind),
		TEST(test_what_is_no_handshake),
		TEST(test_levels),
		TEST(test_mechanisms),
		TEST(test_what_is_forgotten),
		TEST(test_admission),
		TEST(test_certificates_of_users),
		TEST(test_user_without_a_certificate),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
