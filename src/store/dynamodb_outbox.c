/* Claiming and settling. What a claim gives comes from memory: the lease was written with the put,
 * or when the duty was taken over. Only a lease that is half over is renewed first, so that nobody
 * else can take the duty while it is being mailed. */
#include "dynamodb_count.h"
#include "dynamodb_update.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUND_US = 10000000 };

/* The lease that a change gives. Once tried it stays the same until an answer comes: when that of
 * the first attempt is lost, the next one finds its own lease and knows it. */
static void next_lease(const struct dynamodb_store *s, struct dynamodb_duty *duty, int64_t from_us,
                       char lease[DYNAMODB_LEASE_SIZE])
{
    if (duty->tried_until_us == 0) {
        duty->tried_until_us = from_us + s->lease_us;
    }
    dynamodb_item_lease(duty->tried_until_us, s->owner, lease);
}

static void has_lease(const struct dynamodb_store *s, struct dynamodb_duty *duty)
{
    duty->lease_until_us = duty->tried_until_us;
    duty->tried_until_us = 0;
    dynamodb_item_lease(duty->lease_until_us, s->owner, duty->lease);
}

static bool half_over(const struct dynamodb_store *s, const struct dynamodb_duty *duty)
{
    return duty->lease_until_us - dynamodb_now_us(s) < s->lease_us / 2;
}

static void lease_lost(struct dynamodb_store *s, struct dynamodb_duty *duty)
{
    metric_add(s->lost, 1);
    dynamodb_duties_drop(&s->duties, duty);
}

static void run(struct dynamodb_store *s, struct dynamodb_limit *limit, struct dynamodb_step *steps,
                size_t count)
{
    dynamodb_round_within(limit, s->client, steps, count,
                          clock_mono_us(s->config.clock) + ROUND_US);
}

/* Counts what failed, and whether the table can be used at all is judged. */
static void note(struct dynamodb_store *s, const struct dynamodb_step *step)
{
    if (step->outcome == CALL_OK || dynamodb_step_conflict(step)) {
        return;
    }
    enum dynamodb_fault fault = dynamodb_fault_of(step->outcome, step->code);
    metric_add(s->health.errors[fault], 1);
    log_warn("the outbox in the table cannot be changed",
             LOG_STR("action", dynamodb_op_name(step->op)), LOG_STR("reason", step->detail));
}

/* --- claiming --- */

struct renewal {
    struct dynamodb_duty *duty;
    size_t at;  /* in the claim */
    bool again; /* with the lease of an earlier attempt, which may be half over, too */
};

/* What came of one renewal: true when the duty can be mailed now. `good` becomes false for a
 * failure. */
static bool renewed(struct dynamodb_store *s, const struct renewal *r,
                    const struct dynamodb_step *step, bool *good)
{
    struct dynamodb_duty *duty = r->duty;
    note(s, step);
    if (dynamodb_step_conflict(step)) {
        lease_lost(s, duty);
        return false;
    }
    if (step->outcome == CALL_OK) {
        has_lease(s, duty);
    }
    *good = *good && step->outcome == CALL_OK;
    if (step->outcome != CALL_OK || (r->again && half_over(s, duty))) {
        dynamodb_duties_return(&s->duties, duty);
        return false;
    }
    return true;
}

static void write_renewal(struct dynamodb_store *s, struct dynamodb_duty *duty, struct buf *body)
{
    char lease[DYNAMODB_LEASE_SIZE];
    next_lease(s, duty, dynamodb_now_us(s), lease);
    struct dynamodb_update update = {.user_name = duty->item.user_name,
                                     .timestamp = duty->item.timestamp,
                                     .old_lease = duty->lease,
                                     .new_lease = lease};
    dynamodb_update_write(body, s, &update);
}

/* Renews the leases that are half over. Those of `duties` that cannot be mailed now become NULL.
 * False: not all could be renewed; `*memory` is false when none was tried. */
