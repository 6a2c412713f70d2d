/* Claiming and settling. What a claim gives comes from memory: the lease was written with the put,
 * or when the duty was taken over. Only a lease that is half over is renewed first, so that nobody
 * else can take the duty while it is being mailed. */
#include "dynamodb_update.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUND_US = 10000000 };

static void new_lease(const struct dynamodb_store *s, int64_t from_us, int64_t *until_us,
                      char lease[DYNAMODB_LEASE_SIZE])
{
    *until_us = from_us + s->lease_us;
    dynamodb_item_lease(*until_us, s->owner, lease);
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
    size_t at; /* in the claim */
    int64_t until_us;
    char lease[DYNAMODB_LEASE_SIZE];
};

/* What came of one renewal: the duty stays in the claim, or is lost, or, which is a failure, is put
 * back. */
static bool renewed(struct dynamodb_store *s, const struct renewal *r,
                    const struct dynamodb_step *step, struct dynamodb_duty **duties)
{
    if (step->outcome == CALL_OK) {
        r->duty->lease_until_us = r->until_us;
        memcpy(r->duty->lease, r->lease, sizeof r->lease);
        return true;
    }
    note(s, step);
    duties[r->at] = NULL;
    if (dynamodb_step_conflict(step)) {
        lease_lost(s, r->duty);
        return true;
    }
    dynamodb_duties_return(&s->duties, r->duty);
    return false;
}

/* Renews the leases that are half over. Those of `duties` that cannot be mailed now become NULL.
 * False: not all could be renewed; `*memory` is false when none was tried. */
static bool renew(struct dynamodb_store *s, struct dynamodb_duty **duties, size_t count,
                  bool *memory)
{
    int64_t now = clock_wall_us(s->config.clock);
    size_t old = 0;
    struct renewal *renewals = calloc(count, sizeof *renewals);
    struct dynamodb_step *steps = calloc(count, sizeof *steps);
    bool ok = renewals != NULL && steps != NULL;
    bool good = ok;
    *memory = ok;
    for (size_t i = 0; ok && i < count; i++) {
        if (duties[i]->lease_until_us - now >= s->lease_us / 2) {
            continue;
        }
        struct renewal *r = &renewals[old];
        *r = (struct renewal){.duty = duties[i], .at = i};
        new_lease(s, now, &r->until_us, r->lease);
        struct dynamodb_update update = {.user_name = duties[i]->item.user_name,
                                         .timestamp = duties[i]->item.timestamp,
                                         .old_lease = duties[i]->lease,
                                         .new_lease = r->lease};
        steps[old].op = DYNAMODB_UPDATE_ITEM;
        dynamodb_update_write(&steps[old++].body, s, &update);
    }
    if (ok && old > 0) {
        run(s, &s->claims, steps, old);
    }
    for (size_t i = 0; ok && i < old; i++) {
        good = renewed(s, &renewals[i], &steps[i], duties) && good;
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
    int64_t until_us;
    char lease[DYNAMODB_LEASE_SIZE];
    char state[DYNAMODB_STATE_SIZE];
};

/* What is deferred keeps its lease until it was due for a while: until then it would be nobody
 * else's business anyway. */
static void write_settlement(struct dynamodb_store *s, struct settlement *t, struct buf *body)
{
    const struct dynamodb_duty *duty = t->duty;
    const struct outbox_outcome *o = t->outcome;
    int64_t now = clock_wall_us(s->config.clock);
    struct dynamodb_update update = {.user_name = duty->item.user_name,
                                     .timestamp = duty->item.timestamp,
                                     .old_lease = duty->lease};
    if (o->what != OUTBOX_SENT) {
        new_lease(s, o->what != OUTBOX_DEAD && o->due_us > now ? o->due_us : now, &t->until_us,
                  t->lease);
        update.new_lease = t->lease;
        update.tries = true;
        update.attempts = duty->attempts + (o->what != OUTBOX_DEFER);
        update.due_us = o->due_us;
        update.error = o->error;
    }
    if (o->what == OUTBOX_DEAD) {
        dynamodb_item_state(DYNAMODB_DEAD, duty->id, t->state);
        update.state = t->state;
    }
    dynamodb_update_write(body, s, &update);
}

static void settled(struct dynamodb_store *s, const struct settlement *t)
{
    struct dynamodb_duty *duty = t->duty;
    const struct outbox_outcome *o = t->outcome;
    if (o->what == OUTBOX_SENT || o->what == OUTBOX_DEAD) {
        dynamodb_duties_drop(&s->duties, duty);
        return;
    }
    duty->attempts += o->what == OUTBOX_RETRY;
    duty->due_us = o->due_us;
    duty->lease_until_us = t->until_us;
    memcpy(duty->lease, t->lease, sizeof duty->lease);
    free(duty->error);
    duty->error = strdup(o->error); /* NULL: it is in the table all the same */
    dynamodb_duties_return(&s->duties, duty);
}

/* 0 when the outcome is noted. A condition that fails: noted before (the answer was lost), or the
 * lease is not ours any more; neither leaves anything to do here. */
static int judge(struct dynamodb_store *s, const struct settlement *t,
                 const struct dynamodb_step *step)
{
    if (step->outcome == CALL_OK) {
        settled(s, t);
        return 0;
    }
    if (dynamodb_step_conflict(step)) {
        lease_lost(s, t->duty);
        return 0;
    }
    note(s, step);
    return -1;
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

static void release_some(struct dynamodb_store *s, struct dynamodb_duty **duties, size_t count,
                         int64_t deadline_us)
{
    struct dynamodb_step steps[RELEASE_BATCH] = {0};
    char lease[DYNAMODB_LEASE_SIZE];
    dynamodb_item_lease(0, s->owner, lease);
    for (size_t i = 0; i < count; i++) {
        struct dynamodb_update update = {.user_name = duties[i]->item.user_name,
                                         .timestamp = duties[i]->item.timestamp,
                                         .old_lease = duties[i]->lease,
                                         .new_lease = lease};
        steps[i].op = DYNAMODB_UPDATE_ITEM;
        dynamodb_update_write(&steps[i].body, s, &update);
    }
    dynamodb_round_run(s->client, steps, count, deadline_us);
    dynamodb_steps_free(steps, count);
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
