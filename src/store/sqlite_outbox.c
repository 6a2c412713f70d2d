#include "sqlite_outbox.h"

#include "instant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ORPHANS_MAX = 64,
    /* Reviews that one claim brings into memory; the one that passes this ends it. */
    CLAIM_BYTES_MAX = 4 * 1024 * 1024
};

/* The columns of STMT_CLAIM and STMT_DEAD_LIST. */
enum {
    COL_ID,
    COL_ATTEMPTS,
    COL_CREATED,
    COL_DUE,
    COL_ERROR,
    COL_USER,
    COL_TIME,
    COL_REVIEW,
    COL_SENTIMENT,
    COL_SCORE
};

static int no_memory(struct sqlite_db *db, struct sqlite_error *error)
{
    error->kind = SQLITE_KIND_MEMORY;
    snprintf(error->reason, sizeof error->reason,
             "database %.100s: out of memory for outbox entries", db->path);
    return -1;
}

int sqlite_outbox_add(struct sqlite_db *db, const struct item *item, int64_t now_us,
                      struct sqlite_error *error)
{
    int64_t created_us = instant_of(item->timestamp, now_us);
    sqlite3_stmt *statement = sqlite_db_statement(db, STMT_PUT_OUTBOX);
    sqlite_db_bind(statement, 1, item->user_name);
    sqlite_db_bind(statement, 2, item->timestamp);
    /* Stamps only increase, so they are ahead of a clock that was set back. */
    sqlite3_bind_int64(statement, 3, created_us < now_us ? created_us : now_us);
    sqlite3_bind_int64(statement, 4, created_us);
    return sqlite_db_run(db, STMT_PUT_OUTBOX, error);
}

/* Copies one text column to *end and moves *end. */
static struct span take_text(sqlite3_stmt *row, int column, char **end)
{
    size_t len = (size_t)sqlite3_column_bytes(row, column);
    const unsigned char *text = sqlite3_column_text(row, column);
    struct span copy = {*end, len};
    if (len > 0) {
        memcpy(*end, text, len);
    }
    *end += len;
    return copy;
}

/* Fills an entry from a row; false when memory runs out. */
static bool fill_entry(struct outbox_entry *entry, sqlite3_stmt *row)
{
    size_t size = 1;
    for (int column = COL_USER; column <= COL_SCORE; column++) {
        if (sqlite3_column_text(row, column) == NULL &&
            sqlite3_column_type(row, column) != SQLITE_NULL) {
            return false;
        }
        size += (size_t)sqlite3_column_bytes(row, column);
    }
    char *end = malloc(size);
    if (end == NULL) {
        return false;
    }
    *entry = (struct outbox_entry){
        .id = (uint64_t)sqlite3_column_int64(row, COL_ID),
        .attempts = (unsigned)sqlite3_column_int(row, COL_ATTEMPTS),
        .created_us = sqlite3_column_int64(row, COL_CREATED),
        .memory = end,
    };
    entry->item.user_name = take_text(row, COL_USER, &end);
    entry->item.timestamp = take_text(row, COL_TIME, &end);
    entry->item.review = take_text(row, COL_REVIEW, &end);
    entry->item.sentiment = take_text(row, COL_SENTIMENT, &end);
    entry->item.polarity_score = take_text(row, COL_SCORE, &end);
    const char *error = (const char *)sqlite3_column_text(row, COL_ERROR);
    snprintf(entry->last_error, sizeof entry->last_error, "%s", error != NULL ? error : "");
    return true;
}

static int count_changes(struct sqlite_db *db, enum sqlite_db_statement which, int64_t *changes,
                         struct sqlite_error *error)
{
    if (sqlite_db_run(db, which, error) != 0) {
        return -1;
    }
    *changes += sqlite3_changes(db->handle);
    return 0;
}

static void bind_key(sqlite3_stmt *statement, struct sqlite_claim_key key)
{
    sqlite3_bind_int64(statement, 1, (int64_t)key.id);
    sqlite3_bind_int64(statement, 2, key.created_us);
}

/* Drops duties whose review is gone, each in a transaction of its own. */
static int drop_orphans(struct sqlite_db *db, const struct sqlite_claim_key *keys, size_t count,
                        struct sqlite_delta *delta, struct sqlite_error *error)
{
    int64_t dropped = 0;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        bind_key(sqlite_db_statement(db, STMT_SENT), keys[i]);
        result = count_changes(db, STMT_SENT, &dropped, error);
    }
    delta->pending -= dropped;
    return result;
}

/* When a row is due at the latest. Nothing is ever made to wait longer than OUTBOX_WAIT_MAX_US: a
 * row that seems to be was written before the clock was set back. */
static int64_t due_of(sqlite3_stmt *row, int64_t now_us)
{
    int64_t due_us = sqlite3_column_int64(row, COL_DUE);
    return due_us <= now_us + OUTBOX_WAIT_MAX_US ? due_us : now_us;
}

