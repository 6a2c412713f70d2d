/* Rounds of calls, for threads that may block, and a limit at which they end early. */
#ifndef STORE_DYNAMODB_ROUND_H
#define STORE_DYNAMODB_ROUND_H

#include "dynamodb_call.h"

#include "base/clock.h"
#include "base/json.h"

#include <pthread.h>

/* One call of a round, and what came of it. */
struct dynamodb_step {
    struct buf body; /* to be filled by the caller, as the operation; of no use after the round */
    enum dynamodb_op op;
    enum call_outcome outcome; /* by the round, as all that follows; CALL_CANCELLED: it was left */
    bool maybe_done;           /* not CALL_OK, but it may have been, or may yet be, carried out */
    struct buf reply;
    char code[96]; /* of the service's refusal; "" without one */
    char detail[CALL_DETAIL_SIZE];
    struct dynamodb_round *round; /* the round's own */
    bool ended;
};

/* Makes all the calls, at most 16 at a time, and waits until each has ended, which is when
 * `deadline_us` (mono) has passed at the latest. Not from the transport's thread. */
void dynamodb_round_run(struct call_client *client, struct dynamodb_step *steps, size_t count,
                        int64_t deadline_us);

/* When rounds are left, whatever their calls do: never, until somebody says so, also to a round
 * that waits. One thread at a time has rounds within a limit. */
struct dynamodb_limit {
    struct clock *clock;
    int64_t least_us;             /* a round gets so much of time in any case */
    pthread_mutex_t lock;         /* guards what follows */
    int64_t at_us;                /* mono; INT64_MAX: never */
    struct dynamodb_round *round; /* that waits, or NULL */
};
void dynamodb_limit_init(struct dynamodb_limit *limit, struct clock *clock, int64_t least_us);
void dynamodb_limit_free(struct dynamodb_limit *limit);

/* Brings the limit forward to that time (mono). Any thread, does not block. */
void dynamodb_limit_set(struct dynamodb_limit *limit, int64_t at_us);
bool dynamodb_limit_passed(struct dynamodb_limit *limit);

/* dynamodb_round_run() that is left at the limit. Calls that are under way then go on without
 * anybody who looks at them, until the client is stopped. */
void dynamodb_round_within(struct dynamodb_limit *limit, struct call_client *client,
                           struct dynamodb_step *steps, size_t count, int64_t deadline_us);

/* The answer as JSON: a new reference, or NULL when there is none that is an object. */
json_t *dynamodb_step_answer(const struct dynamodb_step *step);

/* Whether the service refused because a condition does not hold. */
bool dynamodb_step_conflict(const struct dynamodb_step *step);

/* Frees what the steps hold. */
void dynamodb_steps_free(struct dynamodb_step *steps, size_t count);

#endif
