#include "sqlite_claims.h"

#include <stdlib.h>
#include <string.h>

void sqlite_claims_free(struct sqlite_claims *claims)
{
    free(claims->keys);
    *claims = (struct sqlite_claims){0};
}

bool sqlite_claims_reserve(struct sqlite_claims *claims, size_t more)
{
    if (claims->capacity - claims->count >= more) {
        return true;
    }
    size_t capacity = 2 * (claims->count + more);
    struct sqlite_claim_key *keys = realloc(claims->keys, capacity * sizeof *keys);
    if (keys == NULL) {
        return false;
    }
    claims->keys = keys;
    claims->capacity = capacity;
    return true;
}

/* Where `id` is, or would have to be inserted. */
static size_t position(const struct sqlite_claims *claims, uint64_t id)
{
    size_t low = 0;
    size_t high = claims->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (claims->keys[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct sqlite_claim_key *sqlite_claims_find(const struct sqlite_claims *claims, uint64_t id)
{
    size_t at = position(claims, id);
    return at < claims->count && claims->keys[at].id == id ? &claims->keys[at] : NULL;
}

void sqlite_claims_add(struct sqlite_claims *claims, struct sqlite_claim_key key)
{
    size_t at = position(claims, key.id);
    memmove(claims->keys + at + 1, claims->keys + at, (claims->count - at) * sizeof *claims->keys);
    claims->keys[at] = key;
    claims->count++;
}

void sqlite_claims_remove(struct sqlite_claims *claims, const struct outbox_outcome *outcomes,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = position(claims, outcomes[i].id);
        if (at >= claims->count || claims->keys[at].id != outcomes[i].id) {
            continue;
        }
        memmove(claims->keys + at, claims->keys + at + 1,
                (claims->count - at - 1) * sizeof *claims->keys);
        claims->count--;
    }
}
