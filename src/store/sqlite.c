#include "store/sqlite.h"

#include "sqlite_read.h"
#include "sqlite_writer.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct sqlite_store {
    struct store store;
    struct sqlite_writer writer;
    struct sqlite_read reader;
    char *path;
    int lock_fd;
};

static struct sqlite_writer *writer_of(struct store *s)
{
    return &((struct sqlite_store *)s)->writer;
}

static enum store_result put(struct store *s, struct store_put *p)
{
    struct sqlite_writer *w = writer_of(s);
    p->queued_us = clock_mono_us(w->config.clock);
    return sqlite_queue_put(&w->queue, p);
}

static bool ready(struct store *s, char reason[STORE_ERROR_SIZE])
{
    return sqlite_health_ready(&writer_of(s)->health, reason);
}

/* A call of the outbox functions on its way to the writer thread; `job` comes first. */
struct call {
    struct sqlite_job job;
    union {
        struct sqlite_claim claim;
        struct sqlite_settlement settle;
        struct outbox_counts *counts;
        struct {
            uint64_t after_id;
            struct outbox_entry *entries;
            size_t max;
        } list;
        uint64_t id;
    };
    int result;
};

static int run_call(struct store *s, struct call *call,
                    void (*run)(struct sqlite_job *job, void *writer))
{
    struct sqlite_writer *w = writer_of(s);
    call->job.run = run;
    call->result = -1;
    sqlite_queue_call(&w->queue, &call->job);
    return call->result;
}

/* Reads that fail are counted; whether the store can write, they do not decide. */
static void note_read(struct sqlite_writer *w, const struct call *call,
                      const struct sqlite_error *error)
{
    if (call->result >= 0) {
        return;
    }
    sqlite_health_count(&w->health, error);
    log_warn("store cannot read the outbox", LOG_STR("reason", error->reason));
}

static void run_claim(struct sqlite_job *job, void *writer)
{
    struct sqlite_writer *w = writer;
    struct call *call = (struct call *)job;
    struct sqlite_delta delta = {0};
    struct sqlite_error error;
    if (w->db.handle == NULL) {
        return;
    }
    call->result = sqlite_outbox_claim(&w->db, &w->claims, &call->claim, &delta, &error);
    sqlite_writer_adjust(w, &delta);
    note_read(w, call, &error);
}

static int claim(struct store *s, int64_t now_us, struct outbox_entry *entries, size_t max,
                 int64_t *next_due_us)
{
    struct call call = {.claim = {.now_us = now_us, .entries = entries, .max = max}};
    int result = run_call(s, &call, run_claim);
    *next_due_us = result == 0 ? call.claim.next_due_us : INT64_MAX;
    return result == 0 ? (int)call.claim.count : -1;
}

static void run_settle(struct sqlite_job *job, void *writer)
{
    struct sqlite_writer *w = writer;
    struct call *call = (struct call *)job;
    struct sqlite_delta delta = {0};
    struct sqlite_error error;
    if (sqlite_writer_prepare(w, &error) != 0) {
        return;
    }
    call->result = sqlite_outbox_settle(&w->db, &w->claims, &call->settle, &delta, &error);
    sqlite_writer_note(w, call->result, &error);
    if (call->result != 0) {
        return;
    }
    sqlite_claims_remove(&w->claims, call->settle.outcomes, call->settle.count);
    sqlite_writer_adjust(w, &delta);
}

static int settle(struct store *s, const struct outbox_outcome *outcomes, size_t count)
{
    struct call call = {.settle = {outcomes, count}};
    return count == 0 ? 0 : run_call(s, &call, run_settle);
}

static void run_count(struct sqlite_job *job, void *writer)
{
    struct sqlite_writer *w = writer;
    struct call *call = (struct call *)job;
    struct sqlite_error error;
    if (w->db.handle == NULL) {
        return;
    }
    call->result = sqlite_writer_refresh(w, &error);
    *call->counts = w->counts;
    note_read(w, call, &error);
}

