#include "system/certificate.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/openssl.h"
#include "system/tlscontext.h"

/* What only this module asks of OpenSSL. */
#define FUNCTIONS(X)                    \
	X(ASN1_TIME_diff)               \
	X(BIO_new_file)                 \
	X(EVP_PKEY_get0_type_name)      \
	X(EVP_PKEY_get_bits)            \
	X(PEM_read_bio_X509_AUX)        \
	X(SSL_set_connect_state)        \
	X(TLS_client_method)            \
	X(X509_STORE_CTX_free)          \
	X(X509_STORE_CTX_get1_issuer)   \
	X(X509_STORE_CTX_init)          \
	X(X509_STORE_CTX_new)           \
	X(X509_STORE_free)              \
	X(X509_STORE_new)               \
	X(X509_STORE_set_default_paths) \
	X(X509_check_ca)                \
	X(X509_check_host)              \
	X(X509_check_issued)            \
	X(X509_check_private_key)       \
	X(X509_check_purpose)           \
	X(X509_get0_notAfter)           \
	X(X509_get0_notBefore)          \
	X(X509_get0_pubkey)             \
	X(X509_get_ext_by_NID)          \
	X(X509_get_signature_info)

static struct {
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
#undef MEMBER
} library;

static int load(struct buffer *problem)
{
	bool found = openssl_load() == 0;

#define FIND(name) found = found && openssl_find(#name, &library.name);
	FUNCTIONS(FIND)
#undef FIND
	if (!found)
		buffer_string(problem, "libssl.so.3 can't be loaded");
	openssl.ERR_clear_error();
	return found ? 0 : -ENOENT;
}

static int fail(struct buffer *problem, const char *file)
{
	const char *reason = openssl_reason();

	if (ERR_GET_REASON(openssl.ERR_peek_last_error()) == PEM_R_NO_START_LINE)
		reason = "there is no certificate in it";
	buffer_string(problem, file);
	buffer_string(problem, ": ");
	buffer_string(problem, reason);
	return -EINVAL;
}

/* ---- what stands in a file ---- */

static bool is_trusted(X509 *certificate)
{
	X509_STORE *store = library.X509_STORE_new();
	X509_STORE_CTX *search = library.X509_STORE_CTX_new();
	X509 *issuer = NULL;
	bool found = store && search && library.X509_STORE_set_default_paths(store) == 1 &&
		     library.X509_STORE_CTX_init(search, store, certificate, NULL) == 1 &&
		     library.X509_STORE_CTX_get1_issuer(&issuer, search, certificate) == 1;

	openssl.X509_free(issuer);
	library.X509_STORE_CTX_free(search);
	library.X509_STORE_free(store);
	return found;
}

static bool has_issued(X509 *issuer, X509 *certificate)
{
	return library.X509_check_issued(issuer, certificate) == X509_V_OK;
}

static void describe_key(X509 *from, struct certificate *out)
{
	EVP_PKEY *key = library.X509_get0_pubkey(from);
	const char *name = key ? library.EVP_PKEY_get0_type_name(key) : NULL;
	struct buffer b;

	buffer_start(&b, out->key, sizeof(out->key));
	buffer_string(&b, name ? name : "unknown");
	buffer_text(&b);
	out->bits = key ? library.EVP_PKEY_get_bits(key) : 0;
}

static void describe(X509 *from, struct certificate *out)
{
	int digest = NID_undef, days = 0, seconds = 0;

	*out = (struct certificate){.self_issued = has_issued(from, from),
		.authority = library.X509_check_ca(from) != 0};
	describe_key(from, out);
	if (library.ASN1_TIME_diff(&days, &seconds, NULL, library.X509_get0_notBefore(from)) == 1)
		out->begun = days <= 0 && seconds <= 0;
	out->ended = true;
	if (library.ASN1_TIME_diff(&days, &seconds, NULL, library.X509_get0_notAfter(from)) == 1) {
		out->ended = days < 0 || seconds < 0;
		out->days_left = days;
	}
	(void)library.X509_get_signature_info(from, &digest, NULL, NULL, NULL);
	out->weak_digest = digest == NID_sha1 || digest == NID_md5 || digest == NID_md5_sha1;
	out->issuer_trusted = is_trusted(from);
}

static void describe_order(X509 *const *chain, struct certificate_file *out)
{
	for (unsigned i = 0; i < out->count; i++) {
		out->chain[i].by_next = i + 1 < out->count && has_issued(chain[i + 1], chain[i]);
		for (unsigned k = 0; k < out->count; k++)
			out->chain[i].by_another |= k != i && has_issued(chain[k], chain[i]);
	}
}

int certificate_read(const char *file, struct certificate_file *out, struct buffer *problem)
{
	X509 *chain[CERTIFICATES_MAX] = {NULL}, *next;
	BIO *bio;

	if (load(problem) < 0)
		return -ENOENT;
	*out = (struct certificate_file){.count = 0};
	bio = library.BIO_new_file(file, "r");
	if (!bio)
		return fail(problem, file);
	while ((next = library.PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) && !out->more) {
		out->more = out->count == CERTIFICATES_MAX;
		if (out->more)
			openssl.X509_free(next);
		else
			chain[out->count++] = next;
	}
	openssl.BIO_free(bio);
	if (out->count == 0)
		return fail(problem, file);
	for (unsigned i = 0; i < out->count; i++)
		describe(chain[i], &out->chain[i]);
	describe_order(chain, out);
	for (unsigned i = 1; i < out->count; i++)
		openssl.X509_free(chain[i]);
	out->own = chain[0];
	out->named = library.X509_get_ext_by_NID(out->own, NID_subject_alt_name, -1) >= 0;
	out->for_servers = library.X509_check_purpose(out->own, X509_PURPOSE_SSL_SERVER, 0) == 1;
	openssl.ERR_clear_error();
	return 0;
}

