/* Dead letters. For listings and people, so none of it is fast: all are found first, by the index
 * or a Scan. */
#include "dynamodb_count.h"
#include "dynamodb_look.h"
#include "dynamodb_update.h"

#include "base/log.h"
#include "base/num.h"
#include "instant.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUND_US = 20000000, ROUND_SIZE = 64 };

static int by_id(const void *a, const void *b)
{
    const struct dynamodb_found *x = a;
    const struct dynamodb_found *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* All of them, ordered by id. 0 or -1; to be freed in any case. */
static int find_all(struct dynamodb_store *s, struct dynamodb_findings *found)
{
    char detail[CALL_DETAIL_SIZE] = "";
    struct dynamodb_query query = {DYNAMODB_DEAD, INT64_MAX, 0};
    *found = (struct dynamodb_findings){0};
    if (dynamodb_look_all(s, &query, found, detail) != DYNAMODB_LOOK_DONE) {
        log_warn("the outbox in the table cannot be read", LOG_STR("reason", detail));
        return -1;
    }
    if (found->count > 0) {
        qsort(found->list, found->count, sizeof *found->list, by_id);
    }
    return 0;
}

/* --- listing --- */

static void write_get(struct buf *out, const struct dynamodb_store *s,
                      const struct dynamodb_found *f)
{
    dynamodb_write_table(out, s);
    buf_add_str(out, ",\"ConsistentRead\":true,\"Key\":");
    dynamodb_item_write_key(out, f->user_name, f->timestamp);
    buf_add_char(out, '}');
}

static bool fill(struct outbox_entry *entry, const json_t *json, uint64_t id)
{
    struct item item;
    int64_t attempts = 0;
    if (!dynamodb_item_read(json, &item)) {
        return false;
    }
    char *memory = malloc(dynamodb_item_size(&item) + 1);
    if (memory == NULL) {
        return false;
    }
    struct span error = dynamodb_item_text(json, DYNAMODB_ERROR);
    (void)num_parse_int(dynamodb_item_text(json, DYNAMODB_ATTEMPTS), 0, UINT32_MAX, &attempts);
    *entry = (struct outbox_entry){.id = id,
                                   .attempts = (unsigned)attempts,
                                   .created_us = instant_of(item.timestamp, 0),
                                   .item = dynamodb_item_copy(&item, memory),
                                   .memory = memory};
    (void)snprintf(entry->last_error, sizeof entry->last_error, "%.*s", (int)error.len,
                   error.ptr != NULL ? error.ptr : "");
    return true;
}

/* Fills from the answer; an item that is gone by now, or dead no more, is left out. -1: failed. */
static int take(struct outbox_entry *entry, const struct dynamodb_step *step, uint64_t id)
{
    if (step->outcome != CALL_OK) {
        log_warn("a dead letter cannot be read", LOG_STR("reason", step->detail));
        return -1;
    }
    json_t *answer = dynamodb_step_answer(step);
    const json_t *json = json_object_get(answer, "Item");
    struct span state = dynamodb_item_text(json, DYNAMODB_STATE);
    bool dead = state.len > 4 && memcmp(state.ptr, DYNAMODB_DEAD, 4) == 0;
    int result = answer == NULL ? -1 : 0;
    if (dead) {
        result = fill(entry, json, id) ? 1 : -1;
    }
    json_decref(answer);
    return result;
}

/* The dead letters as they were when a listing began, so that its pages need not look for all of
 * them again. */
struct dynamodb_listing {
    struct dynamodb_findings found;
    size_t next;      /* in `found` */
    uint64_t last_id; /* the last that was given; the page behind it goes on */
};

void dynamodb_dead_free(struct dynamodb_store *s)
{
    if (s->listing != NULL) {
        dynamodb_findings_free(&s->listing->found);
        free(s->listing);
        s->listing = NULL;
    }
}

/* Goes on with the listing that has come to `after_id`, or begins one behind it. 0 or -1. */
static int go_on(struct dynamodb_store *s, uint64_t after_id)
{
    if (s->listing != NULL && after_id != 0 && s->listing->last_id == after_id) {
        return 0;
    }
    dynamodb_dead_free(s);
    struct dynamodb_listing *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return -1;
    }
    s->listing = l;
    if (find_all(s, &l->found) != 0) {
        return -1;
    }
    while (l->next < l->found.count && l->found.list[l->next].id <= after_id) {
        l->next++;
    }
    return 0;
}

