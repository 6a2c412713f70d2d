/* What the two halves of the source share: credentials.c is what callers see, credentials_fetch.c
 * what happens on the transport's thread.
 *
 * Callers on any thread only take the lock for a few instructions. A fetch is started by posting
 * begin() to the transport's thread, where all of a provider runs, and ends there in fetched(): so
 * one fetch is under way at a time (`fetching`), and no provider needs a lock. Whatever happens,
 * fetched() is reached, and it ends the fetch on every path.
 *
 * A reference is held by the opener, by every posted function and by the fetch that is under way;
 * the last one frees. So credentials_close() does not wait: it stops what it can, and what is still
 * under way then ends, at the latest when the transport is stopped. */
#ifndef AWS_CREDENTIALS_SOURCE_H
#define AWS_CREDENTIALS_SOURCE_H

#include "provider.h"

#include <pthread.h>
#include <stdatomic.h>

struct credentials_source {
    /* Never changed after the start: */
    struct credentials_config config;
    const char *name;
    struct metric *refreshed;
    struct metric *failed;
    struct metric *expiry;
    /* The transport's thread: */
    struct provider *provider;
    bool running; /* the provider has a fetch under way */

    atomic_uint references; /* atomic: given back from several threads */
    pthread_mutex_t lock;
    /* Under the lock: */
    struct credentials *current; /* NULL until the first fetch succeeds */
    bool rejected;               /* AWS refused `current`; it is not handed out while fetching */
    bool fetching;               /* from the decision to fetch until fetched() */
    bool closed;
    int64_t refresh_wall_us; /* when `current` is to be renewed */
    int64_t retry_mono_us;   /* after a failure: not before; else 0 */
    int64_t tried_mono_us;   /* the last start of a fetch */
    unsigned failures;       /* since the last success */
    size_t timers;           /* posted and not fired yet */
    int64_t timer_mono_us;   /* the earliest of them */
    struct credentials_waiter *first;
    struct credentials_waiter **last;
    char reason[CREDENTIALS_REASON_SIZE];
};

/* --- credentials.c -------------------------------------------------------------------------- */

/* Runs `fire` on the transport's thread, with a reference of its own; false when memory ran out. */
bool credentials_source_post(struct credentials_source *s, int64_t delay_us,
                             void (*fire)(void *context));

/* One reference less. */
void credentials_source_release(struct credentials_source *s);

/* --- credentials_fetch.c -------------------------------------------------------------------- */

/* Under the lock: credentials that may be handed out. */
bool credentials_fetch_usable(const struct credentials_source *s);

/* Under the lock: how long until the next refresh may start; INT64_MAX when none is wanted. */
int64_t credentials_fetch_until(const struct credentials_source *s);

/* Under the lock: decides for a fetch, which the caller starts after unlocking. */
void credentials_fetch_claim(struct credentials_source *s);

/* Starts the fetch that was claimed. False when memory ran out: the caller concludes. */
bool credentials_fetch_start(struct credentials_source *s);

/* The end of every fetch: takes over the reference `c`, or notes the reason; tells the waiters. */
void credentials_fetch_conclude(struct credentials_source *s, struct credentials *c,
                                const char *reason);

/* Under the lock: takes all waiters away. */
struct credentials_waiter *credentials_fetch_take_waiters(struct credentials_source *s);

/* Calls waiters in their order, with no lock held; `c` is borrowed and may be NULL. */
void credentials_fetch_tell(struct credentials_waiter *list, struct credentials *c,
                            const char *reason);

#endif
