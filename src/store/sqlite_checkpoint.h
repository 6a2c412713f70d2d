/* Checkpoints: moving what was committed from the WAL into the database.
 *
 * The copying, and above all the fsync of pages in random places, takes longer than many commits.
 * So when the WAL has reached its bound, a thread with a connection of its own does it beside the
 * writer (a PASSIVE checkpoint waits for nobody, and nobody waits for it), and syncs them, which
 * SQLite leaves to the checkpoint that moves the last page. What it cannot do is to let the WAL
 * begin at its start again: for that nothing may be left in it, and while it copies the writer adds
 * more. Hence step follows step, most of them shorter than the one before, until what came in
 * meanwhile is little, or the WAL twice as long as its bound; that rest the writer moves itself,
 * between two batches. The next commit then overwrites the WAL from its start. A writer that
 * outruns the thread waits for it, so that the WAL never gets longer than three times its bound.
 *
 * Unless pages cannot be moved: a reader that holds on to an older state, or a disk too full for
 * the database to grow, lets the WAL grow on, and harms no commit. It shrinks again when the cause
 * is gone.
 *
 * All functions are for the writer thread, or for who starts and stops it. */
#ifndef STORE_SQLITE_CHECKPOINT_H
#define STORE_SQLITE_CHECKPOINT_H

#include "sqlite_health.h"
#include "sqlite_wal.h"

#include <pthread.h>

/* How moving pages went. */
struct sqlite_checkpoint_end {
    bool complete; /* all that it found was moved */
    bool failed;   /* it did not go well: see `error` */
    bool spoiled;  /* and sqlite_wal_anew() was not possible: nothing may be moved before it was */
    struct sqlite_error error;
};

struct sqlite_checkpoint {
    pthread_mutex_t lock; /* guards all up to `end` */
    pthread_cond_t wake;
    bool busy; /* a step is asked for or under way */
    bool stopping;
    struct sqlite_checkpoint_end end; /* of the last step */
    struct sqlite_db db;              /* the thread's while `busy`, else the writer's */
    pthread_t thread;
    /* The writer's alone. */
    struct sqlite_health *health; /* failures are counted there */
    bool failing;                 /* the last step or finish failed */
    bool spoiled;                 /* as in its end, until sqlite_wal_anew() has been possible */
    /* These count pages in the WAL. */
    bool begun;   /* a step was begun whose end was not noticed yet */
    int begun_at; /* the WAL's length when that step began */
    int moved;    /* so many from the WAL's start are in the database */
    int retry_at; /* something is in the way: no step before the WAL is so long */
};

/* Starts the thread; it has no database yet. `health` must stay. 0, or the system's error number.
 */
int sqlite_checkpoint_start(struct sqlite_checkpoint *c, struct sqlite_health *health);

/* Ends the thread; after sqlite_checkpoint_detach(). */
void sqlite_checkpoint_stop(struct sqlite_checkpoint *c);

/* Opens the database beside the writer, whose connection has just opened `path`. 0, or -1 with
 * `error`. */
int sqlite_checkpoint_attach(struct sqlite_checkpoint *c, const char *path, int busy_ms,
                             struct sqlite_error *error);

/* Waits for a step that is under way and closes the database; before `writer` is closed. Not
 * attached: nothing. */
void sqlite_checkpoint_detach(struct sqlite_checkpoint *c, struct sqlite_db *writer);

/* To be called between two transactions of `writer`: begins a step, or finishes, as it is due. */
void sqlite_checkpoint_tend(struct sqlite_checkpoint *c, struct sqlite_db *writer);

/* Moves all that is left, when nobody waits for the writer. While a step is under way: nothing. */
void sqlite_checkpoint_finish(struct sqlite_checkpoint *c, struct sqlite_db *writer);

#endif
