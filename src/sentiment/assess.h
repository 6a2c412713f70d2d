/* The assessments of a text, in one pass over its tokens: what each known word, negation, modifier
 * and exclamation mark does to the running sum. Only the last assessment can still change, so the
 * sum of the others is all that is kept. One thread at a time owns a struct assess. */
#ifndef SENTIMENT_ASSESS_H
#define SENTIMENT_ASSESS_H

#include "lexicon.h"

/* What stands before the next token. */
enum {
    ASSESS_NEGATED = 1,
    ASSESS_MODIFIED = 2,
    ASSESS_MODIFIED_LY = 4, /* with ASSESS_MODIFIED: by a word that ends in "ly" */
};

struct assess {
    double sum;                 /* of all assessments but the last */
    double polarity, intensity; /* of the last */
    size_t count;
    bool negated;   /* the last */
    uint8_t before; /* ASSESS_... */
};

/* Takes a token by its item, the text's order. */
void assess_item(struct assess *a, unsigned item);

/* Takes a token that is not in the lexicon and has `length` code points, if that is what `length`
 * says: 1, 2, or any from 3 on. The same as assess_item() of ITEM_ONE, ITEM_PAIR, ITEM_MANY, where
 * no negation is pending that a modifier stands before (which assess_item() never leaves behind).
 */
static inline void assess_unknown(struct assess *a, size_t length)
{
    static const uint8_t kept[4] = {
        [1] = ASSESS_NEGATED | ASSESS_MODIFIED | ASSESS_MODIFIED_LY,
        [2] = ASSESS_MODIFIED | ASSESS_MODIFIED_LY,
    };
    a->before &= kept[length < 3 ? length : 3];
}

/* Takes a '!' that raises the last assessment. */
void assess_raise(struct assess *a);

/* Takes a '!'. */
static inline void assess_exclaim(struct assess *a)
{
    if (a->polarity != 0.0 && a->polarity != 1.0 && a->polarity != -1.0) {
        assess_raise(a); /* else it stays as it is, however many come */
    }
}

/* The mean of the assessments; 0.0 when there is none. */
double assess_mean(const struct assess *a);

#endif