/* Reads the next up to `max`, fewer when some are gone; how many, or -1. */
static int list_some(struct dynamodb_store *s, struct outbox_entry *entries, size_t max)
{
    struct dynamodb_listing *l = s->listing;
    struct dynamodb_step steps[ROUND_SIZE] = {0};
    const struct dynamodb_found *list = &l->found.list[l->next];
    size_t left = l->found.count - l->next;
    size_t count = left < max ? left : max;
    int filled = 0;
    count = count < ROUND_SIZE ? count : ROUND_SIZE;
    for (size_t i = 0; i < count; i++) {
        steps[i].op = DYNAMODB_GET_ITEM;
        write_get(&steps[i].body, s, &list[i]);
    }
    dynamodb_round_run(s->client, steps, count, clock_mono_us(s->config.clock) + ROUND_US);
    for (size_t i = 0; i < count && filled >= 0; i++) {
        int one = take(&entries[filled], &steps[i], list[i].id);
        while (one < 0 && filled > 0) {
            outbox_entry_free(&entries[--filled]);
        }
        filled += one;
    }
    dynamodb_steps_free(steps, count);
    l->next += count;
    return filled;
}

int dynamodb_dead_list(struct dynamodb_store *s, uint64_t after_id, struct outbox_entry *entries,
                       size_t max)
{
    size_t filled = 0;
    int more = go_on(s, after_id);
    while (more >= 0 && filled < max && s->listing->next < s->listing->found.count) {
        more = list_some(s, &entries[filled], max - filled);
        filled += more > 0 ? (size_t)more : 0;
    }
    while (more < 0 && filled > 0) {
        outbox_entry_free(&entries[--filled]);
    }
    if (more < 0 || filled < max) { /* failed, or at the end */
        dynamodb_dead_free(s);
    } else if (filled > 0) {
        s->listing->last_id = entries[filled - 1].id;
    }
    return more < 0 ? -1 : (int)filled;
}

/* --- changing --- */

/* Writes the change of one dead letter: pending again, with a lease that has ended, or nothing
 * owed. */
static void write_change(struct buf *out, const struct dynamodb_store *s,
                         const struct dynamodb_found *f, bool requeue)
{
    char lease[DYNAMODB_LEASE_SIZE];
    char state[DYNAMODB_STATE_SIZE];
    dynamodb_item_lease(0, s->owner, lease);
    dynamodb_item_state(DYNAMODB_PENDING, f->id, state);
    struct dynamodb_update update = {
        .user_name = f->user_name, .timestamp = f->timestamp, .old_lease = f->lease};
    if (requeue) {
        update.new_lease = lease;
        update.state = state;
        update.fresh = true;
    }
    dynamodb_update_write(out, s, &update);
}

/* Changes some; how many, or -1. A condition that fails: somebody else has changed it. */
static int change_some(struct dynamodb_store *s, const struct dynamodb_found *list, size_t count,
                       bool requeue)
{
    struct dynamodb_step steps[ROUND_SIZE] = {0};
    int changed = 0;
    for (size_t i = 0; i < count; i++) {
        steps[i].op = DYNAMODB_UPDATE_ITEM;
        write_change(&steps[i].body, s, &list[i], requeue);
    }
    dynamodb_round_run(s->client, steps, count, clock_mono_us(s->config.clock) + ROUND_US);
    for (size_t i = 0; i < count; i++) {
        bool failed = steps[i].outcome != CALL_OK && !dynamodb_step_conflict(&steps[i]);
        if (failed && changed >= 0) {
            log_warn("a dead letter cannot be changed", LOG_STR("reason", steps[i].detail));
            changed = -1;
        }
        changed += changed >= 0 && steps[i].outcome == CALL_OK;
    }
    dynamodb_steps_free(steps, count);
    dynamodb_count_dead_gone(s, changed > 0 ? changed : 0);
    return changed;
}

/* One dead letter, or all with id 0. */
static int change(struct dynamodb_store *s, uint64_t id, bool requeue)
{
    struct dynamodb_findings found;
    int changed = find_all(s, &found);
    size_t first = 0;
    size_t end = found.count;
    while (id != 0 && first < end && found.list[first].id != id) {
        first++;
    }
    end = id != 0 && first < end ? first + 1 : end;
    while (changed >= 0 && first < end) {
        size_t some = end - first < ROUND_SIZE ? end - first : ROUND_SIZE;
        int now = change_some(s, &found.list[first], some, requeue);
        changed = now >= 0 ? changed + now : -1;
        first += some;
    }
    dynamodb_findings_free(&found);
    return changed;
}

int dynamodb_dead_requeue(struct dynamodb_store *s, uint64_t id)
{
    int changed = change(s, id, true);
    if (changed > 0) {
        atomic_store(&s->recovery.now, true);
        if (s->config.pending != NULL) {
            s->config.pending(s->config.pending_context);
        }
    }
    return changed;
}

int dynamodb_dead_drop(struct dynamodb_store *s, uint64_t id)
{
    return change(s, id, false);
}
