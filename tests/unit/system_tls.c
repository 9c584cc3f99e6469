/* tls and tlscontext: handshakes, resumption, the ends that data can have, and what clients may not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "system/io.h"
#include "system/tls.h"
#include "unit/tls_peer.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const files[] = {
	"server.pem", "other.pem", "named.pem", "client.pem", "stranger.pem", "loose.pem"};
static struct tls_settings settings;
static unsigned want;

static int make_files(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	peer_make_folder();
	peer_make_certificate("server.pem", false, "ftp.example.net");
	peer_make_certificate("other.pem", true, "ftp.example.net");
	peer_make_certificate("named.pem", false, "named");
	peer_make_certificate("client.pem", false, "alice");
	peer_make_certificate("stranger.pem", false, "bob");
	peer_make_certificate("loose.pem", false, "loose");
	assert_int_equal(chmod(peer_path("loose.pem"), 0644), 0);
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	peer_remove_folder(files, COUNT(files));
	return 0;
}

static int set(void **state)
{
	(void)state;
	settings = (struct tls_settings){
		.certificates = {{peer_path("server.pem"), NULL}},
		.versions = {false, false, true, true},
	};
	return 0;
}

static int unload(void **state)
{
	(void)state;
	peer_stop();
	tls_unload();
	return 0;
}

/* What the server is asked to be, and clients of one version. */
static void begin(int version)
{
	static char text[512];
	struct buffer problem;

	buffer_start(&problem, text, sizeof(text));
	if (tls_load(&settings, &problem) < 0)
		fail_msg("%s", buffer_text(&problem));
	peer_start(version);
}

static void says(struct pair *pair, const char *text)
{
	assert_int_equal(SSL_write(pair->client, text, (int)strlen(text)), (int)strlen(text));
}

static void check_received(struct pair *pair, const char *text)
{
	char bytes[256];

	assert_int_equal(tls_receive(pair->tls, bytes, sizeof(bytes), &want), (int)strlen(text));
	assert_memory_equal(bytes, text, strlen(text));
}

/* From the server to the client, with the tickets that come before. */
static void check_told(struct pair *pair, const char *text)
{
	char bytes[256];

	assert_int_equal(tls_send(pair->tls, text, strlen(text), &want), (int)strlen(text));
	assert_int_equal(SSL_read(pair->client, bytes, sizeof(bytes)), (int)strlen(text));
	assert_memory_equal(bytes, text, strlen(text));
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* ---- loading ---- */

static void check_problem(const char *expected)
{
	char text[512];
	struct buffer problem;

	buffer_start(&problem, text, sizeof(text));
	assert_int_equal(tls_load(&settings, &problem), -EINVAL);
	if (!strstr(buffer_text(&problem), expected))
		fail_msg("%s, and not %s", text, expected);
	assert_null(tls_start(0, TLS_CONTROL));
}

static void test_what_can_not_be_loaded(void **state)
{
	(void)state;
	settings.certificates[0].chain = peer_path("missing.pem");
	check_problem("missing.pem: No such file");
	settings.certificates[0].chain = peer_path("loose.pem");
	check_problem("loose.pem: holds a private key, and others may read");
	settings.certificates[0].chain = peer_path("server.pem");
	settings.certificates[0].key = peer_path("other.pem");
	check_problem("other.pem: no certificate assigned");
	settings.certificates[0].key = peer_path("client.pem");
	check_problem("client.pem: key values mismatch");
	settings.certificates[0].key = peer_folder;
	check_problem("is no file");
	settings.certificates[0].key = NULL;
	settings.ciphers = "nonsense";
	check_problem("nonsense: no such ciphers");
	settings.ciphers = NULL;
	settings.ca_file = peer_path("missing.pem");
	check_problem("missing.pem: ");
	settings.ca_file = NULL;
	settings.dh_file = peer_path("server.pem");
	check_problem("no Diffie-Hellman parameters");
	settings.dh_file = NULL;
	settings.ecdh_file = peer_path("server.pem");
	check_problem("no elliptic curve parameters");
	settings.ecdh_file = NULL;
	begin(TLS1_3_VERSION);
}

/* ---- handshakes ---- */

static void test_both_versions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct pair pair;
		char text[256];
		struct buffer b;
		begin(versions[i]);
		pair_open(&pair, TLS_CONTROL);
		says(&pair, "FEAT");
		check_received(&pair, "FEAT");
		check_told(&pair, "211");
		assert_false(tls_is_resumed(pair.tls));
		assert_null(tls_server_name(pair.tls));
		buffer_start(&b, text, sizeof(text));
		tls_describe(pair.tls, &b);
		assert_non_null(strstr(buffer_text(&b), i == 0 ? "TLSv1.2" : "TLSv1.3"));
		pair_close(&pair);
		unload(state);
	}
}