static struct sqlite_claim_key key_of(sqlite3_stmt *row)
{
    return (struct sqlite_claim_key){(uint64_t)sqlite3_column_int64(row, COL_ID),
                                     sqlite3_column_int64(row, COL_CREATED)};
}

/* Whether the row the claim's statement stands on ends the claim; takes it if not. */
enum row_fate { ROW_TAKEN, ROW_SKIPPED, ROW_ORPHAN, ROW_ENDS, ROW_NO_MEMORY };

static enum row_fate claim_row(sqlite3_stmt *row, struct sqlite_claims *claims,
                               struct sqlite_claim *claim)
{
    struct sqlite_claim_key key = key_of(row);
    int64_t due_us = due_of(row, claim->now_us);
    if (sqlite_claims_find(claims, key.id) != NULL) {
        return ROW_SKIPPED;
    }
    if (sqlite3_column_type(row, COL_REVIEW) == SQLITE_NULL) {
        return ROW_ORPHAN;
    }
    if (due_us > claim->now_us || claim->count == claim->max || claim->bytes >= CLAIM_BYTES_MAX) {
        claim->next_due_us = due_us;
        return ROW_ENDS;
    }
    if (!fill_entry(&claim->entries[claim->count], row)) {
        claim->next_due_us = due_us;
        return ROW_NO_MEMORY;
    }
    claim->bytes += claim->entries[claim->count].item.review.len;
    claim->count++;
    sqlite_claims_add(claims, key);
    return ROW_TAKEN;
}

/* One claim under way. */
struct claiming {
    struct sqlite_db *db;
    struct sqlite_claims *claims;
    struct sqlite_claim *claim;
    enum row_fate fate;                           /* of the last row */
    struct sqlite_claim_key orphans[ORPHANS_MAX]; /* rows without a review, dropped at the end */
    size_t orphan_count;
};

/* Whether nothing has ended the claim yet. */
static bool goes_on(const struct claiming *c)
{
    return c->fate < ROW_ENDS && c->orphan_count < ORPHANS_MAX;
}

/* Claims what is due after that time. 0, or -1 with `error`. */
static int walk(struct claiming *c, int64_t after_us, struct sqlite_error *error)
{
    int rc = SQLITE_ROW;
    sqlite3_stmt *statement = sqlite_db_statement(c->db, STMT_CLAIM);
    sqlite3_bind_int64(statement, 1, after_us);
    while (goes_on(c) && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        c->fate = claim_row(statement, c->claims, c->claim);
        if (c->fate == ROW_ORPHAN) {
            c->orphans[c->orphan_count++] = key_of(statement);
        }
    }
    bool failed = rc != SQLITE_ROW && rc != SQLITE_DONE;
    if (failed) {
        sqlite_db_fail(c->db, error);
    }
    sqlite3_reset(statement);
    return failed ? -1 : 0;
}

int sqlite_outbox_claim(struct sqlite_db *db, struct sqlite_claims *claims,
                        struct sqlite_claim *claim, struct sqlite_delta *delta,
                        struct sqlite_error *error)
{
    struct claiming c = {.db = db, .claims = claims, .claim = claim, .fate = ROW_SKIPPED};
    claim->count = 0;
    claim->bytes = 0;
    claim->next_due_us = INT64_MAX;
    if (!sqlite_claims_reserve(claims, claim->max)) {
        return no_memory(db, error);
    }
    /* Those at the far end first: a walk from the beginning ends before it comes there. */
    int result = walk(&c, claim->now_us + OUTBOX_WAIT_MAX_US, error);
    if (result == 0) {
        result = walk(&c, INT64_MIN, error);
    }
    if (c.orphan_count == ORPHANS_MAX) {
        claim->next_due_us = claim->now_us; /* there may be more behind them */
    }
    if (result == 0 && c.orphan_count > 0) {
        result = drop_orphans(db, c.orphans, c.orphan_count, delta, error);
    }
    /* What was taken before an error is given: it is claimed, and the error comes again. */
    if (claim->count > 0 || (result == 0 && c.fate != ROW_NO_MEMORY)) {
        return 0;
    }
    return result != 0 ? -1 : no_memory(db, error);
}

/* Ends a transaction well or not at all. */
static int finish(struct sqlite_db *db, int result, struct sqlite_error *error)
{
    if (result == 0) {
        return sqlite_db_commit(db, error);
    }
    sqlite_db_rollback(db);
    return -1;
}

static int begin(struct sqlite_db *db, struct sqlite_error *error)
{
    if (sqlite_db_unmoved(db, error) != 0) {
        return -1;
    }
    sqlite_db_statement(db, STMT_BEGIN);
    return sqlite_db_run(db, STMT_BEGIN, error);
}

