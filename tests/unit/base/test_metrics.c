#include "support/alloc.h"
#include "support/test.h"

#include "base/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void check_text(struct metrics *m, const char *expected)
{
    struct buf b = BUF_INIT;
    metrics_write(m, &b);
    assert_string_equal(buf_str(&b), expected);
    buf_free(&b);
}

static void test_counters_and_gauges(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    struct metric_name mails = {"mails_total", "Mails by outcome.", "outcome=\"sent\""};
    struct metric *sent = metrics_counter(m, mails);
    struct metric *queue = metrics_gauge(m, (struct metric_name){"queue", "Waiting.", NULL});
    mails.labels = "outcome=\"dead\",why=\"x\"";
    struct metric *dead = metrics_counter(m, mails);
    metric_add(sent, 3);
    metric_add(sent, 1);
    metric_add(dead, 7);
    metric_set(queue, 9);
    metric_set(queue, -2);
    assert_int_equal(metric_value(sent), 4);
    assert_int_equal(metric_value(queue), -2);
    check_text(m, "# HELP mails_total Mails by outcome.\n"
                  "# TYPE mails_total counter\n"
                  "mails_total{outcome=\"sent\"} 4\n"
                  "mails_total{outcome=\"dead\",why=\"x\"} 7\n"
                  "# HELP queue Waiting.\n"
                  "# TYPE queue gauge\n"
                  "queue -2\n");
    metrics_free(m);
}

static void test_same_name_and_labels_is_same_handle(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    char labels[] = "a=\"1\"";
    struct metric *first = metrics_counter(m, (struct metric_name){"n", "help", labels});
    labels[3] = '2';
    struct metric *second = metrics_counter(m, (struct metric_name){"n", "other", labels});
    assert_ptr_not_equal(first, second);
    assert_ptr_equal(first, metrics_counter(m, (struct metric_name){"n", "help", "a=\"1\""}));
    assert_ptr_equal(second, metrics_counter(m, (struct metric_name){"n", "help", "a=\"2\""}));
    assert_ptr_equal(metrics_counter(m, (struct metric_name){"n", "help", NULL}),
                     metrics_counter(m, (struct metric_name){"n", "help", ""}));
    assert_null(metrics_gauge(m, (struct metric_name){"n", "help", NULL}));
    metrics_free(m);
}

static int64_t doubled(void *context)
{
    return 2 * *(int64_t *)context;
}

static void test_counter_callback(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    int64_t value = 21;
    struct metric_name name = {"c_total", "help", NULL};
    struct metric *counter = metrics_counter_callback(m, name, doubled, &value);
    assert_int_equal(metric_value(counter), 42);
    value = 4;
    check_text(m, "# HELP c_total help\n# TYPE c_total counter\nc_total 8\n");
    metrics_free(m);
}

static void test_histogram_text(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    struct metric *h =
        metrics_histogram(m, (struct metric_name){"t_seconds", "Time.", "route=\"/\""});
    metric_observe_us(h, -5);
    metric_observe_us(h, 3);
    metric_observe_us(h, 1500000);
    metric_observe_us(h, 40000000);
    assert_int_equal(metric_value(h), 4);
    struct buf b = BUF_INIT;
    metrics_write(m, &b);
    const char *text = buf_str(&b);
    assert_non_null(strstr(text, "# TYPE t_seconds histogram\n"
                                 "t_seconds_bucket{route=\"/\",le=\"1e-06\"} 1\n"
                                 "t_seconds_bucket{route=\"/\",le=\"2.5e-06\"} 1\n"
                                 "t_seconds_bucket{route=\"/\",le=\"5e-06\"} 2\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{route=\"/\",le=\"1\"} 2\n"
                                 "t_seconds_bucket{route=\"/\",le=\"2.5\"} 3\n"
                                 "t_seconds_bucket{route=\"/\",le=\"5\"} 3\n"
                                 "t_seconds_bucket{route=\"/\",le=\"10\"} 3\n"
                                 "t_seconds_bucket{route=\"/\",le=\"30\"} 3\n"
                                 "t_seconds_bucket{route=\"/\",le=\"+Inf\"} 4\n"
                                 "t_seconds_sum{route=\"/\"} 41.500003\n"
                                 "t_seconds_count{route=\"/\"} 4\n"));
    buf_free(&b);
    metrics_free(m);
}