static void test_versions_that_are_off(void **state)
{
	static const int all[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};

	(void)state;
	settings.versions[TLS_1_2] = false;
	for (size_t i = 0; i < COUNT(all); i++) {
		struct pair pair;
		begin(all[i]);
		SSL_CTX_set_security_level(peer_context, 0);
		pair_connect(&pair, TLS_CONTROL);
		assert_int_equal(pair_shake_hands(&pair), all[i] == TLS1_3_VERSION ? 0 : -EPROTO);
		pair_close(&pair);
		unload(state);
	}
}

/* Of two certificates, the client's keys decide. */
static void test_two_certificates(void **state)
{
	static char signatures[][16] = {"ECDSA+SHA256", "RSA-PSS+SHA256"};
	static const char *const types[] = {"EC", "RSA"};

	(void)state;
	settings.certificates[1].chain = peer_path("other.pem");
	for (size_t i = 0; i < COUNT(types); i++) {
		struct pair pair;
		begin(TLS1_3_VERSION);
		assert_int_equal(
			SSL_CTX_ctrl(peer_context, SSL_CTRL_SET_SIGALGS_LIST, 0, signatures[i]), 1);
		pair_open(&pair, TLS_CONTROL);
		assert_string_equal(EVP_PKEY_get0_type_name(X509_get0_pubkey(
					    SSL_get0_peer_certificate(pair.client))),
			types[i]);
		pair_close(&pair);
		unload(state);
	}
}

static void test_one_connection_of_each_kind(void **state)
{
	struct pair control, data;

	(void)state;
	begin(TLS1_3_VERSION);
	pair_open(&control, TLS_CONTROL);
	assert_null(tls_start(control.ends[0], TLS_CONTROL));
	pair_open(&data, TLS_DATA);
	assert_null(tls_start(data.ends[0], TLS_DATA));
	pair_close(&data);
	pair_open(&data, TLS_DATA);
	pair_close(&data);
	pair_close(&control);
}

