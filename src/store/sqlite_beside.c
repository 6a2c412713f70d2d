#include "store/sqlite.h"

#include "sqlite_outbox.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUSY_MS = 5000 };

/* A store for tools: no thread, no queue; each call is a short transaction of the caller. */
struct beside {
    struct store store;
    struct sqlite_db db;
    struct clock *clock;
    char *path;
    bool failed;
    struct sqlite_error error; /* of the last call that failed */
};

static int noted(struct beside *b, int result)
{
    b->failed = result < 0;
    return result;
}

static enum store_result put(struct store *s, struct store_put *p)
{
    (void)s;
    (void)p;
    return STORE_UNAVAILABLE;
}

static bool ready(struct store *s, char reason[STORE_ERROR_SIZE])
{
    struct beside *b = (struct beside *)s;
    if (b->failed) {
        memcpy(reason, b->error.reason, STORE_ERROR_SIZE);
    }
    return !b->failed;
}

static int claim(struct store *s, int64_t now_us, struct outbox_entry *entries, size_t max,
                 int64_t *next_due_us)
{
    (void)s;
    (void)now_us;
    (void)entries;
    (void)max;
    *next_due_us = INT64_MAX;
    return -1;
}

static int settle(struct store *s, const struct outbox_outcome *outcomes, size_t count)
{
    (void)s;
    (void)outcomes;
    (void)count;
    return -1;
}

static int count(struct store *s, struct outbox_counts *counts)
{
    struct beside *b = (struct beside *)s;
    return noted(b, sqlite_outbox_count(&b->db, counts, &b->error));
}

static int dead_list(struct store *s, uint64_t after_id, struct outbox_entry *entries, size_t max)
{
    struct beside *b = (struct beside *)s;
    return noted(b, sqlite_outbox_dead_list(&b->db, after_id, entries, max, &b->error));
}

static int dead_requeue(struct store *s, uint64_t id)
{
    struct beside *b = (struct beside *)s;
    struct sqlite_delta delta = {0};
    return noted(
        b, sqlite_outbox_dead_requeue(&b->db, id, clock_wall_us(b->clock), &delta, &b->error));
}

static int dead_drop(struct store *s, uint64_t id)
{
    struct beside *b = (struct beside *)s;
    struct sqlite_delta delta = {0};
    return noted(b, sqlite_outbox_dead_drop(&b->db, id, &delta, &b->error));
}

static void close_store(struct store *s)
{
    struct beside *b = (struct beside *)s;
    sqlite_db_close(&b->db);
    free(b->path);
    free(b);
}

static const struct store_ops ops = {
    .put = put,
    .ready = ready,
    .claim = claim,
    .settle = settle,
    .count = count,
    .dead_list = dead_list,
    .dead_requeue = dead_requeue,
    .dead_drop = dead_drop,
    .close = close_store,
};

struct store *store_sqlite_open_beside(const char *path, struct clock *clock,
                                       char reason[STORE_ERROR_SIZE])
{
    struct beside *b = calloc(1, sizeof *b);
    if (b != NULL) {
        b->path = realpath(path, NULL);
    }
    if (b == NULL || b->path == NULL) {
        snprintf(reason, STORE_ERROR_SIZE, "cannot open the database %.140s: %s", path,
                 strerror(b == NULL ? ENOMEM : errno));
        free(b);
        return NULL;
    }
    b->store.ops = &ops;
    b->clock = clock;
    if (sqlite_db_open(&b->db, b->path, SQLITE_DB_BESIDE, BUSY_MS, &b->error) != 0) {
        memcpy(reason, b->error.reason, STORE_ERROR_SIZE);
        free(b->path);
        free(b);
        return NULL;
    }
    return &b->store;
}

bool store_sqlite_served(const char *path)
{
    return sqlite_file_locked(path);
}
