/* For tests that look into a SQLite database themselves. */
#ifndef SUPPORT_SQLITE_HELP_H
#define SUPPORT_SQLITE_HELP_H

#include <sqlite3.h>
#include <stdint.h>

/* The single number that `sql` selects; -1 when it gives none. */
int64_t test_sqlite_number(sqlite3 *db, const char *sql);

#endif
