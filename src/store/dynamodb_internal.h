/* The parts of the DynamoDB store and how they know each other.
 *
 *   dynamodb_put       queue → batches → calls → acknowledgement; on the transport's thread
 *   dynamodb_health    whether the table can be used, and trying again when not
 *   dynamodb_duties    duties that this process holds, in memory
 *   dynamodb_outbox    claim and settle
 *   dynamodb_recover   takes over what others left
 *   dynamodb_dead      dead letters; dynamodb_count counts them and what waits
 *   dynamodb_read      pages
 *
 * All from dynamodb_outbox to dynamodb_count are on the notify thread, in rounds of calls. */
#ifndef STORE_DYNAMODB_INTERNAL_H
#define STORE_DYNAMODB_INTERNAL_H

#include "dynamodb_duties.h"
#include "dynamodb_fault.h"
#include "dynamodb_round.h"

#include "store/dynamodb.h"

#include <stdatomic.h>

struct dynamodb_health {
    pthread_mutex_t lock; /* guards what follows */
    bool down;
    unsigned failures; /* in a row, of the kinds that concern all */
    int64_t tried_us;  /* mono: when a put or the probe was let through last */
    bool probing;
    struct buf probe_body; /* made once; the probe's while probing */
    int64_t since_us;      /* mono: of the first failure */
    char reason[STORE_ERROR_SIZE];
    struct metric *errors[DYNAMODB_FAULTS];
};

struct dynamodb_node;

struct dynamodb_puts {
    pthread_mutex_t lock; /* guards what follows */
    struct dynamodb_node *first;
    struct dynamodb_node **last;
    struct dynamodb_node *later; /* unprocessed: wait for the timer */
    size_t count;                /* waiting, `later` included */
    size_t calls;                /* under way */
    size_t calls_max;
    bool kicked; /* the pump will run */
    bool closing;
    bool later_waits;     /* the timer will fire */
    uint64_t later_timer; /* its id; 0: none, or not known yet */
    uint64_t random;
    bool batch_denied;      /* none has gone through since one was denied */
    int64_t batch_after_us; /* mono: none goes before */
    struct metric *rows;
    struct metric *length;
};

/* Looking for what others left behind: the notify thread's. */
struct dynamodb_recovery {
    int64_t next_us; /* mono: when to look again */
    atomic_bool now; /* look at once: there is, or may be, more in the table */
    bool no_index;   /* the last look found none */
    bool failing;    /* was said in the log */
    int64_t next_scan_us;
    bool scanning;
    char *scan_from; /* JSON of the key to go on behind, or NULL: from the start */
    uint64_t random;
};

/* What was counted in the table, corrected by what this process has done since: the notify
 * thread's. */
struct dynamodb_census {
    int64_t dead;
    int64_t dead_every_us; /* 0: never */
    int64_t dead_next_us;  /* mono */
    uint64_t pending;
    int64_t pending_next_us; /* mono */
};

struct dynamodb_listing;

struct dynamodb_store {
    struct store store;
    struct store_config config;
    struct call_client *client;
    struct transport *transport;
    struct buf table; /* as a JSON string */
    char owner[DYNAMODB_OWNER_SIZE];
    int64_t lease_us;
    struct dynamodb_health health;
    struct dynamodb_puts puts;
    struct dynamodb_duties duties;
    struct dynamodb_recovery recovery;
    struct dynamodb_limit claims;  /* of all that a claim asks for, and of counting */
    struct dynamodb_limit settles; /* of noting outcomes */
    struct dynamodb_census census;
    struct dynamodb_listing *listing; /* of dead letters, going on; or NULL */
    struct metric *pending;
    struct metric *dead;
    struct metric *lost;
    atomic_size_t reads; /* under way */
    /* What will still call back into the store: calls and timers. */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle;
    size_t outstanding;
    int64_t wake_us;     /* mono: when the timer fires; INT64_MAX: none waits */
    uint64_t wake_timer; /* its id; 0: none, or not known yet */
    bool closing;
};

/* Before something that will call back is started, and at the end of its callback. */
void dynamodb_begin(struct dynamodb_store *s);
void dynamodb_end(struct dynamodb_store *s);

/* The wall time that leases are written and compared in: DynamoDB's, as far as it is known to
 * differ from ours, so that instances agree although one's clock is wrong. */
int64_t dynamodb_now_us(const struct dynamodb_store *s);

/* Appends {"TableName":"…". */
void dynamodb_write_table(struct buf *out, const struct dynamodb_store *s);

/* --- dynamodb_put.c --- */

/* At the opening, before any put. */
void dynamodb_puts_init(struct dynamodb_store *s, const struct dynamodb_config *config);
/* store_put() of store/store.h. */
enum store_result dynamodb_puts_put(struct dynamodb_store *s, struct store_put *put);

/* Lets no more in and waits up to `wait_us` until nothing is queued or under way; after it, what is
 * queued ends STORE_CLOSED. */
void dynamodb_puts_close(struct dynamodb_store *s, int64_t wait_us);
void dynamodb_puts_free(struct dynamodb_store *s);

/* --- dynamodb_health.c --- */

/* At the opening: the table counts as good until a call says otherwise. */
void dynamodb_health_init(struct dynamodb_store *s);

/* Whether a put may be tried now. */
bool dynamodb_health_admit(struct dynamodb_store *s);
bool dynamodb_health_ready(struct dynamodb_store *s, char reason[STORE_ERROR_SIZE]);

/* A call went well, or failed: counted, and for the kinds that concern all, judged. */
void dynamodb_health_good(struct dynamodb_store *s);
void dynamodb_health_bad(struct dynamodb_store *s, enum dynamodb_fault fault, const char *detail);

/* Begins to try the table unless it is being tried; does not wait. */
void dynamodb_health_probe(struct dynamodb_store *s);

/* --- dynamodb_outbox.c, dynamodb_recover.c, dynamodb_dead.c, dynamodb_read.c --- */

/* store_claim() and store_settle() of store/store.h, but for the time of the next entry. */
int dynamodb_outbox_claim(struct dynamodb_store *s, int64_t now_us, struct outbox_entry *entries,
                          size_t max);
int dynamodb_outbox_settle(struct dynamodb_store *s, const struct outbox_outcome *outcomes,
                           size_t count);

/* Gives the leases of all that is held back, for at most `wait_us`. */
void dynamodb_outbox_release(struct dynamodb_store *s, int64_t wait_us);

/* Looks for duties that nobody mails, when it is time, and takes them over. */
void dynamodb_recover(struct dynamodb_store *s);
void dynamodb_recover_init(struct dynamodb_store *s);
void dynamodb_recover_free(struct dynamodb_store *s);

/* The dead letters, as the functions of store/store.h want them: list, requeue, drop. They block
 * for the table's answers. */
int dynamodb_dead_list(struct dynamodb_store *s, uint64_t after_id, struct outbox_entry *entries,
                       size_t max);
int dynamodb_dead_requeue(struct dynamodb_store *s, uint64_t id);
int dynamodb_dead_drop(struct dynamodb_store *s, uint64_t id);
void dynamodb_dead_free(struct dynamodb_store *s);

/* store_read() of store/store.h: starts to read a page. */
enum store_result dynamodb_read_page(struct dynamodb_store *s, struct store_read *read);

#endif
