#include "sqlite_db.h"

#include "sqlite_schema.h"
#include "sqlite_wal_vfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ENTRY_COLUMNS                                                                              \
    "o.id, o.attempts, o.created_us, o.due_us, o.last_error, o.user_name, o.timestamp, r.review, " \
    "r.sentiment, r.polarity_score FROM outbox o LEFT JOIN reviews r "                             \
    "ON r.user_name = o.user_name AND r.timestamp = o.timestamp "

/* The row that was claimed, and no other one that has its id by now: see sqlite_claims.h. */
#define CLAIMED "id = ?1 AND created_us = ?2 AND state = 0"

static const char *const sql[STMT_COUNT] = {
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
    [STMT_PUT_REVIEW] =
        "INSERT INTO reviews(user_name, timestamp, review, sentiment, polarity_score) "
        "VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
    [STMT_PUT_OUTBOX] =
        "INSERT INTO outbox(user_name, timestamp, due_us, created_us) VALUES(?1, ?2, ?3, ?4)",
    [STMT_CLAIM] =
        "SELECT " ENTRY_COLUMNS "WHERE o.state = 0 AND o.due_us > ?1 ORDER BY o.due_us, o.id",
    [STMT_SENT] = "DELETE FROM outbox WHERE " CLAIMED,
    [STMT_RETRY] = "UPDATE outbox SET due_us = ?4, attempts = attempts + ?5, last_error = ?3 "
                   "WHERE " CLAIMED,
    [STMT_DEAD] = "UPDATE outbox SET state = 1, attempts = attempts + 1, last_error = ?3 "
                  "WHERE " CLAIMED,
    [STMT_COUNT_STATES] = "SELECT (SELECT count(*) FROM outbox WHERE state = 0), "
                          "(SELECT count(*) FROM outbox WHERE state = 1)",
    [STMT_DEAD_LIST] =
        "SELECT " ENTRY_COLUMNS "WHERE o.state = 1 AND o.id > ?1 ORDER BY o.id LIMIT ?2",
    [STMT_DEAD_REQUEUE] = "UPDATE outbox SET state = 0, attempts = 0, due_us = ?2 "
                          "WHERE state = 1 AND (?1 = 0 OR id = ?1)",
    [STMT_DEAD_DROP] = "DELETE FROM outbox WHERE state = 1 AND (?1 = 0 OR id = ?1)",
    [STMT_DATA_VERSION] = "PRAGMA data_version",
};

int sqlite_db_fail_code(struct sqlite_db *db, int code, struct sqlite_error *error)
{
    return sqlite_error_from(error, db->handle, db->path, code);
}

int sqlite_db_fail(struct sqlite_db *db, struct sqlite_error *error)
{
    return sqlite_db_fail_code(db, sqlite3_extended_errcode(db->handle), error);
}

/* That the file with this suffix bears the database's name no more. */
static int refuse_moved(const char *path, const char *suffix, struct sqlite_error *error)
{
    char why[160];
    snprintf(why, sizeof why, "its %s file was deleted or replaced: %s",
             *suffix != '\0' ? suffix : "main", sqlite_error_remedy(SQLITE_KIND_MOVED));
    return sqlite_error_set(error, SQLITE_KIND_MOVED, path, why);
}

/* What to open, and how. */
struct opening {
    const char *path;
    enum sqlite_db_mode mode;
    int busy_ms;
};

/* Runs before anything is written, so that another program's file stays as it is. */
int sqlite_db_identify(struct sqlite_db *db, enum sqlite_db_mode mode, int *version,
                       struct sqlite_error *error)
{
    char why[160];
    switch (sqlite_schema_look(db->handle, version)) {
    case SQLITE_SCHEMA_CURRENT:
        return 0;
    case SQLITE_SCHEMA_EMPTY:
        if (mode == SQLITE_DB_CREATE) {
            return 0;
        }
        return sqlite_error_set(
            error, SQLITE_KIND_MOVED, db->path,
            "the file is empty: put the database back, or restart the service to begin a new one");
    case SQLITE_SCHEMA_OLDER:
        if (mode != SQLITE_DB_BESIDE) {
            return 0;
        }
        snprintf(
            why, sizeof why,
            "has schema version %d, this program needs %d: start the service once, it migrates",
            *version, sqlite_schema_latest());
        return sqlite_error_set(error, SQLITE_KIND_OTHER, db->path, why);
    case SQLITE_SCHEMA_NEWER:
        snprintf(why, sizeof why,
                 "has schema version %d, this program knows only %d: use a newer reviewd", *version,
                 sqlite_schema_latest());
        return sqlite_error_set(error, SQLITE_KIND_OTHER, db->path, why);
    case SQLITE_SCHEMA_FOREIGN:
        return sqlite_error_set(error, SQLITE_KIND_OTHER, db->path,
                                "is a SQLite database of another program: choose another file");
    case SQLITE_SCHEMA_ERROR:
        break;
    }
    return sqlite_db_fail(db, error);
}

