/* The rate limit: a token bucket over all clients, kept as one theoretical arrival time (GCRA),
 * lock-free. Any thread. */
#ifndef HTTP_THROTTLE_H
#define HTTP_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle {
    double interval_ns;  /* between two requests at the limit; 0: no limit */
    double tolerance_ns; /* how far ahead of its time a request may come: (burst - 1) intervals */
    _Atomic int64_t next_ns; /* when the bucket would be full again */
};

/* `rate` requests per second (0: no limit), `burst` at once (0: one second's worth; at least 1). */
void throttle_init(struct throttle *t, double rate, double burst);

/* Whether a request at `now_us` (mono) may pass. */
bool throttle_pass(struct throttle *t, int64_t now_us);

#endif
