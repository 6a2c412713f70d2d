/* Taking over what others left behind: an instance that was killed, one that could not keep all its
 * duties in memory, a dead letter that was made pending again. Looked for at the start, then about
 * every 45 s, and at once while there is more. */
#include "dynamodb_look.h"
#include "dynamodb_update.h"

#include "base/jitter.h"
#include "base/log.h"
#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND_US ((int64_t)1000000)

enum { LOOK_PER_SHARD = 10, LOOK_EVERY_S = 45, SCAN_EVERY_S = 600, SCAN_PAGE_S = 1 };
enum { TAKE_US = 10000000 };

/* At most that often, and as often as leases end when they are short. */
static int64_t look_every_us(const struct dynamodb_store *s)
{
    int64_t most = LOOK_EVERY_S * SECOND_US;
    return s->lease_us < most ? s->lease_us : most;
}

static int64_t scan_every_us(const struct dynamodb_store *s)
{
    int64_t most = SCAN_EVERY_S * SECOND_US;
    return 2 * s->lease_us < most ? 2 * s->lease_us : most;
}

void dynamodb_recover_init(struct dynamodb_store *s)
{
    s->recovery.random = (uint64_t)clock_wall_us(s->config.clock) | 1;
    s->recovery.next_us = INT64_MIN;
    s->recovery.next_scan_us = INT64_MIN;
    s->wake_us = INT64_MAX;
}

void dynamodb_recover_free(struct dynamodb_store *s)
{
    free(s->recovery.scan_from);
}

/* --- waking the notify thread --- */

static void on_wake(void *context)
{
    struct dynamodb_store *s = context;
    pthread_mutex_lock(&s->lock);
    s->wake_timer = 0;
    s->wake_us = INT64_MAX;
    bool closing = s->closing;
    pthread_mutex_unlock(&s->lock);
    if (!closing && s->config.pending != NULL) {
        s->config.pending(s->config.pending_context);
    }
    dynamodb_end(s);
}

static void arm(struct dynamodb_store *s, int64_t at_us)
{
    int64_t wait_us = at_us - clock_mono_us(s->config.clock);
    uint64_t id = transport_after(s->transport, wait_us > 0 ? wait_us : 0, on_wake, s);
    pthread_mutex_lock(&s->lock);
    s->wake_timer = s->wake_us != INT64_MAX ? id : 0;
    s->wake_us = id != 0 ? s->wake_us : INT64_MAX;
    pthread_mutex_unlock(&s->lock);
    if (id == 0) { /* no memory: the next put or due mail wakes it */
        dynamodb_end(s);
    }
}

/* Has the notify thread claim again at that time (mono), unless it will be earlier. A timer that
 * waits for later is made to come at once: the claim that follows comes by here again, and sets its
 * own. */
static void wake_at(struct dynamodb_store *s, int64_t at_us)
{
    uint64_t late = 0;
    pthread_mutex_lock(&s->lock);
    bool first = s->wake_us == INT64_MAX && !s->closing;
    if (first) {
        s->wake_us = at_us;
        s->outstanding++;
    } else if (at_us < s->wake_us) {
        s->wake_us = at_us;
        late = s->wake_timer;
    }
    pthread_mutex_unlock(&s->lock);
    if (first) {
        arm(s, at_us);
    } else if (late != 0) {
        transport_cancel(s->transport, late);
    }
}

/* From two thirds of the time to four thirds, so that instances do not look all at once. */
static int64_t about(struct dynamodb_recovery *r, int64_t us)
{
    return us * 2 / 3 + jitter(&r->random, us * 2 / 3);
}

/* --- taking over --- */

struct takeover {
    int64_t until_us;
    char lease[DYNAMODB_LEASE_SIZE];
};

static int64_t number_of(const json_t *item, const char *name, int64_t otherwise)
{
    int64_t value = otherwise;
    (void)num_parse_int(dynamodb_item_text(item, name), 0, INT64_MAX, &value);
    return value;
}

/* Keeps what the UpdateItem gave back. False: there is no room for it. */
static bool keep(struct dynamodb_store *s, const struct dynamodb_step *step,
                 const struct takeover *t)
{
    struct item item;
    json_t *answer = dynamodb_step_answer(step);
    const json_t *attributes = json_object_get(answer, "Attributes");
    bool good = dynamodb_item_read(attributes, &item);
    struct dynamodb_duty *duty = good ? dynamodb_duties_make(&s->duties, &item) : NULL;
    if (duty != NULL) {
        struct span error = dynamodb_item_text(attributes, DYNAMODB_ERROR);
        duty->attempts = (unsigned)number_of(attributes, DYNAMODB_ATTEMPTS, 0);
        int64_t due_us = number_of(attributes, DYNAMODB_DUE, 0);
        duty->due_us = due_us > 0 ? due_us - call_clock_offset_us(s->client) : duty->due_us;
        duty->error = error.len > 0 ? strndup(error.ptr, error.len) : NULL;
        duty->lease_until_us = t->until_us;
        memcpy(duty->lease, t->lease, sizeof duty->lease);
        dynamodb_duties_add(&s->duties, duty);
    }
    json_decref(answer);
    return duty != NULL;
}

