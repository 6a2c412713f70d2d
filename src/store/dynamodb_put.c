/* Puts: queue → batches → calls → acknowledgement.
 *
 * store_put() makes the item's JSON on the caller's thread, hangs it on a queue and, when nobody
 * has done so yet, asks the transport's thread to look (the pump). The pump takes all that waits:
 * one goes as PutItem, more as BatchWriteItem of up to 25. While that thread is busy, or all calls
 * that are allowed at a time are under way, more gathers; so batches grow with the load, and
 * nobody ever waits for company.
 *
 * A put is one node. A node is in one of these states:
 *   1. queued  in the list
 *   2. called  in a batch whose call is under way
 *   3. later   left unprocessed by BatchWriteItem; goes back to 1 when the timer fires
 * and ends when `done` was called. Its bytes are the same in each call it is part of. */
#include "dynamodb_batch.h"

#include "base/jitter.h"
#include "base/log.h"

#include <errno.h>

enum { LATER_FIRST_US = 50000, LATER_MAX_US = 1000000, LATER_DOUBLINGS = 5 };

void dynamodb_puts_init(struct dynamodb_store *s, const struct dynamodb_config *config)
{
    struct dynamodb_puts *p = &s->puts;
    pthread_mutex_init(&p->lock, NULL);
    p->last = &p->first;
    p->calls_max = config->calls != 0 ? config->calls : 32;
    p->random = (uint64_t)clock_wall_us(s->config.clock) | 1;
    p->rows = metrics_counter(s->config.metrics,
                              (struct metric_name){"reviewd_store_batch_rows_total",
                                                   "Reviews committed by the store.", NULL});
    p->length = metrics_gauge(s->config.metrics,
                              (struct metric_name){"reviewd_store_queue_length",
                                                   "Reviews that wait for the store.", NULL});
}

void dynamodb_puts_free(struct dynamodb_store *s)
{
    pthread_mutex_destroy(&s->puts.lock);
}

/* --- the queue: under the lock --- */

static void push_back(struct dynamodb_puts *p, struct dynamodb_node *node)
{
    node->next = NULL;
    *p->last = node;
    p->last = &node->next;
    p->count++;
}

static void push_front(struct dynamodb_puts *p, struct dynamodb_node *node)
{
    if (p->first == NULL) {
        p->last = &node->next;
    }
    node->next = p->first;
    p->first = node;
    p->count++;
}

static struct dynamodb_node *pop_front(struct dynamodb_puts *p)
{
    struct dynamodb_node *node = p->first;
    p->first = node->next;
    if (p->first == NULL) {
        p->last = &p->first;
    }
    p->count--;
    return node;
}

/* Takes the node out if it is still there. */
static bool withdraw(struct dynamodb_puts *p, const struct dynamodb_node *node)
{
    struct dynamodb_node **at = &p->first;
    while (*at != NULL && *at != node) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return false;
    }
    *at = node->next;
    if (node->next == NULL) {
        p->last = at;
    }
    p->count--;
    return true;
}

/* --- after a call --- */

void dynamodb_put_end(struct dynamodb_store *s, struct dynamodb_node *node,
                      enum store_result result)
{
    struct store_put *put = node->put;
    bool owed = put->notify && result == STORE_OK;
    if (owed && node->duty != NULL) {
        dynamodb_duties_add(&s->duties, node->duty);
    } else {
        dynamodb_duties_drop(&s->duties, node->duty);
    }
    if (owed && node->duty == NULL) {
        atomic_store(&s->recovery.now, true);
    }
    dynamodb_node_free(node);
    put->done(put, result);
    if (owed && s->config.pending != NULL) {
        s->config.pending(s->config.pending_context);
    }
}

void dynamodb_put_again(struct dynamodb_store *s, struct dynamodb_node *node)
{
    pthread_mutex_lock(&s->puts.lock);
    push_front(&s->puts, node);
    pthread_mutex_unlock(&s->puts.lock);
}

/* --- the pump --- */

static void pump(struct dynamodb_store *s);

