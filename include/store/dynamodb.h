/* The store in a DynamoDB table: the reference's table, spoken to through aws/call.h.
 *
 * An item is the reference's five string attributes. While its mail is owed it has two more, and up
 * to three after a send that failed; one UpdateItem removes them all when the mail was sent:
 *
 *   notification           "pending-0" … "pending-9" by the key's hash, "dead-0" … for dead letters
 *   notification_lease     who mails it and until when: "2025-11-28T11:21:31.363902 <owner>"
 *   notification_attempts, notification_due, notification_error
 *
 * The first two are the keys of a sparse index, `notification-index` (KEYS_ONLY): leases sort by
 * their end, so a Query finds what nobody mails although it is owed, and nothing else. Ten
 * partitions, because one would hold the table to 1,000 writes/s. A table without the index is
 * scanned instead, seldom.
 *
 * Several instances may share a table. The one that put a review mails it, straight from memory.
 * What an instance left behind is taken over by another after the lease's end, by a conditional
 * UpdateItem on exactly the lease that was seen. Leases are in DynamoDB's time where the own clock
 * is known to be wrong (call_clock_offset_us()); else clocks must agree to well below the lease.
 *
 * Puts have no thread of their own: the transport's thread takes all that waits, so what gathered
 * while it was busy goes out together: PutItem for one, BatchWriteItem for up to 25. A PutItem is
 * done only if its key is new (STORE_CONFLICT); BatchWriteItem knows no condition and replaces, as
 * the reference does.
 *
 * When the table cannot be used at all (unreachable, no credentials, no such table, no permission),
 * store_ready() says why, puts end at once with STORE_UNAVAILABLE, and once a second at most, while
 * somebody puts or asks, one put or a write that cannot come true tries whether it can be used
 * again. */
#ifndef STORE_DYNAMODB_H
#define STORE_DYNAMODB_H

#include "aws/call.h"
#include "store/store.h"

#define DYNAMODB_INDEX "notification-index"

struct dynamodb_config {
    struct call_client *client;  /* for aws_service_dynamodb. The store's alone: store_close() stops
                                    it, the owner frees it after that */
    struct transport *transport; /* the client's; must outlive the store */
    const char *table;           /* name or ARN; copied */
    int64_t lease_ms;            /* 0: 5 minutes. A batch of mails must take less than half of it */
    size_t calls;                /* puts' calls under way at a time; 0: 32 */
    int64_t count_ms; /* how often dead letters are counted in the table, for the gauge of them, as
                         long as it has the index; 0: never */
    size_t held;      /* duties kept in memory, at most; 0: 16,384. The rest waits in the table */
};

/* Makes the store and begins to try the table; does not wait for that. NULL with one line in
 * `reason`.
 *
 * store_close() waits for puts under way, for at most two fifths of `close_ms`, and a fifth for
 * giving its leases back, so that another instance need not wait for their end.
 *
 * With a queue_limit of 0 it is a tool's, beside the services that put: it takes no puts, does not
 * try the table before it is asked for something, and after any failure store_ready() is false and
 * says why.
 *
 * Outbox ids are the review's time in µs · 4096 plus 12 bits of a hash of its key. */
struct store *store_dynamodb_open(const struct dynamodb_config *config,
                                  const struct store_config *store_config,
                                  char reason[STORE_ERROR_SIZE]);

/* What was done or found, for people: what it is about, and in one line what there is to say. */
enum dynamodb_verdict {
    DYNAMODB_GOOD,
    DYNAMODB_WARNING, /* the service works without, but worse */
    DYNAMODB_BAD
};
typedef void dynamodb_report(void *context, enum dynamodb_verdict verdict, const char *what,
                             const char *detail);

/* What the two functions below work with; both block and are for the command line. */
struct dynamodb_table {
    struct call_client *client;
    struct clock *clock;
    const char *name; /* the table's */
    dynamodb_report *report;
    void *context;
    int64_t wait_ms; /* dynamodb_create(): how long to wait for what is being made … */
    int64_t poll_ms; /* … and how long between two looks at it; 0: a second */
};

/* Tries whether the store would work: the table's keys, its index, and each permission, in ways
 * that change nothing. One report each. True unless one is DYNAMODB_BAD. */
bool dynamodb_check(const struct dynamodb_table *table);

/* Makes the table with its index, on-demand billing, stream and point-in-time recovery, or adds
 * what of that an existing table lacks (its billing is left alone), and waits until all is ACTIVE.
 * One report for each thing done or found. False when something could not be done. */
bool dynamodb_create(const struct dynamodb_table *table);

#endif
