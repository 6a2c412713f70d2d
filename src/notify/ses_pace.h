/* How fast mails may leave: evenly, without bursts. Pure; not locked. */
#ifndef NOTIFY_SES_PACE_H
#define NOTIFY_SES_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    double rate;     /* units (receivers) per second; more than 0 */
    int64_t next_us; /* mono: not before */
};

/* Sets the rate; what was reserved stays. */
void pace_set(struct pace *p, double rate);

/* Whether `units` may leave at `now_us`; then they have. */
bool pace_take(struct pace *p, int64_t now_us, double units);

/* SES says that it was too fast: a fifth slower, and nothing for a second. */
void pace_slow(struct pace *p, int64_t now_us);

#endif
