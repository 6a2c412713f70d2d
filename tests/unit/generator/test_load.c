#include "support/test.h"

#include "generator/load.h"
#include "generator/maker.h"
#include "support/alloc.h"
#include "support/fake.h"

#include <unistd.h>

#define GOOD                                                                                       \
    {                                                                                              \
        .error = NET_OK, .status = 200, .body = "\"Processed as Neutral (Score: 0.00)\""           \
    }

static const struct fake_reply good_replies[] = {GOOD, GOOD, GOOD, GOOD, GOOD, GOOD, GOOD, GOOD};

/* The test's world: the run calls progress, and that is when time passes and answers come. */
struct world {
    struct fake_transport net;
    struct fake_clock clock;
    struct load_config config;
    size_t sent_at[32]; /* how many had been sent at the i-th call of progress */
    size_t calls;
    bool answers;
    int64_t step_us;
    int stop_pipe[2];
    struct load_progress last;
};

static void set_up(struct world *w, const struct fake_reply *script, size_t script_len)
{
    memset(w, 0, sizeof *w);
    fake_transport_init(&w->net, script, script_len);
    fake_clock_init(&w->clock, 0);
    w->answers = true;
    w->step_us = 100000;
    assert_int_equal(pipe(w->stop_pipe), 0);
    w->config = (struct load_config){
        .transport = &w->net.transport,
        .clock = &w->clock.clock,
        .url = "http://example.com/reviews",
        .seed = 5,
        .count = 8,
        .concurrency = 3,
        .timeout_ms = 1234,
        .stop_fd = w->stop_pipe[0],
    };
}

static void tear_down(struct world *w, struct load *l)
{
    fake_transport_free(&w->net);
    load_free(l);
    close(w->stop_pipe[0]);
    close(w->stop_pipe[1]);
}

static void world_turns(void *context, const struct load_progress *p)
{
    struct world *w = context;
    assert_true(w->calls < sizeof w->sent_at / sizeof w->sent_at[0]);
    w->sent_at[w->calls++] = w->net.sent_count;
    w->last = *p;
    fake_clock_advance(&w->clock, w->step_us);
    if (w->answers) {
        fake_transport_run(&w->net);
    }
}

/* Each review is sent once. */
static void check_bodies(const struct world *w)
{
    struct buf body = BUF_INIT;
    struct buf scratch = BUF_INIT;
    for (uint64_t index = 0; index < w->config.count; index++) {
        buf_clear(&body);
        maker_body(&body, &scratch, w->config.seed, index);
        size_t found = 0;
        for (size_t i = 0; i < w->net.sent_count; i++) {
            found += strcmp(w->net.sent[i].body, buf_str(&body)) == 0;
        }
        assert_int_equal(found, 1);
    }
    buf_free(&body);
    buf_free(&scratch);
}

static void test_posts_each_review_once(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, good_replies, 8);
    struct load *l = load_new(&w.config);
    assert_int_equal(load_run(l, world_turns, &w), 0);
    assert_int_equal(load_tally(l)->answered, 8);
    assert_int_equal(load_tally(l)->sentiments[1], 8);
    assert_int_equal(w.net.sent_count, 8);
    assert_int_equal(w.sent_at[0], 3); /* no more than the concurrency before any answer */
    assert_int_equal(w.last.done, 8);
    assert_int_equal(w.last.count, 8);
    assert_int_equal(w.last.failed, 0);
    check_bodies(&w);
    assert_string_equal(w.net.sent[0].method, "POST");
    assert_string_equal(w.net.sent[0].url, "http://example.com/reviews");
    assert_non_null(strstr(w.net.sent[0].headers, "Content-Type: application/json\n"));
    assert_int_equal(w.net.sent[0].timeout_ms, 1234);
    tear_down(&w, l);
}

static void test_more_slots_than_reviews(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, good_replies, 8);
    w.config.concurrency = 9;
    struct load *l = load_new(&w.config);
    assert_int_equal(load_run(l, world_turns, &w), 0);
    assert_int_equal(w.net.sent_count, 8);
    check_bodies(&w);
    tear_down(&w, l);
}

static void test_failures_do_not_end_the_run(void **state)
{
    (void)state;
    const struct fake_reply script[] = {
        GOOD,
        {.error = NET_OK, .status = 503, .body = "{\"message\":\"Service Unavailable\"}"},
        {.error = NET_TIMEOUT},
        GOOD,
    };
    struct world w;
    set_up(&w, script, 4); /* beyond the script nobody is reached */
    struct load *l = load_new(&w.config);
    assert_int_equal(load_run(l, world_turns, &w), 0);
    const struct tally *t = load_tally(l);
    assert_int_equal(t->answered, 2);
    assert_int_equal(t->failed, 6);
    assert_int_equal(t->failure_kinds, 3);
    assert_int_equal(w.last.failed, 6);
    check_bodies(&w);
    tear_down(&w, l);
}

