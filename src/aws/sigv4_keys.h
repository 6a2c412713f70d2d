/* Signing keys: derived from the secret by four HMACs, and kept while day, region, service and
 * secret stay. */
#ifndef AWS_SIGV4_KEYS_H
#define AWS_SIGV4_KEYS_H

#include "sigv4_hash.h"

#include <pthread.h>
#include <stdint.h>

enum {
    SIGV4_KEYS_KEPT = 8,   /* services times regions in use; the least recently used one goes */
    SIGV4_KEYS_SCOPE = 64, /* a longer region, service or secret is derived anew each time */
    SIGV4_KEYS_SECRET = 128
};

struct sigv4_scope {
    const char *day; /* "20150830" */
    const char *region;
    const char *service;
    const char *secret;
};

struct sigv4_key {
    char day[9];
    char region[SIGV4_KEYS_SCOPE];
    char service[SIGV4_KEYS_SCOPE];
    char secret[SIGV4_KEYS_SECRET];
    unsigned char key[SIGV4_DIGEST_SIZE];
    uint64_t used; /* 0: empty */
};

/* Any thread; the lock guards all other fields. */
struct sigv4_keys {
    pthread_mutex_t lock;
    struct sigv4_key kept[SIGV4_KEYS_KEPT];
    uint64_t uses;
};

/* Empty; then wiped. */
void sigv4_keys_init(struct sigv4_keys *k);
void sigv4_keys_free(struct sigv4_keys *k); /* wipes */

/* The signing key; the caller wipes it. false: the crypto library failed. */
bool sigv4_keys_get(struct sigv4_keys *k, const struct sigv4_hash *h,
                    const struct sigv4_scope *scope, unsigned char key[SIGV4_DIGEST_SIZE]);

#endif
