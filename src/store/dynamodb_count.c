#include "dynamodb_count.h"

#include "dynamodb_look.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

/* Mails wait while it is counted, so that must not take long. */
enum { ROUND_US = 5000000, PENDING_EVERY_US = 60000000 };

/* A count under way: the partitions that have more pages, and where those begin (JSON; NULL: the
 * first). */
struct walk {
    size_t open;
    unsigned shards[DYNAMODB_SHARDS];
    char *from[DYNAMODB_SHARDS];
    struct dynamodb_step steps[DYNAMODB_SHARDS];
    uint64_t count;
    char detail[CALL_DETAIL_SIZE]; /* why the last that failed did */
};

/* --- by the index --- */

static void write_query(struct buf *out, const struct dynamodb_store *s, const char *kind,
                        unsigned shard, const char *from)
{
    char state[DYNAMODB_STATE_SIZE];
    dynamodb_item_state(kind, shard, state);
    dynamodb_write_table(out, s);
    buf_add_str(out, ",\"IndexName\":\"" DYNAMODB_INDEX "\",\"Select\":\"COUNT\","
                     "\"KeyConditionExpression\":\"#s = :s\",\"ExpressionAttributeNames\":"
                     "{\"#s\":\"" DYNAMODB_STATE "\"},\"ExpressionAttributeValues\":{\":s\":");
    dynamodb_item_write_text(out, span_of(state));
    buf_add_char(out, '}');
    if (from != NULL) {
        buf_add_str(out, ",\"ExclusiveStartKey\":");
        buf_add_str(out, from);
    }
    buf_add_char(out, '}');
}

/* Adds what a page counted. The key that the next begins behind is a new string, or NULL. */
static enum dynamodb_look take_page(const struct dynamodb_step *step, uint64_t *count, char **next)
{
    *next = NULL;
    if (step->outcome != CALL_OK) {
        return dynamodb_look_lacks_index(step) ? DYNAMODB_LOOK_NO_INDEX : DYNAMODB_LOOK_FAILED;
    }
    json_t *answer = dynamodb_step_answer(step);
    const json_t *counted = json_object_get(answer, "Count");
    const json_t *key = json_object_get(answer, "LastEvaluatedKey");
    bool good = json_is_integer(counted) && json_integer_value(counted) >= 0;
    if (good) {
        *count += (uint64_t)json_integer_value(counted);
    }
    if (good && json_is_object(key)) {
        *next = json_dumps(key, JSON_COMPACT);
        good = *next != NULL;
    }
    json_decref(answer);
    return good ? DYNAMODB_LOOK_DONE : DYNAMODB_LOOK_FAILED;
}

/* A page of each partition that has one. */
static enum dynamodb_look next_pages(struct dynamodb_store *s, const char *kind, struct walk *w)
{
    enum dynamodb_look worst = DYNAMODB_LOOK_DONE;
    size_t asked = w->open;
    for (size_t i = 0; i < asked; i++) {
        w->steps[i].op = DYNAMODB_QUERY;
        buf_clear(&w->steps[i].body);
        write_query(&w->steps[i].body, s, kind, w->shards[i], w->from[i]);
        free(w->from[i]);
        w->from[i] = NULL;
    }
    dynamodb_round_within(&s->claims, s->client, w->steps, asked,
                          clock_mono_us(s->config.clock) + ROUND_US);
    w->open = 0;
    for (size_t i = 0; i < asked; i++) {
        char *next = NULL;
        enum dynamodb_look look = take_page(&w->steps[i], &w->count, &next);
        worst = look > worst ? look : worst;
        if (look != DYNAMODB_LOOK_DONE) {
            (void)snprintf(w->detail, sizeof w->detail, "%s",
                           w->steps[i].outcome != CALL_OK ? w->steps[i].detail
                                                          : "the answer cannot be read");
        }
        if (next != NULL) {
            w->shards[w->open] = w->shards[i];
            w->from[w->open++] = next;
        }
    }
    return worst;
}

