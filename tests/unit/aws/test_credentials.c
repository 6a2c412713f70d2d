/* The source: snapshots, waiters, the times of refreshing, back-off, forced refreshes. */
#include "aws/provider.h"
#include "credentials_fixture.h"

static const char RELATIVE[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";

#define REPLY(text)                                                                                \
    {                                                                                              \
        .status = 200, .body = (text)                                                              \
    }
#define LATER(id)                                                                                  \
    "{\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":"        \
    "\"2025-11-28T18:16:31Z\"}"

static struct fixture *open_with(const struct fake_reply *script, size_t count)
{
    struct fixture *f = fixture_new(script, count);
    fixture_set(f, RELATIVE, "/x");
    fixture_open(f);
    return f;
}

/* What is handed out now, without anything else happening. */
static void now_is(struct fixture *f, enum credentials_answer want, const char *key_id)
{
    struct credentials *c = NULL;
    assert_int_equal(credentials_get(f->source, NULL, &c), want);
    assert_int_equal(c != NULL, key_id != NULL);
    if (c != NULL) {
        assert_string_equal(c->access_key_id, key_id);
    }
    credentials_unref(c);
}

static void snapshots_hold_their_parts(void **state)
{
    (void)state;
    struct credentials parts = {"id", "secret", "token", 5};
    struct credentials *c = credentials_make(&parts);
    assert_non_null(c);
    assert_ptr_not_equal(c->access_key_id, parts.access_key_id);
    assert_string_equal(c->access_key_id, "id");
    assert_string_equal(c->secret_access_key, "secret");
    assert_string_equal(c->session_token, "token");
    assert_int_equal(c->expires_us, 5);
    assert_ptr_equal(credentials_ref(c), c);
    credentials_unref(c);
    assert_string_equal(c->session_token, "token"); /* one reference is left */
    credentials_unref(c);
    credentials_unref(NULL);
    parts.session_token = "";
    c = credentials_make(&parts);
    assert_null(c->session_token);
    credentials_unref(c);
    alloc_fail_at(1);
    assert_null(credentials_make(&parts));
    alloc_fail_at(0);
}

static void time_is(const char *text, int64_t want)
{
    int64_t us = -1;
    if (!credentials_parse_time(span_of(text), &us)) {
        fail_msg("refused: %s", text);
    }
    assert_int_equal(us, want);
}

static void reads_times(void **state)
{
    (void)state;
    time_is("2025-11-28T11:16:31Z", START);
    time_is("2025-11-28T11:16:31.5Z", START + SECOND / 2);
    time_is("2025-11-28T11:16:31.123456789Z", START + 123456);
    time_is("2025-11-28T12:16:31+01:00", START);
    time_is("2025-11-28T05:46:31-0530", START);
    time_is("1970-01-01T00:00:00Z", 0);
    time_is("2024-02-29T00:00:00Z", 1709164800 * SECOND);
    static const char *const bad[] = {"",
                                      "soon",
                                      "2025-11-28",
                                      "2025-11-28T11:16:31",
                                      "2025-11-28 11:16:31Z",
                                      "2025-11-28T11:16:31Zx",
                                      "2025-11-28T11:16:31.Z",
                                      "2025-11-28T11:16:31+1:00",
                                      "2025-11-28T11:16:31+01:60",
                                      "2025-11-28T11:16:31+01:0",
                                      "2025-11-28T24:16:31Z",
                                      "2025-11-28T11:60:31Z",
                                      "2025-11-28T11:16:61Z",
                                      "2025-13-28T11:16:31Z",
                                      "2025-00-28T11:16:31Z",
                                      "2025-11-00T11:16:31Z",
                                      "2025-11-31T11:16:31Z",
                                      "2025-02-29T11:16:31Z",
                                      "1969-12-31T23:59:59Z",
                                      "-025-11-28T11:16:31Z",
                                      "1764328591"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t us = 0;
        if (credentials_parse_time(span_of(bad[i]), &us)) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void waiters_are_told_once_in_order(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {REPLY(KEYS("ASIA1"))};
    struct fixture *f = open_with(script, 1);
    struct asker a[3] = {{.waiter = {asker_ready, NULL}},
                         {.waiter = {asker_ready, NULL}},
                         {.waiter = {asker_ready, NULL}}};
    struct credentials *c = NULL;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(credentials_get(f->source, &a[i].waiter, &c), CREDENTIALS_WAITING);
        assert_null(c);
    }
    assert_true(credentials_unwait(f->source, &a[2].waiter));
    assert_false(credentials_unwait(f->source, &a[2].waiter));
    assert_true(credentials_unwait(f->source, &a[0].waiter));
    assert_int_equal(credentials_get(f->source, &a[0].waiter, &c), CREDENTIALS_WAITING);
    assert_int_equal(a[0].told + a[1].told, 0);
    fake_transport_run(&f->net);
    assert_int_equal(f->net.sent_count, 1); /* one fetch for all */
    assert_int_equal(a[0].told, 1);
    assert_int_equal(a[1].told, 1);
    assert_int_equal(a[2].told, 0);
    assert_ptr_equal(a[0].credentials, a[1].credentials);
    assert_string_equal(a[0].credentials->access_key_id, "ASIA1");
    assert_false(credentials_unwait(f->source, &a[0].waiter));
    now_is(f, CREDENTIALS_READY, "ASIA1");
    fixture_free(f);
    credentials_unref(a[0].credentials); /* outlives its source */
    credentials_unref(a[1].credentials);
}

/* With a lifetime of `life`, the refresh is due `want` after the fetch. */
static void refresh_is_due(int64_t life, uint64_t random, int64_t want)
{
    static const struct fake_reply script[] = {REPLY(KEYS("ASIA1")), REPLY(LATER("ASIA2"))};
    struct fixture *f = fixture_new(script, COUNT(script));
    fake_clock_advance(&f->clock, 60 * MINUTE - life);
    f->random = random;
    fixture_set(f, RELATIVE, "/x");
    fixture_open(f);
    fake_transport_run(&f->net);
    now_is(f, CREDENTIALS_READY, "ASIA1");
    assert_int_equal(fake_transport_due_us(&f->net), want);
    fake_clock_advance(&f->clock, want - 1);
    fake_transport_run(&f->net);
    now_is(f, CREDENTIALS_READY, "ASIA1");
    assert_int_equal(f->net.sent_count, 1);
    fake_clock_advance(&f->clock, 1);
    fake_transport_run(&f->net); /* nobody asks: the timer does it */
    assert_int_equal(f->net.sent_count, 2);
    now_is(f, CREDENTIALS_READY, "ASIA2");
    fixture_free(f);
}

static void refreshes_before_the_expiry(void **state)
{
    (void)state;
    const uint64_t most = 90 * (uint64_t)SECOND; /* a tenth of 15 minutes */
    refresh_is_due(60 * MINUTE, 0, 45 * MINUTE);
    refresh_is_due(60 * MINUTE, most, 45 * MINUTE + (int64_t)most);
    refresh_is_due(60 * MINUTE, most + 1, 45 * MINUTE); /* jitter wraps: never later than a tenth */
    refresh_is_due(30 * MINUTE + 2, 0, 15 * MINUTE + 2);
    refresh_is_due(30 * MINUTE, 0, 15 * MINUTE);
    refresh_is_due(30 * MINUTE - 2, 0, 15 * MINUTE - 1);
    refresh_is_due(10 * MINUTE, 0, 5 * MINUTE); /* short lifetimes too */
    refresh_is_due(2 * SECOND, 0, SECOND);
}

static void does_not_refresh_in_a_rush(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {REPLY(KEYS("ASIA1")), REPLY(LATER("ASIA2"))};
    struct fixture *f = fixture_new(script, COUNT(script));
    fake_clock_advance(&f->clock, 60 * MINUTE - SECOND / 100);
    fixture_set(f, RELATIVE, "/x");
    fixture_open(f);
    fake_transport_run(&f->net);
    assert_int_equal(fake_transport_due_us(&f->net), SECOND);
    fake_clock_advance(&f->clock, SECOND / 100);
    fixture_gives(f, "ASIA2"); /* but who needs credentials does not wait for that */
    fixture_free(f);
}

static void old_ones_serve_until_they_expire(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {REPLY(KEYS("ASIA1"))}; /* then no connection */
    struct fixture *f = open_with(script, COUNT(script));
    fake_transport_run(&f->net);
    struct credentials *c = NULL;
    struct asker a = {.waiter = {asker_ready, NULL}};
    int64_t end = START + 60 * MINUTE;
    while (clock_wall_us(&f->clock.clock) + 2 * MINUTE < end) {
        now_is(f, CREDENTIALS_READY, "ASIA1");
        assert_true(fake_transport_step(&f->net));
    }
    assert_true(f->net.sent_count > 10);
    char reason[CREDENTIALS_REASON_SIZE];
    credentials_reason(f->source, reason);
    assert_string_equal(reason, "container: 169.254.170.2: connect: connect");
    fake_clock_advance(&f->clock, end - 1 - clock_wall_us(&f->clock.clock));
    now_is(f, CREDENTIALS_READY, "ASIA1");
    fake_clock_advance(&f->clock, 1);
    assert_int_not_equal(credentials_get(f->source, &a.waiter, &c), CREDENTIALS_READY);
    assert_null(c);
    fixture_free(f);
}

static void failures_back_off(void **state)
{
    (void)state;
    static const int64_t want[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    for (uint64_t part = 0; part <= 1; part++) {
        struct fixture *f = fixture_new(NULL, 0);
        fixture_set(f, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
        fixture_open(f);
        for (size_t i = 0; i < COUNT(want); i++) {
            int64_t pause = part == 0 ? want[i] * SECOND / 2 : want[i] * SECOND;
            f->random = part == 0 ? 0 : (uint64_t)want[i] * SECOND / 2;
            fixture_fails(f, "instance metadata: http://127.0.0.1:1: no token: connect");
            assert_int_equal(f->net.sent_count, i + 1);
            now_is(f, CREDENTIALS_FAILED, NULL); /* at once, and nothing is sent */
            fake_clock_advance(&f->clock, pause - 1);
            now_is(f, CREDENTIALS_FAILED, NULL);
            fake_clock_advance(&f->clock, 1);
        }
        assert_int_equal(metric_value(metrics_counter(
                             f->metrics, (struct metric_name){"reviewd_credentials_fetches_total",
                                                              "", "outcome=\"failed\""})),
                         COUNT(want));
        fixture_free(f);
    }
}

static void recovers_after_failures(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {
        {.status = 500}, {.status = 500}, {.status = 500}, REPLY(KEYS("ASIA1")), {.status = 500}};
    struct fixture *f = open_with(script, COUNT(script));
    fixture_fails(f, "answered 500");
    now_is(f, CREDENTIALS_FAILED, NULL);
    fake_clock_advance(&f->clock, SECOND);
    fixture_gives(f, "ASIA1");
    char reason[CREDENTIALS_REASON_SIZE] = "x";
    credentials_reason(f->source, reason);
    assert_string_equal(reason, "");
    struct metric_name expiry = {"reviewd_credentials_expiry_timestamp_seconds", "", NULL};
    assert_int_equal(metric_value(metrics_gauge(f->metrics, expiry)), START / SECOND + 3600);
    fixture_free(f);
}

static void forced_refresh_brings_new_ones(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {REPLY(KEYS("ASIA1")), REPLY(LATER("ASIA2"))};
    struct fixture *f = open_with(script, COUNT(script));
    fake_transport_run(&f->net);
    struct credentials *old = NULL;
    assert_int_equal(credentials_get(f->source, NULL, &old), CREDENTIALS_READY);
    fake_clock_advance(&f->clock, 5 * SECOND - 1);
    assert_false(credentials_invalidate(f->source, old)); /* fetched just now */
    now_is(f, CREDENTIALS_READY, "ASIA1");
    fake_clock_advance(&f->clock, 1);
    assert_true(credentials_invalidate(f->source, old));
    assert_true(credentials_invalidate(f->source, old)); /* once is enough */
    now_is(f, CREDENTIALS_WAITING, NULL);                /* not the refused ones */
    fixture_gives(f, "ASIA2");
    assert_int_equal(f->net.sent_count, 2);
    assert_true(
        credentials_invalidate(f->source, old)); /* newer ones are there: nothing is fetched */
    fake_transport_run(&f->net);
    now_is(f, CREDENTIALS_READY, "ASIA2");
    assert_int_equal(f->net.sent_count, 2);
    credentials_unref(old);
    fixture_free(f);
}

static void failed_forced_refresh_keeps_old_ones(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {REPLY(KEYS("ASIA1"))};
    struct fixture *f = open_with(script, COUNT(script));
    fake_transport_run(&f->net);
    struct credentials *old = NULL;
    assert_int_equal(credentials_get(f->source, NULL, &old), CREDENTIALS_READY);
    fake_clock_advance(&f->clock, 5 * SECOND);
    assert_true(credentials_invalidate(f->source, old));
    fixture_gives(f, "ASIA1"); /* after the fetch has failed */
    assert_int_equal(f->net.sent_count, 4);
    assert_false(credentials_invalidate(f->source, old)); /* backing off */
    fake_clock_advance(&f->clock, 5 * SECOND);
    assert_true(credentials_invalidate(f->source, old));
    fake_transport_run(&f->net);
    credentials_unref(old);
    fixture_free(f);
}

/* Forces a refresh that fails, and steps to the end of it. */
static void force_a_failure(struct fixture *f, const struct credentials *used)
{
    assert_true(credentials_invalidate(f->source, used));
    fixture_gives(f, used->access_key_id);
}

static void forced_refreshes_back_off_too(void **state)
{
    (void)state;
    struct fake_reply script[20] = {REPLY(LATER("ASIA1"))};
    for (size_t i = 1; i <= 12; i++) {
        script[i] = (struct fake_reply){.status = 500};
    }
    script[13] = (struct fake_reply)REPLY(LATER("ASIA2"));
    struct fixture *f = open_with(script, 14);
    f->random = 0; /* the shortest pauses: half a second, doubling */
    fake_transport_run(&f->net);
    struct credentials *old = NULL;
    assert_int_equal(credentials_get(f->source, NULL, &old), CREDENTIALS_READY);
    for (size_t i = 0; i < 4; i++) {
        fake_clock_advance(&f->clock, 5 * SECOND);
        force_a_failure(f, old);
    }
    fake_clock_advance(&f->clock, 4 * SECOND - 1); /* the fetch itself has taken 2 s */
    assert_false(credentials_invalidate(f->source, old));
    fake_clock_advance(&f->clock, 1);
    assert_true(credentials_invalidate(f->source, old));
    fixture_gives(f, "ASIA2");
    credentials_unref(old);
    /* The success has ended the doubling. */
    assert_int_equal(credentials_get(f->source, NULL, &old), CREDENTIALS_READY);
    fake_clock_advance(&f->clock, 5 * SECOND);
    force_a_failure(f, old);
    fake_clock_advance(&f->clock, 3 * SECOND);
    assert_true(credentials_invalidate(f->source, old));
    credentials_unref(old);
    fixture_free(f);
}

static void timers_do_not_pile_up(void **state)
{
    (void)state;
    struct fake_reply script[30];
    for (size_t i = 0; i < COUNT(script); i++) {
        script[i] = (struct fake_reply)REPLY(LATER("ASIA1"));
    }
    struct fixture *f = open_with(script, COUNT(script));
    fake_transport_run(&f->net);
    for (size_t i = 0; i < 20; i++) {
        struct credentials *c = NULL;
        assert_int_equal(credentials_get(f->source, NULL, &c), CREDENTIALS_READY);
        fake_clock_advance(&f->clock, 5 * SECOND);
        assert_true(credentials_invalidate(f->source, c));
        credentials_unref(c);
        fake_transport_run(&f->net);
    }
    assert_int_equal(f->net.sent_count, 21);
    size_t waiting = 0;
    for (size_t i = 0; i < f->net.timer_count; i++) {
        waiting += !f->net.timers[i].fired;
    }
    assert_int_equal(waiting, 1);
    fixture_free(f);
}

/* The clock was set on, or the machine slept: timers are late, and a caller notices first. */
static void a_caller_starts_a_late_refresh(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {REPLY(KEYS("ASIA1")), REPLY(LATER("ASIA2"))};
    struct fixture *f = open_with(script, COUNT(script));
    fake_transport_run(&f->net);
    f->clock.wall += 50 * MINUTE;
    f->clock.mono += 2 * SECOND;
    now_is(f, CREDENTIALS_READY, "ASIA1");
    now_is(f, CREDENTIALS_READY, "ASIA1");
    fake_transport_run(&f->net);
    assert_int_equal(f->net.sent_count, 2);
    now_is(f, CREDENTIALS_READY, "ASIA2");
    fixture_free(f);
}

static void environment_is_read(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(NULL, 0);
    fixture_set(f, "AWS_ACCESS_KEY_ID", "AKIA1");
    fixture_set(f, "AWS_SECRET_ACCESS_KEY", "secret");
    fixture_open(f);
    assert_string_equal(credentials_source_name(f->source), "environment");
    char why[CREDENTIALS_REASON_SIZE];
    struct credentials *c = fixture_get(f, why);
    assert_non_null(c);
    assert_null(c->session_token);
    assert_int_equal(c->expires_us, INT64_MAX);
    credentials_unref(c);
    assert_int_equal(fake_transport_due_us(&f->net), INT64_MAX); /* nothing to refresh */
    fixture_free(f);
}

static void environment_fails(const char *name, const char *value, const char *reason)
{
    struct fixture *f = fixture_new(NULL, 0);
    fixture_set(f, "AWS_ACCESS_KEY_ID", "AKIA1");
    fixture_set(f, "AWS_SECRET_ACCESS_KEY", "secret");
    fixture_set(f, RELATIVE, "/x"); /* must not be asked */
    fixture_set(f, name, value);
    fixture_open(f);
    fixture_fails(f, reason);
    assert_int_equal(f->net.sent_count, 0);
    fixture_free(f);
}

static void environment_must_be_whole(void **state)
{
    (void)state;
    environment_fails("AWS_SECRET_ACCESS_KEY", NULL,
                      "environment: AWS_SECRET_ACCESS_KEY is not set");
    environment_fails("AWS_ACCESS_KEY_ID", "", "environment: AWS_ACCESS_KEY_ID is not set");
    environment_fails("AWS_ACCESS_KEY_ID", "AKIA1\n", "holds a blank or a control character");
    environment_fails("AWS_CREDENTIAL_EXPIRATION", "soon", "AWS_CREDENTIAL_EXPIRATION is \"soon\"");
    environment_fails("AWS_CREDENTIAL_EXPIRATION", "2025-11-28T11:16:31Z", "had expired already");
}

/* Each single allocation fails once: a reason, no leak, and it works afterwards. */
static void survives_lack_of_memory(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {REPLY(KEYS("ASIA1")), REPLY(KEYS("ASIA1")),
                                               REPLY(KEYS("ASIA1"))};
    bool good = false;
    for (long n = 1; !good; n++) {
        assert_true(n < 200);
        struct fixture *f = fixture_new(script, COUNT(script));
        fixture_set(f, RELATIVE, "/x");
        f->config.region = "eu-west-1";
        f->config.sts_url = "https://sts.example.com";
        alloc_fail_at(n);
        f->source = credentials_open(&f->config);
        char why[CREDENTIALS_REASON_SIZE] = "";
        struct credentials *c = f->source != NULL ? fixture_get(f, why) : NULL;
        good = alloc_count() < n;
        alloc_fail_at(0);
        assert_true(c != NULL || f->source == NULL || why[0] != '\0');
        if (c == NULL && f->source != NULL) {
            fake_clock_advance(&f->clock, SECOND);
            fixture_gives(f, "ASIA1");
        }
        credentials_unref(c);
        fixture_free(f);
    }
}

/* A transport that has no memory for a timer. */
static uint64_t no_timer(struct transport *t, int64_t delay_us, void (*fire)(void *context),
                         void *context)
{
    (void)t;
    (void)delay_us;
    (void)fire;
    (void)context;
    return 0;
}

static void survives_a_transport_without_timers(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {REPLY(KEYS("ASIA1"))};
    struct fixture *f = fixture_new(script, COUNT(script));
    fixture_set(f, RELATIVE, "/x");
    const struct transport_ops *whole = f->net.transport.ops;
    struct transport_ops lame = *whole;
    lame.after = no_timer;
    f->net.transport.ops = &lame;
    fixture_open(f);
    now_is(f, CREDENTIALS_FAILED, NULL);
    fake_clock_advance(&f->clock, SECOND);
    struct asker a = {.waiter = {asker_ready, NULL}};
    struct credentials *c = NULL;
    assert_int_equal(credentials_get(f->source, &a.waiter, &c), CREDENTIALS_FAILED);
    assert_int_equal(a.told, 0); /* never from within */
    char reason[CREDENTIALS_REASON_SIZE];
    credentials_reason(f->source, reason);
    assert_string_equal(reason, "container: out of memory");
    f->net.transport.ops = whole;
    fake_clock_advance(&f->clock, 2 * SECOND);
    fixture_gives(f, "ASIA1");
    fixture_free(f);
}

static void closing_keeps_what_was_handed_out(void **state)
{
    (void)state;
    credentials_close(NULL);
    static const struct fake_reply script[] = {REPLY(KEYS("ASIA1"))};
    struct fixture *f = open_with(script, COUNT(script));
    credentials_close(f->source); /* before anything ran */
    fake_transport_run(&f->net);
    assert_int_equal(f->net.sent_count, 0);
    fixture_open(f);
    char why[CREDENTIALS_REASON_SIZE];
    struct credentials *c = fixture_get(f, why);
    assert_non_null(c);
    fixture_free(f);
    assert_string_equal(c->secret_access_key, "secret");
    credentials_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_hold_their_parts),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(waiters_are_told_once_in_order),
        cmocka_unit_test(refreshes_before_the_expiry),
        cmocka_unit_test(does_not_refresh_in_a_rush),
        cmocka_unit_test(old_ones_serve_until_they_expire),
        cmocka_unit_test(failures_back_off),
        cmocka_unit_test(recovers_after_failures),
        cmocka_unit_test(forced_refresh_brings_new_ones),
        cmocka_unit_test(failed_forced_refresh_keeps_old_ones),
        cmocka_unit_test(forced_refreshes_back_off_too),
        cmocka_unit_test(timers_do_not_pile_up),
        cmocka_unit_test(a_caller_starts_a_late_refresh),
        cmocka_unit_test(environment_is_read),
        cmocka_unit_test(environment_must_be_whole),
        cmocka_unit_test(survives_lack_of_memory),
        cmocka_unit_test(survives_a_transport_without_timers),
        cmocka_unit_test(closing_keeps_what_was_handed_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
