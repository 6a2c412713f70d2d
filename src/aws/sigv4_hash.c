#include "sigv4_hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

bool sigv4_hash_init(struct sigv4_hash *h)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    h->sha256 = EVP_MD_fetch(NULL, digest, NULL);
    h->hmac = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context keeps its own reference */
    if (h->sha256 != NULL && h->hmac != NULL && EVP_MAC_CTX_set_params(h->hmac, params) == 1) {
        return true;
    }
    sigv4_hash_free(h);
    return false;
}

void sigv4_hash_free(struct sigv4_hash *h)
{
    EVP_MAC_CTX_free(h->hmac);
    EVP_MD_free(h->sha256);
    *h = (struct sigv4_hash){0};
}

bool sigv4_hash_sha256(const struct sigv4_hash *h, struct span text,
                       unsigned char out[SIGV4_DIGEST_SIZE])
{
    return EVP_Digest(text.ptr, text.len, out, NULL, h->sha256, NULL) == 1;
}

bool sigv4_hash_hmac(const struct sigv4_hash *h, struct span key, struct span text,
                     unsigned char out[SIGV4_DIGEST_SIZE])
{
    size_t written = 0;
    EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(h->hmac);
    bool ok = mac != NULL &&
              EVP_MAC_init(mac, (const unsigned char *)key.ptr, key.len, NULL) == 1 &&
              EVP_MAC_update(mac, (const unsigned char *)text.ptr, text.len) == 1 &&
              EVP_MAC_final(mac, out, &written, SIGV4_DIGEST_SIZE) == 1;
    EVP_MAC_CTX_free(mac); /* wipes its copy of the key */
    return ok && written == SIGV4_DIGEST_SIZE;
}

void sigv4_hash_hex(const unsigned char digest[SIGV4_DIGEST_SIZE],
                    char out[2 * SIGV4_DIGEST_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SIGV4_DIGEST_SIZE; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[(size_t)2 * SIGV4_DIGEST_SIZE] = '\0';
}