static void test_what_is_no_handshake(void **state)
{
	static const char *const said[] = {
		"USER alice\r\n", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff"};

	(void)state;
	begin(TLS1_3_VERSION);
	for (size_t i = 0; i < COUNT(said); i++) {
		struct pair pair;
		pair_connect(&pair, TLS_CONTROL);
		assert_true(send(pair.ends[1], said[i], strlen(said[i]), 0) > 0);
		assert_int_equal(tls_handshake(pair.tls, &want), -EPROTO);
		pair_close(&pair);
	}
}

static void test_client_that_goes(void **state)
{
	struct pair pair;

	(void)state;
	begin(TLS1_3_VERSION);
	pair_connect(&pair, TLS_CONTROL);
	assert_int_equal(tls_handshake(pair.tls, &want), -EAGAIN);
	assert_int_equal(want, IO_READ);
	shutdown(pair.ends[1], SHUT_WR);
	assert_int_equal(tls_handshake(pair.tls, &want), -ECONNRESET);
	pair_close(&pair);
}

/* ---- what clients may ask for ---- */

static int offer(enum tls_purpose purpose, const char *protocols, size_t size)
{
	struct pair pair;
	int result;

	pair_connect(&pair, purpose);
	assert_int_equal(
		SSL_set_alpn_protos(pair.client, (const unsigned char *)protocols, (unsigned)size),
		0);
	result = pair_shake_hands(&pair);
	pair_close(&pair);
	return result;
}

static void test_protocols(void **state)
{
	static const char ftp[] = "\3ftp",
			  data[] = "\x8"
				   "ftp-data",
			  web[] = "\2h2\x8http/1.1", several[] = "\xfx-filezilla-ftp\3ftp",
			  longer[] = "\4ftps";

	(void)state;
	begin(TLS1_3_VERSION);
	assert_int_equal(offer(TLS_CONTROL, ftp, sizeof(ftp) - 1), 0);
	assert_int_equal(offer(TLS_CONTROL, several, sizeof(several) - 1), 0);
	assert_int_equal(offer(TLS_CONTROL, web, sizeof(web) - 1), -EPROTO);
	assert_int_equal(offer(TLS_CONTROL, data, sizeof(data) - 1), -EPROTO);
	assert_int_equal(offer(TLS_CONTROL, longer, sizeof(longer) - 1), -EPROTO);
	assert_int_equal(offer(TLS_DATA, ftp, sizeof(ftp) - 1), 0);
	assert_int_equal(offer(TLS_DATA, data, sizeof(data) - 1), 0);
	assert_int_equal(offer(TLS_DATA, web, sizeof(web) - 1), -EPROTO);
}

/* Asks for a name. Returns the result, and the subject of the certificate that came. */
static int ask(const char *name, char *out_subject, size_t size)
{
	struct pair pair;
	char asked[64];
	int result;

	snprintf(asked, sizeof(asked), "%s", name ? name : "");
	*out_subject = '\0';
	pair_connect(&pair, TLS_CONTROL);
	if (name)
		assert_int_equal(SSL_ctrl(pair.client, SSL_CTRL_SET_TLSEXT_HOSTNAME,
					 TLSEXT_NAMETYPE_host_name, asked),
			1);
	result = pair_shake_hands(&pair);
	if (result == 0) {
		X509_NAME_get_text_by_NID(
			X509_get_subject_name(SSL_get0_peer_certificate(pair.client)),
			NID_commonName, out_subject, (int)size);
		if (name)
			assert_string_equal(tls_server_name(pair.tls), name);
	}
	pair_close(&pair);
	return result;
}

static void test_one_server_name(void **state)
{
	char subject[64];

	(void)state;
	settings.sni_only = "ftp.example.net";
	begin(TLS1_3_VERSION);
	assert_int_equal(ask("ftp.example.net", subject, sizeof(subject)), 0);
	assert_int_equal(ask("FTP.Example.NET", subject, sizeof(subject)), 0);
	assert_int_equal(ask("www.example.net", subject, sizeof(subject)), -EPROTO);
	assert_int_equal(ask(NULL, subject, sizeof(subject)), -EPROTO);
}

static void test_certificates_by_server_name(void **state)
{
	char subject[64];

	(void)state;
	settings.sni_directory = peer_folder;
	begin(TLS1_3_VERSION);
	assert_int_equal(ask(NULL, subject, sizeof(subject)), 0);
	assert_string_equal(subject, "ftp.example.net");
	assert_int_equal(ask("elsewhere", subject, sizeof(subject)), 0);
	assert_string_equal(subject, "ftp.example.net");
	assert_int_equal(ask("../named", subject, sizeof(subject)), 0);
	assert_string_equal(subject, "ftp.example.net");
	/* A key that others may read is none. */
	assert_int_equal(ask("loose", subject, sizeof(subject)), -EPROTO);
	assert_int_equal(ask("NAMED", subject, sizeof(subject)), 0);
	assert_string_equal(subject, "named");
}

static int show(const char *file, char *out_name, size_t size)
{
	struct pair pair;
	int result;

	pair_connect(&pair, TLS_CONTROL);
	if (file) {
		assert_int_equal(SSL_use_certificate_chain_file(pair.client, peer_path(file)), 1);
		assert_int_equal(
			SSL_use_PrivateKey_file(pair.client, peer_path(file), SSL_FILETYPE_PEM), 1);
	}
	result = pair_shake_hands(&pair);
	if (result == 0 && tls_client_name(pair.tls, out_name, size) < 0)
		*out_name = '\0';
	pair_close(&pair);
	return result;
}

static void test_certificates_of_clients(void **state)
{
	char name[64];

	(void)state;
	settings.request = settings.validate = true;
	settings.ca_file = peer_path("client.pem");
	begin(TLS1_3_VERSION);
	assert_int_equal(show("client.pem", name, sizeof(name)), 0);
	assert_string_equal(name, "alice");
	assert_int_equal(show("client.pem", name, 6), 0);
	assert_string_equal(name, ""); /* cut names are nobody's */
	assert_int_equal(show("stranger.pem", name, sizeof(name)), -EPROTO);
	assert_int_equal(show(NULL, name, sizeof(name)), 0);
	assert_string_equal(name, "");
	unload(state);
	settings.require = true;
	begin(TLS1_3_VERSION);
	assert_int_equal(show(NULL, name, sizeof(name)), -EPROTO);
	unload(state);
	settings.validate = false;
	begin(TLS1_3_VERSION);
	assert_int_equal(show("stranger.pem", name, sizeof(name)), 0);
	assert_string_equal(name, "bob");
}

static void open_shown(struct pair *pair, enum tls_purpose purpose, const char *file)
{
	pair_connect(pair, purpose);
	if (file) {
		assert_int_equal(SSL_use_certificate_chain_file(pair->client, peer_path(file)), 1);
		assert_int_equal(
			SSL_use_PrivateKey_file(pair->client, peer_path(file), SSL_FILETYPE_PEM),
			1);
	}
	assert_int_equal(pair_shake_hands(pair), 0);
}

static void test_same_client(void **state)
{
	static const struct {
		const char *control, *data;
		bool same;
	} cases[] = {{NULL, NULL, true}, {"client.pem", "client.pem", true},
		{"client.pem", "stranger.pem", false}, {"client.pem", NULL, false},
		{NULL, "client.pem", false}};

	(void)state;
	settings.request = true;
	begin(TLS1_3_VERSION);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pair control, data;
		open_shown(&control, TLS_CONTROL, cases[i].control);
		open_shown(&data, TLS_DATA, cases[i].data);
		assert_int_equal(tls_same_client(control.tls, data.tls), cases[i].same);
		pair_close(&data);
		pair_close(&control);
	}
}

