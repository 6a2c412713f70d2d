#include "sqlite_writer.h"

#include "put_list.h"
#include "sqlite_schema.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* More rows a commit gain nothing, and make the first of them wait; the bytes are all in memory. */
static const struct sqlite_batch batch_max = {.rows = 256, .bytes = (size_t)4 * 1024 * 1024};

enum {
    /* How often the thread looks for what others did to the files. */
    LOOK_US = 5 * 1000 * 1000,
    BUSY_MAX_MS = 2000
};

struct batch {
    struct put_list accepted, conflicts, expired;
    size_t rows;
    int64_t notify;
};

static int64_t now_us(struct sqlite_writer *w)
{
    return clock_mono_us(w->config.clock);
}

static void show_counts(struct sqlite_writer *w)
{
    metric_set(w->pending, (int64_t)w->counts.pending);
    metric_set(w->dead, (int64_t)w->counts.dead);
}

void sqlite_writer_adjust(struct sqlite_writer *w, const struct sqlite_delta *delta)
{
    w->counts.pending = (uint64_t)((int64_t)w->counts.pending + delta->pending);
    w->counts.dead = (uint64_t)((int64_t)w->counts.dead + delta->dead);
    show_counts(w);
}

/* Counts anew; call when the counts cannot be known otherwise. */
static int recount(struct sqlite_writer *w, struct sqlite_error *error)
{
    int64_t version = sqlite_db_data_version(&w->db);
    if (sqlite_outbox_count(&w->db, &w->counts, error) != 0) {
        return -1;
    }
    w->data_version = version;
    show_counts(w);
    return 0;
}

int sqlite_writer_refresh(struct sqlite_writer *w, struct sqlite_error *error)
{
    return sqlite_db_data_version(&w->db) == w->data_version ? 0 : recount(w, error);
}

static int open_both(struct sqlite_writer *w, const char *path, enum sqlite_db_mode mode,
                     struct sqlite_error *error)
{
    if (sqlite_db_open(&w->db, path, mode, w->busy_ms, error) != 0) {
        return -1;
    }
    if (sqlite_checkpoint_attach(&w->checkpoint, path, w->busy_ms, error) == 0) {
        return 0;
    }
    sqlite_db_close(&w->db);
    return -1;
}

static void close_both(struct sqlite_writer *w)
{
    sqlite_checkpoint_detach(&w->checkpoint, &w->db);
    sqlite_db_close(&w->db);
}

/* Makes sure that there is a connection that may be written through. */
static int connect_again(struct sqlite_writer *w, struct sqlite_error *error)
{
    if (w->db.handle != NULL && !w->health.reopen) {
        return 0;
    }
    close_both(w);
    if (open_both(w, w->db.path, SQLITE_DB_EXISTING, error) != 0) {
        return -1;
    }
    w->health.reopen = false;
    return recount(w, error);
}

int sqlite_writer_prepare(struct sqlite_writer *w, struct sqlite_error *error)
{
    if (!sqlite_health_may_try(&w->health, now_us(w))) {
        *error = w->health.error;
        return -1;
    }
    if (connect_again(w, error) == 0) {
        return 0;
    }
    sqlite_health_failed(&w->health, error, now_us(w));
    return -1;
}

void sqlite_writer_note(struct sqlite_writer *w, int result, const struct sqlite_error *error)
{
    if (result < 0) {
        sqlite_health_failed(&w->health, error, now_us(w));
    } else {
        sqlite_health_recovered(&w->health, now_us(w));
    }
}

/* Inserts one review, and its duty to mail, into the open transaction. */
static int insert(struct sqlite_writer *w, struct store_put *put, struct batch *batch,
                  struct sqlite_error *error)
{
    sqlite3_stmt *statement = sqlite_db_statement(&w->db, STMT_PUT_REVIEW);
    sqlite_db_bind(statement, 1, put->item.user_name);
    sqlite_db_bind(statement, 2, put->item.timestamp);
    sqlite_db_bind(statement, 3, put->item.review);
    sqlite_db_bind(statement, 4, put->item.sentiment);
    sqlite_db_bind(statement, 5, put->item.polarity_score);
    if (sqlite_db_run(&w->db, STMT_PUT_REVIEW, error) != 0) {
        return -1;
    }
    if (sqlite3_changes(w->db.handle) == 0) {
        put_list_add(&batch->conflicts, put);
        return 0;
    }
    if (put->notify &&
        sqlite_outbox_add(&w->db, &put->item, clock_wall_us(w->config.clock), error) != 0) {
        return -1;
    }
    put_list_add(&batch->accepted, put);
    batch->rows++;
    batch->notify += put->notify;
    return 0;
}

/* One transaction for all of `puts`; each ends in one of the batch's lists, also when the
 * transaction fails. */
