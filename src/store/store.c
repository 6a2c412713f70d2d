#include "store/store.h"

#include <stdlib.h>

enum store_result store_put(struct store *s, struct store_put *put)
{
    return s->ops->put(s, put);
}

bool store_ready(struct store *s, char reason[STORE_ERROR_SIZE])
{
    return s->ops->ready(s, reason);
}

int store_claim(struct store *s, int64_t now_us, struct outbox_entry *entries, size_t max,
                int64_t *next_due_us)
{
    return s->ops->claim(s, now_us, entries, max, next_due_us);
}

int store_settle(struct store *s, const struct outbox_outcome *outcomes, size_t count)
{
    return s->ops->settle(s, outcomes, count);
}

void store_end_outbox(struct store *s, int64_t deadline_us)
{
    if (s->ops->end_outbox != NULL) {
        s->ops->end_outbox(s, deadline_us);
    }
}

int store_count(struct store *s, struct outbox_counts *counts)
{
    return s->ops->count(s, counts);
}

int store_backlog(struct store *s, uint64_t enough, uint64_t *pending)
{
    struct outbox_counts counts;
    if (s->ops->backlog != NULL) {
        return s->ops->backlog(s, enough, pending);
    }
    int result = s->ops->count(s, &counts);
    *pending = result == 0 ? counts.pending : 0;
    return result;
}

int store_dead_list(struct store *s, uint64_t after_id, struct outbox_entry *entries, size_t max)
{
    return s->ops->dead_list(s, after_id, entries, max);
}

int store_dead_requeue(struct store *s, uint64_t id)
{
    return s->ops->dead_requeue(s, id);
}

int store_dead_drop(struct store *s, uint64_t id)
{
    return s->ops->dead_drop(s, id);
}

enum store_result store_read(struct store *s, struct store_read *read)
{
    return s->ops->read != NULL ? s->ops->read(s, read) : STORE_UNAVAILABLE;
}

void store_close(struct store *s)
{
    if (s != NULL) {
        s->ops->close(s);
    }
}

void outbox_entry_free(struct outbox_entry *entry)
{
    free(entry->memory);
    *entry = (struct outbox_entry){0};
}
