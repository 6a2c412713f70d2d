/* How often, how soon and whether at all a call is tried again: AWS's standard retry mode. Any
 * thread. */
#ifndef AWS_CALL_RETRY_H
#define AWS_CALL_RETRY_H

#include "aws/errors.h"

#include <stdatomic.h>

enum {
    CALL_QUOTA = 500, /* what a client may spend on retries before successes fill it again */
    CALL_COST_TRANSIENT = 14,
    CALL_COST_THROTTLE = 5,
    CALL_BACKOFF_MAX_US = 20 * 1000 * 1000,
    CALL_BACKOFF_THROTTLE_US = 1000 * 1000,
    CALL_RETRY_AFTER_EXTRA_US =
        5 * 1000 * 1000 /* a server may ask for that much more than the back-off */
};

struct call_quota {
    _Atomic int left; /* a plain count: any order of takes and gives is right */
};

/* Takes what a retry after such an error costs and returns it, or 0 when there is not so much left.
 */
int call_quota_take(struct call_quota *quota, enum aws_error_class what);

/* Gives back what the last retry of a call took, or 1 for a call that succeeded without any. */
void call_quota_give(struct call_quota *quota, int amount);

/* SplitMix64: equal seeds give equal numbers. */
struct call_random {
    _Atomic uint64_t state; /* each call adds once, so threads never get the same number */
};

/* The next number. */
uint64_t call_random_next(struct call_random *random);

/* How long to wait before the next attempt when `failed` (1 or more) have failed: a random part,
 * from nothing to all, of a time that doubles each time. `retry_after` is the value of
 * x-amz-retry-after, in ms, or NULL. */
int64_t call_backoff_us(const struct aws_service *service, const struct aws_error *error,
                        unsigned failed, const char *retry_after, struct call_random *random);

/* Takes AWS's time from the Date of an answer that came at `wall_us` of our clock, to an attempt
 * that was signed with the time `signed_us`. False when there is no Date, or when it is within 4
 * minutes of that time, so that the clock is not what is wrong. *offset_us, what AWS's clock is
 * ahead of ours, is corrected and logged, unless an answer to another attempt has done so. */
bool call_correct_clock(const struct aws_service *service, const struct net_reply *reply,
                        int64_t wall_us, int64_t signed_us, int64_t *offset_us);

/* Reads an HTTP date ("Sun, 06 Nov 1994 08:49:37 GMT") as microseconds since 1970. False when it is
 * none. */
bool call_http_date(const char *text, int64_t *wall_us);

#endif
