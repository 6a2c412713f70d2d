/* The mailer over SES: batches, pauses, digests, the stop, and where the pace comes from. */
#include "ses_scene.h"

#include "notify/ses_internal.h"

#include <stdio.h>

static struct ses_scene scene; /* large */

static struct ses_config fast(void)
{
    return (struct ses_config){.rate = 100};
}

static int64_t elapsed_ms(const struct ses_scene *s, int64_t since_us)
{
    return (s->clock.mono - since_us) / 1000;
}

static size_t mails_sent(const struct ses_scene *s)
{
    size_t count = 0;
    for (size_t i = 0; i < s->net.sent_count; i++) {
        count += strcmp(s->net.sent[i].method, "POST") == 0;
    }
    return count;
}

static int64_t pace_of(struct ses_scene *s)
{
    return metric_value(metrics_gauge(
        s->metrics, (struct metric_name){"reviewd_ses_pace_millireceivers_per_second", "", NULL}));
}

/* Waits until `count` requests have been sent; false when they are not within a long time. */
static bool wait_for_sent(struct ses_scene *s, size_t count)
{
    size_t sent = 0;
    for (int i = 0; i < 20000 && sent < count; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        (void)pthread_mutex_lock(&s->net.lock);
        sent = s->net.sent_count;
        (void)pthread_mutex_unlock(&s->net.lock);
    }
    return sent >= count;
}

/* --- outcomes --- */

static void test_each_has_its_outcome(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, fast(),
             SCRIPT(SENT, REFUSED(400, "MessageRejected"), SENT, REFUSED(400, "BadRequest"),
                    {.status = 400, .body = ""}));
    send_entries(s, 5);
    static const enum mail_result want[] = {MAIL_SENT, MAIL_PERMANENT, MAIL_SENT, MAIL_PERMANENT,
                                            MAIL_TEMPORARY};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(s->outcomes[i].result, want[i]);
        assert_null(strstr(s->outcomes[i].error, "example.com"));
    }
    assert_string_equal(s->outcomes[0].error, "");
    assert_string_equal(s->outcomes[1].error,
                        "SES: the mail was rejected (MessageRejected, status 400)");
    assert_int_equal(answers(s, "sent"), 2);
    assert_int_equal(answers(s, "rejected"), 2);
    assert_int_equal(answers(s, "failed"), 1);
    assert_string_equal(s->net.sent[0].url, "http://localhost:8000/v2/email/outbound-emails");
    assert_non_null(strstr(s->net.sent[0].headers, "Content-Type: application/json\n"));
    for (size_t i = 0; i < 5; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "\"%zu\"", i + 1);
        assert_non_null(strstr(s->net.sent[i].body, id));
    }
    close_ses(s);
}

/* The page of a proxy is larger than any answer of SES: no mail is given up for it. */
static void test_a_page_that_is_too_large(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    static char page[70 * 1024];
    memset(page, ' ', sizeof page);
    memcpy(page, "<html>", 6);
    const struct fake_reply busy = {.status = 503, .body = page, .body_len = sizeof page};
    const struct fake_reply blocked = {.status = 400, .body = page, .body_len = sizeof page};
    open_ses(s, fast(), SCRIPT(busy, SENT, blocked));
    send_entries(s, 1);
    assert_int_equal(s->outcomes[0].result, MAIL_SENT); /* tried again, as a small 503 is */
    send_entries(s, 1);
    assert_int_equal(s->outcomes[0].result, MAIL_PAUSE);
    assert_int_equal(answers(s, "strange"), 1);
    assert_int_equal(answers(s, "rejected"), 0);
    close_ses(s);
}

static void test_nothing_to_send(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, fast(), NULL, 0);
    send_entries(s, 0);
    assert_int_equal(s->net.sent_count, 0);
    close_ses(s);
}