/* Runs a pragma and compares its answer. */
static int pragma(struct sqlite_db *db, const char *text, const char *expected,
                  struct sqlite_error *error)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db->handle, text, -1, &statement, NULL) != SQLITE_OK) {
        return sqlite_db_fail(db, error);
    }
    int rc = sqlite3_step(statement);
    const char *answer = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    bool as_expected = answer != NULL && strcmp(answer, expected) == 0;
    char why[160];
    snprintf(why, sizeof why, "\"%s\" gives %s, not %s: its file system may not support it", text,
             answer != NULL ? answer : "nothing", expected);
    sqlite3_finalize(statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        return sqlite_db_fail(db, error);
    }
    return as_expected ? 0 : sqlite_error_set(error, SQLITE_KIND_OTHER, db->path, why);
}

/* What the promise needs is read back; what only concerns speed and size is not.
 *
 * cache_size: 8 MiB, so that the pages of a long outbox and of large batches stay in. mmap off: a
 * page that cannot be read would be a signal instead of an error. journal_size_limit: what a WAL
 * that grew too long is cut to; well above the length it has by itself, as growing costs more than
 * overwriting. cache_spill off: pages are written by a commit only, as sqlite_wal_vfs needs it.
 * Checkpoints are sqlite_checkpoint's, so no automatic ones. secure_delete would write
 * the pages of sent mails once more only to blank them. */
static int configure(struct sqlite_db *db, struct sqlite_error *error)
{
    if (pragma(db, "PRAGMA journal_mode = WAL", "wal", error) != 0) {
        return -1;
    }
    if (sqlite3_exec(
            db->handle,
            "PRAGMA synchronous = FULL; PRAGMA cache_size = -8192; PRAGMA mmap_size = 0;"
            "PRAGMA journal_size_limit = 50331648;"
            "PRAGMA cache_spill = OFF;"
            "PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
            NULL, NULL, NULL) != SQLITE_OK) {
        return sqlite_db_fail(db, error);
    }
    return pragma(db, "PRAGMA synchronous", "2", error);
}

static int prepare_all(struct sqlite_db *db, struct sqlite_error *error)
{
    for (size_t i = 0; i < STMT_COUNT; i++) {
        if (sqlite3_prepare_v3(db->handle, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &db->statements[i], NULL) != SQLITE_OK) {
            return sqlite_db_fail(db, error);
        }
    }
    return 0;
}

/* Gives up the connection, as it is. */
static void drop(struct sqlite_db *db)
{
    for (size_t i = 0; i < STMT_COUNT; i++) {
        sqlite3_finalize(db->statements[i]);
    }
    sqlite3_close_v2(db->handle);
    *db = (struct sqlite_db){.path = db->path};
}

static int note_wal_size(void *context, sqlite3 *handle, const char *name, int pages)
{
    (void)handle;
    (void)name;
    ((struct sqlite_db *)context)->wal_pages = pages;
    return SQLITE_OK;
}

/* Opens the file, which must be ours; `version` becomes its schema's. 0; or -1 with `error`, and
 * then `db` is closed. */
static int connect(struct sqlite_db *db, const char *vfs, const struct opening *o, int *version,
                   struct sqlite_error *error)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (o->mode == SQLITE_DB_CREATE ? SQLITE_OPEN_CREATE : 0);
    *db = (struct sqlite_db){.path = o->path};
    int rc = sqlite3_open_v2(o->path, &db->handle, flags, vfs);
    if (rc == SQLITE_OK && sqlite3_db_readonly(db->handle, "main") == 1) {
        rc = SQLITE_READONLY;
    }
    if (rc != SQLITE_OK) {
        sqlite_db_fail_code(db, db->handle != NULL ? rc : SQLITE_NOMEM, error);
        goto failed;
    }
    sqlite3_busy_timeout(db->handle, o->busy_ms);
    if (sqlite_db_identify(db, o->mode, version, error) == 0) {
        return 0;
    }
failed:
    drop(db);
    if (o->mode == SQLITE_DB_EXISTING && access(o->path, F_OK) != 0 && errno == ENOENT) {
        refuse_moved(o->path, "", error);
    }
    return -1;
}

/* Brings the schema up to date, through a connection of its own: a step that rewrites a large table
 * must not be held in memory until its commit, as it would be by the one that stays (see
 * configure()). What it sorts goes into temporary files. */
