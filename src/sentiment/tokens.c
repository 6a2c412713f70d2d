#include "tokens.h"

#include "abbreviation.h"
#include "chars.h"

#include <endian.h>

struct scan {
    const char *start, *end;
    struct glue *glue;
};

/* A run of ASCII letters, lower-cased. */
struct word {
    size_t len;
    struct lexicon_key key; /* valid while len <= LEXICON_TEXT_MAX */
    uint64_t hash;
};

enum { CHARS_SPLIT = CHARS_PUNCTUATION | CHARS_DOT, BLOCK = 8 };

#define EACH_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS (0x80 * EACH_BYTE)

/* The next eight bytes, the first in the lowest place; zeros beyond the end. */
static inline uint64_t load(const struct scan *scan, const char *s)
{
    uint64_t block = 0;
    size_t rest = (size_t)(scan->end - s);
    if (rest >= BLOCK) {
        memcpy(&block, s, BLOCK);
        return le64toh(block);
    }
    if (rest != 0 && scan->end - scan->start >= BLOCK) {
        memcpy(&block, scan->end - BLOCK, BLOCK);
        return le64toh(block) >> (8 * (BLOCK - rest));
    }
    for (size_t i = 0; i < rest; i++) {
        block |= (uint64_t)(uint8_t)s[i] << (8 * i);
    }
    return block;
}

/* Lower-cases the letters that the block begins with and zeros the rest. */
static inline uint64_t lower_letters(uint64_t block, size_t *len)
{
    uint64_t lower = (block & ~HIGH_BITS) | 0x20 * EACH_BYTE;
    uint64_t from_a = lower + (0x80 - 'a') * EACH_BYTE;
    uint64_t past_z = lower + (0x80 - 'z' - 1) * EACH_BYTE;
    uint64_t others = ~(from_a & ~past_z & ~block) & HIGH_BITS;
    uint64_t first = others & (0 - others);
    *len = others != 0 ? (size_t)__builtin_ctzll(others) / 8 : BLOCK;
    return lower & ((first >> 7) - 1);
}

static size_t read_long_word(const struct scan *scan, const char *s, struct word *word)
{
    for (size_t i = 1, len = BLOCK;; i++) {
        size_t more = 0;
        uint64_t letters = lower_letters(load(scan, s + len), &more);
        if (more != 0 && i < LEXICON_KEY_WORDS) {
            word->key.word[i] = letters;
            word->hash = lexicon_hash(word->hash, letters);
        }
        len += more;
        if (more < BLOCK) {
            return len;
        }
    }
}

static inline void read_word(const struct scan *scan, const char *s, struct word *word)
{
    word->key = (struct lexicon_key){{lower_letters(load(scan, s), &word->len), 0, 0}};
    word->hash = lexicon_hash(0, word->key.word[0]);
    if (word->len == BLOCK) {
        word->len = read_long_word(scan, s, word);
    }
}

/* As `next` of take_word(): nothing that an emoticon goes on with follows. */
enum { NOTHING_GLUED = 'n' };

/* Whether an emoticon may begin with the word's last letter and go on with `next`: "x D", "o_O".
 * `next` is what follows after at most one blank. */
static inline bool may_glue(char last, char next)
{
    static const uint8_t begins[256] = {['x'] = 1, ['X'] = 1, ['o'] = 2};
    static const uint8_t follows[256] = {
        ['D'] = 1,  ['-'] = 1,  ['_'] = 2,  ['.'] = 2,  ['\t'] = 3, ['\n'] = 3,
        ['\v'] = 3, ['\f'] = 3, ['\r'] = 3, [0x1C] = 3, [0x1D] = 3, [0x1E] = 3,
        [0x1F] = 3, [' '] = 3,  [0xC2] = 3, [0xE1] = 3, [0xE2] = 3, [0xE3] = 3,
    };
    return (begins[(uint8_t)last] & follows[(uint8_t)next]) != 0;
}