/* The count of the bucket with that bound, in a fresh histogram that observed `us` once. */
static int in_bucket(int64_t us, const char *le)
{
    struct metrics *m = metrics_new();
    metric_observe_us(metrics_histogram(m, (struct metric_name){"h", "help", NULL}), us);
    struct buf b = BUF_INIT;
    metrics_write(m, &b);
    char series[64];
    (void)snprintf(series, sizeof(series), "h_bucket{le=\"%s\"} ", le);
    const char *found = strstr(buf_str(&b), series);
    assert_non_null(found);
    int count = found[strlen(series)] - '0';
    buf_free(&b);
    metrics_free(m);
    return count;
}

static void test_histogram_bounds(void **state)
{
    (void)state;
    static const struct {
        int64_t us; /* the largest that is in it */
        const char *le;
    } cases[] = {
        {1, "1e-06"},     {2, "2.5e-06"},   {5, "5e-06"},     {10, "1e-05"},    {25, "2.5e-05"},
        {50, "5e-05"},    {100, "0.0001"},  {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},
        {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},
        {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"},
        {5000000, "5"},   {10000000, "10"}, {30000000, "30"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(in_bucket(cases[i].us - 1, cases[i].le), 1);
        assert_int_equal(in_bucket(cases[i].us, cases[i].le), 1);
        assert_int_equal(in_bucket(cases[i].us + 1, cases[i].le), 0);
        assert_int_equal(in_bucket(cases[i].us + 1, "+Inf"), 1);
    }
    assert_int_equal(in_bucket(INT64_MAX, "+Inf"), 1);
}

static void test_null_is_harmless(void **state)
{
    (void)state;
    assert_null(metrics_counter(NULL, (struct metric_name){"n", "help", NULL}));
    metric_add(NULL, 1);
    metric_set(NULL, 1);
    metric_observe_us(NULL, 1);
    assert_int_equal(metric_value(NULL), 0);
    struct buf b = BUF_INIT;
    metrics_write(NULL, &b);
    assert_int_equal(b.len, 0);
    metrics_free(NULL);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    alloc_fail_at(1);
    assert_null(metrics_new());
    alloc_fail_at(0);
    struct metrics *m = metrics_new();
    struct metric_name name = {"n", "help", "a=\"b\""};
    for (long n = 1; n <= 2; n++) {
        alloc_fail_at(n); /* the family, then the series; the family stays */
        assert_null(metrics_histogram(m, name));
    }
    alloc_fail_at(2); /* the labels */
    assert_null(metrics_histogram(m, name));
    alloc_fail_at(0);
    check_text(m, "# HELP n help\n# TYPE n histogram\n");
    assert_non_null(metrics_histogram(m, name));
    metrics_free(m);
}

enum { THREADS = 4, ROUNDS = 5000 };

static void *use_registry(void *context)
{
    struct metrics *m = context;
    struct buf b = BUF_INIT;
    for (int i = 0; i < ROUNDS; i++) {
        char labels[16];
        (void)snprintf(labels, sizeof(labels), "i=\"%d\"", i % 20);
        metric_add(metrics_counter(m, (struct metric_name){"n", "help", labels}), 1);
        metric_observe_us(metrics_histogram(m, (struct metric_name){"h", "help", NULL}), i);
        if (i % 100 == 0) {
            buf_clear(&b);
            metrics_write(m, &b);
        }
    }
    buf_free(&b);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_registry, m), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    struct metric *first = metrics_counter(m, (struct metric_name){"n", "help", "i=\"0\""});
    assert_int_equal(metric_value(first), THREADS * ROUNDS / 20);
    struct metric *h = metrics_histogram(m, (struct metric_name){"h", "help", NULL});
    assert_int_equal(metric_value(h), THREADS * ROUNDS);
    metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_and_gauges),
        cmocka_unit_test(test_same_name_and_labels_is_same_handle),
        cmocka_unit_test(test_counter_callback),
        cmocka_unit_test(test_histogram_text),
        cmocka_unit_test(test_histogram_bounds),
        cmocka_unit_test(test_null_is_harmless),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
