#include "score_block.h"

#include "base/num.h"

#include <stdint.h>
#include <stdlib.h>

/* What the two members, put behind the last one, take at most, and a text line likewise. */
enum { MEMBERS_MAX = 96 };

/* Copied whole, zeros and all, so that the compiler knows the length. */
#define MEMBERS(label)                                                                             \
    {                                                                                              \
        ", \"sentiment\": \"" label "\", \"polarity_score\": \"",                                  \
            sizeof ", \"sentiment\": \"" label "\", \"polarity_score\": \"" - 1                    \
    }
static const struct {
    char text[48];
    size_t len;
} members_before_score[] = {
    [SENTIMENT_NEGATIVE] = MEMBERS("Negative"),
    [SENTIMENT_NEUTRAL] = MEMBERS("Neutral"),
    [SENTIMENT_POSITIVE] = MEMBERS("Positive"),
};

int score_block_init(struct score_block *b)
{
    *b = (struct score_block){0};
    return score_block_grow(b, SCORE_BLOCK_SIZE);
}

void score_block_free(struct score_block *b)
{
    free(b->in);
    free(b->faults);
    buf_free(&b->out);
    *b = (struct score_block){0};
}

int score_block_grow(struct score_block *b, size_t cap)
{
    char *in = realloc(b->in, cap + SCORE_JSON_PAD);
    if (in == NULL) {
        return -1;
    }
    b->in = in;
    b->in_cap = cap;
    return 0;
}

void score_block_clear(struct score_block *b)
{
    b->in_len = 0;
    b->in_bytes = 0;
    b->too_long = false;
    b->lines = 0;
    b->fault_count = 0;
    buf_clear(&b->out);
    if (b->in_cap > SCORE_BLOCK_LARGE) {
        (void)score_block_grow(b, SCORE_BLOCK_SIZE); /* shrinks; where that fails it stays large */
    }
    if (b->out.cap > (size_t)4 * SCORE_BLOCK_LARGE) {
        buf_free(&b->out);
    }
    if (b->fault_cap * sizeof *b->faults > SCORE_BLOCK_LARGE) {
        free(b->faults);
        b->faults = NULL;
        b->fault_cap = 0;
    }
}

static void add_fault(struct score_block *b, size_t at, enum score_json_error error)
{
    if (b->fault_count == b->fault_cap) {
        size_t cap = b->fault_cap > 0 ? b->fault_cap * 2 : 16;
        struct score_fault *faults = realloc(b->faults, cap * sizeof *faults);
        if (faults == NULL) {
            b->out.failed = true;
            return;
        }
        b->faults = faults;
        b->fault_cap = cap;
    }
    b->faults[b->fault_count++] = (struct score_fault){b->lines, at, error};
}

bool score_is_blank(struct span line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r') {
            return false;
        }
    }
    return true;
}

void score_write_text(struct buf *out, struct span text, const struct score_options *options)
{
    if (!buf_reserve(out, MEMBERS_MAX)) {
        return;
    }
    double polarity = sentiment_polarity(text);
    const char *name = sentiment_name(sentiment_label(polarity, options->thresholds));
    out->len += num_shortest(polarity, out->data + out->len);
    buf_add_char(out, '\t');
    buf_add_str(out, name);
    buf_add_char(out, '\n');
}

/* A member's value and what replaces it. */
struct replacement {
    struct span old; /* ptr NULL: there is no such member */
    const char *name;
    const char *text;
};

/* The line with the values of members that are there replaced where they are, and the others added.
 */
static void write_replaced(struct buf *out, struct span line, const struct score_json *json,
                           struct replacement r[2])
{
    const char *at = line.ptr;
    const char *members_end = line.ptr + json->members_end;
    bool swap = r[0].old.ptr != NULL && r[1].old.ptr != NULL && r[1].old.ptr < r[0].old.ptr;
    for (int i = 0; i < 2; i++) {
        const struct replacement *next = &r[swap ? 1 - i : i];
        if (next->old.ptr == NULL) {
            continue;
        }
        buf_add(out, at, (size_t)(next->old.ptr - at));
        buf_addf(out, "\"%s\"", next->text);
        at = next->old.ptr + next->old.len;
    }
    buf_add(out, at, (size_t)(members_end - at));
    for (int i = 0; i < 2; i++) {
        if (r[i].old.ptr == NULL) {
            buf_addf(out, ", \"%s\": \"%s\"", r[i].name, r[i].text);
        }
    }
    buf_add(out, members_end, line.len - json->members_end);
    buf_add_char(out, '\n');
}

/* The usual case, for which there is room in `out`. Short constant copies are what makes it fast;
 * they may write a few bytes too many, which the next ones overwrite. */
static void write_added(struct buf *out, struct span line, const struct score_json *json,
                        double polarity, enum sentiment_label label)
{
    char *to = out->data + out->len;
    memcpy(to, line.ptr, json->members_end);
    to += json->members_end;
    memcpy(to, members_before_score[label].text, sizeof members_before_score[label].text);
    to += members_before_score[label].len;
    to += num_shortest(polarity, to);
    *to++ = '"';
    size_t rest = line.len - json->members_end;
    memcpy(to, line.ptr + json->members_end, rest);
    to += rest;
    *to++ = '\n';
    *to = '\0';
    out->len = (size_t)(to - out->data);
}

/* Writes the line with its score; the scan has accepted it. */
static void write_scored(struct buf *out, struct span line, const struct score_json *json,
                         const struct score_options *options)
{
    size_t room = line.len + MEMBERS_MAX;
    if (!buf_reserve(out, room + (json->review.escaped ? json->review.raw.len : 0))) {
        return;
    }
    struct span review = json->review.raw;
    if (json->review.escaped) { /* unescaped into the unused end of the output */
        char *text = out->data + out->len + room;
        review = (struct span){text, score_string_unescape(review, text)};
    }
    double polarity = sentiment_polarity(review);
    enum sentiment_label label = sentiment_label(polarity, options->thresholds);
    if (json->sentiment.ptr == NULL && json->polarity_score.ptr == NULL) {
        write_added(out, line, json, polarity, label);
        return;
    }
    char score[NUM_SHORTEST_SIZE];
    num_shortest(polarity, score);
    struct replacement replacements[2] = {
        {json->sentiment, "sentiment", sentiment_name(label)},
        {json->polarity_score, "polarity_score", score},
    };
    write_replaced(out, line, json, replacements);
}

static void process_ndjson_line(struct score_block *b, struct span line,
                                const struct score_options *options, struct score_json *json)
{
    enum score_json_error error = score_json_scan(json, line);
    if (error == SCORE_JSON_OK) {
        write_scored(&b->out, line, json, options);
        return;
    }
    buf_add_char(&b->out, '\n');
    if (!score_is_blank(line)) {
        add_fault(b, json->error_at, error);
    }
}

void score_block_process(struct score_block *b, const struct score_options *options,
                         struct score_json *json)
{
    if (b->too_long) {
        add_fault(b, SCORE_LINE_MAX, SCORE_JSON_LINE_TOO_LONG);
        buf_add_char(&b->out, '\n');
        b->lines = 1;
        return;
    }
    const char *at = b->in;
    const char *end = b->in + b->in_len;
    memset(b->in + b->in_len, 0, SCORE_JSON_PAD);
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        struct span line = {at, (size_t)(feed - at)};
        if (options->ndjson) {
            process_ndjson_line(b, line, options, json);
        } else {
            score_write_text(&b->out, line, options);
        }
        b->lines++;
        at = feed + 1;
    }
}
