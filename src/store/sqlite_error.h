/* What an error of the database means. Functions may be called from any thread. */
#ifndef STORE_SQLITE_ERROR_H
#define STORE_SQLITE_ERROR_H

#include "store/store.h"

#include <sqlite3.h>

/* What went wrong, as far as it matters for what to do next and for the counters. */
enum sqlite_kind {
    SQLITE_KIND_FULL,
    SQLITE_KIND_READONLY,
    SQLITE_KIND_BUSY,
    SQLITE_KIND_CORRUPT,
    SQLITE_KIND_IO,
    SQLITE_KIND_MOVED, /* deleted or replaced while open */
    SQLITE_KIND_MEMORY,
    SQLITE_KIND_OTHER,
    SQLITE_KIND_COUNT
};

struct sqlite_error {
    enum sqlite_kind kind;
    char reason[STORE_ERROR_SIZE]; /* one line: what failed, for which file, what to do */
};

/* "full", "readonly", …: a label for metrics. Static. */
const char *sqlite_error_name(enum sqlite_kind kind);

/* What to do about it, for people. Static. */
const char *sqlite_error_remedy(enum sqlite_kind kind);

/* The kind of a result of SQLite, with the system's error behind it; 0: none. */
enum sqlite_kind sqlite_error_kind(int code, int system_errno);

/* Fills `error` from a result of SQLite, with what the connection knows about it; NULL: nothing.
 * Always -1. */
int sqlite_error_from(struct sqlite_error *error, sqlite3 *handle, const char *path, int code);

/* Fills `error` with a text of our own. Always -1. */
int sqlite_error_set(struct sqlite_error *error, enum sqlite_kind kind, const char *path,
                     const char *why);

#endif
