/* Repeatable chance: splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
 * Generators, 2014). The same seed and stream give the same numbers everywhere. Pure functions; a
 * struct belongs to one thread. */
#ifndef GENERATOR_DICE_H
#define GENERATOR_DICE_H

#include <stdint.h>

struct dice {
    uint64_t state;
};

/* Dice number `stream` of `seed`: each stream is a sequence of its own. */
struct dice dice_of(uint64_t seed, uint64_t stream);

/* The next 64 bits. */
uint64_t dice_next(struct dice *d);

/* A number below `limit`, each as likely as the next but for one part in 2^32. `limit` is 1 or
 * more. */
uint32_t dice_below(struct dice *d, uint32_t limit);

#endif