static int write_all(struct sqlite_writer *w, struct store_put *puts, struct batch *batch,
                     struct sqlite_error *error)
{
    sqlite_db_statement(&w->db, STMT_BEGIN);
    int result = sqlite_db_run(&w->db, STMT_BEGIN, error);
    while (puts != NULL) {
        struct store_put *next = puts->next;
        if (result == 0) {
            result = insert(w, puts, batch, error);
        }
        if (result != 0) {
            put_list_add(&batch->accepted, puts);
        }
        puts = next;
    }
    if (result != 0) {
        sqlite_db_rollback(&w->db);
        return -1;
    }
    if (sqlite_db_commit(&w->db, error) == 0) {
        return 0;
    }
    /* Overwrites what the commit may have left in the WAL: see the header. */
    struct sqlite_error ignored;
    sqlite_db_probe(&w->db, &ignored);
    return -1;
}

/* Takes out of `puts` what has waited too long. */
static struct store_put *drop_expired(struct sqlite_writer *w, struct store_put *puts,
                                      struct put_list *expired)
{
    struct put_list fresh;
    put_list_init(&fresh);
    while (puts != NULL) {
        struct store_put *next = puts->next;
        put_list_add(sqlite_queue_overdue(&w->config, puts->queued_us) ? expired : &fresh, puts);
        puts = next;
    }
    return fresh.first;
}

static void write_puts(struct sqlite_writer *w, struct store_put *puts, bool closing)
{
    enum store_result refusal = closing ? STORE_CLOSED : STORE_UNAVAILABLE;
    struct sqlite_error error;
    struct batch batch = {0};
    put_list_init(&batch.accepted);
    put_list_init(&batch.conflicts);
    put_list_init(&batch.expired);
    int64_t start_us = now_us(w);
    puts = drop_expired(w, puts, &batch.expired);
    if (puts != NULL && sqlite_writer_prepare(w, &error) == 0) {
        int result = write_all(w, puts, &batch, &error);
        int64_t end_us = now_us(w);
        metric_observe_us(w->commits, end_us - start_us);
        sqlite_writer_note(w, result, &error);
        if (result == 0) {
            refusal = STORE_OK;
        }
    } else {
        batch.accepted.first = puts;
    }
    bool written = refusal == STORE_OK;
    if (written) {
        metric_add(w->rows, batch.rows);
        sqlite_writer_adjust(w, &(struct sqlite_delta){.pending = batch.notify});
    }
    /* A conflict with a review that was not committed after all is none. */
    size_t count = put_list_finish(&batch.accepted, refusal);
    count += put_list_finish(&batch.conflicts, written ? STORE_CONFLICT : refusal);
    if (!written) {
        w->health.refused += count;
    }
    metric_add(w->health.deadline,
               put_list_finish(&batch.expired, closing ? STORE_CLOSED : STORE_UNAVAILABLE));
    if (written && batch.notify > 0 && w->config.pending != NULL) {
        w->config.pending(w->config.pending_context);
    }
}

/* Whether writing a page can show that the trouble is over. */
static bool probe_tells(struct sqlite_writer *w)
{
    if (w->health.error.kind != SQLITE_KIND_CORRUPT || w->db.handle == NULL) {
        return true;
    }
    if (sqlite_file_moved(w->db.path, &w->db.ids) != NULL) {
        w->health.reopen = true;
    }
    return w->health.reopen || sqlite_db_data_version(&w->db) != w->data_version;
}

static void probe(struct sqlite_writer *w)
{
    struct sqlite_error error;
    w->health.tried_us = now_us(w);
    if (!probe_tells(w)) {
        return;
    }
    int result = connect_again(w, &error);
    if (result == 0) {
        result = sqlite_db_probe(&w->db, &error);
    }
    if (result == 0) {
        result = sqlite_writer_refresh(w, &error);
    }
    sqlite_writer_note(w, result, &error);
    if (result == 0 && w->counts.pending > 0 && w->config.pending != NULL) {
        w->config.pending(w->config.pending_context);
    }
}

/* Notices what others did: files deleted, dead letters requeued by a tool. */
static void look_after_files(struct sqlite_writer *w)
{
    struct sqlite_error error;
    if (sqlite_db_unmoved(&w->db, &error) != 0) {
        sqlite_health_failed(&w->health, &error, now_us(w));
        return;
    }
    if (sqlite_db_data_version(&w->db) == w->data_version) {
        return;
    }
    if (recount(w, &error) != 0) {
        sqlite_health_count(&w->health, &error);
    } else if (w->counts.pending > 0 && w->config.pending != NULL) {
        w->config.pending(w->config.pending_context);
    }
}

/* What is to be done besides puts and jobs. */
static void maintain(struct sqlite_writer *w, bool idle)
{
    int64_t now = now_us(w);
    if (w->health.failing) {
        if (now - w->health.tried_us >= SQLITE_HEALTH_RETRY_IDLE_US) {
            probe(w);
        }
        return;
    }
    sqlite_checkpoint_tend(&w->checkpoint, &w->db);
    metric_set(w->wal_pages, w->db.wal_pages);
    if (now - w->looked_us < LOOK_US) {
        return;
    }
    w->looked_us = now;
    look_after_files(w);
    if (idle && !w->health.failing && w->db.wal_pages > 0) {
        sqlite_checkpoint_finish(&w->checkpoint, &w->db);
    }
}

