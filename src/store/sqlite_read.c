#include "sqlite_read.h"

#include "cursor.h"
#include "sqlite_queue.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    /* Rows, or keys of a walk to a user's rows, that one page may look at: a filter that fits few
     * gives short pages instead of long reads, as a DynamoDB table does. */
    LOOK_ROWS = 10000,
    LOOK_KEYS = 100000,
    /* Database pages that may be fetched for it: 64 MiB. Short reviews stay below; long ones, which
     * are stepped over to reach the columns behind them, do not. */
    LOOK_PAGES = 16384,
    /* Text that a page brings into memory; the row that reaches this is its last. */
    GATHER_BYTES = 4 * 1024 * 1024,
    BUSY_MS = 1000,
    LOOK_S = 1, /* how often an idle thread looks whether the files it has open are still there */
    COLUMNS = 5
};

/* --- a page --- */

/* A walk along the keys of everybody, by time, between ?2, ?3 and ?4, ?5; the row itself is looked
 * up for user ?1 only, or for all when that is empty, and of it nothing but the sentiment when ?6
 * is given and another one. */
#define MINE "CASE WHEN (?1 = '' OR user_name = ?1) "
#define FITS MINE "AND (?6 = '' OR sentiment = ?6) "
#define WALK(order)                                                                                \
    "SELECT user_name, timestamp, " FITS "THEN review END, " MINE "THEN sentiment END, " FITS      \
    "THEN polarity_score END FROM reviews INDEXED BY reviews_key "                                 \
    "WHERE (timestamp, user_name) > (?2, ?3) AND (timestamp, user_name) < (?4, ?5) "               \
    "AND user_name <> '' ORDER BY timestamp " order ", user_name " order

static void bind(sqlite3_stmt *statement, int index, struct span text)
{
    sqlite3_bind_text(statement, index, text.len > 0 ? text.ptr : "", (int)text.len, SQLITE_STATIC);
}

/* A place beside all keys with that time: before them with "", behind them with what sorts behind
 * every text. */
static void bind_place(sqlite3_stmt *statement, int index, struct span timestamp, bool behind)
{
    bind(statement, index, timestamp);
    if (behind) {
        sqlite3_bind_zeroblob(statement, index + 1, 0);
    } else {
        bind(statement, index + 1, SPAN(""));
    }
}

static sqlite3_stmt *prepare(sqlite3 *db, const struct store_read *read,
                             const struct cursor *cursor)
{
    sqlite3_stmt *statement = NULL;
    bool user = read->user_name.len > 0;
    bool down = user && read->descending;
    if (sqlite3_prepare_v2(db, down ? WALK("DESC") : WALK("ASC"), -1, &statement, NULL) !=
        SQLITE_OK) {
        return NULL;
    }
    bind(statement, 1, read->user_name);
    bind(statement, 6, read->sentiment);
    bind_place(statement, 2, read->from, read->from.len == 0); /* an empty time is no key */
    bind_place(statement, 4, read->to.len > 0 ? read->to : SPAN("\xf4\x8f\xbf\xbf"), true);
    if (cursor->timestamp.len > 0) {
        bind_place(statement, down ? 4 : 2, cursor->timestamp, !down);
    }
    if (cursor->timestamp.len > 0 && !user) {
        bind(statement, 3, cursor->user_name);
    }
    return statement;
}

static struct span column(sqlite3_stmt *row, int i)
{
    const char *text = (const char *)sqlite3_column_text(row, i);
    return (struct span){text, text != NULL ? (size_t)sqlite3_column_bytes(row, i) : 0};
}

/* What a page gathers: the texts one after the other, each item's five lengths, and the last key.
 */
struct gathering {
    struct buf text;
    struct buf lengths; /* size_t each */
    size_t count;
    size_t keys, rows; /* looked at */
    struct buf user_name;
    struct buf timestamp;
    bool more;
};

static void note_key(struct gathering *g, sqlite3_stmt *row)
{
    g->keys++;
    buf_clear(&g->user_name);
    buf_add_span(&g->user_name, column(row, 0));
    buf_clear(&g->timestamp);
    buf_add_span(&g->timestamp, column(row, 1));
}

static void gather(struct gathering *g, sqlite3_stmt *row)
{
    for (int i = 0; i < COLUMNS; i++) {
        struct span text = column(row, i);
        buf_add_span(&g->text, text);
        buf_add(&g->lengths, &text.len, sizeof text.len);
    }
    g->count++;
}

