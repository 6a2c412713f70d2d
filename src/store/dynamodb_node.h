/* One put on its way: its item as JSON, and its lease. */
#ifndef STORE_DYNAMODB_NODE_H
#define STORE_DYNAMODB_NODE_H

#include "dynamodb_internal.h"

enum { DYNAMODB_NODE_FRAME = 192 /* bytes of an item's JSON besides its long texts */ };

struct dynamodb_node {
    struct dynamodb_node *next;
    struct store_put *put;
    struct dynamodb_duty *duty; /* NULL: none, or it is left to the table */
    uint64_t id;
    int64_t deadline_us;             /* mono */
    unsigned tries;                  /* times it was left unprocessed */
    bool alone;                      /* only as PutItem */
    bool maybe_written;              /* by a call whose answer was lost */
    char lease[DYNAMODB_LEASE_SIZE]; /* "" without notify */
    struct buf json;                 /* the item */
};

/* Makes it, and the duty to mail in s->duties when there is one: whoever ends the put adds that
 * duty or drops it. NULL: out of memory, and nothing was made. Any thread. */
struct dynamodb_node *dynamodb_node_new(struct dynamodb_store *s, struct store_put *put);

/* Frees all but its duty. */
void dynamodb_node_free(struct dynamodb_node *node);

#endif
