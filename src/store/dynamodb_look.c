#include "dynamodb_look.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOOK_US = 20000000 };

void dynamodb_findings_free(struct dynamodb_findings *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->list[i].memory);
    }
    free(f->list);
    *f = (struct dynamodb_findings){0};
}

static bool make_room(struct dynamodb_findings *f)
{
    if (f->count < f->capacity) {
        return true;
    }
    size_t capacity = f->capacity > 0 ? 2 * f->capacity : 64;
    struct dynamodb_found *list = realloc(f->list, capacity * sizeof *list);
    if (list == NULL) {
        return false;
    }
    f->list = list;
    f->capacity = capacity;
    return true;
}

static void add(struct dynamodb_findings *f, const json_t *json)
{
    struct span user = dynamodb_item_text(json, "user_name");
    struct span timestamp = dynamodb_item_text(json, "timestamp");
    struct span lease = dynamodb_item_text(json, DYNAMODB_LEASE);
    if (user.ptr == NULL || timestamp.ptr == NULL || lease.ptr == NULL) {
        return; /* not one of ours */
    }
    char *memory = make_room(f) ? malloc(user.len + timestamp.len + lease.len + 1) : NULL;
    if (memory == NULL) {
        f->failed = true;
        return;
    }
    memcpy(memory, user.ptr, user.len);
    memcpy(memory + user.len, timestamp.ptr, timestamp.len);
    memcpy(memory + user.len + timestamp.len, lease.ptr, lease.len);
    memory[user.len + timestamp.len + lease.len] = '\0';
    f->list[f->count++] = (struct dynamodb_found){.id = dynamodb_item_id(user, timestamp),
                                                  .user_name = {memory, user.len},
                                                  .timestamp = {memory + user.len, timestamp.len},
                                                  .lease = memory + user.len + timestamp.len,
                                                  .memory = memory};
}

void dynamodb_findings_add(struct dynamodb_findings *f, const json_t *answer)
{
    const json_t *items = json_object_get(answer, "Items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        add(f, json_array_get(items, i));
    }
}

/* The text that all leases are below that have ended. */
static void write_bound(struct buf *out, int64_t until_us)
{
    char lease[DYNAMODB_LEASE_SIZE];
    dynamodb_item_lease(until_us, "~", lease); /* '~' sorts behind every owner */
    dynamodb_item_write_text(out, until_us == INT64_MAX ? SPAN("~") : span_of(lease));
}

static void write_from(struct buf *out, const char *from)
{
    if (from != NULL) {
        buf_add_str(out, ",\"ExclusiveStartKey\":");
        buf_add_str(out, from);
    }
}

static void write_query(struct buf *out, const struct dynamodb_store *s,
                        const struct dynamodb_query *query, unsigned shard, const char *from)
{
    char state[DYNAMODB_STATE_SIZE];
    dynamodb_item_state(query->kind, shard, state);
    dynamodb_write_table(out, s);
    buf_add_str(out,
                ",\"IndexName\":\"" DYNAMODB_INDEX "\",\"KeyConditionExpression\":"
                "\"#s = :s AND #l < :l\",\"ExpressionAttributeNames\":{\"#s\":\"" DYNAMODB_STATE
                "\",\"#l\":\"" DYNAMODB_LEASE "\"},\"ExpressionAttributeValues\":{\":s\":");
    dynamodb_item_write_text(out, span_of(state));
    buf_add_str(out, ",\":l\":");
    write_bound(out, query->until_us);
    buf_add_char(out, '}');
    if (query->per_shard > 0) {
        buf_addf(out, ",\"Limit\":%zu", query->per_shard);
    }
    write_from(out, from);
    buf_add_char(out, '}');
}

bool dynamodb_look_lacks_index(const struct dynamodb_step *step)
{
    return step->outcome == CALL_REFUSED && (errors_same_code(step->code, "Validation") ||
                                             errors_same_code(step->code, "ResourceNotFound"));
}

/* The key to go on behind, as JSON; NULL at the end. False: no memory. */
static bool next_key(const json_t *answer, char **next)
{
    const json_t *key = json_object_get(answer, "LastEvaluatedKey");
    *next = json_is_object(key) ? json_dumps(key, JSON_COMPACT) : NULL;
    return !json_is_object(key) || *next != NULL;
}

/* Why a call failed, and what helps if that is known. */
static void explain(const struct dynamodb_step *step, char detail[CALL_DETAIL_SIZE])
{
    bool denied = dynamodb_fault_of(step->outcome, step->code) == DYNAMODB_FAULT_DENIED;
    (void)snprintf(detail, CALL_DETAIL_SIZE, "%.350s%s", step->detail,
                   denied ? "; the role needs dynamodb:Query on the table's indexes, or "
                            "dynamodb:Scan without an index, and dynamodb:UpdateItem"
                          : "");
}