/* Pages fetched from the disk since the walk began. */
static int pages_fetched(sqlite3_stmt *row)
{
    int count = 0;
    int highest;
    sqlite3_db_status(sqlite3_db_handle(row), SQLITE_DBSTATUS_CACHE_MISS, &count, &highest, 0);
    return count;
}

static bool at_bound(const struct gathering *g, sqlite3_stmt *row)
{
    return g->rows >= LOOK_ROWS || g->keys >= LOOK_KEYS || g->text.len >= GATHER_BYTES ||
           pages_fetched(row) >= LOOK_PAGES;
}

/* Whether the page ends before this row. A user's pages end between two times only, as their
 * cursor has no other user's name. */
static bool looked_enough(const struct gathering *g, sqlite3_stmt *row,
                          const struct store_read *read)
{
    return g->keys > 0 && at_bound(g, row) &&
           (read->user_name.len == 0 || !span_equal(buf_span(&g->timestamp), column(row, 1)));
}

static void look(struct gathering *g, sqlite3_stmt *row, const struct store_read *read)
{
    note_key(g, row);
    if (read->user_name.len > 0 && !span_equal(read->user_name, column(row, 0))) {
        return;
    }
    g->rows++;
    if (read->sentiment.len == 0 || span_equal(read->sentiment, column(row, 3))) {
        gather(g, row);
    }
}

/* Steps to the page's end; what the last step gave. */
static int walk(struct gathering *g, sqlite3_stmt *row, const struct store_read *read)
{
    int rc = SQLITE_ROW;
    int ignored;
    sqlite3_db_status(sqlite3_db_handle(row), SQLITE_DBSTATUS_CACHE_MISS, &ignored, &ignored, 1);
    while (g->count < read->limit && (rc = sqlite3_step(row)) == SQLITE_ROW &&
           !looked_enough(g, row, read)) {
        look(g, row, read);
    }
    return rc;
}

static struct span next_text(const struct gathering *g, size_t *at, size_t *which)
{
    size_t len;
    memcpy(&len, g->lengths.data + *which * sizeof len, sizeof len);
    struct span text = {g->text.data + *at, len};
    *at += len;
    *which += 1;
    return text;
}

static enum store_result give(struct store_read *read, const struct gathering *g)
{
    struct buf cursor = {0};
    size_t at = 0;
    size_t which = 0;
    struct item *items = calloc(g->count + 1, sizeof *items);
    cursor_write(&cursor, read->user_name.len > 0 ? read->user_name : buf_span(&g->user_name),
                 buf_span(&g->timestamp));
    if (items == NULL || buf_failed(&g->text) || buf_failed(&g->lengths) ||
        buf_failed(&g->user_name) || buf_failed(&g->timestamp) || buf_failed(&cursor)) {
        buf_free(&cursor);
        free(items);
        return STORE_UNAVAILABLE;
    }
    for (size_t i = 0; i < g->count; i++) {
        items[i].user_name = next_text(g, &at, &which);
        items[i].timestamp = next_text(g, &at, &which);
        items[i].review = next_text(g, &at, &which);
        items[i].sentiment = next_text(g, &at, &which);
        items[i].polarity_score = next_text(g, &at, &which);
    }
    struct store_page page = {items, g->count, g->more ? buf_str(&cursor) : NULL};
    read->done(read, STORE_OK, &page);
    buf_free(&cursor);
    free(items);
    return STORE_OK;
}

/* Reads and gives the page; anything but STORE_OK: it was not given. */
static enum store_result read_page(sqlite3 *db, struct store_read *read,
                                   const struct cursor *cursor)
{
    struct gathering g = {0};
    enum store_result result = STORE_UNAVAILABLE;
    sqlite3_stmt *statement = prepare(db, read, cursor);
    int rc = statement != NULL ? walk(&g, statement, read) : SQLITE_ERROR;
    if (statement == NULL || (rc != SQLITE_ROW && rc != SQLITE_DONE)) {
        log_warn("reviews cannot be read", LOG_STR("reason", sqlite3_errmsg(db)));
        sqlite3_finalize(statement);
    } else {
        sqlite3_finalize(statement); /* before `done`: it ends the read transaction */
        g.more = rc == SQLITE_ROW;
        result = give(read, &g);
    }
    buf_free(&g.text);
    buf_free(&g.lengths);
    buf_free(&g.user_name);
    buf_free(&g.timestamp);
    return result;
}

