/* The lexicon: words, negations and emoticons with their figures, and the automaton that finds
 * emoticons. Constant data made by tests/tools/make_lexicon.py, and the lookup. Any thread. */
#ifndef SENTIMENT_LEXICON_H
#define SENTIMENT_LEXICON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    LEXICON_TEXT_MAX = 22,
    LEXICON_INTENSITIES = 4,
    LEXICON_FILTER_LOG2 = 16,
    LEXICON_FILTER_WORDS = (1 << LEXICON_FILTER_LOG2) / 64,
    LEXICON_SLOTS_LOG2 = 13,
    LEXICON_SLOTS = 1 << LEXICON_SLOTS_LOG2,
    EMOTICON_SYMBOLS = 64, /* 35 are used; a power of two is the quicker index */
};

enum lexicon_flags {
    LEXICON_KNOWN = 1,     /* a word with a polarity */
    LEXICON_MODIFIER = 2,  /* modifies the known word that follows */
    LEXICON_LY = 4,        /* a modifier that ends in "ly" */
    LEXICON_NEGATION = 8,  /* turns the known word that follows */
    LEXICON_EMOTICON = 16, /* counts with its polarity, whatever stands before it */
    LEXICON_TWO = 32,      /* not KNOWN: has at least two code points */
    LEXICON_THREE = 64,    /* not KNOWN: has at least three */
};

/* A token is handed on as an item: its index in lexicon_entries. The first three entries stand for
 * all tokens that are not in the lexicon, which differ only in length. */
enum { ITEM_ONE = 0, ITEM_PAIR = 1, ITEM_MANY = 2 };

struct lexicon_entry {
    char text[LEXICON_TEXT_MAX]; /* lower case, padded with NUL, not always ended by one */
    uint8_t flags;               /* enum lexicon_flags */
    uint8_t intensity;           /* index in lexicon_intensity */
    double polarity;
};

extern const double lexicon_intensity[LEXICON_INTENSITIES];
extern const struct lexicon_entry lexicon_entries[];
/* One bit for each value of the hash's top bits: clear means that no entry has it. */
extern const uint64_t lexicon_filter[LEXICON_FILTER_WORDS];
/* Open addressing by the hash's top bits; 0 is empty. */
extern const uint16_t lexicon_slots[LEXICON_SLOTS];

/* Aho-Corasick over the emoticons' bytes in their exact case. A state is the offset of its row; 0
 * is the root. Its depth is the length of the longest beginning of an emoticon that the input ends
 * with. */
extern const uint8_t emoticon_symbol[256];
/* Rows of EMOTICON_SYMBOLS: the next state, with EMOTICON_ACT when it completes an emoticon, or
 * when the row's state does and only now turns out to be the longest. */
extern const uint16_t emoticon_next[];
extern const uint8_t emoticon_depths[];
/* The item of the emoticon that is complete in the state, else 0. */
extern const uint16_t emoticon_items[];
/* The item of "(!)". */
extern const uint16_t emoticon_sarcasm;
enum { EMOTICON_ACT = 0x8000 };

static inline unsigned emoticon_step(unsigned state, char byte)
{
    return emoticon_next[state + emoticon_symbol[(uint8_t)byte]];
}

static inline size_t emoticon_depth(unsigned state)
{
    return emoticon_depths[state / EMOTICON_SYMBOLS];
}

static inline unsigned emoticon_item(unsigned state)
{
    return emoticon_items[state / EMOTICON_SYMBOLS];
}

/* A lower-cased token as eight-byte words in the order of little-endian memory, padded with zeros.
 */
enum { LEXICON_KEY_WORDS = 3 };
struct lexicon_key {
    uint64_t word[LEXICON_KEY_WORDS];
};

/* The hash of a key grows by one eight-byte word after the other; start with 0. */
static inline uint64_t lexicon_hash(uint64_t hash, uint64_t word)
{
    return (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
}

/* False when no entry has that hash; nearly always so for a word that is not in the lexicon. */
static inline bool lexicon_may_have(uint64_t hash)
{
    uint64_t bit = hash >> (64 - LEXICON_FILTER_LOG2);
    return (lexicon_filter[bit / 64] >> (bit % 64) & 1) != 0;
}

/* The item of the key, or 0 when it is not in the lexicon. `hash` is the key's. */
unsigned lexicon_find(const struct lexicon_key *key, uint64_t hash);

/* The item of any token: lower-cases it as Python does. */
unsigned lexicon_item(const char *text, size_t len);

#endif