void certificate_close(struct certificate_file *file)
{
	openssl.X509_free(file->own);
	file->own = NULL;
}

bool certificate_has_name(const struct certificate_file *file, const char *name)
{
	return library.X509_check_host(file->own, name, 0, 0, NULL) == 1;
}

int certificate_check_key(
	const struct certificate_file *file, const char *key_file, struct buffer *problem)
{
	EVP_PKEY *key = tls_read_key(key_file, problem);
	bool fits = key && library.X509_check_private_key(file->own, key) == 1;

	if (key && !fits)
		(void)fail(problem, key_file);
	if (key)
		openssl.EVP_PKEY_free(key);
	openssl.ERR_clear_error();
	return fits ? 0 : -EINVAL;
}

/* ---- trials ---- */

/* What a client says that knows one type of key. */
struct dialect {
	const char *key, *ciphers, *signatures;
};

static const struct dialect dialects[] = {
	{"RSA", "aRSA:!eNULL:@SECLEVEL=0",
		"RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512:"
		"RSA+SHA1"},
	{"EC", "aECDSA:!eNULL:@SECLEVEL=0", "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ECDSA+SHA1"},
	{"ED25519", "aECDSA:!eNULL:@SECLEVEL=0", "ed25519"},
	{"ED448", "aECDSA:!eNULL:@SECLEVEL=0", "ed448"},
};
static const struct dialect any = {NULL, "ALL:@SECLEVEL=0", NULL};

static const struct dialect *find_dialect(const char *key)
{
	for (size_t i = 0; key && i < sizeof(dialects) / sizeof(dialects[0]); i++)
		if (strcmp(dialects[i].key, key) == 0)
			return &dialects[i];
	return &any;
}

static SSL_CTX *make_client_context(const struct certificate_trial *trial)
{
	static const int number[TLS_VERSIONS] = {
		TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
	const struct dialect *dialect = find_dialect(trial->key);
	SSL_CTX *context = openssl.SSL_CTX_new(library.TLS_client_method());
	char signatures[160];
	struct buffer b;

	if (!context)
		return NULL;
	openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, number[trial->version], NULL);
	openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, number[trial->version], NULL);
	(void)openssl.SSL_CTX_set_cipher_list(context, dialect->ciphers);
	buffer_start(&b, signatures, sizeof(signatures));
	if (dialect->signatures)
		buffer_string(&b, dialect->signatures);
	if (*buffer_text(&b))
		openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_SIGALGS_LIST, 0, signatures);
	return context;
}

/* The client under `fd`, with a copy of the name that OpenSSL does not promise to leave alone. */
static SSL *make_client(SSL_CTX *context, int fd, const char *server_name)
{
	SSL *client = openssl.SSL_new(context);
	char name[256];
	struct buffer b;

	if (!client)
		return NULL;
	if (openssl.SSL_set_fd(client, fd) != 1) {
		openssl.SSL_free(client);
		return NULL;
	}
	library.SSL_set_connect_state(client);
	buffer_start(&b, name, sizeof(name));
	buffer_string(&b, server_name ? server_name : "");
	if (*buffer_text(&b))
		openssl.SSL_ctrl(
			client, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name);
	return client;
}

static bool has_seen_certificate(SSL *client)
{
	X509 *seen = openssl.SSL_get1_peer_certificate(client);

	openssl.X509_free(seen);
	return seen != NULL;
}

/* Each side's turn, as long as one of them is not done and none has failed. */
static int shake_hands(struct tls *server, SSL *client, bool mutual, struct buffer *problem)
{
	int theirs = 0, ours = -EAGAIN;
	unsigned want;

	for (int turn = 0; turn < 100 && (theirs != 1 || ours != 0); turn++) {
		openssl.ERR_clear_error();
		theirs = theirs == 1 ? 1 : openssl.SSL_do_handshake(client);
		if (theirs != 1 && openssl.SSL_get_error(client, theirs) == SSL_ERROR_SSL)
			break;
		ours = ours == 0 ? 0 : tls_handshake(server, &want);
		if (ours < 0 && ours != -EAGAIN)
			break;
	}
	if ((theirs == 1 && ours == 0) || (mutual && has_seen_certificate(client)))
		return 0;
	buffer_string(problem, openssl_reason());
	return -EPROTO;
}

int certificate_try(const struct certificate_trial *trial, struct buffer *problem)
{
	struct tls *server = NULL;
	SSL_CTX *context = NULL;
	SSL *client = NULL;
	int ends[2], error = -EPROTO;

	if (load(problem) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
		return -EPROTO;
	context = make_client_context(trial);
	if (context)
		client = make_client(context, ends[0], trial->name);
	if (client)
		server = tls_start(ends[1], TLS_CONTROL);
	if (server)
		error = shake_hands(server, client, trial->mutual, problem);
	tls_free(server);
	openssl.SSL_free(client);
	openssl.SSL_CTX_free(context);
	openssl.ERR_clear_error();
	close(ends[0]);
	close(ends[1]);
	return error;
}
