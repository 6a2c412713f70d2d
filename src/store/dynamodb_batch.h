/* One call of puts: PutItem or BatchWriteItem, and what its answer means for each of them. */
#ifndef STORE_DYNAMODB_BATCH_H
#define STORE_DYNAMODB_BATCH_H

#include "dynamodb_node.h"

enum {
    DYNAMODB_BATCH_MAX = 25,
    DYNAMODB_BATCH_BYTES = 4 * 1024 * 1024,     /* DynamoDB allows 16 MB; smaller ones end sooner */
    DYNAMODB_BATCH_AGAIN_US = 600 * 1000 * 1000 /* after one was denied */
};

struct dynamodb_batch {
    struct dynamodb_store *store;
    struct buf body;
    size_t count;
    size_t bytes;
    struct dynamodb_node *nodes[DYNAMODB_BATCH_MAX];
};

/* Starts the call of a batch that counts among puts.calls; copies it. On the transport's thread. */
void dynamodb_batch_start(const struct dynamodb_batch *batch);

/* --- dynamodb_put.c, for the answers; no lock may be held --- */

/* Ends a put: its duty begins to be mailed, or is forgotten; then `done`. */
void dynamodb_put_end(struct dynamodb_store *s, struct dynamodb_node *node,
                      enum store_result result);

/* Puts it again: at the head of the queue, or after a back-off. */
void dynamodb_put_again(struct dynamodb_store *s, struct dynamodb_node *node);
void dynamodb_put_later(struct dynamodb_store *s, struct dynamodb_node *node);

/* A call has ended, and its nodes are all taken care of: the next may go. */
void dynamodb_put_call_ended(struct dynamodb_store *s);

#endif