static int64_t wait_us(struct sqlite_writer *w)
{
    int64_t until = w->health.failing ? w->health.tried_us + SQLITE_HEALTH_RETRY_IDLE_US
                                      : w->looked_us + LOOK_US;
    int64_t left = until - now_us(w);
    return left > 0 ? left : 0;
}

static void *run(void *argument)
{
    struct sqlite_writer *w = argument;
    struct sqlite_work work;
    do {
        work = sqlite_queue_take(&w->queue, batch_max, wait_us(w));
        if (work.puts != NULL) {
            write_puts(w, work.puts, work.closing);
        }
        sqlite_queue_run(&w->queue, work.jobs, w);
        maintain(w, work.puts == NULL && work.jobs == NULL);
    } while (!work.last);
    return NULL;
}

static void register_metrics(struct sqlite_writer *w)
{
    struct metrics *m = w->config.metrics;
    w->commits =
        metrics_histogram(m, (struct metric_name){"reviewd_store_commit_seconds",
                                                  "Time of one transaction of puts.", NULL});
    w->rows = metrics_counter(m, (struct metric_name){"reviewd_store_batch_rows_total",
                                                      "Reviews committed by the store.", NULL});
    w->pending = metrics_gauge(
        m, (struct metric_name){"reviewd_outbox_pending", "Reviews that wait to be mailed.", NULL});
    w->dead =
        metrics_gauge(m, (struct metric_name){"reviewd_outbox_dead",
                                              "Mails that were given up (dead letters).", NULL});
    w->wal_pages = metrics_gauge(
        m, (struct metric_name){"reviewd_store_wal_pages", "Pages in the write-ahead log.", NULL});
}

/* Locks of others are waited for, but never so long that the puts behind would miss their deadline.
 */
static int busy_timeout_ms(int64_t put_deadline_ms)
{
    int64_t half = put_deadline_ms / 2;
    return (int)(half < BUSY_MAX_MS ? half : BUSY_MAX_MS);
}

static void thread_failed(struct sqlite_error *error, int rc)
{
    snprintf(error->reason, sizeof error->reason, "cannot make a thread of the store: %s",
             strerror(rc));
}

int sqlite_writer_start(struct sqlite_writer *w, const char *path,
                        const struct store_config *config, char reason[STORE_ERROR_SIZE])
{
    struct sqlite_error error = {SQLITE_KIND_MEMORY, "cannot make a lock: out of memory"};
    *w = (struct sqlite_writer){
        .config = *config,
        .busy_ms = busy_timeout_ms(config->put_deadline_ms),
        .looked_us = clock_mono_us(config->clock),
    };
    struct metric *length = metrics_gauge(
        config->metrics, (struct metric_name){"reviewd_store_queue_length",
                                              "Reviews that wait for the store.", NULL});
    register_metrics(w);
    if (sqlite_queue_init(&w->queue, config->queue_limit, length) != 0) {
        goto no_queue;
    }
    if (sqlite_health_init(&w->health, config->metrics) != 0) {
        goto no_health;
    }
    int rc = sqlite_checkpoint_start(&w->checkpoint, &w->health);
    if (rc != 0) {
        thread_failed(&error, rc);
        goto no_checkpoint;
    }
    if (open_both(w, path, SQLITE_DB_CREATE, &error) != 0) {
        goto no_db;
    }
    if (recount(w, &error) != 0) {
        goto no_thread;
    }
    log_info("store opened", LOG_STR("path", path), LOG_INT("schema", sqlite_schema_latest()),
             LOG_INT("pending", (int64_t)w->counts.pending),
             LOG_INT("dead", (int64_t)w->counts.dead));
    rc = pthread_create(&w->thread, NULL, run, w);
    if (rc != 0) {
        thread_failed(&error, rc);
        goto no_thread;
    }
    pthread_setname_np(w->thread, "store");
    return 0;
no_thread:
    close_both(w);
no_db:
    sqlite_checkpoint_stop(&w->checkpoint);
no_checkpoint:
    sqlite_health_destroy(&w->health);
no_health:
    sqlite_queue_destroy(&w->queue);
no_queue:
    memcpy(reason, error.reason, STORE_ERROR_SIZE);
    return -1;
}

void sqlite_writer_stop(struct sqlite_writer *w)
{
    sqlite_queue_close(&w->queue);
    pthread_join(w->thread, NULL);
    close_both(w);
    sqlite_checkpoint_stop(&w->checkpoint);
    sqlite_claims_free(&w->claims);
    sqlite_health_destroy(&w->health);
    sqlite_queue_destroy(&w->queue);
}