static void on_kick(void *context)
{
    struct dynamodb_store *s = context;
    pthread_mutex_lock(&s->puts.lock);
    s->puts.kicked = false;
    pthread_mutex_unlock(&s->puts.lock);
    pump(s);
    dynamodb_end(s);
}

/* False: there is no memory to ask for it. */
static bool kick(struct dynamodb_store *s)
{
    dynamodb_begin(s);
    if (transport_after(s->transport, 0, on_kick, s) != 0) {
        return true;
    }
    pthread_mutex_lock(&s->puts.lock);
    s->puts.kicked = false;
    pthread_mutex_unlock(&s->puts.lock);
    dynamodb_end(s);
    return false;
}

/* Under the lock: whether this one may go with those taken before. */
static bool fits(const struct dynamodb_puts *p, const struct dynamodb_batch *b,
                 const struct dynamodb_node *node, int64_t now)
{
    if (b->count == 0) {
        return true;
    }
    return b->count < DYNAMODB_BATCH_MAX && !node->alone && !b->nodes[0]->alone &&
           now >= p->batch_after_us && b->bytes + node->json.len <= DYNAMODB_BATCH_BYTES;
}

static bool holds(const struct dynamodb_batch *b, const struct dynamodb_node *node)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->nodes[i]->id == node->id &&
            span_equal(b->nodes[i]->put->item.user_name, node->put->item.user_name) &&
            span_equal(b->nodes[i]->put->item.timestamp, node->put->item.timestamp)) {
            return true;
        }
    }
    return false;
}

/* Under the lock: fills the batch from the queue. What cannot be part of any goes to the two lists
 * of those to be ended. */
static void take(struct dynamodb_store *s, struct dynamodb_batch *b, struct dynamodb_node **late,
                 struct dynamodb_node **twice)
{
    struct dynamodb_puts *p = &s->puts;
    int64_t now = clock_mono_us(s->config.clock);
    while (p->first != NULL && fits(p, b, p->first, now)) {
        struct dynamodb_node *node = pop_front(p);
        struct dynamodb_node **list = NULL;
        if (node->deadline_us <= now) {
            list = late;
        } else if (holds(b, node)) {
            list = twice;
        }
        if (list != NULL) {
            node->next = *list;
            *list = node;
            continue;
        }
        b->bytes += node->json.len;
        b->nodes[b->count++] = node;
    }
    if (b->count > 1 && p->batch_denied) { /* this one tries for all */
        p->batch_after_us = now + DYNAMODB_BATCH_AGAIN_US;
    }
    metric_set(p->length, (int64_t)p->count);
}

static void end_list(struct dynamodb_store *s, struct dynamodb_node *list, enum store_result result)
{
    while (list != NULL) {
        struct dynamodb_node *node = list;
        list = node->next;
        dynamodb_put_end(s, node, result);
    }
}

static bool next_batch(struct dynamodb_store *s, struct dynamodb_batch *b)
{
    struct dynamodb_puts *p = &s->puts;
    struct dynamodb_node *late = NULL;
    struct dynamodb_node *twice = NULL;
    pthread_mutex_lock(&p->lock);
    if (p->calls < p->calls_max) {
        take(s, b, &late, &twice);
    }
    p->calls += b->count > 0;
    pthread_mutex_unlock(&p->lock);
    for (struct dynamodb_node *node = late; node != NULL; node = node->next) {
        dynamodb_health_bad(s, DYNAMODB_FAULT_DEADLINE, "no answer before the deadline");
    }
    end_list(s, late, STORE_UNAVAILABLE);
    end_list(s, twice, STORE_CONFLICT);
    return b->count > 0;
}

static void pump(struct dynamodb_store *s)
{
    struct dynamodb_batch batch = {.store = s};
    while (next_batch(s, &batch)) {
        dynamodb_batch_start(&batch);
        batch = (struct dynamodb_batch){.store = s};
    }
}

void dynamodb_put_call_ended(struct dynamodb_store *s)
{
    pthread_mutex_lock(&s->puts.lock);
    s->puts.calls--;
    pthread_mutex_unlock(&s->puts.lock);
    pump(s);
}

