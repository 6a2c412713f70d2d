#include "dice.h"

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

struct dice dice_of(uint64_t seed, uint64_t stream)
{
    /* Mixed twice, so that neighbouring seeds and streams start far apart. */
    return (struct dice){mix(mix(seed + 0x9E3779B97F4A7C15U) + stream)};
}

uint64_t dice_next(struct dice *d)
{
    d->state += 0x9E3779B97F4A7C15U;
    return mix(d->state);
}

uint32_t dice_below(struct dice *d, uint32_t limit)
{
    return (uint32_t)(((dice_next(d) >> 32) * limit) >> 32);
}