/* Counts what is of `kind`, and stops at `enough`. `detail` gets one line when it failed. */
static enum dynamodb_look count_index(struct dynamodb_store *s, const char *kind, uint64_t enough,
                                      uint64_t *count, char detail[CALL_DETAIL_SIZE])
{
    struct walk w = {.open = DYNAMODB_SHARDS};
    enum dynamodb_look look = DYNAMODB_LOOK_DONE;
    for (unsigned shard = 0; shard < DYNAMODB_SHARDS; shard++) {
        w.shards[shard] = shard;
    }
    while (look == DYNAMODB_LOOK_DONE && w.open > 0 && w.count < enough) {
        look = next_pages(s, kind, &w);
    }
    for (size_t i = 0; i < w.open; i++) {
        free(w.from[i]);
    }
    dynamodb_steps_free(w.steps, DYNAMODB_SHARDS);
    *count = w.count;
    (void)snprintf(detail, CALL_DETAIL_SIZE, "%s", w.detail);
    return look;
}

/* --- for people --- */

static enum dynamodb_look count_scan(struct dynamodb_store *s, const char *kind, uint64_t *count,
                                     char detail[CALL_DETAIL_SIZE])
{
    struct dynamodb_query query = {kind, INT64_MAX, 0};
    char *from = NULL;
    enum dynamodb_look look = DYNAMODB_LOOK_MORE;
    *count = 0;
    while (look == DYNAMODB_LOOK_MORE) {
        struct dynamodb_findings found = {0};
        look = dynamodb_look_scan(s, &query, &from, &found, detail);
        *count += found.count;
        dynamodb_findings_free(&found);
    }
    free(from);
    return look;
}

static bool count_kind(struct dynamodb_store *s, const char *kind, uint64_t *count)
{
    char detail[CALL_DETAIL_SIZE] = "";
    enum dynamodb_look look = count_index(s, kind, UINT64_MAX, count, detail);
    if (look == DYNAMODB_LOOK_NO_INDEX) {
        look = count_scan(s, kind, count, detail);
    }
    if (look != DYNAMODB_LOOK_DONE) {
        log_warn("the outbox in the table cannot be read", LOG_STR("reason", detail));
    }
    return look == DYNAMODB_LOOK_DONE;
}

int dynamodb_count_all(struct dynamodb_store *s, struct outbox_counts *counts)
{
    struct outbox_counts found;
    if (!count_kind(s, DYNAMODB_PENDING, &found.pending) ||
        !count_kind(s, DYNAMODB_DEAD, &found.dead)) {
        return -1;
    }
    *counts = found;
    return 0;
}

/* --- for the service --- */

/* Whether the index can be counted as far as is known; what is wrong was said by the look for what
 * others left behind. */
static bool countable(const struct dynamodb_store *s)
{
    return !s->recovery.no_index && !s->recovery.failing;
}

static void note_dead(struct dynamodb_store *s, int64_t dead)
{
    s->census.dead = dead > 0 ? dead : 0;
    metric_set(s->dead, s->census.dead);
}

void dynamodb_count_dead(struct dynamodb_store *s)
{
    struct dynamodb_census *c = &s->census;
    int64_t now = clock_mono_us(s->config.clock);
    uint64_t count;
    char detail[CALL_DETAIL_SIZE];
    if (c->dead_every_us == 0 || now < c->dead_next_us || !countable(s)) {
        return;
    }
    c->dead_next_us = now + c->dead_every_us;
    if (count_index(s, DYNAMODB_DEAD, UINT64_MAX, &count, detail) == DYNAMODB_LOOK_DONE) {
        note_dead(s, (int64_t)count);
    }
}

int dynamodb_count_backlog(struct dynamodb_store *s, uint64_t enough, uint64_t *pending)
{
    struct dynamodb_census *c = &s->census;
    int64_t now = clock_mono_us(s->config.clock);
    uint64_t held = dynamodb_duties_held(&s->duties);
    uint64_t count;
    char detail[CALL_DETAIL_SIZE];
    if (held < enough && now >= c->pending_next_us && countable(s)) {
        c->pending_next_us = now + PENDING_EVERY_US;
        if (count_index(s, DYNAMODB_PENDING, enough, &count, detail) == DYNAMODB_LOOK_DONE) {
            c->pending = count;
        }
    }
    *pending = held >= enough || held > c->pending ? held : c->pending;
    return 0;
}

void dynamodb_count_settled(struct dynamodb_store *s, const struct outbox_outcome *outcome)
{
    struct dynamodb_census *c = &s->census;
    if (outcome->what == OUTBOX_DEAD) {
        note_dead(s, c->dead + 1);
    }
    if (outcome->what == OUTBOX_SENT || outcome->what == OUTBOX_DEAD) {
        c->pending -= c->pending > 0;
    }
}

void dynamodb_count_dead_gone(struct dynamodb_store *s, int64_t count)
{
    note_dead(s, s->census.dead - count);
}