/* More mails than may be under way, and jobs that are used again. */
static void test_many(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    static struct fake_reply script[ENTRIES];
    for (size_t i = 0; i < ENTRIES; i++) {
        script[i] = (struct fake_reply)SENT;
    }
    open_ses(s, (struct ses_config){.rate = 1e5}, script, ENTRIES);
    send_entries(s, ENTRIES);
    for (size_t i = 0; i < ENTRIES; i++) {
        assert_int_equal(s->outcomes[i].result, MAIL_SENT);
    }
    assert_int_equal(s->net.sent_count, ENTRIES);
    close_ses(s);
}

/* Answers nothing before as many mails are under way as may be: a mailer that waits for answers
 * never gets there. Then gives a further one time to be sent too early. */
static void *release_later(void *context)
{
    struct ses_scene *s = context;
    bool reached = wait_for_sent(s, SES_IN_FLIGHT_MAX);
    for (int i = 0; i < 200; i++) {
        (void)pthread_mutex_lock(&s->net.lock);
        size_t sent = s->net.sent_count;
        (void)pthread_mutex_unlock(&s->net.lock);
        reached = reached && sent == SES_IN_FLIGHT_MAX;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    atomic_store(&s->hold, false);
    return reached ? s : NULL;
}

/* That many at once are what the pace needs when answers are slow. */
static void test_as_many_as_may_be_are_under_way(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    static struct fake_reply script[SES_IN_FLIGHT_MAX + 1];
    for (size_t i = 0; i <= SES_IN_FLIGHT_MAX; i++) {
        script[i] = (struct fake_reply)SENT;
    }
    pthread_t thread;
    open_ses(s, (struct ses_config){.rate = 1e5, .timeout_ms = 600000}, script,
             SES_IN_FLIGHT_MAX + 1);
    atomic_store(&s->hold, true);
    assert_int_equal(pthread_create(&thread, NULL, release_later, s), 0);
    send_entries(s, SES_IN_FLIGHT_MAX + 1);
    void *reached = NULL;
    (void)pthread_join(thread, &reached);
    assert_non_null(reached);
    assert_int_equal(s->outcomes[SES_IN_FLIGHT_MAX].result, MAIL_SENT);
    close_ses(s);
}

/* --- pauses --- */

static void test_a_pause_ends_the_batch(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, (struct ses_config){.rate = 0.5},
             SCRIPT(SENT, REFUSED(400, "SendingPausedException"), SENT));
    send_entries(s, 4);
    assert_int_equal(s->outcomes[0].result, MAIL_SENT);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(s->outcomes[i].result, MAIL_PAUSE);
        assert_non_null(strstr(s->outcomes[i].error, "sending is paused"));
    }
    assert_int_equal(s->net.sent_count, 2);
    send_entries(s, 1); /* the next batch is tried */
    assert_int_equal(s->outcomes[0].result, MAIL_SENT);
    close_ses(s);
}

static void test_too_fast_slows_down(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    const struct fake_reply rate = {.status = 429,
                                    .body = "{\"__type\":\"TooManyRequestsException\","
                                            "\"message\":\"Maximum sending rate exceeded.\"}"};
    open_ses(s, fast(), SCRIPT(rate, SENT));
    send_entries(s, 1);
    assert_int_equal(s->outcomes[0].result, MAIL_PAUSE);
    assert_int_equal(s->outcomes[0].pause_ms, 1000);
    assert_int_equal(answers(s, "rate"), 1);
    assert_int_equal(s->net.sent_count, 1);
    assert_in_range(pace_of(s), 70000, 75000);
    int64_t since = s->clock.mono;
    send_entries(s, 1);
    assert_int_equal(s->outcomes[0].result, MAIL_SENT);
    assert_true(elapsed_ms(s, since) >= 900);
    close_ses(s);
}

/* One throttled mail among many, although SES would take it a moment later. */
static void test_one_throttled_mail_slows_all(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    const struct fake_reply rate = REFUSED(429, "TooManyRequestsException");
    open_ses(s, (struct ses_config){.rate = 2}, SCRIPT(SENT, rate, SENT, SENT));
    send_entries(s, 3);
    assert_int_equal(s->outcomes[0].result, MAIL_SENT);
    assert_int_equal(s->outcomes[1].result, MAIL_PAUSE);
    assert_int_equal(s->outcomes[2].result, MAIL_PAUSE);
    assert_int_equal(s->net.sent_count, 2);
    assert_in_range(pace_of(s), 1400, 1999);
    close_ses(s);
}

