#include "lexicon.h"

#include "base/utf8.h"

#include <endian.h>

/* In two parts, which compilers do without a call. */
static inline bool is_text(const char *text, const char *bytes)
{
    return memcmp(text, bytes, 16) == 0 &&
           memcmp(text + 16, bytes + 16, LEXICON_TEXT_MAX - 16) == 0;
}

unsigned lexicon_find(const struct lexicon_key *key, uint64_t hash)
{
    uint64_t bytes[LEXICON_KEY_WORDS];
    for (size_t i = 0; i < LEXICON_KEY_WORDS; i++) {
        bytes[i] = htole64(key->word[i]);
    }
    size_t slot = (size_t)(hash >> (64 - LEXICON_SLOTS_LOG2));
    for (; lexicon_slots[slot] != 0; slot = (slot + 1) % LEXICON_SLOTS) {
        unsigned item = lexicon_slots[slot];
        if (is_text(lexicon_entries[item].text, (const char *)bytes)) {
            return item;
        }
    }
    return 0;
}

/* The code points of the lower-cased token, as far as it matters: 1, 2 or 3. */
static size_t code_points(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t at = 0; at < len && count < 3; count++) {
        uint32_t code_point = 0;
        size_t bytes = utf8_decode(text + at, len - at, &code_point);
        at += bytes != 0 ? bytes : 1;
        if (code_point == 0x130) { /* becomes two */
            count++;
        }
    }
    return count < 3 ? count : 3;
}

static size_t starts_with_kelvin(const char *text, size_t len)
{
    return len >= 3 && memcmp(text, "\xE2\x84\xAA", 3) == 0;
}

/* Lower case as far as the lexicon goes: ASCII, and U+212A, the one other letter that becomes ASCII
 * alone. Returns the length, or 0 when the token is too long or holds a NUL. */
static size_t lower(const char *text, size_t len, char out[LEXICON_TEXT_MAX])
{
    size_t n = 0;
    for (size_t at = 0; at < len; at++) {
        char c = text[at];
        if (n == LEXICON_TEXT_MAX || c == '\0') {
            return 0;
        }
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        } else if (starts_with_kelvin(text + at, len - at)) {
            c = 'k';
            at += 2;
        }
        out[n++] = c;
    }
    return n;
}

static unsigned find_text(const char *text, size_t len)
{
    char lowered[sizeof(struct lexicon_key)] = {0};
    size_t n = lower(text, len, lowered);
    struct lexicon_key key = {{0}};
    uint64_t hash = 0;
    for (size_t i = 0; i * 8 < n; i++) {
        uint64_t word;
        memcpy(&word, lowered + i * 8, sizeof word);
        key.word[i] = le64toh(word);
        hash = lexicon_hash(hash, key.word[i]);
    }
    return n != 0 && lexicon_may_have(hash) ? lexicon_find(&key, hash) : 0;
}

unsigned lexicon_item(const char *text, size_t len)
{
    unsigned item = find_text(text, len);
    if (item != 0) {
        return item;
    }
    size_t count = code_points(text, len);
    return count < 3 ? (count == 2 ? ITEM_PAIR : ITEM_ONE) : ITEM_MANY;
}
