#include "maker.h"

#include "base/json.h"
#include "dice.h"
#include "phrases.h"

/* Streams of chance: a name does not change when the text's making does. */
enum { STREAM_NAME, STREAM_TEXT, STREAM_MOOD, STREAMS };

static struct dice dice_for(uint64_t seed, uint64_t number, unsigned stream)
{
    return dice_of(seed, number * STREAMS + stream);
}

static const char *pick(struct dice *d, const struct phrases *list)
{
    return list->entries[dice_below(d, (uint32_t)list->count)];
}

void maker_name(struct buf *out, uint64_t seed, uint64_t index)
{
    struct dice d = dice_for(seed, index, STREAM_NAME);
    buf_add_str(out, pick(&d, &phrases_first_names));
    buf_add_char(out, ' ');
    buf_add_str(out, pick(&d, &phrases_last_names));
}

/* The mood of a review: each block of three is one of the six orders of the three moods. */
static const struct phrases *opinions(uint64_t seed, uint64_t index)
{
    const struct phrases *moods[] = {&phrases_positive, &phrases_neutral, &phrases_negative};
    struct dice d = dice_for(seed, index / 3, STREAM_MOOD);
    for (uint32_t last = 2; last > 0; last--) {
        uint32_t other = dice_below(&d, last + 1);
        const struct phrases *kept = moods[last];
        moods[last] = moods[other];
        moods[other] = kept;
    }
    return moods[index % 3];
}

/* "a" becomes "an" before a vowel that is one to the ear, too. */
static void add_word(struct buf *out, const char *word)
{
    struct span before = buf_span(out);
    bool article = before.len >= 2 && before.ptr[before.len - 1] == ' ' &&
                   (before.ptr[before.len - 2] | 0x20) == 'a' &&
                   (before.len == 2 || before.ptr[before.len - 3] == ' ');
    bool vowel = strchr("aeiou", word[0]) != NULL && strncmp(word, "use", 3) != 0;
    if (article && vowel) {
        out->len--;
        buf_add_str(out, "n ");
    }
    buf_add_str(out, word);
}

/* Fills the places of a sentence. A review is about one thing, so {thing} is always the same. */
static void fill(struct buf *out, const char *sentence, const char *thing, struct dice *d)
{
    const struct phrases *things = phrases_find("thing", 5);
    for (const char *at = sentence; *at != '\0';) {
        size_t plain = strcspn(at, "{");
        buf_add(out, at, plain);
        at += plain;
        if (*at == '\0') {
            break;
        }
        size_t length = strcspn(++at, "}");
        const struct phrases *list = phrases_find(at, length);
        add_word(out, list == things ? thing : pick(d, list));
        at += length + 1;
    }
}

void maker_text(struct buf *out, uint64_t seed, uint64_t index)
{
    struct dice d = dice_for(seed, index, STREAM_TEXT);
    const struct phrases *opinion = opinions(seed, index);
    const char *thing = pick(&d, phrases_find("thing", 5));
    uint32_t sentences = 1 + dice_below(&d, 3);
    uint32_t opinion_at = dice_below(&d, sentences);
    const char *last = NULL;
    for (uint32_t i = 0; i < sentences; i++) {
        const struct phrases *list = i == opinion_at ? opinion : &phrases_neutral;
        const char *sentence = pick(&d, list);
        while (sentence == last) {
            sentence = pick(&d, list);
        }
        last = sentence;
        if (i > 0) {
            buf_add_char(out, ' ');
        }
        fill(out, sentence, thing, &d);
    }
}

/* Appends what is in `text` as a JSON string and empties it. */
static void move_as_json(struct buf *out, struct buf *text)
{
    json_write_string(out, buf_span(text));
    out->failed = out->failed || buf_failed(text);
    buf_clear(text);
}

void maker_body(struct buf *out, struct buf *scratch, uint64_t seed, uint64_t index)
{
    buf_clear(scratch);
    buf_add_str(out, "{\"user_name\":");
    maker_name(scratch, seed, index);
    move_as_json(out, scratch);
    buf_add_str(out, ",\"review\":");
    maker_text(scratch, seed, index);
    move_as_json(out, scratch);
    buf_add_char(out, '}');
}
