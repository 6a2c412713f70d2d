/* The outbox dispatcher: takes what the store says is to be mailed and hands it to the mailer, with
 * retry, back-off and dead letters.
 *
 * One thread, the notify thread. It sleeps until outbox_wake(), the next due time, or the end of a
 * pause; it never polls. A failed mail is tried again after 1 s · 2^attempts with full jitter, at
 * most 15 min, until it is `max_age_ms` old; then, or when the failure is permanent, it becomes a
 * dead letter. */
#ifndef NOTIFY_OUTBOX_H
#define NOTIFY_OUTBOX_H

#include "base/clock.h"
#include "notify/mailer.h"

struct outbox;

struct outbox_config {
    struct metrics *metrics; /* may be NULL */
    struct clock *clock;
    struct store *store; /* must outlive the outbox, as must the mailer */
    struct mailer *mailer;
    int64_t max_age_ms;
    uint64_t seed; /* of the jitter; 0: from the clock */
};

/* Makes the dispatcher; its thread starts with outbox_start(). NULL: out of memory. */
struct outbox *outbox_new(const struct outbox_config *config);
int outbox_start(struct outbox *o); /* 0, or -1 with errno */

/* Says that the store has new entries. Any thread, never blocks; safe before start and after stop.
 */
void outbox_wake(struct outbox *o);

/* One round of the thread's work, for tests with a scripted clock: claims, sends, settles. Returns
 * the mono time in microseconds at which it wants to run next (INT64_MAX: only when woken). */
int64_t outbox_step(struct outbox *o);

/* Waits until the thread has nothing to do but wait: all that was due when this was called is
 * mailed, or a pause is on. False: not by `deadline_us` (mono). Any thread, after outbox_start().
 */
bool outbox_rest(struct outbox *o, int64_t deadline_us);

/* Tells the thread to end, and does not wait for it: no more mails are begun from now on, nothing
 * more is claimed, and what was sent is noted in the store by `deadline_us` (mono), or else soon
 * after the mailer is done. For whoever has other things to end meanwhile; outbox_stop() waits. Any
 * thread, before or after it; the first call counts. */
void outbox_stop_begin(struct outbox *o, int64_t deadline_us);

/* Ends the thread: what the mailer has in hand is finished and settled, the rest stays in the
 * store. Without outbox_stop_begin() before, the settling gets 5 s. */
void outbox_stop(struct outbox *o);
void outbox_free(struct outbox *o); /* NULL: nothing */

#endif