/* ---- resumption ---- */

static void test_data_resumes_control(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct pair control, data;
		SSL_SESSION *session;
		begin(versions[i]);
		pair_open(&control, TLS_CONTROL);
		check_told(&control, "220");
		assert_true(peer_tickets > 0);
		session = SSL_get1_session(control.client);
		for (int again = 0; again < 3; again++) {
			pair_connect(&data, TLS_DATA);
			/* Used once, libssl would take it for spent. */
			SSL_SESSION *copy = SSL_SESSION_dup(session);
			assert_int_equal(SSL_set_session(data.client, copy), 1);
			SSL_SESSION_free(copy);
			assert_int_equal(pair_shake_hands(&data), 0);
			assert_true(tls_is_resumed(data.tls));
			assert_int_equal(SSL_session_reused(data.client), 1);
			pair_close(&data);
		}
		pair_open(&data, TLS_DATA);
		assert_false(tls_is_resumed(data.tls));
		pair_close(&data);
		pair_close(&control);
		SSL_SESSION_free(session);
		unload(state);
	}
}

/* A ticket of another process, or of another life of this one, is none. */
static void test_stranger_does_not_resume(void **state)
{
	struct pair control, data;
	SSL_SESSION *session;

	(void)state;
	begin(TLS1_3_VERSION);
	pair_open(&control, TLS_CONTROL);
	check_told(&control, "220");
	session = SSL_get1_session(control.client);
	pair_close(&control);
	unload(state);
	begin(TLS1_3_VERSION);
	pair_connect(&data, TLS_DATA);
	assert_int_equal(SSL_set_session(data.client, session), 1);
	assert_int_equal(pair_shake_hands(&data), 0);
	assert_false(tls_is_resumed(data.tls));
	pair_close(&data);
	SSL_SESSION_free(session);
}

