/* Time, passed in so that tests can script it.
 *
 * Every module that needs the time takes a `struct clock *`. All functions may be called from any
 * thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct clock {
    /* Microseconds since 1970-01-01 UTC. May jump when the machine's clock is set. */
    int64_t (*wall_us)(struct clock *clock);
    /* Microseconds since some fixed instant; never goes back. For durations and deadlines. */
    int64_t (*mono_us)(struct clock *clock);
};

/* The machine's clock. Static; never freed. */
struct clock *clock_system(void);

static inline int64_t clock_wall_us(struct clock *clock)
{
    return clock->wall_us(clock);
}

static inline int64_t clock_mono_us(struct clock *clock)
{
    return clock->mono_us(clock);
}

/* The machine's CLOCK_MONOTONIC in so many microseconds (at least 0), for pthread_cond_clockwait().
 */
struct timespec clock_after(int64_t wait_us);

enum { CLOCK_ISO_SIZE = 27 }; /* "2025-11-28T11:16:31.363902" and its NUL */

/* Writes `wall_us` in UTC as Python's datetime.isoformat() does for a naive time with microseconds:
 * "2025-11-28T11:16:31.363902". Always with six decimals. Years 0000 to 9999; others are clamped.
 */
void clock_iso(int64_t wall_us, char out[CLOCK_ISO_SIZE]);

/* A source of strictly increasing wall times, one per process: no two calls return the same value,
 * from whatever threads, even when the clock is set back. Never returns a whole second, because
 * Python's isoformat() leaves the fraction out there and keys would change their form. */
struct clock_stamps {
    struct clock *clock;
    _Atomic int64_t last_us;
};

/* The next stamp. Any thread, never blocks. */
int64_t clock_stamp_us(struct clock_stamps *stamps);

#endif