static void test_the_daily_quota(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    const struct fake_reply daily = {
        .status = 400,
        .body = "{\"__type\":\"Throttling\",\"message\":\"Daily message quota exceeded.\"}"};
    open_ses(s, fast(), SCRIPT(daily, SENT));
    send_entries(s, 1);
    assert_int_equal(s->outcomes[0].result, MAIL_PAUSE);
    assert_int_equal(s->outcomes[0].pause_ms, 600000);
    assert_int_equal(s->net.sent_count, 1);
    close_ses(s);
}

static void test_no_answer_at_all(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, fast(), NULL, 0); /* nobody listens */
    send_entries(s, 2);
    assert_int_equal(s->outcomes[0].result, MAIL_PAUSE);
    assert_int_equal(s->outcomes[1].result, MAIL_PAUSE);
    assert_non_null(strstr(s->outcomes[0].error, "no answer"));
    close_ses(s);
}

/* --- pace --- */

static void test_the_pace_is_kept(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, (struct ses_config){.rate = 2}, SCRIPT(SENT, SENT, SENT, SENT));
    int64_t since = s->clock.mono;
    send_entries(s, 4);
    assert_true(elapsed_ms(s, since) >= 1500);
    close_ses(s);
}

static void test_receivers_count(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    char reason[OUTBOX_ERROR_SIZE];
    open_ses(s, (struct ses_config){.rate = 4}, SCRIPT(SENT, SENT));
    mail_addresses_free(&s->addresses);
    assert_int_equal(mail_addresses_parse(&s->addresses, "reviews@example.com",
                                          "a@example.com,b@example.com,c@example.com,"
                                          "d@example.com",
                                          reason),
                     0);
    assert_int_equal(s->mailer->ops->batch(s->mailer), 2); /* two seconds' worth */
    int64_t since = s->clock.mono;
    send_entries(s, 2);
    assert_true(elapsed_ms(s, since) >= 1000);
    close_ses(s);
}

static void test_size_of_a_batch(void **state)
{
    (void)state;
    static const struct {
        double rate;
        size_t batch;
    } cases[] = {{0.1, 1},   {0.5, 1},   {0.6, 1},   {1, 2},    {11.2, 22},
                 {249, 498}, {250, 500}, {251, 500}, {1e5, 500}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_ses(&scene, (struct ses_config){.rate = cases[i].rate}, NULL, 0);
        assert_int_equal(scene.mailer->ops->batch(scene.mailer), cases[i].batch);
        assert_null(scene.mailer->ops->backlog); /* it would cost the store a count */
        close_ses(&scene);
    }
}

/* --- the account --- */

static void test_the_pace_is_the_accounts(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, (struct ses_config){0}, SCRIPT(ACCOUNT(14), SENT, SENT, ACCOUNT(50), SENT));
    send_entries(s, 1);
    assert_int_equal(pace_of(s), 11200);
    assert_string_equal(s->net.sent[0].method, "GET");
    assert_string_equal(s->net.sent[0].url, "http://localhost:8000/v2/email/account");
    fake_clock_advance(&s->clock, INT64_C(500) * SECOND_US);
    send_entries(s, 1); /* known still */
    assert_int_equal(pace_of(s), 11200);
    fake_clock_advance(&s->clock, INT64_C(101) * SECOND_US);
    send_entries(s, 1);
    assert_int_equal(pace_of(s), 40000);
    assert_int_equal(s->net.sent_count, 5);
    close_ses(s);
}

static void test_a_rate_that_is_set_asks_nobody(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, (struct ses_config){.rate = 7}, SCRIPT(SENT));
    send_entries(s, 1);
    assert_int_equal(s->net.sent_count, 1);
    assert_int_equal(pace_of(s), 7000);
    close_ses(s);
}