static void test_no_tickets_on_data(void **state)
{
	struct pair data;

	(void)state;
	begin(TLS1_3_VERSION);
	pair_open(&data, TLS_DATA);
	check_told(&data, "bytes");
	assert_int_equal(peer_tickets, 0);
	pair_close(&data);
}

/* A client that uses each ticket once, as RFC 8446 C.4 asks it to, needs one for each data connection. */
static void test_a_ticket_for_each_data_connection(void **state)
{
	struct pair control, data;

	(void)state;
	begin(TLS1_3_VERSION);
	pair_open(&control, TLS_CONTROL);
	check_told(&control, "220");
	for (int again = 0; again < 3; again++) {
		unsigned tickets = peer_tickets;
		SSL_SESSION *session = SSL_get1_session(control.client);
		pair_connect(&data, TLS_DATA);
		assert_int_equal(SSL_set_session(data.client, session), 1);
		SSL_SESSION_free(session);
		assert_int_equal(pair_shake_hands(&data), 0);
		assert_true(tls_is_resumed(data.tls));
		pair_close(&data);
		tls_offer_ticket(control.tls);
		check_told(&control, "226");
		assert_int_equal(peer_tickets, tickets + 1);
	}
	pair_close(&control);
}

/* ---- the end of data ---- */

static void test_close_notify(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct pair pair;
		char bytes[16];
		begin(versions[i]);
		pair_open(&pair, TLS_DATA);
		says(&pair, "all");
		SSL_shutdown(pair.client);
		check_received(&pair, "all");
		assert_int_equal(tls_receive(pair.tls, bytes, sizeof(bytes), &want), 0);
		assert_int_equal(tls_finish(pair.tls, &want), 0);
		assert_int_equal(SSL_read(pair.client, bytes, sizeof(bytes)), 0);
		assert_int_equal(SSL_get_error(pair.client, 0), SSL_ERROR_ZERO_RETURN);
		pair_close(&pair);
		unload(state);
	}
}

static void test_end_without_close_notify(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct pair pair;
		char bytes[16];
		begin(versions[i]);
		pair_open(&pair, TLS_DATA);
		says(&pair, "all");
		shutdown(pair.ends[1], SHUT_WR);
		check_received(&pair, "all");
		assert_int_equal(tls_receive(pair.tls, bytes, sizeof(bytes), &want), -ECONNABORTED);
		pair_close(&pair);
		unload(state);
	}
}

/* A record that ends anywhere but at its end is no end of data. */
static void test_cut_records(void **state)
{
	static const size_t cuts[] = {1, 4, 5, 6, 20, 500};

	(void)state;
	for (size_t i = 0; i < COUNT(cuts) * COUNT(versions); i++) {
		struct pair pair;
		char bytes[1024] = "";
		BIO *record = BIO_new(BIO_s_mem());
		size_t cut = cuts[i / COUNT(versions)];
		begin(versions[i % COUNT(versions)]);
		pair_open(&pair, TLS_DATA);
		says(&pair, "one");
		assert_non_null(record);
		SSL_set0_wbio(pair.client, record);
		assert_int_equal(SSL_write(pair.client, bytes, 600), 600);
		assert_int_equal(BIO_read(record, bytes, (int)cut), (int)cut);
		assert_int_equal(send(pair.ends[1], bytes, cut, 0), (int)cut);
		shutdown(pair.ends[1], SHUT_WR);
		check_received(&pair, "one");
		if (tls_receive(pair.tls, bytes, sizeof(bytes), &want) != -EPROTO)
			fail_msg("cut behind byte %zu", cut);
		pair_close(&pair);
		unload(state);
	}
}

