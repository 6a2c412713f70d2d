/* What made-up reviews are made of: names, and sentences with places to fill.
 *
 * In a sentence, {thing} {place} {person} {time} {part} {good} {bad} stand for an entry of that
 * list. The lists are chosen so that a positive sentence scores above 0.1, a negative one below
 * -0.1, and a neutral one exactly 0 with whatever words they are filled;
 * tests/unit/generator/test_maker.c holds them to it. */
#ifndef GENERATOR_PHRASES_H
#define GENERATOR_PHRASES_H

#include <stddef.h>

struct phrases {
    const char *name; /* what stands between the braces; NULL for lists of sentences and names */
    const char *const *entries;
    size_t count;
};

extern const struct phrases phrases_first_names;
extern const struct phrases phrases_last_names;
extern const struct phrases phrases_positive;
extern const struct phrases phrases_neutral;
extern const struct phrases phrases_negative;

/* The list that {name} stands for; `length` is the name's. NULL when there is none. */
const struct phrases *phrases_find(const char *name, size_t length);

#endif
