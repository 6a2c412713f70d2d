/* The writer thread: the only one that uses the writing connection.
 *
 * It takes what waits in the queue, writes it as one transaction, commits, and then tells each
 * put's owner, with no lock held. Whatever happens to the puts of the next round happens after
 * that.
 *
 * When writing fails, the puts in hand are refused and the store is not ready. From then on the
 * first put that comes 100 ms or more after the last attempt is tried for real; those that come
 * sooner are refused at once. Without puts the thread writes a page by itself each second. Damage
 * to the database is the exception: a page that can be written says nothing then, so only a put, a
 * changed or a replaced file ends it.
 *
 * A refused COMMIT may have left its frames whole in the WAL (when the write went well and only the
 * fsync failed). SQLite does not count them, and its next commit overwrites them; but a crash
 * before that would bring them back, as reviews that were refused. So a failed commit is followed
 * at once by the attempt to write one page. */
#ifndef STORE_SQLITE_WRITER_H
#define STORE_SQLITE_WRITER_H

#include "sqlite_checkpoint.h"
#include "sqlite_health.h"
#include "sqlite_outbox.h"
#include "sqlite_queue.h"

struct sqlite_writer {
    struct store_config config;
    struct sqlite_queue queue;
    struct sqlite_health health;
    int busy_ms;
    /* The thread's own. */
    struct sqlite_db db;
    struct sqlite_checkpoint checkpoint;
    struct sqlite_claims claims;
    struct outbox_counts counts;
    int64_t data_version; /* when `counts` was taken or last adjusted */
    int64_t looked_us;    /* when the files were last looked after */
    struct metric *pending, *dead, *rows, *commits, *wal_pages;
    pthread_t thread;
};

/* Opens the database at `path` (which must stay until sqlite_writer_stop()) and starts the thread.
 * 0, or -1 with `reason`. */
int sqlite_writer_start(struct sqlite_writer *w, const char *path,
                        const struct store_config *config, char reason[STORE_ERROR_SIZE]);

/* Writes what is queued, ends the thread and closes the database. */
void sqlite_writer_stop(struct sqlite_writer *w);

/* For jobs: whether a write can be tried, with a connection that is open. 0, or -1 with `error`. */
int sqlite_writer_prepare(struct sqlite_writer *w, struct sqlite_error *error);

/* For jobs: notes how a write ended, so that readiness follows. */
void sqlite_writer_note(struct sqlite_writer *w, int result, const struct sqlite_error *error);

/* For jobs: adjusts the counts after a commit. */
void sqlite_writer_adjust(struct sqlite_writer *w, const struct sqlite_delta *delta);

/* For jobs: recounts when another connection has written. 0, or -1 with `error`. */
int sqlite_writer_refresh(struct sqlite_writer *w, struct sqlite_error *error);

#endif
