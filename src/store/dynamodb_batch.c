#include "dynamodb_batch.h"

#include "base/log.h"

#include <stdlib.h>

/* --- the request --- */

static void write_put(struct dynamodb_batch *b)
{
    dynamodb_write_table(&b->body, b->store);
    buf_add_str(&b->body, ",\"Item\":");
    buf_add_span(&b->body, buf_span(&b->nodes[0]->json));
    buf_add_str(&b->body, ",\"ConditionExpression\":\"attribute_not_exists(user_name)\","
                          "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
}

static void write_batch(struct dynamodb_batch *b)
{
    buf_add_str(&b->body, "{\"RequestItems\":{");
    buf_add_span(&b->body, buf_span(&b->store->table));
    buf_add_str(&b->body, ":[");
    for (size_t i = 0; i < b->count; i++) {
        buf_add_str(&b->body, i > 0 ? ",{\"PutRequest\":{\"Item\":" : "{\"PutRequest\":{\"Item\":");
        buf_add_span(&b->body, buf_span(&b->nodes[i]->json));
        buf_add_str(&b->body, "}}");
    }
    buf_add_str(&b->body, "]}}");
}

/* --- the answer --- */

static void end_all(struct dynamodb_batch *b, enum store_result result)
{
    for (size_t i = 0; i < b->count; i++) {
        dynamodb_put_end(b->store, b->nodes[i], result);
    }
}

static void acknowledge(struct dynamodb_batch *b, size_t i)
{
    metric_add(b->store->puts.rows, 1);
    dynamodb_put_end(b->store, b->nodes[i], STORE_OK);
}

/* From the back, because each goes to the head of the queue. */
static void put_again(struct dynamodb_batch *b)
{
    for (size_t i = b->count; i > 0; i--) {
        dynamodb_put_again(b->store, b->nodes[i - 1]);
    }
}

static void no_answer(struct dynamodb_batch *b)
{
    dynamodb_health_bad(b->store, DYNAMODB_FAULT_ANSWER, "the answer is not one of DynamoDB");
    end_all(b, STORE_UNAVAILABLE);
}

/* The deadline of the batch is that of its oldest put; the others go on. */
static void deadline_passed(struct dynamodb_batch *b)
{
    int64_t now = clock_mono_us(b->store->config.clock);
    for (size_t i = b->count; i > 0; i--) {
        struct dynamodb_node *node = b->nodes[i - 1];
        if (node->deadline_us > now) {
            node->maybe_written = true;
            node->alone = true; /* a PutItem sees what is there */
            dynamodb_put_again(b->store, node);
        } else {
            dynamodb_put_end(b->store, node, STORE_UNAVAILABLE);
        }
    }
}

/* A denial may be as short as a change of a policy takes to be known everywhere, so batches are
 * tried again after a while. */
static void fall_back(struct dynamodb_batch *b, const char *detail)
{
    struct dynamodb_puts *p = &b->store->puts;
    int64_t now = clock_mono_us(b->store->config.clock);
    pthread_mutex_lock(&p->lock);
    bool first = !p->batch_denied;
    p->batch_denied = true;
    p->batch_after_us = now + DYNAMODB_BATCH_AGAIN_US;
    pthread_mutex_unlock(&p->lock);
    if (first) {
        log_warn("reviews are put one by one, because the role may not use "
                 "dynamodb:BatchWriteItem; allow it to make this faster; a batch is tried again "
                 "every ten minutes",
                 LOG_STR("reason", detail));
    }
    put_again(b);
}

static void allowed(struct dynamodb_store *s)
{
    struct dynamodb_puts *p = &s->puts;
    pthread_mutex_lock(&p->lock);
    bool again = p->batch_denied;
    p->batch_denied = false;
    p->batch_after_us = 0;
    pthread_mutex_unlock(&p->lock);
    if (again) {
        log_info("reviews are put in batches again");
    }
}

static void failed(struct dynamodb_batch *b, const struct call_result *result)
{
    enum dynamodb_fault fault = dynamodb_fault_of(result->outcome, result->error->code);
    bool many = b->count > 1;
    if (many && fault == DYNAMODB_FAULT_DENIED) {
        fall_back(b, result->detail);
        return;
    }
    if (many &&
        fault == DYNAMODB_FAULT_INVALID) { /* one of them is wrong: the others need not fail */
        for (size_t i = 0; i < b->count; i++) {
            b->nodes[i]->alone = true;
        }
        put_again(b);
        return;
    }
    dynamodb_health_bad(b->store, fault, result->detail);
    if (fault == DYNAMODB_FAULT_DEADLINE) {
        deadline_passed(b);
    } else {
        end_all(b, fault == DYNAMODB_FAULT_CLOSED ? STORE_CLOSED : STORE_UNAVAILABLE);
    }
}

/* Whether an item of our key is what we have put: by an attempt whose answer was lost. The lease
 * names this process, so what is to be mailed cannot be taken for another one. */
static bool is_ours(const struct dynamodb_node *node, const json_t *json)
{
    struct item theirs;
    const struct item *ours = &node->put->item;
    struct span lease = dynamodb_item_text(json, DYNAMODB_LEASE);
    return dynamodb_item_read(json, &theirs) && span_equal(theirs.review, ours->review) &&
           span_equal(theirs.sentiment, ours->sentiment) &&
           span_equal(theirs.polarity_score, ours->polarity_score) &&
           span_equal(lease, span_of(node->lease));
}

static void key_exists(struct dynamodb_batch *b, const struct call_result *result)
{
    char reason[JSON_REASON_SIZE];
    struct dynamodb_node *node = b->nodes[0];
    json_t *answer = json_parse(result->body, reason);
    bool ours = (node->maybe_written || result->attempts > 1) &&
                is_ours(node, json_object_get(answer, "Item"));
    json_decref(answer);
    if (ours) {
        acknowledge(b, 0);
    } else {
        dynamodb_put_end(b->store, node, STORE_CONFLICT);
    }
}

static bool is_object(struct span body)
{
    return body.len >= 2 && body.ptr[0] == '{' && body.ptr[body.len - 1] == '}';
}

static bool begins_with(struct span text, struct span start)
{
    return text.len >= start.len && memcmp(text.ptr, start.ptr, start.len) == 0;
}

/* Marks the node that an entry of UnprocessedItems is about; false when none is. */
static bool mark(const struct dynamodb_batch *b, const json_t *entry, bool *left)
{
    struct item item;
    if (!dynamodb_item_read(json_object_get(json_object_get(entry, "PutRequest"), "Item"), &item)) {
        return false;
    }
    for (size_t i = 0; i < b->count; i++) {
        const struct item *ours = &b->nodes[i]->put->item;
        if (!left[i] && span_equal(ours->timestamp, item.timestamp) &&
            span_equal(ours->user_name, item.user_name)) {
            left[i] = true;
            return true;
        }
    }
    return false;
}

/* Fills `left` with which were not processed. False when the answer cannot be understood. */
static bool find_unprocessed(const struct dynamodb_batch *b, json_t *answer, bool *left)
{
    const char *table;
    json_t *entries;
    json_t *unprocessed = json_object_get(answer, "UnprocessedItems");
    if (!json_is_object(answer) || (unprocessed != NULL && !json_is_object(unprocessed))) {
        return false;
    }
    json_object_foreach(unprocessed, table, entries)
    {
        for (size_t i = 0; i < json_array_size(entries); i++) {
            if (!mark(b, json_array_get(entries, i), left)) {
                return false;
            }
        }
    }
    return true;
}

static void sort_out(struct dynamodb_batch *b, struct span body)
{
    bool left[DYNAMODB_BATCH_MAX] = {false};
    char reason[JSON_REASON_SIZE];
    if (!span_equal(body, SPAN("{}")) && !begins_with(body, SPAN("{\"UnprocessedItems\":{}"))) {
        json_t *answer = json_parse(body, reason);
        bool understood = find_unprocessed(b, answer, left);
        json_decref(answer);
        if (!understood) {
            no_answer(b);
            return;
        }
    }
    for (size_t i = 0; i < b->count; i++) {
        if (!left[i]) {
            acknowledge(b, i);
        } else {
            metric_add(b->store->health.errors[DYNAMODB_FAULT_THROTTLED], 1);
            dynamodb_put_later(b->store, b->nodes[i]);
        }
    }
}

static void on_answer(void *context, const struct call_result *result)
{
    struct dynamodb_batch *b = context;
    struct dynamodb_store *s = b->store;
    if (result->outcome == CALL_OK && is_object(result->body)) {
        dynamodb_health_good(s);
        if (b->count == 1) {
            acknowledge(b, 0);
        } else {
            allowed(s);
            sort_out(b, result->body);
        }
    } else if (result->outcome == CALL_OK) {
        no_answer(b);
    } else if (b->count == 1 && errors_same_code(result->error->code, "ConditionalCheckFailed")) {
        dynamodb_health_good(s);
        key_exists(b, result);
    } else {
        failed(b, result);
    }
    buf_free(&b->body);
    free(b);
    dynamodb_put_call_ended(s);
    dynamodb_end(s);
}

/* --- the call --- */

static int64_t deadline_of(const struct dynamodb_batch *b)
{
    int64_t earliest = b->nodes[0]->deadline_us;
    for (size_t i = 1; i < b->count; i++) {
        earliest = b->nodes[i]->deadline_us < earliest ? b->nodes[i]->deadline_us : earliest;
    }
    return earliest;
}

static bool start(struct dynamodb_batch *b)
{
    bool one = b->count == 1;
    if (!buf_reserve(&b->body, b->bytes + 48 * b->count + b->store->table.len + 192)) {
        return false;
    }
    if (one) {
        write_put(b);
    } else {
        write_batch(b);
    }
    struct dynamodb_request request = {one ? DYNAMODB_PUT_ITEM : DYNAMODB_BATCH_WRITE_ITEM,
                                       buf_span(&b->body), deadline_of(b)};
    return !buf_failed(&b->body) && dynamodb_call(b->store->client, &request, on_answer, b);
}

void dynamodb_batch_start(const struct dynamodb_batch *batch)
{
    struct dynamodb_store *s = batch->store;
    struct dynamodb_batch *b = malloc(sizeof *b);
    dynamodb_begin(s);
    if (b != NULL) {
        *b = *batch;
        if (start(b)) {
            return;
        }
        buf_free(&b->body);
        free(b);
    }
    struct dynamodb_batch lost = *batch;
    dynamodb_health_bad(s, DYNAMODB_FAULT_MEMORY, "out of memory");
    end_all(&lost, STORE_UNAVAILABLE);
    pthread_mutex_lock(&s->puts.lock);
    s->puts.calls--;
    pthread_mutex_unlock(&s->puts.lock);
    dynamodb_end(s);
}
