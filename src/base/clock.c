#include "base/clock.h"

#include <stdatomic.h>
#include <string.h>

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY    (86400 * US_PER_SECOND)

/* 0000-01-01T00:00:00 and the last microsecond of the year 9999, since 1970. */
#define FIRST_US (INT64_C(-719528) * US_PER_DAY)
#define LAST_US  (INT64_C(2932897) * US_PER_DAY - 1)

struct timespec clock_after(int64_t wait_us)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t ns = at.tv_nsec + wait_us % US_PER_SECOND * 1000;
    at.tv_sec += (time_t)(wait_us / US_PER_SECOND + ns / 1000000000);
    at.tv_nsec = ns % 1000000000;
    return at;
}

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now); /* cannot fail for these two clocks and a valid pointer */
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

static int64_t system_wall_us(struct clock *clock)
{
    (void)clock;
    return read_us(CLOCK_REALTIME);
}

static int64_t system_mono_us(struct clock *clock)
{
    (void)clock;
    return read_us(CLOCK_MONOTONIC);
}

struct clock *clock_system(void)
{
    static struct clock system_clock = {system_wall_us, system_mono_us};
    return &system_clock;
}

struct date {
    unsigned year;
    unsigned month;
    unsigned day;
};

/* The Gregorian date of a day counted from 0000-01-01 (>= 0). Own arithmetic, because gmtime_r()
 * takes a lock of the C library and every log line and review asks for a date.
 *
 * Years are taken to begin in March here, so that the leap day is a year's last; 153 days make five
 * months from March on. Day 60 is 0000-03-01; one era of 400 years goes ahead to keep all unsigned.
 */
static struct date date_of(int64_t day_number)
{
    uint64_t days = (uint64_t)day_number + 146097 - 60;
    uint64_t era = days / 146097;
    unsigned of_era = (unsigned)(days % 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * of_year + 2) / 153;
    struct date d;
    d.day = of_year - (153 * march_month + 2) / 5 + 1;
    d.month = march_month < 10 ? march_month + 3 : march_month - 9;
    d.year = (unsigned)(era * 400) + year_of_era + (d.month <= 2 ? 1 : 0) - 400;
    return d;
}

static void put_digits(char *out, unsigned value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void clock_iso(int64_t wall_us, char out[CLOCK_ISO_SIZE])
{
    if (wall_us < FIRST_US) {
        wall_us = FIRST_US;
    } else if (wall_us > LAST_US) {
        wall_us = LAST_US;
    }
    int64_t since_first = wall_us - FIRST_US;
    struct date d = date_of(since_first / US_PER_DAY);
    unsigned second = (unsigned)(since_first % US_PER_DAY / US_PER_SECOND);
    memcpy(out, "YYYY-MM-DDThh:mm:ss.uuuuuu", CLOCK_ISO_SIZE);
    put_digits(out, d.year, 4);
    put_digits(out + 5, d.month, 2);
    put_digits(out + 8, d.day, 2);
    put_digits(out + 11, second / 3600, 2);
    put_digits(out + 14, second / 60 % 60, 2);
    put_digits(out + 17, second % 60, 2);
    put_digits(out + 20, (unsigned)(since_first % US_PER_SECOND), 6);
}

int64_t clock_stamp_us(struct clock_stamps *stamps)
{
    int64_t last = atomic_load(&stamps->last_us);
    int64_t next;
    do {
        next = clock_wall_us(stamps->clock);
        if (next <= last) {
            next = last + 1;
        }
        if (next % US_PER_SECOND == 0) {
            next++;
        }
    } while (!atomic_compare_exchange_weak(&stamps->last_us, &last, next));
    return next;
}