static enum dynamodb_look take_page(const struct dynamodb_step *step, char **next,
                                    struct dynamodb_findings *out, char detail[CALL_DETAIL_SIZE])
{
    *next = NULL;
    explain(step, detail);
    if (step->outcome != CALL_OK) {
        return dynamodb_look_lacks_index(step) ? DYNAMODB_LOOK_NO_INDEX : DYNAMODB_LOOK_FAILED;
    }
    json_t *answer = dynamodb_step_answer(step);
    dynamodb_findings_add(out, answer);
    bool good = answer != NULL && next_key(answer, next) && !out->failed;
    json_decref(answer);
    if (!good) {
        (void)snprintf(detail, CALL_DETAIL_SIZE, "the answer cannot be read");
        return DYNAMODB_LOOK_FAILED;
    }
    return *next != NULL ? DYNAMODB_LOOK_MORE : DYNAMODB_LOOK_DONE;
}

static void run(struct dynamodb_store *s, struct dynamodb_step *steps, size_t count)
{
    dynamodb_round_within(&s->claims, s->client, steps, count,
                          clock_mono_us(s->config.clock) + LOOK_US);
}

/* All further pages of one partition. */
static enum dynamodb_look follow(struct dynamodb_store *s, const struct dynamodb_query *query,
                                 struct dynamodb_step *step, unsigned shard,
                                 struct dynamodb_findings *out, char detail[CALL_DETAIL_SIZE])
{
    char *from = NULL;
    enum dynamodb_look look = take_page(step, &from, out, detail);
    while (look == DYNAMODB_LOOK_MORE && query->per_shard == 0) {
        buf_clear(&step->body);
        write_query(&step->body, s, query, shard, from);
        run(s, step, 1);
        free(from);
        look = take_page(step, &from, out, detail);
    }
    free(from);
    return look;
}

enum dynamodb_look dynamodb_look_index(struct dynamodb_store *s, const struct dynamodb_query *query,
                                       struct dynamodb_findings *out, char detail[CALL_DETAIL_SIZE])
{
    struct dynamodb_step steps[DYNAMODB_SHARDS] = {0};
    enum dynamodb_look worst = DYNAMODB_LOOK_DONE;
    for (unsigned shard = 0; shard < DYNAMODB_SHARDS; shard++) {
        steps[shard].op = DYNAMODB_QUERY;
        write_query(&steps[shard].body, s, query, shard, NULL);
    }
    run(s, steps, DYNAMODB_SHARDS);
    for (unsigned shard = 0; shard < DYNAMODB_SHARDS; shard++) {
        char why[CALL_DETAIL_SIZE];
        enum dynamodb_look look = follow(s, query, &steps[shard], shard, out, why);
        if (look > worst) {
            worst = look;
            (void)snprintf(detail, CALL_DETAIL_SIZE, "%s", why);
        }
    }
    dynamodb_steps_free(steps, DYNAMODB_SHARDS);
    return worst;
}

enum dynamodb_look dynamodb_look_scan(struct dynamodb_store *s, const struct dynamodb_query *query,
                                      char **from, struct dynamodb_findings *out,
                                      char detail[CALL_DETAIL_SIZE])
{
    struct dynamodb_step step = {.op = DYNAMODB_SCAN};
    char kind[DYNAMODB_STATE_SIZE];
    (void)snprintf(kind, sizeof kind, "%s-", query->kind);
    dynamodb_write_table(&step.body, s);
    buf_add_str(
        &step.body,
        ",\"FilterExpression\":\"begins_with(#s, :s) AND #l < :l\",\"ProjectionExpression\":"
        "\"user_name, #t, #l\",\"ExpressionAttributeNames\":{\"#s\":\"" DYNAMODB_STATE
        "\",\"#l\":\"" DYNAMODB_LEASE "\",\"#t\":\"timestamp\"},"
        "\"ExpressionAttributeValues\":{\":s\":");
    dynamodb_item_write_text(&step.body, span_of(kind));
    buf_add_str(&step.body, ",\":l\":");
    write_bound(&step.body, query->until_us);
    buf_add_str(&step.body, "},\"ConsistentRead\":true");
    write_from(&step.body, *from);
    buf_add_char(&step.body, '}');
    run(s, &step, 1);
    char *next = NULL;
    enum dynamodb_look look = take_page(&step, &next, out, detail);
    if (look == DYNAMODB_LOOK_NO_INDEX) {
        look = DYNAMODB_LOOK_FAILED;
    }
    if (look != DYNAMODB_LOOK_FAILED) { /* else the same page is tried again */
        free(*from);
        *from = next;
    }
    dynamodb_steps_free(&step, 1);
    return look;
}

enum dynamodb_look dynamodb_look_all(struct dynamodb_store *s, const struct dynamodb_query *query,
                                     struct dynamodb_findings *out, char detail[CALL_DETAIL_SIZE])
{
    char *from = NULL;
    enum dynamodb_look look = dynamodb_look_index(s, query, out, detail);
    if (look != DYNAMODB_LOOK_NO_INDEX) {
        return look;
    }
    dynamodb_findings_free(out);
    do {
        look = dynamodb_look_scan(s, query, &from, out, detail);
    } while (look == DYNAMODB_LOOK_MORE);
    free(from);
    return look;
}