/* Both ask, but only the answer of the first counts; then mails go out without asking. */
static void test_the_start_asks_once(void **state)
{
    (void)state;
    static const double rates[] = {0, 7};
    static const int64_t paces[] = {11200, 7000};
    struct ses_scene *s = &scene;
    for (size_t i = 0; i < 2; i++) {
        open_ses(s, (struct ses_config){.rate = rates[i]}, SCRIPT(ACCOUNT(14), SENT));
        s->mailer->ops->start(s->mailer, &s->stop);
        assert_int_equal(s->net.sent_count, 1);
        assert_string_equal(s->net.sent[0].method, "GET");
        send_entries(s, 1);
        assert_int_equal(s->net.sent_count, 2);
        assert_int_equal(s->outcomes[0].result, MAIL_SENT);
        assert_int_equal(pace_of(s), paces[i]);
        close_ses(s);
    }
}

/* Denied or garbage: one a second, asked again after ten minutes; the mail goes out. */
static void test_the_account_is_not_told(void **state)
{
    (void)state;
    static const struct fake_reply answers_of_account[] = {
        REFUSED(403, "AccessDeniedException"),
        {.status = 404, .body = "<html>"},
        {.status = 200, .body = "{}"},
        {.status = 200, .body = "[]"},
        {.status = 200, .body = "{\"SendQuota\":{\"MaxSendRate\":0}}"},
        {.status = 200, .body = "{\"SendQuota\":{\"MaxSendRate\":-1}}"},
        {.status = 200, .body = "{\"SendQuota\":{\"MaxSendRate\":\"14\"}}"},
        {.status = 200, .body = "{\"SendQuota\":7}"},
    };
    struct ses_scene *s = &scene;
    for (size_t i = 0; i < sizeof answers_of_account / sizeof *answers_of_account; i++) {
        open_ses(s, (struct ses_config){0},
                 SCRIPT(answers_of_account[i], SENT, SENT, ACCOUNT(10), SENT));
        send_entries(s, 1);
        assert_int_equal(s->outcomes[0].result, MAIL_SENT);
        assert_int_equal(pace_of(s), 1000);
        fake_clock_advance(&s->clock, INT64_C(500) * SECOND_US);
        send_entries(s, 1);
        assert_int_equal(s->net.sent_count, 3);
        fake_clock_advance(&s->clock, INT64_C(101) * SECOND_US);
        send_entries(s, 1);
        assert_int_equal(pace_of(s), 8000);
        close_ses(s);
    }
}

/* No answer, or none that says anything: asked again after half a minute, and what was known holds.
 */
static void test_the_account_does_not_answer(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    const struct fake_reply broken = {.error = NET_CONNECT};
    open_ses(s, (struct ses_config){0},
             SCRIPT(ACCOUNT(10), SENT, broken, broken, broken, SENT,
                    {.status = 200, .body = "<html>"}, SENT, ACCOUNT(20), SENT));
    send_entries(s, 1);
    assert_int_equal(pace_of(s), 8000);
    for (int i = 0; i < 2; i++) {
        fake_clock_advance(&s->clock, INT64_C(601) * SECOND_US);
        send_entries(s, 1);
        assert_int_equal(s->outcomes[0].result, MAIL_SENT);
        assert_int_equal(pace_of(s), 8000);
    }
    fake_clock_advance(&s->clock, INT64_C(31) * SECOND_US);
    send_entries(s, 1);
    assert_int_equal(pace_of(s), 16000);
    close_ses(s);
}

/* --- digests --- */

static struct ses_config digesting(void)
{
    return (struct ses_config){.rate = 1, .digest_after_ms = 10000};
}

