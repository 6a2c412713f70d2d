/* SHA-256 and HMAC-SHA-256 with the algorithms looked up once, since looking them up costs more
 * than hashing. */
#ifndef AWS_SIGV4_HASH_H
#define AWS_SIGV4_HASH_H

#include "base/span.h"

enum { SIGV4_DIGEST_SIZE = 32 };

/* Read-only after init: any thread. */
struct sigv4_hash {
    struct evp_md_st *sha256;
    struct evp_mac_ctx_st *hmac; /* a template that is copied for each use */
};

/* false: the crypto library has no SHA-256 or no memory; nothing is to be freed. */
bool sigv4_hash_init(struct sigv4_hash *h);
void sigv4_hash_free(struct sigv4_hash *h);

/* false: the crypto library failed (memory). */
bool sigv4_hash_sha256(const struct sigv4_hash *h, struct span text,
                       unsigned char out[SIGV4_DIGEST_SIZE]);
bool sigv4_hash_hmac(const struct sigv4_hash *h, struct span key, struct span text,
                     unsigned char out[SIGV4_DIGEST_SIZE]);

/* Lower-case hexadecimal with a NUL. */
void sigv4_hash_hex(const unsigned char digest[SIGV4_DIGEST_SIZE],
                    char out[2 * SIGV4_DIGEST_SIZE + 1]);

#endif
