/*
 * OpenSSL's functions, found by name: a session that never asks for TLS does not load the libraries, and none
 * is loaded from a jail. For system/tls, system/tlscontext and system/certificate alone.
 */
#ifndef SOLOFTPD_SYSTEM_OPENSSL_H
#define SOLOFTPD_SYSTEM_OPENSSL_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

#define OPENSSL_SSL_FUNCTIONS(X)              \
	X(OPENSSL_init_ssl)                   \
	X(SSL_CIPHER_get_name)                \
	X(SSL_CTX_callback_ctrl)              \
	X(SSL_CTX_check_private_key)          \
	X(SSL_CTX_ctrl)                       \
	X(SSL_CTX_free)                       \
	X(SSL_CTX_load_verify_file)           \
	X(SSL_CTX_new)                        \
	X(SSL_CTX_sess_set_get_cb)            \
	X(SSL_CTX_set0_tmp_dh_pkey)           \
	X(SSL_CTX_set_alpn_select_cb)         \
	X(SSL_CTX_set_cipher_list)            \
	X(SSL_CTX_set_client_CA_list)         \
	X(SSL_CTX_set_msg_callback)           \
	X(SSL_CTX_set_options)                \
	X(SSL_CTX_set_session_id_context)     \
	X(SSL_CTX_set_timeout)                \
	X(SSL_CTX_set_verify_depth)           \
	X(SSL_CTX_set_verify)                 \
	X(SSL_CTX_use_PrivateKey)             \
	X(SSL_CTX_use_certificate_chain_file) \
	X(SSL_ctrl)                           \
	X(SSL_SESSION_dup)                    \
	X(SSL_SESSION_get_id)                 \
	X(SSL_do_handshake)                   \
	X(SSL_free)                           \
	X(SSL_get1_peer_certificate)          \
	X(SSL_get_current_cipher)             \
	X(SSL_get_error)                      \
	X(SSL_get_servername)                 \
	X(SSL_get_session)                    \
	X(SSL_get_verify_result)              \
	X(SSL_get_version)                    \
	X(SSL_get_wbio)                       \
	X(SSL_has_pending)                    \
	X(SSL_load_client_CA_file)            \
	X(SSL_new)                            \
	X(SSL_new_session_ticket)             \
	X(SSL_pending)                        \
	X(SSL_read)                           \
	X(SSL_rstate_string)                  \
	X(SSL_sendfile)                       \
	X(SSL_session_reused)                 \
	X(SSL_set0_wbio)                      \
	X(SSL_set_SSL_CTX)                    \
	X(SSL_set_accept_state)               \
	X(SSL_set_default_read_buffer_len)    \
	X(SSL_set_fd)                         \
	X(SSL_set_num_tickets)                \
	X(SSL_set_options)                    \
	X(SSL_set_read_ahead)                 \
	X(SSL_shutdown)                       \
	X(SSL_write)                          \
	X(TLS_server_method)

#define OPENSSL_CRYPTO_FUNCTIONS(X)  \
	X(BIO_clear_flags)           \
	X(BIO_ctrl)                  \
	X(BIO_free)                  \
	X(BIO_meth_new)              \
	X(BIO_meth_set_ctrl)         \
	X(BIO_meth_set_write)        \
	X(BIO_new)                   \
	X(BIO_new_fd)                \
	X(BIO_set_flags)             \
	X(BIO_set_init)              \
	X(ERR_clear_error)           \
	X(ERR_peek_error)            \
	X(ERR_peek_last_error)       \
	X(ERR_reason_error_string)   \
	X(EVP_PKEY_free)             \
	X(EVP_PKEY_get_group_name)   \
	X(PEM_read_bio_Parameters)   \
	X(PEM_read_bio_PrivateKey)   \
	X(X509_NAME_get_text_by_NID) \
	X(X509_cmp)                  \
	X(X509_free)                 \
	X(X509_get_subject_name)

struct openssl {
#define OPENSSL_MEMBER(name) __typeof__(name) *name;
	OPENSSL_SSL_FUNCTIONS(OPENSSL_MEMBER)
	OPENSSL_CRYPTO_FUNCTIONS(OPENSSL_MEMBER)
#undef OPENSSL_MEMBER
};

extern struct openssl openssl;

/* Loads the libraries. Returns 0, or -ENOENT if they, or a function, are not there. */
int openssl_load(void);

/* Sets the pointer at `where` to another function of them. False if there is none. */
bool openssl_find(const char *name, void *where);

/* The reason of the last error, or "unknown error". */
const char *openssl_reason(void);

#endif
