/* The database's schema and its history. */
#ifndef STORE_SQLITE_SCHEMA_H
#define STORE_SQLITE_SCHEMA_H

#include <sqlite3.h>

/* Marks a SQLite file as a store of reviewd: "Rvwd". */
enum { SQLITE_SCHEMA_APPLICATION = 0x52767764 };

enum sqlite_schema_state {
    SQLITE_SCHEMA_CURRENT,
    SQLITE_SCHEMA_EMPTY,   /* a new file: to be migrated from nothing */
    SQLITE_SCHEMA_OLDER,   /* to be migrated */
    SQLITE_SCHEMA_NEWER,   /* of a later version of this program: hands off */
    SQLITE_SCHEMA_FOREIGN, /* of another program: hands off */
    SQLITE_SCHEMA_ERROR    /* cannot be read: see sqlite3_errcode() */
};

/* The version that this program writes: the number of steps. */
int sqlite_schema_latest(void);

/* What the database is; writes nothing. `version` becomes its schema version. */
enum sqlite_schema_state sqlite_schema_look(sqlite3 *db, int *version);

/* Takes an empty or older database to version `target` (at most the latest), each step in a
 * transaction of its own. SQLITE_OK, or SQLite's error: the database is then at the last step that
 * was complete. */
int sqlite_schema_migrate(sqlite3 *db, int target);

#endif
