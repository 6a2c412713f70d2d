/* How fast mails may leave: evenly, without bursts, and slower for a while when SES says so. Pure;
 * not locked. Times are of the monotonic clock. */
#ifndef NOTIFY_SES_PACE_H
#define NOTIFY_SES_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    double limit;      /* units (receivers) per second, at least 0.1 */
    double share;      /* of the limit that was left by the last pace_slow(); 1: all */
    int64_t slowed_us; /* when that was */
    int64_t next_us;   /* not before */
};

/* Starts at the full limit. */
void pace_init(struct pace *p, double limit);

/* Another limit; what was reserved, and a slowness, stay. */
void pace_set(struct pace *p, double limit);

/* Units per second now. */
double pace_rate(const struct pace *p, int64_t now_us);

/* Whether `units` may leave at `now_us`; then they have. */
bool pace_take(struct pace *p, int64_t now_us, double units);

/* SES says that it was too fast: nothing for a second, and then 30 % slower, but never below a
 * quarter of the limit; a minute later at the latest all is as before. What SES says within the
 * same second, of mails that were under way together, counts once. */
void pace_slow(struct pace *p, int64_t now_us);

#endif
