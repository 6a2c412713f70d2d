#include "base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A registry is a list of families in the order of their registration, each with the list of its
 * series. Both only grow, at their ends: whoever registers holds the lock and publishes a finished
 * link with a release store, whoever reads follows the links without a lock. So no lock is held
 * while a callback runs.
 *
 * Values are added to in relaxed order, because nothing is derived from seeing them but the text.
 */

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

static const char *const kind_names[] = {"counter", "gauge", "histogram"};

/* The largest whole microsecond of each bucket, and its bound in seconds as text. +Inf comes after.
 */
static const struct {
    int64_t us;
    const char *seconds;
} bounds[] = {
    {1, "1e-06"},     {2, "2.5e-06"},   {5, "5e-06"},     {10, "1e-05"},    {25, "2.5e-05"},
    {50, "5e-05"},    {100, "0.0001"},  {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},
    {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},
    {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"},
    {5000000, "5"},   {10000000, "10"}, {30000000, "30"},
};

enum { BOUND_COUNT = sizeof(bounds) / sizeof(bounds[0]) };

struct metric {
    _Atomic(struct metric *) next;
    char *labels; /* "" when none */
    enum kind kind;
    int64_t (*callback)(void *context); /* NULL: `value` counts */
    void *context;
    _Atomic int64_t value;      /* of a histogram: the sum in microseconds */
    _Atomic uint64_t buckets[]; /* of a histogram: BOUND_COUNT + 1, each without those below it */
};

struct family {
    _Atomic(struct family *) next;
    const char *name;
    const char *help;
    enum kind kind;
    _Atomic(struct metric *) first;
};

struct metrics {
    pthread_mutex_t lock; /* guards growing */
    _Atomic(struct family *) first;
};

struct metrics *metrics_new(void)
{
    struct metrics *m = calloc(1, sizeof(*m));
    if (m != NULL && pthread_mutex_init(&m->lock, NULL) != 0) {
        free(m);
        m = NULL;
    }
    return m;
}

static void metric_free(struct metric *metric)
{
    if (metric != NULL) {
        free(metric->labels);
        free(metric);
    }
}

static void family_free(struct family *family)
{
    struct metric *next = NULL;
    for (struct metric *metric = family->first; metric != NULL; metric = next) {
        next = metric->next;
        metric_free(metric);
    }
    free(family);
}

void metrics_free(struct metrics *m)
{
    if (m == NULL) {
        return;
    }
    struct family *next = NULL;
    for (struct family *family = m->first; family != NULL; family = next) {
        next = family->next;
        family_free(family);
    }
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

/* The family called `name`, made when there is none; NULL: no memory, or it is of another kind. */
static struct family *find_family(struct metrics *m, struct metric_name name, enum kind kind)
{
    _Atomic(struct family *) *link = &m->first;
    struct family *family = NULL;
    while ((family = *link) != NULL) {
        if (strcmp(family->name, name.name) == 0) {
            return family->kind == kind ? family : NULL;
        }
        link = &family->next;
    }
    family = calloc(1, sizeof(*family));
    if (family != NULL) {
        family->name = name.name;
        family->help = name.help;
        family->kind = kind;
        atomic_store_explicit(link, family, memory_order_release);
    }
    return family;
}

static struct metric *metric_new(const char *labels, enum kind kind)
{
    size_t buckets = kind == KIND_HISTOGRAM ? BOUND_COUNT + 1 : 0;
    struct metric *metric = calloc(1, sizeof(*metric) + buckets * sizeof(metric->buckets[0]));
    if (metric == NULL) {
        return NULL;
    }
    metric->kind = kind;
    metric->labels = strdup(labels);
    if (metric->labels == NULL) {
        metric_free(metric);
        return NULL;
    }
    return metric;
}

struct source {
    int64_t (*callback)(void *context);
    void *context;
};

static struct metric *find_metric(struct family *family, const char *labels, struct source source)
{
    _Atomic(struct metric *) *link = &family->first;
    struct metric *metric = NULL;
    while ((metric = *link) != NULL) {
        if (strcmp(metric->labels, labels) == 0) {
            return metric;
        }
        link = &metric->next;
    }
    metric = metric_new(labels, family->kind);
    if (metric != NULL) {
        metric->callback = source.callback;
        metric->context = source.context;
        atomic_store_explicit(link, metric, memory_order_release);
    }
    return metric;
}

static struct metric *enrol(struct metrics *m, struct metric_name name, enum kind kind,
                            struct source source)
{
    if (m == NULL) {
        return NULL;
    }
    (void)pthread_mutex_lock(&m->lock);
    struct family *family = find_family(m, name, kind);
    struct metric *metric = NULL;
    if (family != NULL) {
        metric = find_metric(family, name.labels != NULL ? name.labels : "", source);
    }
    (void)pthread_mutex_unlock(&m->lock);
    return metric;
}

struct metric *metrics_counter(struct metrics *m, struct metric_name name)
{
    return enrol(m, name, KIND_COUNTER, (struct source){0});
}

struct metric *metrics_gauge(struct metrics *m, struct metric_name name)
{
    return enrol(m, name, KIND_GAUGE, (struct source){0});
}

struct metric *metrics_counter_callback(struct metrics *m, struct metric_name name,
                                        int64_t (*value)(void *context), void *context)
{
    return enrol(m, name, KIND_COUNTER, (struct source){value, context});
}

struct metric *metrics_histogram(struct metrics *m, struct metric_name name)
{
    return enrol(m, name, KIND_HISTOGRAM, (struct source){0});
}

void metric_add(struct metric *counter, uint64_t n)
{
    if (counter != NULL) {
        (void)atomic_fetch_add_explicit(&counter->value, (int64_t)n, memory_order_relaxed);
    }
}

void metric_set(struct metric *gauge, int64_t value)
{
    if (gauge != NULL) {
        atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
    }
}

void metric_observe_us(struct metric *histogram, int64_t us)
{
    if (histogram == NULL || histogram->kind != KIND_HISTOGRAM) {
        return;
    }
    int64_t observed = us > 0 ? us : 0;
    size_t i = 0;
    while (i < BOUND_COUNT && observed > bounds[i].us) {
        i++;
    }
    (void)atomic_fetch_add_explicit(&histogram->buckets[i], 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&histogram->value, observed, memory_order_relaxed);
}

static uint64_t bucket_count(const struct metric *histogram, size_t i)
{
    return atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
}

static int64_t plain_value(const struct metric *metric)
{
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

int64_t metric_value(const struct metric *metric)
{
    if (metric == NULL) {
        return 0;
    }
    if (metric->kind == KIND_HISTOGRAM) {
        uint64_t count = 0;
        for (size_t i = 0; i <= BOUND_COUNT; i++) {
            count += bucket_count(metric, i);
        }
        return (int64_t)count;
    }
    return metric->callback != NULL ? metric->callback(metric->context) : plain_value(metric);
}

static void write_series(struct buf *out, const char *name, const char *suffix, const char *labels)
{
    const char *open = labels[0] != '\0' ? "{" : "";
    const char *close = labels[0] != '\0' ? "}" : "";
    buf_addf(out, "%s%s%s%s%s ", name, suffix, open, labels, close);
}

/* The count is the sum of the buckets as they were read, so that +Inf and the count never differ.
 */
static void write_histogram(struct buf *out, const char *name, const struct metric *metric)
{
    const char *comma = metric->labels[0] != '\0' ? "," : "";
    uint64_t count = 0;
    for (size_t i = 0; i <= BOUND_COUNT; i++) {
        count += bucket_count(metric, i);
        buf_addf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, metric->labels, comma,
                 i < BOUND_COUNT ? bounds[i].seconds : "+Inf", count);
    }
    int64_t sum = plain_value(metric);
    write_series(out, name, "_sum", metric->labels);
    buf_addf(out, "%" PRId64 ".%06" PRId64 "\n", sum / 1000000, sum % 1000000);
    write_series(out, name, "_count", metric->labels);
    buf_addf(out, "%" PRIu64 "\n", count);
}

static void write_family(struct buf *out, struct family *family)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
             kind_names[family->kind]);
    for (struct metric *metric = family->first; metric != NULL; metric = metric->next) {
        if (family->kind == KIND_HISTOGRAM) {
            write_histogram(out, family->name, metric);
        } else {
            write_series(out, family->name, "", metric->labels);
            buf_addf(out, "%" PRId64 "\n", metric_value(metric));
        }
    }
}

void metrics_write(struct metrics *m, struct buf *out)
{
    if (m == NULL) {
        return;
    }
    for (struct family *family = m->first; family != NULL; family = family->next) {
        write_family(out, family);
    }
}