static void test_a_digest_shares_its_outcome(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, digesting(),
             SCRIPT(SENT, REFUSED(500, "InternalFailure"), REFUSED(500, "InternalFailure"),
                    REFUSED(500, "InternalFailure")));
    s->mailer->ops->backlog(s->mailer, 11);
    assert_int_equal(s->mailer->ops->batch(s->mailer), 200);
    send_entries(s, 150);
    assert_int_equal(mails_sent(s), 4);
    assert_non_null(strstr(s->net.sent[0].body, "[Positive] 100 reviews"));
    assert_non_null(strstr(s->net.sent[1].body, "[Positive] 50 reviews"));
    for (size_t i = 0; i < 150; i++) {
        assert_int_equal(s->outcomes[i].result, i < 100 ? MAIL_SENT : MAIL_TEMPORARY);
    }
    assert_int_equal(metric_value(metrics_counter(
                         s->metrics, (struct metric_name){"reviewd_ses_digests_total", "", NULL})),
                     2);
    close_ses(s);
}

/* Refused: each review goes alone the next time, so that only the bad one is dead. */
static void test_a_refused_digest_is_taken_apart(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, digesting(),
             SCRIPT(REFUSED(400, "MessageRejected"), SENT, REFUSED(400, "MessageRejected"), SENT));
    s->mailer->ops->backlog(s->mailer, 11);
    send_entries(s, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(s->outcomes[i].result, MAIL_TEMPORARY);
        s->entries[i].attempts = 1;
    }
    send_entries(s, 3);
    assert_int_equal(mails_sent(s), 4);
    assert_int_equal(s->outcomes[0].result, MAIL_SENT);
    assert_int_equal(s->outcomes[1].result, MAIL_PERMANENT);
    assert_int_equal(s->outcomes[2].result, MAIL_SENT);
    close_ses(s);
}

static void test_when_a_digest_begins(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, digesting(), SCRIPT(SENT, SENT, SENT, SENT, SENT));
    static const uint64_t pending[] = {9, 10, 11};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(s->mailer->ops->enough(s->mailer), 11);
        s->mailer->ops->backlog(s->mailer, pending[i]);
        assert_int_equal(s->mailer->ops->batch(s->mailer), pending[i] > 10 ? 200 : 2);
    }
    send_entries(s, 2);
    assert_int_equal(mails_sent(s), 1);
    s->mailer->ops->backlog(s->mailer, 10); /* and ends */
    send_entries(s, 2);
    assert_int_equal(mails_sent(s), 3);
    close_ses(s);
}

/* --- the stop --- */

/* Once the first request is under way, or answered. */
static void *stop_later(void *context)
{
    struct ses_scene *s = context;
    (void)wait_for_sent(s, 1);
    atomic_store(&s->stop, true);
    return NULL;
}

static void test_stopped_before(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, fast(), NULL, 0);
    atomic_store(&s->stop, true);
    send_entries(s, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(s->outcomes[i].result, MAIL_PAUSE);
        assert_string_equal(s->outcomes[i].error, "not sent: the service ends");
    }
    assert_int_equal(s->net.sent_count, 0);
    close_ses(s);
}

static void test_stopped_between_mails(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    pthread_t thread;
    open_ses(s, (struct ses_config){.rate = 0.1}, SCRIPT(SENT, SENT));
    fake_clock_advance(&s->clock, 1);
    assert_int_equal(pthread_create(&thread, NULL, stop_later, s), 0);
    send_entries(s, 3);
    (void)pthread_join(thread, NULL);
    assert_int_equal(s->outcomes[0].result, MAIL_SENT);
    assert_int_equal(s->outcomes[2].result, MAIL_PAUSE);
    close_ses(s);
}

/* What is under way has 3 s; then it is cancelled, and waits for the restart. */
static void test_stopped_while_under_way(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    pthread_t thread;
    open_ses(s, (struct ses_config){.rate = 100, .timeout_ms = 3600000}, SCRIPT(SENT));
    atomic_store(&s->hold, true);
    assert_int_equal(pthread_create(&thread, NULL, stop_later, s), 0);
    int64_t since = s->clock.mono;
    send_entries(s, 1);
    (void)pthread_join(thread, NULL);
    assert_int_equal(s->outcomes[0].result, MAIL_PAUSE);
    assert_string_equal(s->outcomes[0].error, "not sent: the service ends");
    assert_true(elapsed_ms(s, since) >= 3000);
    assert_int_equal(answers(s, "stopped"), 1);
    close_ses(s);
}

