/* The outbox in SQL. All functions run on the thread that owns the connection and return -1 with
 * `error` when the database fails them. They have then changed nothing in the database that bears
 * the name; see sqlite_db_commit() for one that was moved away meanwhile. */
#ifndef STORE_SQLITE_OUTBOX_H
#define STORE_SQLITE_OUTBOX_H

#include "sqlite_claims.h"
#include "sqlite_db.h"

/* How much an operation changed the two counts. */
struct sqlite_delta {
    int64_t pending;
    int64_t dead;
};

struct sqlite_claim {
    int64_t now_us;
    struct outbox_entry *entries;
    size_t max;
    size_t count;        /* result */
    size_t bytes;        /* of their reviews */
    int64_t next_due_us; /* result */
};

/* Adds the duty to mail a put's review, within the transaction that is open. */
int sqlite_outbox_add(struct sqlite_db *db, const struct item *item, int64_t now_us,
                      struct sqlite_error *error);

/* As store_claim(), at most 4 MiB of reviews and one more. Entries whose review somebody has
 * deleted are dropped, which `delta` tells, also when it fails after some of them. */
int sqlite_outbox_claim(struct sqlite_db *db, struct sqlite_claims *claims,
                        struct sqlite_claim *claim, struct sqlite_delta *delta,
                        struct sqlite_error *error);

struct sqlite_settlement {
    const struct outbox_outcome *outcomes;
    size_t count;
};

/* Notes outcomes in one transaction; those of entries that are not claimed are ignored. The claims
 * stay: sqlite_claims_remove(). */
int sqlite_outbox_settle(struct sqlite_db *db, const struct sqlite_claims *claims,
                         const struct sqlite_settlement *settlement, struct sqlite_delta *delta,
                         struct sqlite_error *error);

/* Counts the rows: takes time in proportion to the backlog. */
int sqlite_outbox_count(struct sqlite_db *db, struct outbox_counts *counts,
                        struct sqlite_error *error);

/* As store_dead_list(). */
int sqlite_outbox_dead_list(struct sqlite_db *db, uint64_t after_id, struct outbox_entry *entries,
                            size_t max, struct sqlite_error *error);

/* As store_dead_requeue() and store_dead_drop(). */
int sqlite_outbox_dead_requeue(struct sqlite_db *db, uint64_t id, int64_t now_us,
                               struct sqlite_delta *delta, struct sqlite_error *error);
int sqlite_outbox_dead_drop(struct sqlite_db *db, uint64_t id, struct sqlite_delta *delta,
                            struct sqlite_error *error);

#endif