enum store_result dynamodb_puts_put(struct dynamodb_store *s, struct store_put *put)
{
    struct dynamodb_puts *p = &s->puts;
    put->queued_us = clock_mono_us(s->config.clock);
    if (!dynamodb_health_admit(s)) {
        return STORE_UNAVAILABLE;
    }
    struct dynamodb_node *node = dynamodb_node_new(s, put);
    if (node == NULL) {
        dynamodb_health_bad(s, DYNAMODB_FAULT_MEMORY, "out of memory");
        return STORE_UNAVAILABLE;
    }
    enum store_result result = STORE_OK;
    bool wake = false;
    pthread_mutex_lock(&p->lock);
    if (p->closing) {
        result = STORE_CLOSED;
    } else if (p->count >= s->config.queue_limit) {
        result = STORE_BUSY;
    } else {
        push_back(p, node);
        wake = !p->kicked && p->calls < p->calls_max;
        p->kicked = p->kicked || wake;
    }
    pthread_mutex_unlock(&p->lock);
    if (wake && !kick(s)) {
        pthread_mutex_lock(&p->lock);
        result = withdraw(p, node) ? STORE_UNAVAILABLE : STORE_OK;
        pthread_mutex_unlock(&p->lock);
    }
    if (result != STORE_OK) {
        dynamodb_duties_drop(&s->duties, node->duty);
        dynamodb_node_free(node);
    }
    return result;
}

/* --- unprocessed --- */

static void on_later(void *context)
{
    struct dynamodb_store *s = context;
    struct dynamodb_puts *p = &s->puts;
    pthread_mutex_lock(&p->lock);
    p->later_timer = 0;
    p->later_waits = false;
    while (p->later != NULL) {
        struct dynamodb_node *node = p->later;
        p->later = node->next;
        p->count--;
        push_front(p, node);
    }
    pthread_mutex_unlock(&p->lock);
    pump(s);
    dynamodb_end(s);
}

/* Under the lock: full jitter, doubling with each time that the node was left. */
static int64_t later_us(struct dynamodb_puts *p, unsigned tries)
{
    int64_t most = (int64_t)LATER_FIRST_US << (tries < LATER_DOUBLINGS ? tries : LATER_DOUBLINGS);
    most = most < LATER_MAX_US ? most : LATER_MAX_US;
    return jitter(&p->random, most);
}

void dynamodb_put_later(struct dynamodb_store *s, struct dynamodb_node *node)
{
    struct dynamodb_puts *p = &s->puts;
    pthread_mutex_lock(&p->lock);
    int64_t wait_us = later_us(p, node->tries++);
    bool arm = !p->later_waits;
    p->later_waits = true;
    node->next = p->later;
    p->later = node;
    p->count++;
    bool closing = p->closing;
    pthread_mutex_unlock(&p->lock);
    if (!arm) {
        return;
    }
    dynamodb_begin(s);
    uint64_t id = transport_after(s->transport, closing ? 0 : wait_us, on_later, s);
    if (id == 0) { /* at once is better than never */
        on_later(s);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->later_timer = p->later_waits ? id : 0;
    pthread_mutex_unlock(&p->lock);
}

/* --- the end --- */

static bool idle(struct dynamodb_puts *p)
{
    pthread_mutex_lock(&p->lock);
    bool is = p->count == 0 && p->calls == 0;
    pthread_mutex_unlock(&p->lock);
    return is;
}

void dynamodb_puts_close(struct dynamodb_store *s, int64_t wait_us)
{
    struct dynamodb_puts *p = &s->puts;
    struct timespec until = clock_after(wait_us);
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    uint64_t timer = p->later_timer;
    pthread_mutex_unlock(&p->lock);
    if (timer != 0) {
        transport_cancel(s->transport, timer);
    }
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    while (!idle(p) && rc != ETIMEDOUT) {
        rc = pthread_cond_clockwait(&s->idle, &s->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&s->lock);
}