static int count(struct store *s, struct outbox_counts *counts)
{
    struct call call = {.counts = counts};
    return run_call(s, &call, run_count);
}

static void run_dead_list(struct sqlite_job *job, void *writer)
{
    struct sqlite_writer *w = writer;
    struct call *call = (struct call *)job;
    struct sqlite_error error;
    if (w->db.handle == NULL) {
        return;
    }
    call->result = sqlite_outbox_dead_list(&w->db, call->list.after_id, call->list.entries,
                                           call->list.max, &error);
    note_read(w, call, &error);
}

static int dead_list(struct store *s, uint64_t after_id, struct outbox_entry *entries, size_t max)
{
    struct call call = {.list = {after_id, entries, max}};
    return run_call(s, &call, run_dead_list);
}

static void run_dead_requeue(struct sqlite_job *job, void *writer)
{
    struct sqlite_writer *w = writer;
    struct call *call = (struct call *)job;
    struct sqlite_delta delta = {0};
    struct sqlite_error error;
    if (sqlite_writer_prepare(w, &error) != 0) {
        return;
    }
    call->result = sqlite_outbox_dead_requeue(&w->db, call->id, clock_wall_us(w->config.clock),
                                              &delta, &error);
    sqlite_writer_note(w, call->result, &error);
    sqlite_writer_adjust(w, &delta);
    if (call->result > 0 && w->config.pending != NULL) {
        w->config.pending(w->config.pending_context);
    }
}

static int dead_requeue(struct store *s, uint64_t id)
{
    struct call call = {.id = id};
    return run_call(s, &call, run_dead_requeue);
}

static void run_dead_drop(struct sqlite_job *job, void *writer)
{
    struct sqlite_writer *w = writer;
    struct call *call = (struct call *)job;
    struct sqlite_delta delta = {0};
    struct sqlite_error error;
    if (sqlite_writer_prepare(w, &error) != 0) {
        return;
    }
    call->result = sqlite_outbox_dead_drop(&w->db, call->id, &delta, &error);
    sqlite_writer_note(w, call->result, &error);
    sqlite_writer_adjust(w, &delta);
}

static int dead_drop(struct store *s, uint64_t id)
{
    struct call call = {.id = id};
    return run_call(s, &call, run_dead_drop);
}

static enum store_result read_page(struct store *s, struct store_read *read)
{
    return sqlite_read_queue(&((struct sqlite_store *)s)->reader, read);
}

static void close_store(struct store *s)
{
    struct sqlite_store *store = (struct sqlite_store *)s;
    sqlite_read_stop(&store->reader);
    sqlite_writer_stop(&store->writer);
    close(store->lock_fd);
    free(store->path);
    free(store);
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
    .read = read_page,
    .close = close_store,
};

/* The file's own name, so that two names of one file meet in one lock. */
static char *real_path(const char *path)
{
    char *real = realpath(path, NULL);
    return real != NULL ? real : strdup(path);
}

struct store *store_sqlite_open(const char *path, const struct store_config *config,
                                char reason[STORE_ERROR_SIZE])
{
    struct sqlite_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        goto no_memory;
    }
    store->store.ops = &ops;
    if (sqlite_file_make_folder(path, reason) != 0) {
        goto no_path;
    }
    store->path = real_path(path);
    if (store->path == NULL) {
        free(store);
        goto no_memory;
    }
    if (sqlite_file_check(store->path, reason) != 0) {
        goto no_lock;
    }
    store->lock_fd = sqlite_file_lock(store->path, reason);
    if (store->lock_fd < 0) {
        goto no_lock;
    }
    sqlite_file_create(store->path);
    if (sqlite_writer_start(&store->writer, store->path, config, reason) != 0) {
        goto no_writer;
    }
    sqlite_read_init(&store->reader, store->path, &store->writer.config);
    return &store->store;
no_writer:
    close(store->lock_fd);
no_lock:
    free(store->path);
no_path:
    free(store);
    return NULL;
no_memory:
    snprintf(reason, STORE_ERROR_SIZE, "cannot open the database %s: out of memory", path);
    return NULL;
}
