/* Times by chance, so that what failed together is not tried again together. Not for secrets. */
#ifndef BASE_JITTER_H
#define BASE_JITTER_H

#include <stdint.h>

/* Evenly from 0 to `most` (at least 0). `state` is not 0 and is moved on: xorshift64*. One thread
 * at a time has a state. */
static inline int64_t jitter(uint64_t *state, int64_t most)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (int64_t)((*state * UINT64_C(2685821657736338717) >> 11) % (uint64_t)(most + 1));
}

#endif