/* Hands on a word that is a token. */
static inline void take_word(const struct scan *scan, const char *s, const struct word *word,
                             char next)
{
    struct glue *g = scan->glue;
    unsigned item = 0;
    if (lexicon_may_have(word->hash) && word->len <= LEXICON_TEXT_MAX) {
        item = lexicon_find(&word->key, word->hash);
    }
    if ((g->mode & ~(unsigned)GLUE_ENDED) != 0 || may_glue(s[word->len - 1], next)) {
        if (item == 0) {
            item = word->len >= 3 ? ITEM_MANY : (unsigned)word->len - 1;
        }
        glue_token(g, item, s, word->len);
        return;
    }
    g->mode = 0;
    if (item == 0) {
        assess_unknown(&g->assess, word->len);
    } else {
        assess_item(&g->assess, item);
    }
}

static inline const char *skip_space(const struct scan *scan, const char *s)
{
    return s < scan->end && *s == ' ' ? s + 1 : s;
}

static bool is_separator(const struct scan *scan, const char *s)
{
    if (s == scan->end) {
        return true;
    }
    unsigned flags = chars_of(*s);
    enum chars_wide_kind kind;
    return (flags & (CHARS_BLANK | CHARS_QUOTE)) != 0 ||
           ((flags & CHARS_WIDE) != 0 && chars_wide(s, scan->end, &kind) != 0);
}

/* Whether "n't" stands around `quote`: the n is then a token of its own. */
static bool is_contraction(const struct scan *scan, const char *quote)
{
    return scan->end - quote >= 2 && quote[-1] == 'n' && quote[0] == '\'' && quote[1] == 't';
}

static void take_core(const struct scan *scan, const char *s, size_t len)
{
    static const struct span mark = {"END-OF-SENTENCE", sizeof "END-OF-SENTENCE" - 1};
    if (span_equal((struct span){s, len}, mark)) {
        glue_end_paragraph(scan->glue); /* the reference takes the word for its own mark */
    } else {
        glue_token(scan->glue, lexicon_item(s, len), s, len);
    }
}

/* The marks at the end of a token, from the first to the last. */
static void take_tail(const struct scan *scan, const char *s, const char *end)
{
    while ((s = glue_marks(scan->glue, s, end)) < end) {
        const char *dots = s;
        while (s < end && *s == '.') {
            s++;
        }
        if (s - dots >= 3) {
            glue_ellipsis(scan->glue);
        } else {
            for (; dots < s; dots++) {
                glue_mark(scan->glue, '.');
            }
        }
    }
}

/* What stands between blanks or quotes and does not begin with punctuation. */
static void take_chunk(const struct scan *scan, const char *s, const char *end)
{
    const char *core = end;
    while (core > s && (chars_of(core[-1]) & CHARS_SPLIT) != 0) {
        core--;
    }
    const char *dot = core;
    while (dot < end && *dot == '|') { /* may belong to an abbreviation */
        dot++;
    }
    bool one_or_two =
        dot < end && *dot == '.' && !(end - dot >= 3 && dot[1] == '.' && dot[2] == '.');
    if (one_or_two && abbreviation_is(s, (size_t)(dot - s))) {
        core = dot + 1;
    }
    if (core > s) {
        take_core(scan, s, (size_t)(core - s));
    }
    take_tail(scan, core, end);
}

static const char *take_run(const struct scan *scan, const char *s)
{
    const char *end = s + 1;
    while (!is_separator(scan, end)) {
        end++;
    }
    if (!is_contraction(scan, end)) {
        take_chunk(scan, s, end);
        return end;
    }
    if (end - s > 1) {
        take_chunk(scan, s, end - 1);
    }
    glue_token(scan->glue, ITEM_ONE, "n", 1);
    return end;
}

