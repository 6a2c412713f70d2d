#include "sqlite_checkpoint.h"

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
        bool complete = sqlite_db_checkpoint(&c->db) && sqlite_db_sync(&c->db);
        pthread_mutex_lock(&c->lock);
        c->complete = complete;
        c->busy = false;
        pthread_cond_broadcast(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

int sqlite_checkpoint_start(struct sqlite_checkpoint *c)
{
    *c = (struct sqlite_checkpoint){0};
    int rc = pthread_mutex_init(&c->lock, NULL);
    if (rc != 0)
        return rc;
    rc = pthread_cond_init(&c->wake, NULL);
    if (rc != 0)
        goto no_wake;
    rc = pthread_create(&c->thread, NULL, run, c);
    if (rc != 0)
        goto no_thread;
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
    c->moved = 0;
    c->retry_at = 0;
    return sqlite_db_open(&c->db, path, SQLITE_DB_BESIDE, busy_ms, error);
}

static void wait_for_end(struct sqlite_checkpoint *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->busy)
        pthread_cond_wait(&c->wake, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

void sqlite_checkpoint_detach(struct sqlite_checkpoint *c)
{
    wait_for_end(c);
    sqlite_db_close(&c->db);
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
    if (!c->begun)
        return false;
    pthread_mutex_lock(&c->lock);
    bool busy = c->busy;
    bool complete = c->complete;
    pthread_mutex_unlock(&c->lock);
    if (busy)
        return false;
    c->begun = false;
    if (complete)
        c->moved = c->begun_at;
    c->retry_at = complete ? 0 : wal_pages + RETRY_PAGES;
    return true;
}

void sqlite_checkpoint_finish(struct sqlite_checkpoint *c, struct sqlite_db *writer)
{
    notice_end(c, writer->wal_pages);
    if (c->begun)
        return;
    bool complete = sqlite_db_checkpoint(writer);
    if (complete)
        c->moved = 0;
    c->retry_at = complete ? 0 : writer->wal_pages + RETRY_PAGES;
}

void sqlite_checkpoint_tend(struct sqlite_checkpoint *c, struct sqlite_db *writer)
{
    int pages = writer->wal_pages;
    if (c->begun && pages - c->begun_at >= OUTRUN_PAGES)
        wait_for_end(c);
    bool ended = notice_end(c, pages);
    if (pages < c->moved) { /* nothing was left after a step: the WAL began anew by itself */
        c->moved = 0;
        c->retry_at = 0;
    }
    if (c->begun || pages < BOUND_PAGES || pages < c->retry_at)
        return;
    if (pages - c->moved <= REST_PAGES || (ended && pages >= FORCED_PAGES))
        sqlite_checkpoint_finish(c, writer);
    else
        begin(c, pages);
}
