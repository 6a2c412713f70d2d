/* Counters, gauges and histograms, and their Prometheus text form (exposition format 0.0.4).
 *
 * A registry is made at start and passed to the modules, which register their series in it and keep
 * the handles. Handles live as long as the registry. Adding and observing are lock-free and may be
 * done from any thread; registering takes a short lock. Every function takes a NULL handle or
 * registry and does nothing then, so a module under test needs none, and running out of memory
 * while registering only loses the series. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buf.h"

#include <stdint.h>

struct metrics;
struct metric;

struct metrics *metrics_new(void); /* NULL: out of memory */
void metrics_free(struct metrics *m);

/* What a series is called. The same name may be registered again with other labels (its help is
 * that of the first); the same name and labels give the same handle; the same name as another kind
 * gives NULL. Strings must live as long as the registry, except `labels`, which is copied. */
struct metric_name {
    const char *name;   /* "reviewd_mails_total" */
    const char *help;   /* one sentence */
    const char *labels; /* "outcome=\"sent\"", or NULL */
};

/* Make or find a series. NULL: out of memory, or the name is of another kind. */
struct metric *metrics_counter(struct metrics *m, struct metric_name name);
struct metric *metrics_gauge(struct metrics *m, struct metric_name name);

/* A counter that is kept elsewhere: its value is asked for when the text is made, from the thread
 * that makes it. */
struct metric *metrics_counter_callback(struct metrics *m, struct metric_name name,
                                        int64_t (*value)(void *context), void *context);

/* A histogram of seconds with buckets at 1, 2.5 and 5 times each power of ten from 1 µs to 10 s,
 * and +Inf. */
struct metric *metrics_histogram(struct metrics *m, struct metric_name name);

/* Count, set, observe. NULL: nothing happens. A negative time counts as 0. */
void metric_add(struct metric *counter, uint64_t n);
void metric_set(struct metric *gauge, int64_t value);
void metric_observe_us(struct metric *histogram, int64_t us);

/* A counter's or gauge's value now, a histogram's number of observations; for tests and for
 * `reviewd` itself. 0 for NULL. */
int64_t metric_value(const struct metric *metric);

/* Appends all families in the order of their registration. */
void metrics_write(struct metrics *m, struct buf *out);

#endif