static void test_changed_record(void **state)
{
	struct pair pair;
	char bytes[256];
	BIO *record = BIO_new(BIO_s_mem());
	int size;

	(void)state;
	begin(TLS1_3_VERSION);
	pair_open(&pair, TLS_DATA);
	assert_non_null(record);
	SSL_set0_wbio(pair.client, record);
	assert_int_equal(SSL_write(pair.client, "0123456789", 10), 10);
	size = BIO_read(record, bytes, sizeof(bytes));
	assert_true(size > 10);
	bytes[size - 3] ^= 1;
	assert_int_equal(send(pair.ends[1], bytes, (size_t)size, 0), size);
	assert_int_equal(tls_receive(pair.tls, bytes, sizeof(bytes), &want), -EPROTO);
	pair_close(&pair);
}

/* ---- many bytes ---- */

/* Records that have arrived come in one call; what came before an end comes before it. */
static void test_records_together(void **state)
{
	static char sent[1000], got[8000];
	struct pair pair;

	(void)state;
	memset(sent, 'x', sizeof(sent));
	begin(TLS1_3_VERSION);
	/* The first data connection finds out whether the kernel does it. */
	pair_open(&pair, TLS_DATA);
	assert_false(tls_sends_files(pair.tls)); /* not over this kind of socket */
	pair_close(&pair);
	pair_open(&pair, TLS_DATA);
	for (int i = 0; i < 5; i++)
		assert_int_equal(SSL_write(pair.client, sent, sizeof(sent)), sizeof(sent));
	shutdown(pair.ends[1], SHUT_WR);
	assert_int_equal(tls_receive(pair.tls, got, 700, &want), 700);
	assert_true(tls_has_more(pair.tls));
	assert_int_equal(tls_receive(pair.tls, got, sizeof(got), &want), 4300);
	assert_false(tls_has_more(pair.tls));
	assert_int_equal(tls_receive(pair.tls, got, sizeof(got), &want), -ECONNABORTED);
	pair_close(&pair);
}

/* Sends pieces until one is refused, and returns why. */
static ssize_t send_until_refused(struct pair *pair, const char *bytes, size_t size)
{
	ssize_t sent;

	do
		sent = tls_send(pair->tls, bytes, size, &want);
	while (sent > 0);
	return sent;
}

static void test_nothing_now(void **state)
{
	static char bytes[1 << 16];
	struct pair pair;

	(void)state;
	begin(TLS1_3_VERSION);
	pair_open(&pair, TLS_DATA);
	assert_int_equal(tls_receive(pair.tls, bytes, sizeof(bytes), &want), -EAGAIN);
	assert_int_equal(want, IO_READ);
	assert_int_equal(send_until_refused(&pair, bytes, sizeof(bytes)), -EAGAIN);
	assert_int_equal(want, IO_WRITE);
	pair_close(&pair);
}

/* Whatever the client can read by now, checked to be what bytes_of_many says from `*at` on. */
static void drain_many(struct pair *pair, size_t *at)
{
	unsigned char bytes[9000];
	int got;

	while ((got = SSL_read(pair->client, bytes, sizeof(bytes))) > 0)
		for (int i = 0; i < got; i++, ++*at)
			assert_int_equal(bytes[i], (unsigned char)(*at * 31 >> 8));
}

/* Records of large pieces are gathered; what is said to be sent has gone to the socket, and in order. */
static void test_much(void **state)
{
	static unsigned char many[700001];
	struct pair pair;
	size_t at = 0, arrived = 0;
	int waits = 0, done;

	(void)state;
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = (unsigned char)(i * 31 >> 8);
	for (size_t v = 0; v < sizeof(versions) / sizeof(*versions); v++) {
		begin(versions[v]);
		pair_open(&pair, TLS_DATA);
		assert_int_equal(fcntl(pair.ends[1], F_SETFL, O_NONBLOCK), 0);
		for (at = arrived = 0; at < sizeof(many);) {
			/* Large, small, large. */
			size_t piece = at == 300000 ? 1 : sizeof(many) - at;
			ssize_t sent;
			if (at < 300000)
				piece = 300000 - at;
			sent = tls_send(pair.tls, many + at, piece, &want);
			if (sent == -EAGAIN) {
				assert_int_equal(want, IO_WRITE);
				drain_many(&pair, &arrived);
				waits++;
				continue;
			}
			assert_true(sent > 0);
			at += (size_t)sent;
		}
		while ((done = tls_finish(pair.tls, &want)) == -EAGAIN)
			drain_many(&pair, &arrived);
		assert_int_equal(done, 0);
		drain_many(&pair, &arrived);
		assert_int_equal(arrived, sizeof(many));
		assert_int_equal(SSL_get_shutdown(pair.client), SSL_RECEIVED_SHUTDOWN);
		pair_close(&pair);
		unload(state);
	}
	assert_true(waits > 0);
}

