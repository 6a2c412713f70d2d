/* The embedded store: one SQLite file in WAL mode, synchronous=FULL.
 *
 * One writer thread owns the writing connection. It takes all puts that wait, writes reviews and
 * outbox rows in one transaction, commits with one fsync and then calls their `done` (group
 * commit). Outbox calls of the notify thread go through the same thread. When a write fails (disk
 * full, read-only, locked, corrupt), the puts in hand end with STORE_UNAVAILABLE, store_ready()
 * says why, and the thread tries a real write again with back-off (at once when a new put comes
 * after at least 100 ms, else each second) until the cause is gone. A database that is damaged is
 * tried again only when a put comes or the file changes. A database that is deleted or replaced
 * while open is noticed at the next commit, or within 5 s; a new one is not made in its place
 * before a restart. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/store.h"

/* Opens or creates the database at `path` (the folder is made, mode 0750, with its parents),
 * migrates the schema and starts the writer. NULL with one line in `reason`: what failed, for which
 * path, what to do. A database of a newer schema version is refused. Only one process may serve a
 * database: a second one is refused by a lock file beside it, `path`-lock. */
struct store *store_sqlite_open(const char *path, const struct store_config *config,
                                char reason[STORE_ERROR_SIZE]);

/* Opens the database at `path` beside the process that serves it, for tools: store_count(), the
 * store_dead_*() functions and store_close() work, on the calling thread; a put is refused,
 * claiming and settling fail. A lock that is held is waited for at most 5 s. After a call that
 * failed, store_ready() is false and says why. What is requeued is noticed by the running service
 * within 5 s. The file must exist and have the current schema. Clock and strings as in
 * store_sqlite_open(). */
struct store *store_sqlite_open_beside(const char *path, struct clock *clock,
                                       char reason[STORE_ERROR_SIZE]);

/* Looks at what store_sqlite_open() would open, or at the place where it would make it, as the user
 * that calls; changes nothing, but for the index of a WAL that a kill has left. Whether it would go
 * well; `text` becomes what there is, or what is wrong and what to do. */
bool store_sqlite_check(const char *path, char text[STORE_ERROR_SIZE]);

/* Whether a process serves the database at `path` just now. */
bool store_sqlite_served(const char *path);

#endif
