#include "support/test.h"

#include "reviews/pipeline.h"

#include "support/fake.h"

/* A store that answers each put with the next scripted result, at once or when asked. */
struct fake_store {
    struct store store;
    enum store_result queued;     /* what put() returns */
    enum store_result results[4]; /* what done() is called with */
    size_t next;
    struct store_put *waiting;
    char timestamps[4][CLOCK_ISO_SIZE];
    size_t puts;
};

static enum store_result fake_put(struct store *s, struct store_put *put)
{
    struct fake_store *f = (struct fake_store *)s;
    memcpy(f->timestamps[f->puts++], put->item.timestamp.ptr, put->item.timestamp.len + 1);
    f->waiting = f->queued == STORE_OK ? put : NULL;
    return f->queued;
}

static const struct store_ops fake_ops = {.put = fake_put};

static struct fake_store store;
static struct fake_clock fake;
static struct pipeline pipeline;
static struct metrics *metrics;
static struct submission submission;
static int done_calls;
static enum store_result done_result;

static void on_done(struct submission *s, enum store_result result)
{
    assert_ptr_equal(s, &submission);
    done_calls++;
    done_result = result;
}

static int set_up(void **state)
{
    (void)state;
    store = (struct fake_store){.store = {&fake_ops}, .queued = STORE_OK};
    fake_clock_init(&fake, INT64_C(1764328591363902));
    metrics = metrics_new();
    struct pipeline_config config = {.store = &store.store,
                                     .clock = &fake.clock,
                                     .thresholds = SENTIMENT_THRESHOLDS_DEFAULT,
                                     .mail = true,
                                     .metrics = metrics};
    pipeline_init(&pipeline, &config);
    submission = (struct submission){.done = on_done};
    done_calls = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    metrics_free(metrics);
    return 0;
}

static enum store_result submit(const char *text)
{
    submission.review =
        (struct review){.user_name = SPAN("Patricia Stewart"), .review = span_of(text)};
    return pipeline_submit(&pipeline, &submission);
}

/* Lets the store answer until it has nothing that waits. */
static void run_store(void)
{
    while (store.waiting != NULL) {
        struct store_put *put = store.waiting;
        store.waiting = NULL;
        put->done(put, store.results[store.next++]);
    }
}

static int64_t counted(const char *name, const char *labels)
{
    return metric_value(metrics_counter(metrics, (struct metric_name){name, "", labels}));
}

static void test_worked_example(void **state)
{
    (void)state;
    assert_int_equal(submit("The tool is fantastic. Far despite visit mind computer prevent."),
                     STORE_OK);
    const struct item *item = &store.waiting->item;
    assert_true(span_equal(item->user_name, SPAN("Patricia Stewart")));
    assert_true(span_equal(item->timestamp, SPAN("2025-11-28T11:16:31.363902")));
    assert_true(span_equal(item->sentiment, SPAN("Positive")));
    assert_true(span_equal(item->polarity_score, SPAN("0.25")));
    assert_true(store.waiting->notify);
    assert_int_equal(done_calls, 0);
    run_store();
    assert_int_equal(done_calls, 1);
    assert_int_equal(done_result, STORE_OK);
    assert_int_equal(counted("reviewd_reviews_total", "sentiment=\"Positive\""), 1);
}

static void test_only_positive_is_mailed(void **state)
{
    (void)state;
    submit("bad");
    assert_false(store.waiting->notify);
    submit("a table");
    assert_false(store.waiting->notify);
    pipeline.mail = false;
    submit("good");
    assert_false(store.waiting->notify);
}

static void test_refused_at_once(void **state)
{
    (void)state;
    store.queued = STORE_BUSY;
    assert_int_equal(submit("good"), STORE_BUSY);
    assert_int_equal(done_calls, 0);
    assert_int_equal(counted("reviewd_reviews_total", "sentiment=\"Positive\""), 0);
}

static void test_store_fails(void **state)
{
    (void)state;
    store.results[0] = STORE_UNAVAILABLE;
    submit("good");
    run_store();
    assert_int_equal(done_calls, 1);
    assert_int_equal(done_result, STORE_UNAVAILABLE);
    assert_int_equal(counted("reviewd_reviews_total", "sentiment=\"Positive\""), 0);
}

static void test_conflict_is_stamped_anew(void **state)
{
    (void)state;
    store.results[0] = STORE_CONFLICT;
    store.results[1] = STORE_CONFLICT;
    store.results[2] = STORE_OK;
    submit("good");
    run_store();
    assert_int_equal(store.puts, 3);
    assert_string_not_equal(store.timestamps[0], store.timestamps[1]);
    assert_string_not_equal(store.timestamps[1], store.timestamps[2]);
    assert_int_equal(done_calls, 1);
    assert_int_equal(done_result, STORE_OK);
    assert_int_equal(counted("reviewd_reviews_restamped_total", NULL), 2);
}

static void test_conflict_then_closed(void **state)
{
    (void)state;
    store.results[0] = STORE_CONFLICT;
    submit("good");
    struct store_put *put = store.waiting;
    store.waiting = NULL;
    store.queued = STORE_CLOSED;
    put->done(put, STORE_CONFLICT);
    assert_int_equal(done_calls, 1);
    assert_int_equal(done_result, STORE_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_worked_example, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_positive_is_mailed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_conflict_is_stamped_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_conflict_then_closed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