/* A run of blanks, ended by anything else; two line ends in a row end the paragraph. */
static const char *take_blanks(const struct scan *scan, const char *s)
{
    bool line_ended = false;
    while (s < scan->end) {
        size_t len = 1;
        if (*s == '\n') {
            if (line_ended) {
                glue_end_paragraph(scan->glue);
            }
            line_ended = true;
        } else if ((chars_of(*s) & CHARS_BLANK) != 0) {
            bool pair = *s == '\r' && scan->end - s >= 2 && s[1] == '\n';
            line_ended = line_ended && pair;
        } else {
            enum chars_wide_kind kind = CHARS_WIDE_OPENING;
            len = (chars_of(*s) & CHARS_WIDE) != 0 ? chars_wide(s, scan->end, &kind) : 0;
            if (len == 0 || kind != CHARS_WIDE_BLANK) {
                return s;
            }
            line_ended = false;
        }
        s += len;
    }
    return s;
}

static const char *take_other(const struct scan *scan, const char *s)
{
    unsigned flags = chars_of(*s);
    if ((flags & CHARS_BLANK) != 0) {
        return take_blanks(scan, s);
    }
    if ((flags & (CHARS_QUOTE | CHARS_PUNCTUATION)) != 0) {
        return glue_marks(scan->glue, s, scan->end);
    }
    if ((flags & CHARS_DOT) != 0 && is_separator(scan, s + 1)) {
        glue_mark(scan->glue, *s);
        return skip_space(scan, s + 1);
    }
    if ((flags & CHARS_WIDE) != 0) {
        enum chars_wide_kind kind;
        size_t len = chars_wide(s, scan->end, &kind);
        if (len != 0 && kind == CHARS_WIDE_BLANK) {
            return take_blanks(scan, s);
        }
        if (len != 0) {
            glue_quote(scan->glue, kind == CHARS_WIDE_CLOSING);
            return s + len;
        }
    }
    return take_run(scan, s);
}

/* A word that ends in the n of "n't", which is a token of its own. */
static const char *take_contraction(const struct scan *scan, const char *s, struct word *word)
{
    const char *n = s + word->len - 1;
    if (word->len > BLOCK) {
        return take_run(scan, s);
    }
    if (word->len > 1) {
        word->len--;
        word->key.word[0] &= (UINT64_C(1) << (8 * word->len)) - 1;
        word->hash = lexicon_hash(0, word->key.word[0]);
        take_word(scan, s, word, NOTHING_GLUED);
    }
    if (scan->glue->mode != 0) {
        glue_token(scan->glue, ITEM_ONE, n, 1);
    }
    return n + 1;
}

/* What a word stands before decides whether it is a token; returns where the next token begins. */
static inline const char *after_word(const struct scan *scan, const char *s, struct word *word)
{
    const char *end = s + word->len;
    if (end == scan->end) {
        take_word(scan, s, word, NOTHING_GLUED);
        return end;
    }
    unsigned flags = chars_of(*end);
    if (*end == ' ') {
        char next = NOTHING_GLUED;
        if (scan->end - end >= 2) {
            next = end[1];
        }
        take_word(scan, s, word, next);
        return end + 1;
    }
    if ((flags & (CHARS_BLANK | CHARS_QUOTE)) != 0) {
        if (is_contraction(scan, end)) {
            return take_contraction(scan, s, word);
        }
        take_word(scan, s, word, *end);
        return end;
    }
    if ((flags & CHARS_SPLIT) != 0 && is_separator(scan, end + 1) &&
        !(*end == '.' && abbreviation_is(s, word->len))) {
        char next = NOTHING_GLUED; /* "o." goes on to "o.O" only within a sentence */
        if (*end != '.') {
            next = *end;
        }
        take_word(scan, s, word, next);
        glue_mark(scan->glue, *end);
        return skip_space(scan, end + 1);
    }
    return take_run(scan, s);
}

void tokens_feed(struct glue *g, struct span text)
{
    if (text.len == 0) {
        return;
    }
    struct scan scan = {text.ptr, text.ptr + text.len, g};
    const char *s = scan.start;
    while (s < scan.end) {
        struct word word;
        read_word(&scan, s, &word);
        s = word.len != 0 ? after_word(&scan, s, &word) : take_other(&scan, s);
    }
}
