/* The store: where reviews and the duty to mail them are kept. The interface; implementations are
 * made by store_sqlite_open() and the like, and used only through the functions below.
 *
 * The promise: when a put is done with STORE_OK, the review and, if asked for, the duty to mail it
 * are durable, together, and survive a kill at any instant.
 *
 * Threads: store_put() from any thread, never blocks. The outbox functions and store_close() may
 * block on I/O and belong to one thread at a time (the notify thread; main at close). store_ready()
 * from any thread. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/metrics.h"
#include "base/span.h"

#include <stdint.h>

/* A review as the reference stores it: five strings, valid UTF-8 without NUL. The spans point to
 * memory that the owner of the item keeps. */
struct item {
    struct span user_name; /* 1 to 2,048 bytes; partition key */
    struct span timestamp; /* clock_iso() form; sort key */
    struct span review;
    struct span sentiment;      /* sentiment_name() */
    struct span polarity_score; /* num_shortest() form */
};

enum store_result {
    STORE_OK,
    STORE_BUSY,        /* the queue is full: nothing was written; answer 503 */
    STORE_UNAVAILABLE, /* the store cannot write now (disk full, read-only, locked, corrupt,
                          unreachable); nothing was acknowledged; answer 503. */
    STORE_CONFLICT,    /* another review has the same user_name and timestamp: stamp anew and put
                          again. A store that writes many at once may miss it and replace that
                          review */
    STORE_CLOSED,      /* the store is being closed; answer 503 */
    STORE_BAD_CURSOR   /* reading only: `cursor` is none that a store gave for such a read */
};

/* One put. The caller owns it and everything the item points to, and keeps both until `done` was
 * called; it is called exactly once when store_put() gave STORE_OK, from a thread of the store (it
 * must not block). Embed it in a larger struct to find the rest. */
struct store_put {
    struct item item;
    bool notify; /* the review is to be mailed */
    void (*done)(struct store_put *put, enum store_result result);
    struct store_put *next; /* the store's own while it is queued */
    int64_t queued_us;      /* the store's own */
};

enum { STORE_ERROR_SIZE = 256, OUTBOX_ERROR_SIZE = 256 };

/* A review that is to be mailed, claimed by this process. Owned by the caller of store_claim();
 * everything in it is freed by outbox_entry_free(). */
struct outbox_entry {
    uint64_t id;        /* stable over restarts, unique in the store: names the mail */
    unsigned attempts;  /* sends that failed before */
    int64_t created_us; /* wall time of the review */
    struct item item;   /* points into `memory` */
    char last_error[OUTBOX_ERROR_SIZE]; /* "" when none; for listings of dead letters */
    char *memory;
};

/* Frees what is in a claimed or listed entry, not the struct itself; it is all zero then, and
 * freeing it again does nothing. */
void outbox_entry_free(struct outbox_entry *entry);

/* The longest that an outcome may put an entry off: an hour, in microseconds. A store may take an
 * entry that seems due later for one that was put off before the clock was set back, and give it.
 */
#define OUTBOX_WAIT_MAX_US INT64_C(3600000000)

/* What became of one claimed entry. */
struct outbox_outcome {
    uint64_t id;
    enum {
        OUTBOX_SENT,  /* forget it */
        OUTBOX_RETRY, /* try again at `due_us`; counts as an attempt */
        OUTBOX_DEFER, /* try again at `due_us`; not the message's fault, no attempt counted */
        OUTBOX_DEAD   /* keep it as a dead letter */
    } what;
    int64_t due_us;                /* wall time, for RETRY and DEFER; see OUTBOX_WAIT_MAX_US */
    char error[OUTBOX_ERROR_SIZE]; /* why, for RETRY, DEFER and DEAD: one line, no address, no
                                      review text */
};

struct outbox_counts {
    uint64_t pending;
    uint64_t dead;
};

/* A page that was read. Everything is valid only during `done`. */
struct store_page {
    const struct item *items;
    size_t count;     /* at most the limit; may be less, even 0, although more follows */
    const char *next; /* the cursor of the page that follows; NULL: this was the last */
};

enum { STORE_READ_MAX = 1000 };

/* One read of a page. The caller owns it and all it points to, and keeps both until `done` was
 * called. */
struct store_read {
    struct span user_name; /* whose reviews, by time; empty: all, in no order that means anything */
    struct span from, to;  /* of a user's: first and last timestamp, both in; empty: no bound */
    bool descending;       /* of a user's: newest first */
    struct span sentiment; /* only these; empty: all */
    size_t limit;          /* 1 to STORE_READ_MAX */
    /* `next` of the page before, of a read with the same fields; NULL: the first page. Text without
     * control characters that says nothing secret, but that anybody could make: sign it before
     * giving it away. */
    const char *cursor;
    /* Called exactly once when store_read() gave STORE_OK, from a thread of the store; must not
     * block. `page` is NULL unless the result is STORE_OK. */
    void (*done)(struct store_read *read, enum store_result result, const struct store_page *page);
    struct store_read *next; /* the store's own while it is queued */
    int64_t queued_us;       /* the store's own */
};

