#include "dynamodb_duties.h"

#include "instant.h"

#include <stdlib.h>

enum { BYTES_MAX = 16 * 1024 * 1024 };

int dynamodb_duties_init(struct dynamodb_duties *d, size_t max)
{
    *d = (struct dynamodb_duties){.max = max};
    d->heap = calloc(max, sizeof(struct dynamodb_duty *));
    if (d->heap == NULL) {
        return -1;
    }
    pthread_mutex_init(&d->lock, NULL);
    return 0;
}

static void free_duty(struct dynamodb_duty *duty)
{
    free(duty->error);
    free(duty);
}

void dynamodb_duties_free(struct dynamodb_duties *d)
{
    if (d->heap == NULL) {
        return;
    }
    for (size_t i = 0; i < DYNAMODB_BUCKETS; i++) {
        while (d->buckets[i] != NULL) {
            struct dynamodb_duty *duty = d->buckets[i];
            d->buckets[i] = duty->chain;
            free_duty(duty);
        }
    }
    free(d->heap);
    pthread_mutex_destroy(&d->lock);
    d->heap = NULL;
}

static bool reserve(struct dynamodb_duties *d, size_t size)
{
    pthread_mutex_lock(&d->lock);
    bool room = d->held < d->max && d->bytes + size <= BYTES_MAX;
    if (room) {
        d->held++;
        d->bytes += size;
    }
    pthread_mutex_unlock(&d->lock);
    return room;
}

static void release(struct dynamodb_duties *d, size_t size)
{
    pthread_mutex_lock(&d->lock);
    d->held--;
    d->bytes -= size;
    pthread_mutex_unlock(&d->lock);
}

struct dynamodb_duty *dynamodb_duties_make(struct dynamodb_duties *d, const struct item *item)
{
    size_t size = sizeof(struct dynamodb_duty) + dynamodb_item_size(item);
    if (!reserve(d, size)) {
        return NULL;
    }
    struct dynamodb_duty *duty = malloc(size);
    if (duty == NULL) {
        release(d, size);
        return NULL;
    }
    *duty = (struct dynamodb_duty){.id = dynamodb_item_id(item->user_name, item->timestamp),
                                   .created_us = instant_of(item->timestamp, 0),
                                   .size = size};
    duty->due_us = duty->created_us;
    duty->item = dynamodb_item_copy(item, duty->memory);
    return duty;
}

/* --- the table of ids: under the lock --- */

static struct dynamodb_duty **bucket_of(struct dynamodb_duties *d, uint64_t id)
{
    return &d->buckets[(id ^ id >> 12 ^ id >> 24) % DYNAMODB_BUCKETS];
}

static struct dynamodb_duty *find(struct dynamodb_duties *d, uint64_t id)
{
    struct dynamodb_duty *duty = *bucket_of(d, id);
    while (duty != NULL && duty->id != id) {
        duty = duty->chain;
    }
    return duty;
}

static void unchain(struct dynamodb_duties *d, const struct dynamodb_duty *duty)
{
    struct dynamodb_duty **at = bucket_of(d, duty->id);
    while (*at != NULL && *at != duty) {
        at = &(*at)->chain;
    }
    if (*at != NULL) {
        *at = duty->chain;
    }
}

/* --- the heap: under the lock --- */

static bool before(const struct dynamodb_duty *a, const struct dynamodb_duty *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->id < b->id;
}

static void push(struct dynamodb_duties *d, struct dynamodb_duty *duty)
{
    size_t at = d->waiting++;
    while (at > 0 && before(duty, d->heap[(at - 1) / 2])) {
        d->heap[at] = d->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    d->heap[at] = duty;
}

static struct dynamodb_duty *pop(struct dynamodb_duties *d)
{
    struct dynamodb_duty *top = d->heap[0];
    struct dynamodb_duty *last = d->heap[--d->waiting];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < d->waiting && before(d->heap[child + 1], d->heap[child])) {
            child++;
        }
        if (child >= d->waiting || !before(d->heap[child], last)) {
            break;
        }
        d->heap[at] = d->heap[child];
        at = child;
    }
    if (d->waiting > 0) {
        d->heap[at] = last;
    }
    return top;
}

/* --- what others call --- */

void dynamodb_duties_drop(struct dynamodb_duties *d, struct dynamodb_duty *duty)
{
    if (duty == NULL) {
        return;
    }
    pthread_mutex_lock(&d->lock);
    unchain(d, duty);
    d->held--;
    d->bytes -= duty->size;
    pthread_mutex_unlock(&d->lock);
    free_duty(duty);
}

void dynamodb_duties_add(struct dynamodb_duties *d, struct dynamodb_duty *duty)
{
    pthread_mutex_lock(&d->lock);
    bool known = find(d, duty->id) != NULL;
    if (known) {
        d->held--;
        d->bytes -= duty->size;
    } else {
        duty->chain = *bucket_of(d, duty->id);
        *bucket_of(d, duty->id) = duty;
        push(d, duty);
    }
    pthread_mutex_unlock(&d->lock);
    if (known) {
        free_duty(duty);
    }
}

size_t dynamodb_duties_claim(struct dynamodb_duties *d, int64_t now_us, struct dynamodb_duty **out,
                             size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&d->lock);
    while (count < max && d->waiting > 0 && d->heap[0]->due_us <= now_us) {
        out[count] = pop(d);
        out[count++]->claimed = true;
    }
    pthread_mutex_unlock(&d->lock);
    return count;
}

size_t dynamodb_duties_take_any(struct dynamodb_duties *d, struct dynamodb_duty **out, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&d->lock);
    d->waiting = 0;
    for (size_t i = 0; i < DYNAMODB_BUCKETS && count < max; i++) {
        struct dynamodb_duty *duty = d->buckets[i];
        for (; duty != NULL && count < max; duty = duty->chain) {
            duty->claimed = true;
            out[count++] = duty;
        }
    }
    pthread_mutex_unlock(&d->lock);
    return count;
}

void dynamodb_duties_return(struct dynamodb_duties *d, struct dynamodb_duty *duty)
{
    pthread_mutex_lock(&d->lock);
    duty->claimed = false;
    push(d, duty);
    pthread_mutex_unlock(&d->lock);
}

struct dynamodb_duty *dynamodb_duties_claimed(struct dynamodb_duties *d, uint64_t id)
{
    pthread_mutex_lock(&d->lock);
    struct dynamodb_duty *duty = find(d, id);
    if (duty != NULL && !duty->claimed) {
        duty = NULL;
    }
    pthread_mutex_unlock(&d->lock);
    return duty;
}

bool dynamodb_duties_has(struct dynamodb_duties *d, uint64_t id)
{
    pthread_mutex_lock(&d->lock);
    bool has = find(d, id) != NULL;
    pthread_mutex_unlock(&d->lock);
    return has;
}

int64_t dynamodb_duties_next_due_us(struct dynamodb_duties *d)
{
    pthread_mutex_lock(&d->lock);
    int64_t due_us = d->waiting > 0 ? d->heap[0]->due_us : INT64_MAX;
    pthread_mutex_unlock(&d->lock);
    return due_us;
}

size_t dynamodb_duties_held(struct dynamodb_duties *d)
{
    pthread_mutex_lock(&d->lock);
    size_t held = d->held;
    pthread_mutex_unlock(&d->lock);
    return held;
}

size_t dynamodb_duties_room(struct dynamodb_duties *d)
{
    pthread_mutex_lock(&d->lock);
    size_t room = d->bytes < BYTES_MAX ? d->max - d->held : 0;
    pthread_mutex_unlock(&d->lock);
    return room;
}