static void test_stopped_while_the_account_is_asked(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    pthread_t thread;
    open_ses(s, (struct ses_config){.timeout_ms = 3600000}, SCRIPT(SENT));
    atomic_store(&s->hold, true);
    assert_int_equal(pthread_create(&thread, NULL, stop_later, s), 0);
    send_entries(s, 1);
    (void)pthread_join(thread, NULL);
    assert_int_equal(s->outcomes[0].result, MAIL_PAUSE);
    assert_int_equal(mails_sent(s), 0);
    close_ses(s);
}

/* --- memory and settings --- */

static void test_out_of_memory(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    static struct fake_reply script[200];
    for (size_t i = 0; i < 200; i++) {
        script[i] = (struct fake_reply)SENT;
    }
    open_ses(s, fast(), script, 200);
    bool failed = true;
    for (long n = 1; failed; n++) {
        alloc_fail_at(n);
        send_entries(s, 1);
        failed = alloc_count() >= n;
        alloc_fail_at(0);
        bool sent = s->outcomes[0].result == MAIL_SENT;
        assert_true(sent || s->outcomes[0].result == MAIL_PAUSE);
        assert_true(n < 100);
        send_entries(s, 1); /* nothing is left behind */
        assert_int_equal(s->outcomes[0].result, MAIL_SENT);
    }
    close_ses(s);
}

static void test_opening_out_of_memory(void **state)
{
    (void)state;
    struct ses_scene *s = &scene;
    open_ses(s, fast(), NULL, 0);
    struct ses_config config = s->config;
    config.configuration_set = "set";
    config.tags = "a=b";
    config.metrics = NULL;
    char reason[OUTBOX_ERROR_SIZE] = "";
    for (long n = 1; n <= 4; n++) {
        alloc_fail_at(n);
        struct mailer *mailer = ses_open(&config, reason);
        alloc_fail_at(0);
        assert_int_equal(mailer == NULL, n <= 3);
        assert_string_equal(reason, "SES: out of memory");
        mailer_free(mailer);
    }
    close_ses(s);
}

static void test_bad_tags(void **state)
{
    (void)state;
    char reason[OUTBOX_ERROR_SIZE];
    struct ses_config config = {.tags = "a=b,c"};
    assert_null(ses_open(&config, reason));
    assert_non_null(strstr(reason, "REVIEWD_SES_TAGS=a=b,c must be"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_has_its_outcome),
        cmocka_unit_test(test_a_page_that_is_too_large),
        cmocka_unit_test(test_nothing_to_send),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_as_many_as_may_be_are_under_way),
        cmocka_unit_test(test_a_pause_ends_the_batch),
        cmocka_unit_test(test_too_fast_slows_down),
        cmocka_unit_test(test_one_throttled_mail_slows_all),
        cmocka_unit_test(test_the_daily_quota),
        cmocka_unit_test(test_no_answer_at_all),
        cmocka_unit_test(test_the_pace_is_kept),
        cmocka_unit_test(test_receivers_count),
        cmocka_unit_test(test_size_of_a_batch),
        cmocka_unit_test(test_the_pace_is_the_accounts),
        cmocka_unit_test(test_a_rate_that_is_set_asks_nobody),
        cmocka_unit_test(test_the_start_asks_once),
        cmocka_unit_test(test_the_account_is_not_told),
        cmocka_unit_test(test_the_account_does_not_answer),
        cmocka_unit_test(test_a_digest_shares_its_outcome),
        cmocka_unit_test(test_a_refused_digest_is_taken_apart),
        cmocka_unit_test(test_when_a_digest_begins),
        cmocka_unit_test(test_stopped_before),
        cmocka_unit_test(test_stopped_between_mails),
        cmocka_unit_test(test_stopped_while_under_way),
        cmocka_unit_test(test_stopped_while_the_account_is_asked),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_opening_out_of_memory),
        cmocka_unit_test(test_bad_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
