/* These functions are the ones that need nothing else of the library; EVP would bring in all of it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "system/digest.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

#include "text/crc32.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <string.h>

/*
 * libcrypto asks the processor what it can do before main begins, in every session, and in a virtual machine
 * each question costs microseconds. What its digests need of that part stands here instead, so that it is not
 * linked, and is asked at the first digest.
 */
extern unsigned int OPENSSL_ia32cap_P[16];
unsigned int OPENSSL_ia32cap_P[16]; /* of cpuid: 1.EDX, 1.ECX, 7.EBX; OPENSSL_ia32cap(3) */

void OPENSSL_cleanse(void *bytes, size_t size); /* of openssl/crypto.h */
void OPENSSL_cleanse(void *bytes, size_t size)
{
	explicit_bzero(bytes, size);
}

/* Only what needs nothing of the system but its xmm registers. */
static void know_processor(void)
{
	unsigned int a, b, c, d;

	if (OPENSSL_ia32cap_P[1] != 0)
		return;
	if (__get_cpuid(1, &a, &b, &c, &d))
		OPENSSL_ia32cap_P[1] = c & bit_SSSE3;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
		OPENSSL_ia32cap_P[2] = b & bit_SHA;
}
#else
static void know_processor(void)
{
}
#endif

static struct {
	enum digest_algorithm algorithm;
	union {
		SHA256_CTX sha256;
		SHA512_CTX sha512;
		SHA_CTX sha1;
		MD5_CTX md5;
		uint32_t crc32;
	} state;
} digest;

void digest_start(enum digest_algorithm algorithm)
{
	know_processor();
	digest.algorithm = algorithm;
	switch (algorithm) {
	case DIGEST_SHA256:
		SHA256_Init(&digest.state.sha256);
		break;
	case DIGEST_SHA512:
		SHA512_Init(&digest.state.sha512);
		break;
	case DIGEST_SHA1:
		SHA1_Init(&digest.state.sha1);
		break;
	case DIGEST_MD5:
		MD5_Init(&digest.state.md5);
		break;
	case DIGEST_CRC32:
		digest.state.crc32 = 0;
		break;
	}
}

void digest_add(const void *bytes, size_t size)
{
	switch (digest.algorithm) {
	case DIGEST_SHA256:
		SHA256_Update(&digest.state.sha256, bytes, size);
		break;
	case DIGEST_SHA512:
		SHA512_Update(&digest.state.sha512, bytes, size);
		break;
	case DIGEST_SHA1:
		SHA1_Update(&digest.state.sha1, bytes, size);
		break;
	case DIGEST_MD5:
		MD5_Update(&digest.state.md5, bytes, size);
		break;
	case DIGEST_CRC32:
		digest.state.crc32 = crc32_more(digest.state.crc32, bytes, size);
		break;
	}
}

static size_t finish(unsigned char out[SHA512_DIGEST_LENGTH])
{
	switch (digest.algorithm) {
	case DIGEST_SHA256:
		SHA256_Final(out, &digest.state.sha256);
		return SHA256_DIGEST_LENGTH;
	case DIGEST_SHA512:
		SHA512_Final(out, &digest.state.sha512);
		return SHA512_DIGEST_LENGTH;
	case DIGEST_SHA1:
		SHA1_Final(out, &digest.state.sha1);
		return SHA_DIGEST_LENGTH;
	case DIGEST_MD5:
		MD5_Final(out, &digest.state.md5);
		return MD5_DIGEST_LENGTH;
	case DIGEST_CRC32:
		for (int i = 0; i < 4; i++)
			out[i] = (unsigned char)(digest.state.crc32 >> (24 - 8 * i));
		return 4;
	}
	return 0;
}

void digest_finish(char out[DIGEST_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[SHA512_DIGEST_LENGTH];
	size_t size = finish(bytes);

	for (size_t i = 0; i < size; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * size] = '\0';
}
