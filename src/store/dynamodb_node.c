#include "dynamodb_node.h"

#include <stdlib.h>

/* The lease is this process's from the beginning, so that nobody else mails it; or, when the duty
 * cannot be kept in memory, one that ends when the put has ended for certain, so that anybody may
 * then, and not while the put may yet be repeated, which would bring back a duty that is done. */
static void make_lease(struct dynamodb_store *s, struct dynamodb_node *node)
{
    struct dynamodb_duty *duty = dynamodb_duties_make(&s->duties, &node->put->item);
    int64_t lasts_us = duty != NULL ? s->lease_us : s->config.put_deadline_ms * 1000;
    int64_t until_us = dynamodb_now_us(s) + lasts_us;
    dynamodb_item_lease(until_us, s->owner, node->lease);
    node->duty = duty;
    if (duty == NULL) {
        return;
    }
    duty->lease_until_us = until_us;
    memcpy(duty->lease, node->lease, sizeof duty->lease);
}

struct dynamodb_node *dynamodb_node_new(struct dynamodb_store *s, struct store_put *put)
{
    struct dynamodb_node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    node->put = put;
    node->id = dynamodb_item_id(put->item.user_name, put->item.timestamp);
    node->deadline_us = put->queued_us + s->config.put_deadline_ms * 1000;
    if (put->notify) {
        make_lease(s, node);
    }
    (void)buf_reserve(&node->json, DYNAMODB_NODE_FRAME + put->item.user_name.len +
                                       put->item.review.len + (put->notify ? 128 : 0));
    dynamodb_item_write(&node->json, &put->item, put->notify ? node->lease : NULL);
    if (buf_failed(&node->json)) {
        dynamodb_duties_drop(&s->duties, node->duty);
        dynamodb_node_free(node);
        return NULL;
    }
    return node;
}

void dynamodb_node_free(struct dynamodb_node *node)
{
    buf_free(&node->json);
    free(node);
}
