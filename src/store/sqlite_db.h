/* One connection to the database: opening with all its checks, statements, transactions.
 *
 * A connection belongs to one thread at a time. */
#ifndef STORE_SQLITE_DB_H
#define STORE_SQLITE_DB_H

#include "sqlite_error.h"
#include "sqlite_file.h"

enum sqlite_db_statement {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_PUT_REVIEW,
    STMT_PUT_OUTBOX,
    STMT_CLAIM,
    STMT_SENT,
    STMT_RETRY,
    STMT_DEAD,
    STMT_COUNT_STATES,
    STMT_DEAD_LIST,
    STMT_DEAD_REQUEUE,
    STMT_DEAD_DROP,
    STMT_DATA_VERSION,
    STMT_COUNT
};

struct sqlite_db {
    const char *path; /* the owner's */
    sqlite3 *handle;  /* NULL: closed */
    sqlite3_stmt *statements[STMT_COUNT];
    struct sqlite_file_ids ids;
    int wal_pages; /* in the WAL after the last commit of this connection, those already moved
                      included */
};

enum sqlite_db_mode {
    SQLITE_DB_CREATE,   /* make it if it is not there, migrate it */
    SQLITE_DB_EXISTING, /* it must be there and ours; migrate it (it may have been restored from an
                           old copy) */
    SQLITE_DB_BESIDE    /* it must be there, ours and current: for tools beside a running service */
};

/* Opens `path`, which must stay as long as the connection. A migration takes time, and temporary
 * space on the disk, in proportion to the number of reviews. Locks of others are waited for at most
 * `busy_ms`. 0, or -1 with `error`; then the connection is closed. */
int sqlite_db_open(struct sqlite_db *db, const char *path, enum sqlite_db_mode mode, int busy_ms,
                   struct sqlite_error *error);

/* Whether the file is one that may be opened so: takes only what is ours. `version` becomes its
 * schema's, 0: none yet. Writes nothing; needs only `path` and `handle`. 0, or -1 with `error`. */
int sqlite_db_identify(struct sqlite_db *db, enum sqlite_db_mode mode, int *version,
                       struct sqlite_error *error);

/* Closes the connection. When the file was moved away, its WAL is emptied into it first, so that it
 * cannot be taken for the WAL of the file that follows. Closed already: nothing. */
void sqlite_db_close(struct sqlite_db *db);

/* A prepared statement, reset. The connection must be open. */
sqlite3_stmt *sqlite_db_statement(struct sqlite_db *db, enum sqlite_db_statement which);

/* Runs a prepared statement that gives no rows and resets it. 0, or -1 with `error`. */
int sqlite_db_run(struct sqlite_db *db, enum sqlite_db_statement which, struct sqlite_error *error);

/* Binds a text, which must stay until the statement has run. */
void sqlite_db_bind(sqlite3_stmt *statement, int index, struct span text);

/* Commits, and makes sure that what was committed lies in the files that bear the database's name.
 * 0; or -1 with `error`, after having rolled back. With SQLITE_KIND_MOVED it lies in the files that
 * were moved away, and is there again if somebody puts them back. */
int sqlite_db_commit(struct sqlite_db *db, struct sqlite_error *error);

/* Ends a transaction that may be open. */
void sqlite_db_rollback(struct sqlite_db *db);

/* Writes one page durably, through the same way as every other commit. 0, or -1 with `error`. */
int sqlite_db_probe(struct sqlite_db *db, struct sqlite_error *error);

/* Whether the files are still those that were opened. 0, or -1 with `error`. */
int sqlite_db_unmoved(struct sqlite_db *db, struct sqlite_error *error);

/* A number that changes when another connection has committed; -1 when it cannot be read. */
int64_t sqlite_db_data_version(struct sqlite_db *db);

/* Fills `error` from the connection's last error, or from a result of SQLite. Always -1. */
int sqlite_db_fail(struct sqlite_db *db, struct sqlite_error *error);
int sqlite_db_fail_code(struct sqlite_db *db, int code, struct sqlite_error *error);

#endif