struct store;

struct store_ops {
    enum store_result (*put)(struct store *s, struct store_put *put);
    bool (*ready)(struct store *s, char reason[STORE_ERROR_SIZE]);
    int (*claim)(struct store *s, int64_t now_us, struct outbox_entry *entries, size_t max,
                 int64_t *next_due_us);
    int (*settle)(struct store *s, const struct outbox_outcome *outcomes, size_t count);
    void (*end_outbox)(struct store *s, int64_t deadline_us); /* NULL: neither takes long */
    int (*count)(struct store *s, struct outbox_counts *counts);
    /* NULL: counting is cheap. */
    int (*backlog)(struct store *s, uint64_t enough, uint64_t *pending);
    int (*dead_list)(struct store *s, uint64_t after_id, struct outbox_entry *entries, size_t max);
    int (*dead_requeue)(struct store *s, uint64_t id);
    int (*dead_drop)(struct store *s, uint64_t id);
    enum store_result (*read)(struct store *s, struct store_read *read);
    void (*close)(struct store *s);
};

/* Implementations begin their own struct with this one. */
struct store {
    const struct store_ops *ops;
};

/* Queues a put. STORE_OK: `done` will be called. Anything else: it will not, and nothing was
 * written. */
enum store_result store_put(struct store *s, struct store_put *put);

/* Whether a put would be tried now; when not, one line why. Cheap: does no I/O. */
bool store_ready(struct store *s, char reason[STORE_ERROR_SIZE]);

/* Claims up to `max` entries that are due at `now_us` (wall), oldest first, and fills `entries`. A
 * claimed entry is not given again by this process until it is settled; after a restart it is.
 * Where several processes share a store, only one of them has an entry at a time. Returns how many,
 * or -1 when the store cannot be read now (try again later). `next_due_us` becomes the due time of
 * the earliest entry that is left, INT64_MAX when none. */
int store_claim(struct store *s, int64_t now_us, struct outbox_entry *entries, size_t max,
                int64_t *next_due_us);

/* Notes each outcome durably. 0; -1 when one or more could not be noted (a store with transactions
 * notes none then): the caller keeps the outcomes and settles all of them again later, before
 * anything else. What was noted already and unknown ids are ignored. */
int store_settle(struct store *s, const struct outbox_outcome *outcomes, size_t count);

/* Says that the service ends: a store_claim() or store_backlog() under way returns soon, if need be
 * with -1, and a store_settle() by `deadline_us` (mono), or soon after when that is past. So do all
 * that follow. Any thread, does not block. */
void store_end_outbox(struct store *s, int64_t deadline_us);

/* How many wait and how many are dead. 0 or -1. For people: it may take long, and read all that is
 * stored. */
int store_count(struct store *s, struct outbox_counts *counts);

/* About how many wait, for a mailer that has other ways when they are many; cheap enough to be
 * asked before each batch. It is exact for what this process has at hand; of the rest it may be
 * what was so up to a minute ago, or nothing where only reading all would tell. Counting may stop
 * at `enough`. 0 or -1. */
int store_backlog(struct store *s, uint64_t enough, uint64_t *pending);

/* Dead letters with id > after_id in the order of their ids. How many, fewer than `max` only where
 * the list ends; or -1. Pages that follow one another are of one listing: what was made a dead
 * letter since its first may be missing, what is none any more is not there. */
int store_dead_list(struct store *s, uint64_t after_id, struct outbox_entry *entries, size_t max);

/* Makes a dead letter pending again (attempts 0, due at once), or forgets it. 1 done, 0 no dead
 * letter has that id, -1 the store cannot write. Id 0 means all; then the number done. */
int store_dead_requeue(struct store *s, uint64_t id);
int store_dead_drop(struct store *s, uint64_t id);

/* Reads a page; any thread, never blocks. A review whose put was acknowledged before is found,
 * except that all reads of a replicated store may lag by a moment. STORE_OK: `done` will be called.
 * Else it will not: STORE_BUSY, too many reads wait; STORE_CLOSED; STORE_UNAVAILABLE;
 * STORE_BAD_CURSOR. `done` may get the latter three, too. */
enum store_result store_read(struct store *s, struct store_read *read);

/* Commits what is queued, calls every outstanding `done` (STORE_CLOSED for what could not be
 * written) and frees the store. No other call may run or follow. NULL: nothing. */
void store_close(struct store *s);

/* What every store is told at its opening. The struct may go after the call, what it points to must
 * stay until store_close(). */
struct store_config {
    struct metrics *metrics; /* may be NULL */
    struct clock *clock;
    size_t queue_limit; /* puts that may wait; 0: takes none (a tool beside a service) */
    /* A put that could not be written for so long ends with STORE_UNAVAILABLE; in the embedded
     * store, a read that could not begin, too. */
    int64_t put_deadline_ms;
    int64_t close_ms; /* what store_close() may take where the store is a host that does not answer;
                         0: 5 s */
    /* Called after a commit that added to the outbox, from a thread of the store; must not block.
     */
    void (*pending)(void *context);
    void *pending_context;
};

#endif
