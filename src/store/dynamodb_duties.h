/* The duties to mail that this process holds a lease of, in memory: what was just put, what was
 * taken over, and what waits for its next try.
 *
 * A duty is in one of these states:
 *   1. reserved   made with its put, not yet acknowledged; belongs to the put
 *   2. waiting    in the heap, ordered by due time, then id
 *   3. claimed    with the notify thread, not in the heap; found by its id
 * Every function may be called from any thread; a duty in state 2 is touched only under the lock,
 * one in state 1 or 3 only by who has it. */
#ifndef STORE_DYNAMODB_DUTIES_H
#define STORE_DYNAMODB_DUTIES_H

#include "dynamodb_item.h"

#include <pthread.h>

enum { DYNAMODB_BUCKETS = 4096 };

struct dynamodb_duty {
    uint64_t id;
    int64_t created_us;
    int64_t due_us;
    unsigned attempts;
    int64_t lease_until_us;
    char lease[DYNAMODB_LEASE_SIZE];
    int64_t tried_until_us; /* of a lease that it may have by now, or else is to get; 0: none */
    char *error;            /* NULL: none */
    bool maybe_noted; /* the table may know that its mail was sent, though it did not say so */
    bool claimed;
    struct dynamodb_duty *chain; /* in its bucket */
    struct item item;            /* points into `memory` */
    size_t size;
    char memory[];
};

struct dynamodb_duties {
    pthread_mutex_t lock; /* guards what follows */
    struct dynamodb_duty **heap;
    size_t waiting;
    struct dynamodb_duty *buckets[DYNAMODB_BUCKETS]; /* states 2 and 3 */
    size_t held;                                     /* all states */
    size_t bytes;                                    /* of them */
    size_t max;
};

/* 0, or -1: out of memory. */
int dynamodb_duties_init(struct dynamodb_duties *d, size_t max);

/* Frees all that is held. */
void dynamodb_duties_free(struct dynamodb_duties *d);

/* A new duty (state 1), with the item copied. NULL when there is no room for one more or no memory:
 * the duty is then left to the table. */
struct dynamodb_duty *dynamodb_duties_make(struct dynamodb_duties *d, const struct item *item);

/* Forgets and frees a duty of state 1 or 3. NULL: nothing. */
void dynamodb_duties_drop(struct dynamodb_duties *d, struct dynamodb_duty *duty);

/* Lets it wait. One that is held already (the same id) makes the new one go. */
void dynamodb_duties_add(struct dynamodb_duties *d, struct dynamodb_duty *duty);

/* Takes up to `max` that are due into `out`; they are claimed. How many. */
size_t dynamodb_duties_claim(struct dynamodb_duties *d, int64_t now_us, struct dynamodb_duty **out,
                             size_t max);

/* Takes up to `max` of all that is held, claimed or not, out of the heap: for the end. */
size_t dynamodb_duties_take_any(struct dynamodb_duties *d, struct dynamodb_duty **out, size_t max);

/* A claimed one waits again. */
void dynamodb_duties_return(struct dynamodb_duties *d, struct dynamodb_duty *duty);

/* The claimed duty with that id, or NULL. */
struct dynamodb_duty *dynamodb_duties_claimed(struct dynamodb_duties *d, uint64_t id);

/* Whether the duty with that id is held, claimed or not. */
bool dynamodb_duties_has(struct dynamodb_duties *d, uint64_t id);
int64_t dynamodb_duties_next_due_us(struct dynamodb_duties *d); /* INT64_MAX: none waits */
size_t dynamodb_duties_held(struct dynamodb_duties *d);
size_t dynamodb_duties_room(struct dynamodb_duties *d);

#endif
