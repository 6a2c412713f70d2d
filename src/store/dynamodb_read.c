#include "cursor.h"
#include "dynamodb_internal.h"

#include <stdlib.h>

enum { READ_US = 20000000, READS_MAX = 256 };

/* One read under way. */
struct reading {
    struct dynamodb_store *store;
    struct store_read *read;
    struct buf body;
};

/* --- the request --- */

/* The cursor is read and written anew: whoever made it, nothing but a key gets into the request. */
static bool write_start(struct buf *out, const struct store_read *read)
{
    struct cursor cursor;
    if (read->cursor == NULL) {
        return true;
    }
    if (!cursor_read(read->cursor, read->user_name, &cursor)) {
        return false;
    }
    buf_add_str(out, ",\"ExclusiveStartKey\":");
    dynamodb_item_write_key(out, cursor.user_name, cursor.timestamp);
    json_decref(cursor.json);
    return true;
}

static void write_value(struct buf *out, const char *name, struct span text)
{
    if (text.len > 0) {
        buf_addf(out, "%s\"%s\":", out->data[out->len - 1] == '{' ? "" : ",", name);
        dynamodb_item_write_text(out, text);
    }
}

static const char *key_condition(const struct store_read *read)
{
    if (read->from.len > 0 && read->to.len > 0) {
        return "user_name = :u AND #t BETWEEN :from AND :to";
    }
    if (read->from.len > 0) {
        return "user_name = :u AND #t >= :from";
    }
    return read->to.len > 0 ? "user_name = :u AND #t <= :to" : "user_name = :u";
}

/* `timestamp` is a reserved word; names and values may only be given when they are used. */
static bool write_request(struct buf *out, const struct dynamodb_store *s,
                          const struct store_read *read)
{
    bool user = read->user_name.len > 0;
    bool filter = read->sentiment.len > 0;
    dynamodb_write_table(out, s);
    buf_addf(out,
             ",\"Limit\":%zu,\"ProjectionExpression\":\"user_name, #t, review, sentiment, "
             "polarity_score\",\"ExpressionAttributeNames\":{\"#t\":\"timestamp\"}",
             read->limit);
    if (user) {
        buf_addf(out, ",\"KeyConditionExpression\":\"%s\",\"ScanIndexForward\":%s",
                 key_condition(read), read->descending ? "false" : "true");
    }
    if (filter) {
        buf_add_str(out, ",\"FilterExpression\":\"sentiment = :s\"");
    }
    if (user || filter) {
        buf_add_str(out, ",\"ExpressionAttributeValues\":{");
        write_value(out, ":u", read->user_name);
        write_value(out, ":from", user ? read->from : SPAN(""));
        write_value(out, ":to", user ? read->to : SPAN(""));
        write_value(out, ":s", read->sentiment);
        buf_add_char(out, '}');
    }
    buf_add_str(out, ",\"ConsistentRead\":true");
    bool good = write_start(out, read);
    buf_add_char(out, '}');
    return good;
}

/* --- the answer --- */

static bool write_cursor(struct buf *out, const json_t *key)
{
    struct span user = dynamodb_item_text(key, "user_name");
    struct span timestamp = dynamodb_item_text(key, "timestamp");
    cursor_write(out, user, timestamp);
    return user.ptr != NULL && timestamp.ptr != NULL && !buf_failed(out);
}

/* Calls `done` with what the answer holds; false when it cannot be understood. */
static bool give_page(struct store_read *read, const json_t *answer)
{
    struct buf cursor = BUF_INIT;
    const json_t *items = json_object_get(answer, "Items");
    const json_t *next = json_object_get(answer, "LastEvaluatedKey");
    size_t count = json_array_size(items);
    struct item *list = calloc(count + 1, sizeof *list);
    bool good = json_is_array(items) && list != NULL && count <= read->limit;
    for (size_t i = 0; good && i < count; i++) {
        good = dynamodb_item_read(json_array_get(items, i), &list[i]);
    }
    good = good && (!json_is_object(next) || write_cursor(&cursor, next));
    if (good) {
        struct store_page page = {list, count, json_is_object(next) ? buf_str(&cursor) : NULL};
        read->done(read, STORE_OK, &page);
    }
    buf_free(&cursor);
    free(list);
    return good;
}

static void on_answer(void *context, const struct call_result *result)
{
    struct reading *reading = context;
    struct dynamodb_store *s = reading->store;
    struct store_read *read = reading->read;
    char reason[JSON_REASON_SIZE];
    buf_free(&reading->body);
    free(reading);
    json_t *answer = result->outcome == CALL_OK ? json_parse(result->body, reason) : NULL;
    if (answer == NULL || !give_page(read, answer)) {
        enum dynamodb_fault fault = result->outcome == CALL_OK
                                        ? DYNAMODB_FAULT_ANSWER
                                        : dynamodb_fault_of(result->outcome, result->error->code);
        metric_add(s->health.errors[fault], 1);
        read->done(read, fault == DYNAMODB_FAULT_CLOSED ? STORE_CLOSED : STORE_UNAVAILABLE, NULL);
    }
    json_decref(answer);
    atomic_fetch_sub(&s->reads, 1);
    dynamodb_end(s);
}

enum store_result dynamodb_read_page(struct dynamodb_store *s, struct store_read *read)
{
    enum store_result result = STORE_UNAVAILABLE;
    if (atomic_fetch_add(&s->reads, 1) >= READS_MAX) {
        atomic_fetch_sub(&s->reads, 1);
        return STORE_BUSY;
    }
    dynamodb_begin(s);
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        goto failed;
    }
    *reading = (struct reading){.store = s, .read = read};
    if (!write_request(&reading->body, s, read)) {
        result = STORE_BAD_CURSOR;
        goto failed;
    }
    struct dynamodb_request request = {read->user_name.len > 0 ? DYNAMODB_QUERY : DYNAMODB_SCAN,
                                       buf_span(&reading->body),
                                       clock_mono_us(s->config.clock) + READ_US};
    if (!buf_failed(&reading->body) && dynamodb_call(s->client, &request, on_answer, reading)) {
        return STORE_OK;
    }
failed:
    if (reading != NULL) {
        buf_free(&reading->body);
        free(reading);
    }
    atomic_fetch_sub(&s->reads, 1);
    dynamodb_end(s);
    return result;
}