static bool renew(struct dynamodb_store *s, struct dynamodb_duty **duties, size_t count,
                  bool *memory)
{
    size_t old = 0;
    struct renewal *renewals = calloc(count, sizeof *renewals);
    struct dynamodb_step *steps = calloc(count, sizeof *steps);
    bool ok = renewals != NULL && steps != NULL;
    bool good = ok;
    *memory = ok;
    for (size_t i = 0; ok && i < count; i++) {
        if (half_over(s, duties[i])) {
            renewals[old] = (struct renewal){duties[i], i, duties[i]->tried_until_us != 0};
            steps[old].op = DYNAMODB_UPDATE_ITEM;
            write_renewal(s, duties[i], &steps[old++].body);
        }
    }
    if (ok && old > 0) {
        run(s, &s->claims, steps, old);
    }
    for (size_t i = 0; ok && i < old; i++) {
        if (!renewed(s, &renewals[i], &steps[i], &good)) {
            duties[renewals[i].at] = NULL;
        }
    }
    dynamodb_steps_free(steps, ok ? old : 0);
    free(steps);
    free(renewals);
    return good;
}

static bool fill_entry(struct outbox_entry *entry, const struct dynamodb_duty *duty)
{
    char *memory = malloc(dynamodb_item_size(&duty->item) + 1);
    if (memory == NULL) {
        return false;
    }
    *entry = (struct outbox_entry){.id = duty->id,
                                   .attempts = duty->attempts,
                                   .created_us = duty->created_us,
                                   .item = dynamodb_item_copy(&duty->item, memory),
                                   .memory = memory};
    (void)snprintf(entry->last_error, sizeof entry->last_error, "%s",
                   duty->error != NULL ? duty->error : "");
    return true;
}

int dynamodb_outbox_claim(struct dynamodb_store *s, int64_t now_us, struct outbox_entry *entries,
                          size_t max)
{
    struct dynamodb_duty **duties = calloc(max, sizeof(struct dynamodb_duty *));
    if (duties == NULL) {
        return -1;
    }
    int filled = 0;
    bool memory = true;
    size_t count = dynamodb_duties_claim(&s->duties, now_us, duties, max);
    bool good = count == 0 || renew(s, duties, count, &memory);
    for (size_t i = 0; i < count; i++) {
        if (duties[i] == NULL) {
            continue;
        }
        if (memory && fill_entry(&entries[filled], duties[i])) {
            filled++;
        } else {
            dynamodb_duties_return(&s->duties, duties[i]);
            good = false;
        }
    }
    free(duties);
    return filled == 0 && !good ? -1 : filled;
}

/* --- settling --- */

struct settlement {
    struct dynamodb_duty *duty;
    const struct outbox_outcome *outcome;
};

/* What is deferred keeps its lease until it was due for a while: until then it would be nobody
 * else's business anyway. */
static void write_settlement(struct dynamodb_store *s, const struct settlement *t, struct buf *body)
{
    struct dynamodb_duty *duty = t->duty;
    const struct outbox_outcome *o = t->outcome;
    char lease[DYNAMODB_LEASE_SIZE];
    char state[DYNAMODB_STATE_SIZE];
    int64_t now = dynamodb_now_us(s);
    int64_t due = o->due_us + call_clock_offset_us(s->client);
    struct dynamodb_update update = {.user_name = duty->item.user_name,
                                     .timestamp = duty->item.timestamp,
                                     .old_lease = duty->lease};
    if (o->what != OUTBOX_SENT) {
        next_lease(s, duty, o->what != OUTBOX_DEAD && due > now ? due : now, lease);
        update.new_lease = lease;
        update.tries = true;
        update.attempts = duty->attempts + (o->what != OUTBOX_DEFER);
        update.due_us = o->what != OUTBOX_DEAD ? due : 0;
        update.error = o->error;
    }
    if (o->what == OUTBOX_DEAD) {
        dynamodb_item_state(DYNAMODB_DEAD, duty->id, state);
        update.state = state;
    }
    dynamodb_update_write(body, s, &update);
}

static void settled(struct dynamodb_store *s, const struct settlement *t)
{
    struct dynamodb_duty *duty = t->duty;
    const struct outbox_outcome *o = t->outcome;
    dynamodb_count_settled(s, o);
    if (o->what == OUTBOX_SENT || o->what == OUTBOX_DEAD) {
        dynamodb_duties_drop(&s->duties, duty);
        return;
    }
    duty->attempts += o->what == OUTBOX_RETRY;
    duty->due_us = o->due_us;
    has_lease(s, duty);
    free(duty->error);
    duty->error = strdup(o->error); /* NULL: it is in the table all the same */
    dynamodb_duties_return(&s->duties, duty);
}

