#include "sqlite_checkpoint.h"

#include "base/log.h"

enum {
    /* The WAL's length that calls for a step: 32 MiB. A shorter one would mean more fsyncs of the
     * database, and pages that change often copied more often; a longer one takes longer to read
     * after a kill. */
    BOUND_PAGES = 8000,
    /* A rest that the writer moves at once: about what one commit of 64 puts leaves. */
    REST_PAGES = 100,
    /* From this length on the writer moves any rest. */
    FORCED_PAGES = 2 * BOUND_PAGES,
    /* So many more while a step is under way, and the writer waits for its end: the disk takes
     * commits faster than it takes checkpoints. */
    OUTRUN_PAGES = BOUND_PAGES,
    /* While something is in the way of moving pages, a step is tried whenever so many more came. */
    RETRY_PAGES = 1000
};

/* Moves what can be moved. After a failure the WAL is at once marked to be moved from its start, as
 * whoever else checkpoints could take for durable what is lost. */
static struct sqlite_checkpoint_end move(struct sqlite_db *db)
{
    struct sqlite_checkpoint_end end = {0};
    end.failed = sqlite_wal_checkpoint(db, &end.complete, &end.error) != 0;
    end.spoiled = end.failed && !sqlite_wal_anew(db);
    return end;
}

static void *run(void *argument)
{
    struct sqlite_checkpoint *c = argument;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        if (!c->busy) {
            pthread_cond_wait(&c->wake, &c->lock);
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        struct sqlite_checkpoint_end end = move(&c->db);
        pthread_mutex_lock(&c->lock);
        c->end = end;
        c->busy = false;
        pthread_cond_broadcast(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

int sqlite_checkpoint_start(struct sqlite_checkpoint *c, struct sqlite_health *health)
{
    *c = (struct sqlite_checkpoint){.health = health};
    int rc = pthread_mutex_init(&c->lock, NULL);
    if (rc != 0) {
        return rc;
    }
    rc = pthread_cond_init(&c->wake, NULL);
    if (rc != 0) {
        goto no_wake;
    }
    rc = pthread_create(&c->thread, NULL, run, c);
    if (rc != 0) {
        goto no_thread;
    }
    pthread_setname_np(c->thread, "checkpoint");
    return 0;
no_thread:
    pthread_cond_destroy(&c->wake);
no_wake:
    pthread_mutex_destroy(&c->lock);
    return rc;
}

void sqlite_checkpoint_stop(struct sqlite_checkpoint *c)
{
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
}

int sqlite_checkpoint_attach(struct sqlite_checkpoint *c, const char *path, int busy_ms,
                             struct sqlite_error *error)
{
    c->begun = false;
    c->spoiled = false;
    c->moved = 0;
    c->retry_at = 0;
    return sqlite_db_open(&c->db, path, SQLITE_DB_BESIDE, busy_ms, error);
}

static void wait_for_end(struct sqlite_checkpoint *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->busy) {
        pthread_cond_wait(&c->wake, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
}

/* Whether pages may be moved: no earlier failure is in the way. */
static bool usable(struct sqlite_checkpoint *c, struct sqlite_db *db)
{
    c->spoiled = c->spoiled && !sqlite_wal_anew(db);
    return !c->spoiled;
}

/* Notes how a step or a finish ended, with the WAL at `wal_pages`. */
static void note(struct sqlite_checkpoint *c, const struct sqlite_checkpoint_end *end,
                 int wal_pages)
{
    if (end->failed) {
        c->moved = 0;
        sqlite_health_count(c->health, &end->error);
        if (!c->failing) {
            log_error("store cannot move the WAL into the database; it grows meanwhile",
                      LOG_STR("reason", end->error.reason));
        }
    } else if (c->failing) {
        log_info("store moves the WAL into the database again");
    }
    c->failing = end->failed;
    c->spoiled = end->spoiled;
    c->retry_at = end->complete ? 0 : wal_pages + RETRY_PAGES;
}

static void begin(struct sqlite_checkpoint *c, int wal_pages)
{
    c->begun = true;
    c->begun_at = wal_pages;
    pthread_mutex_lock(&c->lock);
    c->busy = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

/* Whether a step has ended since the last look. */
static bool notice_end(struct sqlite_checkpoint *c, int wal_pages)
{
    if (!c->begun) {
        return false;
    }
    pthread_mutex_lock(&c->lock);
    bool busy = c->busy;
    struct sqlite_checkpoint_end end = c->end;
    pthread_mutex_unlock(&c->lock);
    if (busy) {
        return false;
    }
    c->begun = false;
    if (end.complete) {
        c->moved = c->begun_at;
    }
    note(c, &end, wal_pages);
    return true;
}

void sqlite_checkpoint_detach(struct sqlite_checkpoint *c, struct sqlite_db *writer)
{
    wait_for_end(c);
    if (c->db.handle == NULL) {
        return;
    }
    notice_end(c, writer->wal_pages);
    if (!usable(c, &c->db)) {
        sqlite_wal_keep(writer);
    }
    sqlite_db_close(&c->db);
}

void sqlite_checkpoint_finish(struct sqlite_checkpoint *c, struct sqlite_db *writer)
{
    notice_end(c, writer->wal_pages);
    if (c->begun || !usable(c, writer)) {
        return;
    }
    struct sqlite_checkpoint_end end = move(writer);
    if (end.complete) {
        c->moved = 0;
    }
    note(c, &end, writer->wal_pages);
}

void sqlite_checkpoint_tend(struct sqlite_checkpoint *c, struct sqlite_db *writer)
{
    int pages = writer->wal_pages;
    if (c->begun && pages - c->begun_at >= OUTRUN_PAGES) {
        wait_for_end(c);
    }
    bool ended = notice_end(c, pages);
    if (pages < c->moved) { /* nothing was left after a step: the WAL began anew by itself */
        c->moved = 0;
        c->retry_at = 0;
    }
    if (c->begun || pages < BOUND_PAGES || pages < c->retry_at || !usable(c, writer)) {
        return;
    }
    if (pages - c->moved <= REST_PAGES || (ended && pages >= FORCED_PAGES)) {
        sqlite_checkpoint_finish(c, writer);
    } else {
        begin(c, pages);
    }
}