static int settle_one(struct sqlite_db *db, const struct outbox_outcome *outcome,
                      struct sqlite_claim_key key, struct sqlite_delta *delta,
                      struct sqlite_error *error)
{
    static const enum sqlite_db_statement which[] = {
        [OUTBOX_SENT] = STMT_SENT,
        [OUTBOX_RETRY] = STMT_RETRY,
        [OUTBOX_DEFER] = STMT_RETRY,
        [OUTBOX_DEAD] = STMT_DEAD,
    };
    int64_t changes = 0;
    sqlite3_stmt *statement = sqlite_db_statement(db, which[outcome->what]);
    bind_key(statement, key);
    if (which[outcome->what] == STMT_RETRY) {
        sqlite3_bind_int64(statement, 4, outcome->due_us);
        sqlite3_bind_int(statement, 5, outcome->what == OUTBOX_RETRY);
    }
    if (which[outcome->what] != STMT_SENT) {
        sqlite_db_bind(statement, 3, span_of(outcome->error));
    }
    if (count_changes(db, which[outcome->what], &changes, error) != 0) {
        return -1;
    }
    if (outcome->what == OUTBOX_SENT || outcome->what == OUTBOX_DEAD) {
        delta->pending -= changes;
    }
    if (outcome->what == OUTBOX_DEAD) {
        delta->dead += changes;
    }
    return 0;
}

int sqlite_outbox_settle(struct sqlite_db *db, const struct sqlite_claims *claims,
                         const struct sqlite_settlement *settlement, struct sqlite_delta *delta,
                         struct sqlite_error *error)
{
    struct sqlite_delta changed = {0};
    int result = 0;
    if (begin(db, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < settlement->count && result == 0; i++) {
        const struct outbox_outcome *outcome = &settlement->outcomes[i];
        const struct sqlite_claim_key *key = sqlite_claims_find(claims, outcome->id);
        result = key != NULL ? settle_one(db, outcome, *key, &changed, error) : 0;
    }
    if (finish(db, result, error) != 0) {
        return -1;
    }
    delta->pending += changed.pending;
    delta->dead += changed.dead;
    return 0;
}

int sqlite_outbox_count(struct sqlite_db *db, struct outbox_counts *counts,
                        struct sqlite_error *error)
{
    sqlite3_stmt *statement = sqlite_db_statement(db, STMT_COUNT_STATES);
    int rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW) {
        sqlite_db_fail(db, error);
    } else {
        counts->pending = (uint64_t)sqlite3_column_int64(statement, 0);
        counts->dead = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    sqlite3_reset(statement);
    return rc == SQLITE_ROW ? 0 : -1;
}

int sqlite_outbox_dead_list(struct sqlite_db *db, uint64_t after_id, struct outbox_entry *entries,
                            size_t max, struct sqlite_error *error)
{
    size_t count = 0;
    int rc = SQLITE_DONE;
    bool memory = true;
    sqlite3_stmt *statement = sqlite_db_statement(db, STMT_DEAD_LIST);
    sqlite3_bind_int64(statement, 1, (int64_t)after_id);
    sqlite3_bind_int64(statement, 2, (int64_t)max);
    while (memory && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        memory = fill_entry(&entries[count], statement);
        count += memory;
    }
    if (memory && rc != SQLITE_DONE) {
        sqlite_db_fail(db, error);
    }
    sqlite3_reset(statement);
    if (memory && rc == SQLITE_DONE) {
        return (int)count;
    }
    while (count > 0) {
        outbox_entry_free(&entries[--count]);
    }
    return memory ? -1 : no_memory(db, error);
}

/* Runs one statement that changes dead letters, in a transaction; how many it changed. */
static int change_dead(struct sqlite_db *db, enum sqlite_db_statement which, uint64_t id,
                       struct sqlite_error *error)
{
    int64_t changes = 0;
    if (begin(db, error) != 0) {
        return -1;
    }
    sqlite3_bind_int64(db->statements[which], 1, (int64_t)id);
    int result = count_changes(db, which, &changes, error);
    return finish(db, result, error) == 0 ? (int)changes : -1;
}

int sqlite_outbox_dead_requeue(struct sqlite_db *db, uint64_t id, int64_t now_us,
                               struct sqlite_delta *delta, struct sqlite_error *error)
{
    sqlite3_bind_int64(sqlite_db_statement(db, STMT_DEAD_REQUEUE), 2, now_us);
    int count = change_dead(db, STMT_DEAD_REQUEUE, id, error);
    if (count > 0) {
        delta->pending += count;
        delta->dead -= count;
    }
    return count;
}

int sqlite_outbox_dead_drop(struct sqlite_db *db, uint64_t id, struct sqlite_delta *delta,
                            struct sqlite_error *error)
{
    sqlite_db_statement(db, STMT_DEAD_DROP);
    int count = change_dead(db, STMT_DEAD_DROP, id, error);
    if (count > 0) {
        delta->dead -= count;
    }
    return count;
}
