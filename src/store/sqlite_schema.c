#include "sqlite_schema.h"

#include <stdio.h>

/* Each step takes the schema from its index to the next version. Steps are history: they are never
 * changed once released, only followed by others.
 *
 * reviews: the table that users query themselves; names and types are part of the service's
 * promise. What must be unique is an index, so that the columns stay as they are named. Its first
 * column is the time, although a reader asks for users: new keys all come to the index's end
 * (docs/adr/0012).
 *
 * outbox: one row for each duty to mail. A mail that was sent leaves no row, so the table is as
 * long as the backlog. Ids name mails and must never come again, hence AUTOINCREMENT. Both indexes
 * are partial: finding what is due costs the same however many dead letters there are, and the
 * reverse. */
static const char *const steps[] = {
    "CREATE TABLE reviews(user_name TEXT, timestamp TEXT, review TEXT, sentiment TEXT, "
    "polarity_score TEXT);"
    "CREATE UNIQUE INDEX reviews_key ON reviews(user_name, timestamp);",

    "CREATE TABLE outbox("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  user_name TEXT NOT NULL,"
    "  timestamp TEXT NOT NULL,"
    "  state INTEGER NOT NULL DEFAULT 0," /* 0 waits, 1 is a dead letter */
    "  attempts INTEGER NOT NULL DEFAULT 0,"
    "  due_us INTEGER NOT NULL,"
    "  created_us INTEGER NOT NULL,"
    "  last_error TEXT NOT NULL DEFAULT '');"
    "CREATE INDEX outbox_due ON outbox(due_us, id) WHERE state = 0;"
    "CREATE INDEX outbox_dead ON outbox(id) WHERE state = 1;",

    "DROP INDEX reviews_key;"
    "CREATE UNIQUE INDEX reviews_key ON reviews(timestamp, user_name);",
};

int sqlite_schema_latest(void)
{
    return (int)(sizeof steps / sizeof steps[0]);
}

/* The single number that `sql` selects. */
static int number(sqlite3 *db, const char *sql, int *out)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        *out = sqlite3_column_int(statement, 0);
    }
    int end = sqlite3_finalize(statement);
    return rc != SQLITE_OK ? rc : end;
}

enum sqlite_schema_state sqlite_schema_look(sqlite3 *db, int *version)
{
    int application = 0;
    int objects = 0;
    if (number(db, "PRAGMA application_id", &application) != SQLITE_OK ||
        number(db, "PRAGMA user_version", version) != SQLITE_OK ||
        number(db, "SELECT count(*) FROM sqlite_schema", &objects) != SQLITE_OK) {
        return SQLITE_SCHEMA_ERROR;
    }
    if (application == 0 && *version == 0 && objects == 0) {
        return SQLITE_SCHEMA_EMPTY;
    }
    if (application != SQLITE_SCHEMA_APPLICATION || *version <= 0) {
        return SQLITE_SCHEMA_FOREIGN;
    }
    if (*version > sqlite_schema_latest()) {
        return SQLITE_SCHEMA_NEWER;
    }
    return *version < sqlite_schema_latest() ? SQLITE_SCHEMA_OLDER : SQLITE_SCHEMA_CURRENT;
}

/* One step, when nobody else has done it since we looked. */
static int migrate_step(sqlite3 *db, int from)
{
    char mark[96];
    int version = 0;
    if (from < 0 || from >= sqlite_schema_latest()) {
        return SQLITE_MISUSE;
    }
    snprintf(mark, sizeof mark, "PRAGMA user_version = %d; PRAGMA application_id = %d; COMMIT",
             from + 1, SQLITE_SCHEMA_APPLICATION);
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }
    rc = number(db, "PRAGMA user_version", &version);
    if (rc == SQLITE_OK && version == from) {
        rc = sqlite3_exec(db, steps[from], NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK && version == from) {
        rc = sqlite3_exec(db, mark, NULL, NULL, NULL);
    }
    if (!sqlite3_get_autocommit(db)) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return rc;
}

int sqlite_schema_migrate(sqlite3 *db, int target)
{
    int version = 0;
    int rc = number(db, "PRAGMA user_version", &version);
    for (; rc == SQLITE_OK && version < target; version++) {
        rc = migrate_step(db, version);
    }
    return rc;
}