static void test_much_to_nobody(void **state)
{
	static char bytes[1 << 18];
	struct pair pair;

	(void)state;
	begin(TLS1_3_VERSION);
	pair_open(&pair, TLS_DATA);
	assert_int_equal(shutdown(pair.ends[1], SHUT_RDWR), 0);
	assert_int_equal(send_until_refused(&pair, bytes, sizeof(bytes)), -EPIPE);
	pair_close(&pair);
	/* The next connection begins without the rest of that. */
	pair_open(&pair, TLS_DATA);
	check_told(&pair, "small");
	pair_close(&pair);
}

/* ---- what clients may not do ---- */

static void update_keys(struct pair *pair, int times)
{
	for (int i = 0; i < times; i++) {
		assert_int_equal(SSL_key_update(pair->client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(pair->client), 1);
	}
}

static void test_key_updates(void **state)
{
	struct pair pair;
	char bytes[16];

	(void)state;
	begin(TLS1_3_VERSION);
	pair_open(&pair, TLS_CONTROL);
	update_keys(&pair, 100);
	says(&pair, "NOOP");
	check_received(&pair, "NOOP");
	update_keys(&pair, 100);
	assert_int_equal(tls_receive(pair.tls, bytes, sizeof(bytes), &want), -EAGAIN);
	update_keys(&pair, 100);
	says(&pair, "NOOP");
	/* The bytes behind them may still come; nothing does after that. */
	(void)tls_receive(pair.tls, bytes, sizeof(bytes), &want);
	assert_int_equal(tls_receive(pair.tls, bytes, sizeof(bytes), &want), -EPROTO);
	assert_int_equal(tls_send(pair.tls, "x", 1, &want), -EPROTO);
	pair_close(&pair);
}

static void test_renegotiation(void **state)
{
	struct pair pair;
	char bytes[16];

	(void)state;
	begin(TLS1_2_VERSION);
	pair_open(&pair, TLS_CONTROL);
	assert_int_equal(SSL_renegotiate(pair.client), 1);
	(void)SSL_do_handshake(pair.client);
	assert_true(tls_receive(pair.tls, bytes, sizeof(bytes), &want) < 0);
	assert_true(SSL_do_handshake(pair.client) <= 0);
	pair_close(&pair);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set, unload)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_can_not_be_loaded),
		TEST(test_both_versions),
		TEST(test_versions_that_are_off),
		TEST(test_two_certificates),
		TEST(test_one_connection_of_each_kind),
		TEST(test_what_is_no_handshake),
		TEST(test_client_that_goes),
		TEST(test_protocols),
		TEST(test_one_server_name),
		TEST(test_certificates_by_server_name),
		TEST(test_certificates_of_clients),
		TEST(test_same_client),
		TEST(test_data_resumes_control),
		TEST(test_stranger_does_not_resume),
		TEST(test_no_tickets_on_data),
		TEST(test_close_notify),
		TEST(test_end_without_close_notify),
		TEST(test_cut_records),
		TEST(test_changed_record),
		TEST(test_records_together),
		TEST(test_nothing_now),
		TEST(test_much),
		TEST(test_much_to_nobody),
		TEST(test_key_updates),
		TEST(test_renegotiation),
		TEST(test_a_ticket_for_each_data_connection),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