/* 0 when the outcome is noted. A condition that fails: the lease is not ours any more, or, if that
 * may be, it was noted by an attempt whose answer was lost; neither leaves anything to do here. */
static int judge(struct dynamodb_store *s, const struct settlement *t,
                 const struct dynamodb_step *step)
{
    if (step->outcome == CALL_OK) {
        settled(s, t);
        return 0;
    }
    struct dynamodb_duty *duty = t->duty;
    duty->maybe_noted |= t->outcome->what == OUTBOX_SENT && step->maybe_done;
    if (!dynamodb_step_conflict(step)) {
        note(s, step);
        return -1;
    }
    if (duty->maybe_noted) {
        dynamodb_duties_drop(&s->duties, duty);
    } else {
        lease_lost(s, duty);
    }
    return 0;
}

int dynamodb_outbox_settle(struct dynamodb_store *s, const struct outbox_outcome *outcomes,
                           size_t count)
{
    size_t known = 0;
    int result = -1;
    struct settlement *list = calloc(count + 1, sizeof *list);
    struct dynamodb_step *steps = calloc(count + 1, sizeof *steps);
    if (list == NULL || steps == NULL) {
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        struct dynamodb_duty *duty = dynamodb_duties_claimed(&s->duties, outcomes[i].id);
        if (duty == NULL) {
            continue;
        }
        list[known] = (struct settlement){.duty = duty, .outcome = &outcomes[i]};
        steps[known].op = DYNAMODB_UPDATE_ITEM;
        write_settlement(s, &list[known], &steps[known].body);
        known++;
    }
    run(s, &s->settles, steps, known);
    result = 0;
    for (size_t i = 0; i < known; i++) {
        result |= judge(s, &list[i], &steps[i]);
    }
    dynamodb_steps_free(steps, known);
done:
    free(steps);
    free(list);
    return result;
}

/* --- giving back --- */

enum { RELEASE_BATCH = 64 };

static void write_release(const struct dynamodb_store *s, const struct dynamodb_duty *duty,
                          struct buf *body)
{
    char tried[DYNAMODB_LEASE_SIZE];
    char lease[DYNAMODB_LEASE_SIZE];
    dynamodb_item_lease(duty->tried_until_us, s->owner, tried);
    dynamodb_item_lease(0, s->owner, lease);
    struct dynamodb_update update = {.user_name = duty->item.user_name,
                                     .timestamp = duty->item.timestamp,
                                     .old_lease = duty->lease,
                                     .tried_lease = duty->tried_until_us != 0 ? tried : NULL,
                                     .new_lease = lease};
    dynamodb_update_write(body, s, &update);
}

/* What was sent is not given back while a note of that may still arrive: it would be sent again at
 * once, and the note find a lease that is not its own. */
static void release_some(struct dynamodb_store *s, struct dynamodb_duty **duties, size_t count,
                         int64_t deadline_us)
{
    struct dynamodb_step steps[RELEASE_BATCH] = {0};
    size_t given = 0;
    for (size_t i = 0; i < count; i++) {
        if (!duties[i]->maybe_noted) {
            steps[given].op = DYNAMODB_UPDATE_ITEM;
            write_release(s, duties[i], &steps[given++].body);
        }
    }
    dynamodb_round_run(s->client, steps, given, deadline_us);
    dynamodb_steps_free(steps, given);
}

void dynamodb_outbox_release(struct dynamodb_store *s, int64_t wait_us)
{
    struct dynamodb_duty *duties[RELEASE_BATCH];
    int64_t deadline_us = clock_mono_us(s->config.clock) + wait_us;
    size_t count;
    do {
        count = dynamodb_duties_take_any(&s->duties, duties, RELEASE_BATCH);
        release_some(s, duties, count, deadline_us);
        for (size_t i = 0; i < count; i++) {
            dynamodb_duties_drop(&s->duties, duties[i]);
        }
    } while (count > 0 && clock_mono_us(s->config.clock) < deadline_us);
}
