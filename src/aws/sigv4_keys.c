#include "sigv4_keys.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void sigv4_keys_init(struct sigv4_keys *k)
{
    memset(k, 0, sizeof *k);
    pthread_mutex_init(&k->lock, NULL);
}

void sigv4_keys_free(struct sigv4_keys *k)
{
    pthread_mutex_destroy(&k->lock);
    OPENSSL_cleanse(k, sizeof *k);
}

static bool matches(const struct sigv4_key *kept, const struct sigv4_scope *scope)
{
    return kept->used != 0 && strcmp(kept->service, scope->service) == 0 &&
           strcmp(kept->region, scope->region) == 0 && strcmp(kept->day, scope->day) == 0 &&
           strcmp(kept->secret, scope->secret) == 0;
}

static bool look_up(struct sigv4_keys *k, const struct sigv4_scope *scope,
                    unsigned char key[SIGV4_DIGEST_SIZE])
{
    bool found = false;
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < SIGV4_KEYS_KEPT && !found; i++) {
        if (matches(&k->kept[i], scope)) {
            k->kept[i].used = ++k->uses;
            memcpy(key, k->kept[i].key, SIGV4_DIGEST_SIZE);
            found = true;
        }
    }
    pthread_mutex_unlock(&k->lock);
    return found;
}

static void keep(struct sigv4_keys *k, const struct sigv4_scope *scope,
                 const unsigned char key[SIGV4_DIGEST_SIZE])
{
    if (strlen(scope->day) >= sizeof k->kept->day || strlen(scope->region) >= SIGV4_KEYS_SCOPE ||
        strlen(scope->service) >= SIGV4_KEYS_SCOPE || strlen(scope->secret) >= SIGV4_KEYS_SECRET) {
        return;
    }
    pthread_mutex_lock(&k->lock);
    struct sigv4_key *oldest = &k->kept[0];
    for (size_t i = 1; i < SIGV4_KEYS_KEPT && !matches(oldest, scope); i++) {
        /* Another thread may have kept the same one meanwhile: then that one is written over. */
        if (matches(&k->kept[i], scope) || k->kept[i].used < oldest->used) {
            oldest = &k->kept[i];
        }
    }
    OPENSSL_cleanse(oldest, sizeof *oldest);
    memcpy(oldest->day, scope->day, strlen(scope->day));
    memcpy(oldest->region, scope->region, strlen(scope->region));
    memcpy(oldest->service, scope->service, strlen(scope->service));
    memcpy(oldest->secret, scope->secret, strlen(scope->secret));
    memcpy(oldest->key, key, SIGV4_DIGEST_SIZE);
    oldest->used = ++k->uses;
    pthread_mutex_unlock(&k->lock);
}

static bool derive(const struct sigv4_hash *h, const struct sigv4_scope *scope,
                   unsigned char key[SIGV4_DIGEST_SIZE])
{
    size_t len = strlen("AWS4") + strlen(scope->secret);
    char *start = malloc(len + 1);
    if (start == NULL) {
        return false;
    }
    memcpy(start, "AWS4", sizeof "AWS4");
    memcpy(start + 4, scope->secret, len - 4);
    struct span so_far = {(const char *)key, SIGV4_DIGEST_SIZE};
    bool ok = sigv4_hash_hmac(h, (struct span){start, len}, span_of(scope->day), key) &&
              sigv4_hash_hmac(h, so_far, span_of(scope->region), key) &&
              sigv4_hash_hmac(h, so_far, span_of(scope->service), key) &&
              sigv4_hash_hmac(h, so_far, SPAN("aws4_request"), key);
    OPENSSL_cleanse(start, len);
    free(start);
    return ok;
}

bool sigv4_keys_get(struct sigv4_keys *k, const struct sigv4_hash *h,
                    const struct sigv4_scope *scope, unsigned char key[SIGV4_DIGEST_SIZE])
{
    if (look_up(k, scope, key)) {
        return true;
    }
    if (!derive(h, scope, key)) {
        return false;
    }
    keep(k, scope, key);
    return true;
}
