/* Items as DynamoDB's JSON, and what is derived from an item's key. Pure functions, any thread. */
#ifndef STORE_DYNAMODB_ITEM_H
#define STORE_DYNAMODB_ITEM_H

#include "base/clock.h"
#include "base/json.h"
#include "store/store.h"

enum {
    DYNAMODB_SHARDS = 10,     /* partitions of the index for each state */
    DYNAMODB_OWNER_SIZE = 17, /* 16 hexadecimal digits and NUL */
    DYNAMODB_STATE_SIZE = 16, /* "pending-7" and NUL */
    DYNAMODB_LEASE_SIZE = CLOCK_ISO_SIZE + DYNAMODB_OWNER_SIZE
};

#define DYNAMODB_PENDING "pending"
#define DYNAMODB_DEAD    "dead"

/* Names of the attributes that an item has while its mail is owed. */
#define DYNAMODB_STATE    "notification"
#define DYNAMODB_LEASE    "notification_lease"
#define DYNAMODB_ATTEMPTS "notification_attempts"
#define DYNAMODB_DUE      "notification_due"
#define DYNAMODB_ERROR    "notification_error"

/* The outbox id of the item with that key: see store/dynamodb.h. Never 0. */
uint64_t dynamodb_item_id(struct span user_name, struct span timestamp);

/* Its partition of the index: "pending-7". `kind` is DYNAMODB_PENDING or DYNAMODB_DEAD. */
void dynamodb_item_state(const char *kind, uint64_t id, char out[DYNAMODB_STATE_SIZE]);

/* A lease that ends at `until_us` (wall). Leases sort by their end, and then by their owner. */
void dynamodb_item_lease(int64_t until_us, const char *owner, char out[DYNAMODB_LEASE_SIZE]);

/* Appends {"user_name":{"S":…},…}: the five attributes, and behind them the state and lease unless
 * `lease` is NULL. Equal input gives equal bytes. */
void dynamodb_item_write(struct buf *out, const struct item *item, const char *lease);

/* Appends the key: {"user_name":{"S":…},"timestamp":{"S":…}}. */
void dynamodb_item_write_key(struct buf *out, struct span user_name, struct span timestamp);

/* Appends {"S":…}. */
void dynamodb_item_write_text(struct buf *out, struct span text);

/* Appends a PutItem whose condition cannot come true: it tries whether a put would be allowed, and
 * writes nothing. `table` is the table's name as a JSON string. */
void dynamodb_item_write_probe(struct buf *out, struct span table);

/* Bytes of an item's texts, and a copy of it whose texts lie in `memory`, which has that many. */
size_t dynamodb_item_size(const struct item *item);
struct item dynamodb_item_copy(const struct item *item, char *memory);

/* The string attribute `name` of an item in DynamoDB's JSON: valid while that lives; ptr NULL when
 * it is missing or no string. */
struct span dynamodb_item_text(const json_t *item, const char *name);

/* The five attributes as spans into the JSON. False when the key is not there. */
bool dynamodb_item_read(const json_t *json, struct item *out);

#endif
