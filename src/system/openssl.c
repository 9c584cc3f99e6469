#include "system/openssl.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct openssl openssl;

static void *ssl; /* libssl, and with it libcrypto */

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
	void *crypto;

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

bool openssl_find(const char *name, void *where)
{
	return find(ssl, name, where);
}

const char *openssl_reason(void)
{
	unsigned long error = openssl.ERR_peek_error ? openssl.ERR_peek_error() : 0;
	const char *reason = NULL;

	/* It has no words for what the system says. */
	if (error != 0 && ERR_SYSTEM_ERROR(error))
		reason = strerror(ERR_GET_REASON(error));
	else if (error != 0)
		reason = openssl.ERR_reason_error_string(error);
	return reason ? reason : "unknown error";
}