/* Takes over what was found and is not held already. How many. */
static size_t take_over(struct dynamodb_store *s, const struct dynamodb_findings *found)
{
    size_t count = 0;
    size_t taken = 0;
    size_t room = dynamodb_duties_room(&s->duties);
    struct takeover *list = calloc(found->count + 1, sizeof *list);
    struct dynamodb_step *steps = calloc(found->count + 1, sizeof *steps);
    for (size_t i = 0; list != NULL && steps != NULL && i < found->count && count < room; i++) {
        const struct dynamodb_found *f = &found->list[i];
        if (dynamodb_duties_has(&s->duties, f->id)) {
            continue;
        }
        struct takeover *t = &list[count];
        t->until_us = dynamodb_now_us(s) + s->lease_us;
        dynamodb_item_lease(t->until_us, s->owner, t->lease);
        struct dynamodb_update update = {.user_name = f->user_name,
                                         .timestamp = f->timestamp,
                                         .old_lease = f->lease,
                                         .new_lease = t->lease,
                                         .whole = true};
        steps[count].op = DYNAMODB_UPDATE_ITEM;
        dynamodb_update_write(&steps[count++].body, s, &update);
    }
    if (count > 0) {
        dynamodb_round_within(&s->claims, s->client, steps, count,
                              clock_mono_us(s->config.clock) + TAKE_US);
    }
    for (size_t i = 0; i < count; i++) {
        taken += steps[i].outcome == CALL_OK && keep(s, &steps[i], &list[i]);
    }
    dynamodb_steps_free(steps, count);
    free(steps);
    free(list);
    return taken;
}

/* --- looking --- */

/* Says that looking fails, or works again; nothing of one that was left at the end. */
static void say(struct dynamodb_store *s, bool failing, const char *detail)
{
    struct dynamodb_recovery *r = &s->recovery;
    if (dynamodb_limit_passed(&s->claims) || failing == r->failing) {
        return;
    }
    r->failing = failing;
    if (failing) {
        log_warn("mails that another instance left behind cannot be looked for",
                 LOG_STR("reason", detail));
    } else {
        log_info("mails that another instance left behind can be looked for again");
    }
}

static void say_no_index(struct dynamodb_recovery *r, const char *detail)
{
    if (!r->no_index) {
        log_warn("the table has no index " DYNAMODB_INDEX ", so it is scanned now and then for "
                 "mails that were left behind; `reviewd table create` adds the index",
                 LOG_STR("reason", detail));
    }
    r->no_index = true;
}

/* One page of a Scan; when to look again. A page that fails is tried again at the next look, unless
 * the index is there by then; not sooner, because what fails is often denied for good. */
static int64_t scan(struct dynamodb_store *s, const struct dynamodb_query *query, int64_t now)
{
    struct dynamodb_recovery *r = &s->recovery;
    struct dynamodb_findings found = {0};
    char detail[CALL_DETAIL_SIZE] = "";
    if (!r->scanning && now < r->next_scan_us) {
        return about(r, look_every_us(s)); /* the index may be there by then */
    }
    enum dynamodb_look look = dynamodb_look_scan(s, query, &r->scan_from, &found, detail);
    take_over(s, &found);
    dynamodb_findings_free(&found);
    say(s, look == DYNAMODB_LOOK_FAILED, detail);
    r->scanning = look == DYNAMODB_LOOK_MORE;
    if (r->scanning) {
        return SCAN_PAGE_S * SECOND_US;
    }
    if (look == DYNAMODB_LOOK_DONE) {
        r->next_scan_us = now + about(r, scan_every_us(s));
    }
    return about(r, look_every_us(s));
}

/* Looks once; when to look again, 0 for at once. */
static int64_t look(struct dynamodb_store *s, bool asked)
{
    struct dynamodb_recovery *r = &s->recovery;
    struct dynamodb_findings found = {0};
    char detail[CALL_DETAIL_SIZE] = "";
    int64_t mono = clock_mono_us(s->config.clock);
    struct dynamodb_query query = {DYNAMODB_PENDING, dynamodb_now_us(s), LOOK_PER_SHARD};
    enum dynamodb_look result = DYNAMODB_LOOK_NO_INDEX;
    if (!r->scanning) {
        result = dynamodb_look_index(s, &query, &found, detail);
    }
    if (result == DYNAMODB_LOOK_NO_INDEX) {
        say_no_index(r, detail);
        dynamodb_findings_free(&found);
        r->next_scan_us = asked ? mono : r->next_scan_us;
        return scan(s, &query, mono);
    }
    say(s, result == DYNAMODB_LOOK_FAILED, detail);
    r->no_index = r->no_index && result == DYNAMODB_LOOK_FAILED;
    size_t taken = take_over(s, &found);
    dynamodb_findings_free(&found);
    bool more = result == DYNAMODB_LOOK_MORE && taken > 0;
    return more ? 0 : about(r, look_every_us(s));
}

void dynamodb_recover(struct dynamodb_store *s)
{
    struct dynamodb_recovery *r = &s->recovery;
    bool asked = atomic_load(&r->now);
    if (dynamodb_duties_room(&s->duties) == 0) {
        return;
    }
    if (clock_mono_us(s->config.clock) < r->next_us && !asked) {
        /* The timer may have been of a look before: then none is left for this one. */
        wake_at(s, r->next_us);
        return;
    }
    atomic_store(&r->now, false);
    int64_t wait_us = look(s, asked);
    atomic_store(&r->now, atomic_load(&r->now) || wait_us == 0);
    r->next_us = clock_mono_us(s->config.clock) + wait_us;
    wake_at(s, r->next_us);
}