/* --- the thread --- */

static void close_db(struct sqlite_read *r)
{
    sqlite3_close(r->db);
    r->db = NULL;
}

/* Lets go of files that were deleted or replaced: they can be read on for ever, but nothing that is
 * put is in them. */
static void look_after_files(struct sqlite_read *r)
{
    if (r->db != NULL && sqlite_file_moved(r->path, &r->ids) != NULL) {
        close_db(r);
    }
}

/* What to compare the files with is noted before they are opened: if they change in between, the
 * next look finds out. */
static bool open_db(struct sqlite_read *r)
{
    look_after_files(r);
    if (r->db != NULL) {
        return true;
    }
    r->ids = (struct sqlite_file_ids){0};
    (void)sqlite_file_identify(r->path, &r->ids); /* one is missing: opened anew each time */
    int rc = sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(r->db, BUSY_MS);
        return true;
    }
    log_warn("reviews cannot be read", LOG_STR("reason", sqlite3_errstr(rc)));
    close_db(r);
    return false;
}

static void serve(struct sqlite_read *r, struct store_read *read)
{
    struct cursor cursor = {0};
    if (read->cursor != NULL && !cursor_read(read->cursor, read->user_name, &cursor)) {
        read->done(read, STORE_BAD_CURSOR, NULL);
        return;
    }
    enum store_result result = open_db(r) ? read_page(r->db, read, &cursor) : STORE_UNAVAILABLE;
    json_decref(cursor.json);
    if (result != STORE_OK) { /* whatever it is that failed: opened anew next time */
        close_db(r);
        read->done(read, result, NULL);
    }
}

/* Waits for work; under the lock. An open connection keeps the index of a WAL in use, also one that
 * was deleted, so that the writer could not make a new one: hence the look from time to time. */
static void wait_for_read(struct sqlite_read *r)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_S;
    if (r->db == NULL) {
        pthread_cond_wait(&r->changed, &r->lock);
    } else if (pthread_cond_clockwait(&r->changed, &r->lock, CLOCK_MONOTONIC, &until) ==
               ETIMEDOUT) {
        pthread_mutex_unlock(&r->lock);
        look_after_files(r);
        pthread_mutex_lock(&r->lock);
    }
}

static struct store_read *take(struct sqlite_read *r, bool *stop)
{
    pthread_mutex_lock(&r->lock);
    while (r->first == NULL && !r->stop) {
        wait_for_read(r);
    }
    struct store_read *read = r->first;
    if (read != NULL) {
        r->first = read->next;
        r->last = r->first != NULL ? r->last : &r->first;
        r->waiting--;
    }
    *stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return read;
}

static void *read_main(void *context)
{
    struct sqlite_read *r = context;
    struct store_read *read;
    bool stop = false;
    pthread_setname_np(pthread_self(), "store-read");
    while ((read = take(r, &stop)) != NULL) {
        if (stop) {
            read->done(read, STORE_CLOSED, NULL);
        } else if (sqlite_queue_overdue(r->config, read->queued_us)) {
            read->done(read, STORE_UNAVAILABLE, NULL);
        } else {
            serve(r, read);
        }
    }
    close_db(r);
    return NULL;
}

/* --- from other threads --- */

void sqlite_read_init(struct sqlite_read *r, const char *path, const struct store_config *config)
{
    *r = (struct sqlite_read){.path = path, .config = config};
    r->last = &r->first;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
}

/* Under the lock. */
static enum store_result admit(struct sqlite_read *r)
{
    if (r->stop) {
        return STORE_CLOSED;
    }
    if (r->waiting >= SQLITE_READ_WAITING_MAX) {
        return STORE_BUSY;
    }
    if (!r->started) {
        r->started = pthread_create(&r->thread, NULL, read_main, r) == 0;
    }
    return r->started ? STORE_OK : STORE_UNAVAILABLE;
}

enum store_result sqlite_read_queue(struct sqlite_read *r, struct store_read *read)
{
    read->queued_us = clock_mono_us(r->config->clock);
    pthread_mutex_lock(&r->lock);
    enum store_result result = admit(r);
    if (result == STORE_OK) {
        read->next = NULL;
        *r->last = read;
        r->last = &read->next;
        r->waiting++;
        pthread_cond_signal(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return result;
}

void sqlite_read_stop(struct sqlite_read *r)
{
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (r->started) {
        pthread_join(r->thread, NULL);
    }
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
}