static int migrate(const struct opening *o, struct sqlite_error *error)
{
    struct sqlite_db db;
    int version = 0;
    if (connect(&db, NULL, o, &version, error) != 0) {
        return -1;
    }
    int result = pragma(&db, "PRAGMA journal_mode = WAL", "wal", error);
    if (result == 0) {
        int rc = sqlite3_exec(db.handle,
                              "PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;"
                              "PRAGMA mmap_size = 0; PRAGMA temp_store = FILE;",
                              NULL, NULL, NULL);
        rc = rc == SQLITE_OK ? sqlite_schema_migrate(db.handle, sqlite_schema_latest()) : rc;
        result = rc == SQLITE_OK ? 0 : sqlite_db_fail_code(&db, rc, error);
    }
    drop(&db);
    if (result == 0 && version == 0 && sqlite_file_sync_folder(o->path, error->reason) != 0) {
        error->kind = sqlite_error_kind(SQLITE_IOERR, errno);
        return -1;
    }
    return result;
}

/* Opens a file whose schema is current; `db` is closed when that fails. */
static int connect_current(struct sqlite_db *db, const struct opening *o,
                           struct sqlite_error *error)
{
    const char *vfs = o->mode == SQLITE_DB_BESIDE ? NULL : sqlite_wal_vfs();
    int version = 0;
    if (connect(db, vfs, o, &version, error) != 0) {
        return -1;
    }
    if (version == sqlite_schema_latest()) {
        return 0;
    }
    drop(db);
    return migrate(o, error) == 0 ? connect(db, vfs, o, &version, error) : -1;
}

int sqlite_db_open(struct sqlite_db *db, const char *path, enum sqlite_db_mode mode, int busy_ms,
                   struct sqlite_error *error)
{
    const struct opening opening = {path, mode, busy_ms};
    if (connect_current(db, &opening, error) != 0) {
        return -1;
    }
    sqlite3_wal_hook(db->handle, note_wal_size, db);
    if (configure(db, error) != 0 || prepare_all(db, error) != 0) {
        drop(db);
        return -1;
    }
    if (sqlite_file_identify(path, &db->ids) != 0) {
        drop(db);
        return sqlite_error_set(error, SQLITE_KIND_MOVED, path,
                                "its files vanish while it is opened");
    }
    return 0;
}

void sqlite_db_close(struct sqlite_db *db)
{
    if (db->handle == NULL) {
        return;
    }
    if (sqlite_file_moved(db->path, &db->ids) != NULL) {
        sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    drop(db);
}

sqlite3_stmt *sqlite_db_statement(struct sqlite_db *db, enum sqlite_db_statement which)
{
    sqlite3_reset(db->statements[which]);
    return db->statements[which];
}

int sqlite_db_run(struct sqlite_db *db, enum sqlite_db_statement which, struct sqlite_error *error)
{
    int rc = sqlite3_step(db->statements[which]);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        sqlite_db_fail(db, error);
    }
    sqlite3_reset(db->statements[which]);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

void sqlite_db_bind(sqlite3_stmt *statement, int index, struct span text)
{
    sqlite3_bind_text(statement, index, text.ptr != NULL ? text.ptr : "", (int)text.len,
                      SQLITE_STATIC);
}

void sqlite_db_rollback(struct sqlite_db *db)
{
    struct sqlite_error ignored;
    if (!sqlite3_get_autocommit(db->handle)) {
        sqlite_db_run(db, STMT_ROLLBACK, &ignored);
    }
}

int sqlite_db_unmoved(struct sqlite_db *db, struct sqlite_error *error)
{
    const char *suffix = sqlite_file_moved(db->path, &db->ids);
    return suffix == NULL ? 0 : refuse_moved(db->path, suffix, error);
}

int sqlite_db_commit(struct sqlite_db *db, struct sqlite_error *error)
{
    if (sqlite_db_run(db, STMT_COMMIT, error) == 0) {
        return sqlite_db_unmoved(db, error);
    }
    sqlite_db_rollback(db);
    return -1;
}

int sqlite_db_probe(struct sqlite_db *db, struct sqlite_error *error)
{
    char text[48];
    if (sqlite_db_unmoved(db, error) != 0) {
        return -1;
    }
    /* The same value again: page 1 is written all the same. */
    snprintf(text, sizeof text, "PRAGMA user_version = %d", sqlite_schema_latest());
    return sqlite3_exec(db->handle, text, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : sqlite_db_fail(db, error);
}

int64_t sqlite_db_data_version(struct sqlite_db *db)
{
    sqlite3_stmt *statement = sqlite_db_statement(db, STMT_DATA_VERSION);
    int64_t version =
        sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    sqlite3_reset(statement);
    return version;
}
