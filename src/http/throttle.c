#include "throttle.h"

#include <stdatomic.h>

/* Limits that nobody notices keep the sums below within 64 bits: a request in eleven days, and
 * thirty years' worth at once. */
static const double interval_max_ns = 1e15;
static const double tolerance_max_ns = 1e18;

static double at_most(double value, double limit)
{
    return value < limit ? value : limit;
}

void throttle_init(struct throttle *t, double rate, double burst)
{
    double depth = burst > 0 ? burst : rate;
    t->interval_ns = rate > 0 ? at_most(1e9 / rate, interval_max_ns) : 0;
    t->tolerance_ns = depth > 1 ? at_most((depth - 1) * t->interval_ns, tolerance_max_ns) : 0;
    atomic_init(&t->next_ns, 0);
}

bool throttle_pass(struct throttle *t, int64_t now_us)
{
    int64_t now = now_us * 1000;
    if (t->interval_ns <= 0) {
        return true;
    }
    int64_t next = atomic_load_explicit(&t->next_ns, memory_order_relaxed);
    for (;;) {
        int64_t start = next > now ? next : now;
        if ((double)(start - now) > t->tolerance_ns) {
            return false;
        }
        if (atomic_compare_exchange_weak(&t->next_ns, &next, start + (int64_t)t->interval_ns)) {
            return true;
        }
    }
}
