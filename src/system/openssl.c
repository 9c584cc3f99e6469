#include "system/openssl.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct openssl openssl;

/* POSIX lets dlsym's result stand for a function; ISO C has no way to say it but through storage. */
static bool find(void *library, const char *name, void *where)
{
	void *symbol = dlsym(library, name);

	memcpy(where, &symbol, sizeof(symbol));
	return symbol != NULL;
}

int openssl_load(void)
{
	static bool loaded;
	void *ssl, *crypto;

	if (loaded)
		return 0;
	/* Lazily: of thousands of symbols hundreds are used. */
	crypto = dlopen("libcrypto.so.3", RTLD_LAZY | RTLD_LOCAL);
	ssl = crypto ? dlopen("libssl.so.3", RTLD_LAZY | RTLD_LOCAL) : NULL;
	if (!ssl)
		return -ENOENT;
	loaded = true;
#define FIND(name) loaded &= find(ssl, #name, &openssl.name);
	OPENSSL_SSL_FUNCTIONS(FIND)
#undef FIND
#define FIND(name) loaded &= find(crypto, #name, &openssl.name);
	OPENSSL_CRYPTO_FUNCTIONS(FIND)
#undef FIND
	if (!loaded)
		return -ENOENT;
	/* Its configuration file could load engines; its clean-up at exit is for nobody. */
	loaded = openssl.OPENSSL_init_ssl(
			 OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) == 1;
	return loaded ? 0 : -ENOENT;
}

const char *openssl_reason(void)
{
	const char *reason = openssl.ERR_reason_error_string
				     ? openssl.ERR_reason_error_string(openssl.ERR_peek_error())
				     : NULL;

	return reason ? reason : "unknown error";
}
