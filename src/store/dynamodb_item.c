#include "dynamodb_item.h"

#include "instant.h"

#include <inttypes.h>
#include <stdio.h>

/* FNV-1a over the key with a byte between its parts that neither has, then mixed so that all bits
 * of the result depend on all bytes. Kept for good: ids name mails, and shards are stored. */
static uint64_t key_hash(struct span user_name, struct span timestamp)
{
    uint64_t h = UINT64_C(14695981039346656037);
    const struct span parts[] = {user_name, SPAN("\0"), timestamp};
    for (size_t p = 0; p < 3; p++) {
        for (size_t i = 0; i < parts[p].len; i++) {
            h = (h ^ (unsigned char)parts[p].ptr[i]) * UINT64_C(1099511628211);
        }
    }
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

uint64_t dynamodb_item_id(struct span user_name, struct span timestamp)
{
    uint64_t hash = key_hash(user_name, timestamp);
    int64_t created_us = instant_of(timestamp, (int64_t)(hash >> 13));
    uint64_t id = (uint64_t)created_us << 12 | (hash & 0xfff);
    return id != 0 ? id : 1;
}

void dynamodb_item_state(const char *kind, uint64_t id, char out[DYNAMODB_STATE_SIZE])
{
    (void)snprintf(out, DYNAMODB_STATE_SIZE, "%s-%u", kind, (unsigned)(id % DYNAMODB_SHARDS));
}

void dynamodb_item_lease(int64_t until_us, const char *owner, char out[DYNAMODB_LEASE_SIZE])
{
    char until[CLOCK_ISO_SIZE];
    clock_iso(until_us, until);
    (void)snprintf(out, DYNAMODB_LEASE_SIZE, "%s %s", until, owner);
}

void dynamodb_item_write_text(struct buf *out, struct span text)
{
    buf_add_span(out, SPAN("{\"S\":"));
    json_write_string(out, text);
    buf_add_char(out, '}');
}

static void write_attribute(struct buf *out, const char *name, struct span text)
{
    buf_add_char(out, '"');
    buf_add_str(out, name);
    buf_add_span(out, SPAN("\":"));
    dynamodb_item_write_text(out, text);
}

void dynamodb_item_write_key(struct buf *out, struct span user_name, struct span timestamp)
{
    buf_add_char(out, '{');
    write_attribute(out, "user_name", user_name);
    buf_add_char(out, ',');
    write_attribute(out, "timestamp", timestamp);
    buf_add_char(out, '}');
}

void dynamodb_item_write(struct buf *out, const struct item *item, const char *lease)
{
    buf_add_char(out, '{');
    write_attribute(out, "user_name", item->user_name);
    buf_add_char(out, ',');
    write_attribute(out, "timestamp", item->timestamp);
    buf_add_char(out, ',');
    write_attribute(out, "review", item->review);
    buf_add_char(out, ',');
    write_attribute(out, "sentiment", item->sentiment);
    buf_add_char(out, ',');
    write_attribute(out, "polarity_score", item->polarity_score);
    if (lease != NULL) {
        char state[DYNAMODB_STATE_SIZE];
        dynamodb_item_state(DYNAMODB_PENDING, dynamodb_item_id(item->user_name, item->timestamp),
                            state);
        buf_add_char(out, ',');
        write_attribute(out, DYNAMODB_STATE, span_of(state));
        buf_add_char(out, ',');
        write_attribute(out, DYNAMODB_LEASE, span_of(lease));
    }
    buf_add_char(out, '}');
}

void dynamodb_item_write_probe(struct buf *out, struct span table)
{
    buf_add_str(out, "{\"TableName\":");
    buf_add_span(out, table);
    buf_add_str(out,
                ",\"Item\":{\"user_name\":{\"S\":\"reviewd\"},\"timestamp\":{\"S\":\"probe\"}},"
                "\"ConditionExpression\":\"attribute_exists(user_name) AND "
                "attribute_not_exists(user_name)\"}");
}

size_t dynamodb_item_size(const struct item *item)
{
    return item->user_name.len + item->timestamp.len + item->review.len + item->sentiment.len +
           item->polarity_score.len;
}

static struct span copy(char **end, struct span text)
{
    struct span kept = {*end, text.len};
    if (text.len > 0) {
        memcpy(*end, text.ptr, text.len);
    }
    *end += text.len;
    return kept;
}

struct item dynamodb_item_copy(const struct item *item, char *memory)
{
    return (struct item){.user_name = copy(&memory, item->user_name),
                         .timestamp = copy(&memory, item->timestamp),
                         .review = copy(&memory, item->review),
                         .sentiment = copy(&memory, item->sentiment),
                         .polarity_score = copy(&memory, item->polarity_score)};
}

struct span dynamodb_item_text(const json_t *item, const char *name)
{
    return json_string_member(json_object_get(item, name), "S");
}

bool dynamodb_item_read(const json_t *json, struct item *out)
{
    *out = (struct item){.user_name = dynamodb_item_text(json, "user_name"),
                         .timestamp = dynamodb_item_text(json, "timestamp"),
                         .review = dynamodb_item_text(json, "review"),
                         .sentiment = dynamodb_item_text(json, "sentiment"),
                         .polarity_score = dynamodb_item_text(json, "polarity_score")};
    return out->user_name.ptr != NULL && out->timestamp.ptr != NULL;
}