static void test_latency_is_from_send_to_answer(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, good_replies, 8);
    w.config.count = 3;
    struct load *l = load_new(&w.config);
    assert_int_equal(load_run(l, world_turns, &w), 0);
    assert_int_equal(load_tally(l)->latency_max_us, 100000);
    assert_int_equal(load_tally(l)->latency_count, 3);
    tear_down(&w, l);
}

static void test_rate(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, good_replies, 8);
    w.config.rate = 10; /* one each 100 ms, and progress moves the clock by that */
    w.config.concurrency = 8;
    struct load *l = load_new(&w.config);
    assert_int_equal(load_run(l, world_turns, &w), 0);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(w.sent_at[i], i + 1);
    }
    assert_int_equal(load_tally(l)->answered, 8);
    tear_down(&w, l);
}

/* One slot, answers late: the wait for the slot is the service's fault and counts. */
static void test_rate_counts_latency_from_when_it_was_due(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, good_replies, 8);
    w.config.rate = 1000;
    w.config.concurrency = 1;
    w.config.count = 3;
    w.step_us = 500000;
    struct load *l = load_new(&w.config);
    assert_int_equal(load_run(l, world_turns, &w), 0);
    assert_int_equal(load_tally(l)->latency_max_us, 3 * 500000 - 2 * 1000);
    tear_down(&w, l);
}

static void test_stop(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, good_replies, 8);
    w.answers = false;
    assert_int_equal(write(w.stop_pipe[1], "x", 1), 1);
    struct load *l = load_new(&w.config);
    assert_int_equal(load_run(l, world_turns, &w), 1);
    assert_int_equal(w.net.sent_count, 3);
    struct fake_transport *net = &w.net;
    net->closing = true; /* as net_stop() does */
    fake_transport_run(net);
    assert_int_equal(net->sent_count, 3);
    assert_int_equal(load_tally(l)->unfinished, 3);
    assert_int_equal(load_tally(l)->failed, 0);
    tear_down(&w, l);
}

static void test_out_of_memory_at_start(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, good_replies, 8);
    for (long n = 1; n <= 2; n++) {
        alloc_fail_at(n);
        assert_null(load_new(&w.config));
    }
    alloc_fail_at(0);
    tear_down(&w, NULL);
}

static void test_out_of_memory_for_a_body_fails_that_review_only(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, good_replies, 8);
    struct load *l = load_new(&w.config);
    alloc_fail_at(1);
    assert_int_equal(load_run(l, world_turns, &w), 0);
    alloc_fail_at(0);
    assert_int_equal(load_tally(l)->failed, 1);
    assert_string_equal(load_tally(l)->failures[0].kind, net_error_name(NET_NO_MEMORY));
    assert_int_equal(load_tally(l)->answered, 7);
    tear_down(&w, l);
}

/* A transport that has no memory for its first request. */
struct poor {
    struct transport transport;
    struct fake_transport *net;
    int calls;
};

static uint64_t poor_send(struct transport *t, const struct net_request *request, net_done *done,
                          void *context)
{
    struct poor *poor = (struct poor *)t;
    return poor->calls++ == 0 ? 0 : transport_send(&poor->net->transport, request, done, context);
}

static void test_a_request_that_cannot_be_sent_does_not_hang_the_run(void **state)
{
    (void)state;
    static const struct transport_ops operations = {.send = poor_send};
    struct world w;
    set_up(&w, good_replies, 8);
    struct poor poor = {.transport.ops = &operations, .net = &w.net};
    w.config.transport = &poor.transport;
    struct load *l = load_new(&w.config);
    assert_int_equal(load_run(l, world_turns, &w), 0);
    assert_int_equal(load_tally(l)->failed, 1);
    assert_string_equal(load_tally(l)->failures[0].kind, net_error_name(NET_NO_MEMORY));
    assert_int_equal(load_tally(l)->answered, 7);
    tear_down(&w, l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts_each_review_once),
        cmocka_unit_test(test_more_slots_than_reviews),
        cmocka_unit_test(test_failures_do_not_end_the_run),
        cmocka_unit_test(test_latency_is_from_send_to_answer),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_rate_counts_latency_from_when_it_was_due),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_out_of_memory_at_start),
        cmocka_unit_test(test_out_of_memory_for_a_body_fails_that_review_only),
        cmocka_unit_test(test_a_request_that_cannot_be_sent_does_not_hang_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
