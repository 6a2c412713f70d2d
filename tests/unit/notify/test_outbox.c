/* The dispatcher, round by round, with a scripted clock, store and mailer. */
#include "notify/outbox.h"
#include "support/alloc.h"
#include "support/fake.h"
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000)
#define START  (1764328591 * SECOND)

enum { ROWS = 16 };

/* A store of a few rows in memory. */
static struct {
    struct store store;
    struct {
        uint64_t id;
        int64_t due_us, created_us;
        unsigned attempts;
        bool claimed, gone, dead;
        char error[OUTBOX_ERROR_SIZE];
    } rows[ROWS];
    int count;
    bool claim_fails, settle_fails;
    int claims, settles;
    size_t last_max;
    atomic_bool hold; /* claims, until the end */
    atomic_bool claiming;
    _Atomic int64_t end_us;
} st;

static int fake_claim(struct store *s, int64_t now_us, struct outbox_entry *entries, size_t max,
                      int64_t *next_due_us)
{
    (void)s;
    st.claims++;
    st.last_max = max;
    st.claiming = true;
    while (st.hold && st.end_us == 0) {
        usleep(1000);
    }
    if (st.claim_fails) {
        return -1;
    }
    int n = 0;
    *next_due_us = INT64_MAX;
    for (int i = 0; i < st.count; i++) {
        if (st.rows[i].gone || st.rows[i].dead || st.rows[i].claimed) {
            continue;
        }
        if (st.rows[i].due_us <= now_us && (size_t)n < max) {
            st.rows[i].claimed = true;
            entries[n++] = (struct outbox_entry){.id = st.rows[i].id,
                                                 .attempts = st.rows[i].attempts,
                                                 .created_us = st.rows[i].created_us,
                                                 .memory = calloc(1, 1)};
        } else if (st.rows[i].due_us < *next_due_us) {
            *next_due_us = st.rows[i].due_us;
        }
    }
    return n;
}

static int fake_settle(struct store *s, const struct outbox_outcome *outcomes, size_t count)
{
    (void)s;
    st.settles++;
    if (st.settle_fails) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        int row = (int)outcomes[i].id - 1;
        st.rows[row].claimed = false;
        st.rows[row].gone = outcomes[i].what == OUTBOX_SENT;
        st.rows[row].dead = outcomes[i].what == OUTBOX_DEAD;
        st.rows[row].due_us = outcomes[i].due_us;
        st.rows[row].attempts += outcomes[i].what == OUTBOX_RETRY;
        snprintf(st.rows[row].error, OUTBOX_ERROR_SIZE, "%s", outcomes[i].error);
    }
    return 0;
}

static void fake_end_outbox(struct store *s, int64_t deadline_us)
{
    (void)s;
    st.end_us = deadline_us;
}

/* A mailer that says the same to all, or what `each` says of an id. */
static struct {
    struct mailer mailer;
    struct mail_outcome all;
    struct mail_outcome each[ROWS + 1];
    bool use_each;
    int starts, sends, settled;
    size_t mails, last_count;
    atomic_bool hold; /* until stop */
    atomic_bool sending;
    _Atomic int64_t sent_us; /* wall: the last send's begin */
} ml;

static void fake_send(struct mailer *m, const struct outbox_entry *entries, size_t count,
                      struct mail_outcome *outcomes, const _Atomic bool *stop)
{
    (void)m;
    ml.sends++;
    ml.sent_us = clock_wall_us(clock_system());
    ml.sending = true;
    ml.last_count = count;
    while (ml.hold && !*stop) {
        usleep(1000);
    }
    for (size_t i = 0; i < count; i++) {
        outcomes[i] = ml.use_each ? ml.each[entries[i].id] : ml.all;
        ml.mails += outcomes[i].result == MAIL_SENT;
    }
}

static void fake_start(struct mailer *m, const _Atomic bool *stop)
{
    (void)m;
    (void)stop;
    assert_int_equal(ml.sends, 0);
    ml.starts++;
}

static void fake_settled(struct mailer *m)
{
    (void)m;
    ml.settled++;
}

static size_t fake_batch(struct mailer *m)
{
    (void)m;
    return 4;
}

static struct fake_clock clk;
static struct metrics *metrics;
static struct outbox *outbox;

static int setup(void **state)
{
    (void)state;
    static const struct store_ops store_ops = {
        .claim = fake_claim, .settle = fake_settle, .end_outbox = fake_end_outbox};
    static const struct mailer_ops mailer_ops = {
        .start = fake_start, .send = fake_send, .settled = fake_settled, .batch = fake_batch};
    memset((void *)&st, 0, sizeof(st));
    memset((void *)&ml, 0, sizeof(ml));
    st.store.ops = &store_ops;
    ml.mailer.ops = &mailer_ops;
    fake_clock_init(&clk, START);
    metrics = metrics_new();
    outbox = outbox_new(&(struct outbox_config){.metrics = metrics,
                                                .clock = &clk.clock,
                                                .store = &st.store,
                                                .mailer = &ml.mailer,
                                                .max_age_ms = 3600 * 1000,
                                                .seed = 1});
    return outbox == NULL;
}

static int teardown(void **state)
{
    (void)state;
    outbox_stop(outbox);
    outbox_free(outbox);
    metrics_free(metrics);
    return 0;
}

static void add_rows(int count)
{
    for (int i = 0; i < count; i++, st.count++) {
        st.rows[st.count].id = (uint64_t)st.count + 1;
        st.rows[st.count].created_us = START;
    }
}

static int64_t mails(const char *outcome)
{
    char label[40];
    snprintf(label, sizeof(label), "outcome=\"%s\"", outcome);
    return metric_value(
        metrics_counter(metrics, (struct metric_name){"reviewd_mails_total", "", label}));
}

static int64_t paused(void)
{
    return metric_value(
        metrics_gauge(metrics, (struct metric_name){"reviewd_mail_paused", "", NULL}));
}

static struct mail_outcome outcome(enum mail_result result, const char *error)
{
    struct mail_outcome o = {.result = result};
    snprintf(o.error, sizeof(o.error), "%s", error);
    return o;
}

static int64_t mono(void)
{
    return clock_mono_us(&clk.clock);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    assert_true(outbox_step(outbox) == INT64_MAX);
    assert_int_equal(ml.sends, 0);
    add_rows(1);
    st.rows[0].due_us = START + 5 * SECOND; /* later */
    assert_true(outbox_step(outbox) == mono() + 5 * SECOND);
    assert_int_equal(ml.sends, 0);
}

static void test_all_are_sent_in_batches(void **state)
{
    (void)state;
    add_rows(10);
    assert_true(outbox_step(outbox) == mono()); /* there may be more */
    assert_int_equal(ml.mails, 4);
    assert_true(st.rows[3].gone && !st.rows[4].gone);
    assert_int_equal(ml.settled, 1);
    outbox_step(outbox);
    outbox_step(outbox);
    assert_true(outbox_step(outbox) == INT64_MAX);
    assert_int_equal(ml.mails, 10);
    assert_int_equal(mails("sent"), 10);
    assert_int_equal(ml.settled, 3);
}

static void test_temporary_failure_backs_off_with_jitter(void **state)
{
    (void)state;
    add_rows(1);
    ml.all = outcome(MAIL_TEMPORARY, "451 later");
    int64_t most = 0;
    for (unsigned attempt = 0; attempt < 12; attempt++) {
        clk.wall = st.rows[0].due_us > clk.wall ? st.rows[0].due_us : (int64_t)clk.wall;
        st.rows[0].created_us = clk.wall;
        outbox_step(outbox);
        int64_t wait = st.rows[0].due_us - clk.wall;
        int64_t limit = attempt < 10 ? SECOND << attempt : 900 * SECOND;
        assert_in_range(wait, 0, limit < 900 * SECOND ? limit : 900 * SECOND);
        most = wait > most ? wait : most;
        assert_int_equal(st.rows[0].attempts, attempt + 1);
    }
    assert_true(most > 60 * SECOND); /* it does grow */
    assert_string_equal(st.rows[0].error, "451 later");
    assert_int_equal(mails("retried"), 12);
    assert_int_equal(paused(), 0);
}

static void test_too_old_becomes_a_dead_letter(void **state)
{
    (void)state;
    for (int64_t age_us = 3600 * SECOND - 1; age_us <= 3600 * SECOND + 1; age_us++) {
        memset(st.rows, 0, sizeof(st.rows));
        st.count = 0;
        add_rows(1);
        ml.all = outcome(MAIL_TEMPORARY, "451 later");
        st.rows[0].created_us = START - age_us;
        outbox_step(outbox);
        assert_int_equal(st.rows[0].dead, age_us >= 3600 * SECOND);
    }
    assert_int_equal(mails("dead"), 2);
    memset(st.rows, 0, sizeof(st.rows));
    st.count = 0;
    add_rows(1);
    ml.all = outcome(MAIL_PAUSE, "down"); /* not the mail's fault, however old it is */
    st.rows[0].created_us = 0;
    outbox_step(outbox);
    assert_false(st.rows[0].dead);
}

static void test_permanent_failure_is_a_dead_letter(void **state)
{
    (void)state;
    add_rows(2);
    ml.use_each = true;
    ml.each[1] = outcome(MAIL_PERMANENT, "550 no");
    ml.each[2] = outcome(MAIL_SENT, "");
    outbox_step(outbox);
    assert_true(st.rows[0].dead && st.rows[1].gone);
    assert_string_equal(st.rows[0].error, "550 no");
    assert_int_equal(mails("dead"), 1);
    assert_int_equal(mails("sent"), 1);
}

static void test_pause_backs_off_and_probes_with_one(void **state)
{
    (void)state;
    static const int seconds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
    add_rows(6);
    ml.all = outcome(MAIL_PAUSE, "no connection");
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        int64_t next = outbox_step(outbox);
        assert_int_equal(next - mono(), seconds[i] * SECOND);
        assert_int_equal(ml.last_count, i == 0 ? 4 : 1);
        assert_int_equal(paused(), 1);
        int sends = ml.sends;
        fake_clock_advance(&clk, seconds[i] * SECOND - 1);
        assert_true(outbox_step(outbox) == next); /* woken too early: nothing is tried */
        assert_int_equal(ml.sends, sends);
        fake_clock_advance(&clk, 1);
    }
    assert_int_equal(st.rows[0].attempts, 0);
    ml.all = outcome(MAIL_SENT, "");
    while (outbox_step(outbox) != INT64_MAX) {
    }
    assert_int_equal(ml.mails, 6);
    assert_int_equal(paused(), 0);
    assert_int_equal(mails("deferred"), 4 + 10);
    add_rows(1);
    ml.all = outcome(MAIL_PAUSE, "again"); /* a new episode begins at 1 s */
    assert_int_equal(outbox_step(outbox) - mono(), SECOND);
}

static void test_mailer_names_the_pause(void **state)
{
    (void)state;
    add_rows(1);
    ml.all = outcome(MAIL_PAUSE, "quota");
    ml.all.pause_ms = 600000;
    assert_int_equal(outbox_step(outbox) - mono(), 600 * SECOND);
    assert_int_equal(st.rows[0].due_us, START + 600 * SECOND);
}

static void test_pause_in_the_middle_of_a_batch(void **state)
{
    (void)state;
    add_rows(4);
    ml.use_each = true;
    ml.each[1] = outcome(MAIL_SENT, "");
    ml.each[2] = ml.each[3] = outcome(MAIL_PAUSE, "421");
    ml.each[4] = outcome(MAIL_SENT, "");
    assert_int_equal(outbox_step(outbox) - mono(), SECOND);
    assert_true(st.rows[0].gone && !st.rows[1].gone && !st.rows[2].gone && st.rows[3].gone);
}

static void test_failed_settle_is_kept_and_comes_first(void **state)
{
    (void)state;
    add_rows(6);
    st.settle_fails = true;
    assert_int_equal(outbox_step(outbox) - mono(), SECOND);
    assert_int_equal(ml.mails, 4);
    assert_int_equal(ml.settled, 0);
    fake_clock_advance(&clk, SECOND - 1);
    outbox_step(outbox);
    assert_int_equal(st.settles, 1);
    fake_clock_advance(&clk, 1);
    assert_int_equal(outbox_step(outbox) - mono(), 2 * SECOND);
    assert_int_equal(st.settles, 2);
    assert_int_equal(st.claims, 1);
    st.settle_fails = false;
    fake_clock_advance(&clk, 2 * SECOND);
    while (outbox_step(outbox) != INT64_MAX) {
    }
    assert_int_equal(ml.mails, 6); /* none twice */
    assert_int_equal(mails("sent"), 6);
}

/* A store that fails during a pause must not make the pause shorter. */
static void test_settle_failure_within_a_pause(void **state)
{
    (void)state;
    add_rows(1);
    ml.all = outcome(MAIL_PAUSE, "quota");
    ml.all.pause_ms = 60000;
    st.settle_fails = true;
    int64_t resume = mono() + 60 * SECOND;
    assert_int_equal(outbox_step(outbox) - mono(), SECOND);
    st.settle_fails = false;
    fake_clock_advance(&clk, SECOND);
    assert_true(outbox_step(outbox) == resume);
    assert_int_equal(ml.sends, 1);
}

static void test_failed_claim_backs_off(void **state)
{
    (void)state;
    add_rows(1);
    st.claim_fails = true;
    for (int i = 0; i < 10; i++) {
        int64_t wait = outbox_step(outbox) - mono();
        assert_int_equal(wait, i < 5 ? SECOND << i : 30 * SECOND);
        fake_clock_advance(&clk, wait);
    }
    st.claim_fails = false;
    outbox_step(outbox);
    assert_int_equal(ml.mails, 1);
    st.claim_fails = true;
    assert_int_equal(outbox_step(outbox) - mono(), SECOND);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    add_rows(1);
    for (long i = 1; i <= 3; i++) {
        alloc_fail_at(i);
        int64_t wait = outbox_step(outbox) - mono();
        alloc_fail_at(0);
        assert_true(wait > 0);
        assert_int_equal(st.claims, 0);
        fake_clock_advance(&clk, wait);
    }
    outbox_step(outbox);
    assert_int_equal(ml.mails, 1);
    alloc_fail_at(1);
    assert_null(outbox_new(&(struct outbox_config){.clock = &clk.clock}));
    alloc_fail_at(0);
    outbox_free(NULL);
}

/* With the thread: on the machine's clock. */
static void restart_with_system_clock(void)
{
    outbox_free(outbox);
    outbox = outbox_new(&(struct outbox_config){.metrics = metrics,
                                                .clock = clock_system(),
                                                .store = &st.store,
                                                .mailer = &ml.mailer,
                                                .max_age_ms = 3600 * 1000});
    assert_int_equal(outbox_start(outbox), 0);
}

static void wait_for(const char *outcome_name, int64_t count)
{
    for (int i = 0; i < 5000 && mails(outcome_name) < count; i++) {
        usleep(1000);
    }
    assert_int_equal(mails(outcome_name), count);
}

static void test_thread_wakes(void **state)
{
    (void)state;
    add_rows(3);
    restart_with_system_clock();
    wait_for("sent", 3); /* what is there at the start needs no wake */
    outbox_stop(outbox); /* the rows are the thread's until it has ended */
    assert_int_equal(ml.starts, 1);
    ml.sends = 0;
    add_rows(2);
    outbox_wake(outbox);
    restart_with_system_clock();
    wait_for("sent", 5);
    for (int i = 0; i < 1000; i++) {
        outbox_wake(outbox);
    }
    outbox_stop(outbox);
    outbox_wake(outbox);
    assert_int_equal(ml.mails, 5);
}

static void test_thread_keeps_due_times(void **state)
{
    (void)state;
    add_rows(1);
    int64_t due_us = clock_wall_us(clock_system()) + 100000;
    st.rows[0].due_us = due_us;
    restart_with_system_clock();
    wait_for("sent", 1);
    assert_true(ml.sent_us >= due_us);
}

static void test_stop_during_a_send(void **state)
{
    (void)state;
    add_rows(2);
    ml.use_each = true;
    ml.each[1] = outcome(MAIL_SENT, "");
    ml.each[2] = outcome(MAIL_PAUSE, "the service ends");
    ml.hold = true;
    restart_with_system_clock();
    while (!ml.sending) {
        usleep(1000);
    }
    outbox_stop(outbox);
    assert_true(st.rows[0].gone);
    assert_true(!st.rows[1].gone && !st.rows[1].claimed);
    assert_int_equal(paused(), 0); /* the end is no pause */
}

static void test_stop_can_begin_without_waiting(void **state)
{
    (void)state;
    add_rows(1);
    ml.hold = true;
    restart_with_system_clock();
    while (!ml.sending) {
        usleep(1000);
    }
    outbox_stop_begin(outbox, clock_mono_us(clock_system()) + SECOND);
    wait_for("sent", 1); /* it goes on without anybody who waits for it */
    outbox_stop(outbox);
    assert_true(st.rows[0].gone);
}

/* The store is told until when, breaks off, and what it gives all the same is not begun. */
static void test_stop_during_a_claim(void **state)
{
    (void)state;
    add_rows(1);
    st.hold = true;
    restart_with_system_clock();
    while (!st.claiming) {
        usleep(1000);
    }
    outbox_stop_begin(outbox, 4711);
    outbox_stop_begin(outbox, 4712);
    outbox_stop(outbox);
    assert_int_equal(st.end_us, 4711);
    assert_int_equal(ml.sends, 0);
    assert_int_equal(st.settles, 0);
}

/* The thread's own last chance, beside whatever else ends. */
static void test_stop_begun_settles_what_could_not_be_settled(void **state)
{
    (void)state;
    add_rows(1);
    st.settle_fails = true;
    outbox_step(outbox);
    assert_int_equal(st.settles, 1);
    ml.sends = 0; /* for the start of the thread */
    assert_int_equal(outbox_start(outbox), 0);
    outbox_stop_begin(outbox, clock_mono_us(&clk.clock) + 1);
    outbox_stop(outbox);
    assert_int_equal(st.settles, 2);
}

static void test_stop_past_its_deadline_tries_no_more(void **state)
{
    (void)state;
    add_rows(1);
    st.settle_fails = true;
    outbox_step(outbox);
    ml.sends = 0;
    assert_int_equal(outbox_start(outbox), 0);
    outbox_stop_begin(outbox, clock_mono_us(&clk.clock));
    outbox_stop(outbox);
    assert_int_equal(st.settles, 1);
}

static void test_stop_settles_what_could_not_be_settled(void **state)
{
    (void)state;
    add_rows(1);
    st.settle_fails = true;
    outbox_step(outbox);
    st.settle_fails = false;
    outbox_stop(outbox);
    assert_true(st.rows[0].gone);
    outbox_stop(outbox);
    assert_int_equal(ml.sends, 1);
}

static int64_t in_seconds(int seconds)
{
    return clock_mono_us(clock_system()) + seconds * SECOND;
}

static void test_rest_comes_when_all_is_sent(void **state)
{
    (void)state;
    add_rows(10);
    restart_with_system_clock();
    assert_true(outbox_rest(outbox, in_seconds(100)));
    assert_int_equal(ml.mails, 10);
    st.rows[0].gone = false; /* as if it were put now, and nobody told of yet */
    assert_true(outbox_rest(outbox, in_seconds(100)));
    assert_int_equal(ml.mails, 11);
    outbox_stop(outbox);
}

static void test_rest_does_not_come_while_one_is_sent(void **state)
{
    (void)state;
    add_rows(1);
    ml.hold = true;
    restart_with_system_clock();
    while (!ml.sending) {
        usleep(1000);
    }
    assert_false(outbox_rest(outbox, in_seconds(0)));
    assert_false(outbox_rest(outbox, clock_mono_us(clock_system()) + 1000));
    outbox_stop(outbox);
    assert_false(outbox_rest(outbox, in_seconds(100)));
}

static void test_a_pause_is_rest(void **state)
{
    (void)state;
    add_rows(1);
    ml.all = (struct mail_outcome){.result = MAIL_PAUSE, .pause_ms = 100000};
    restart_with_system_clock();
    assert_true(outbox_rest(outbox, in_seconds(100)));
    assert_int_equal(ml.sends, 1);
    outbox_stop(outbox);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_nothing_to_do),
        CASE(test_all_are_sent_in_batches),
        CASE(test_temporary_failure_backs_off_with_jitter),
        CASE(test_too_old_becomes_a_dead_letter),
        CASE(test_permanent_failure_is_a_dead_letter),
        CASE(test_pause_backs_off_and_probes_with_one),
        CASE(test_mailer_names_the_pause),
        CASE(test_pause_in_the_middle_of_a_batch),
        CASE(test_failed_settle_is_kept_and_comes_first),
        CASE(test_settle_failure_within_a_pause),
        CASE(test_failed_claim_backs_off),
        CASE(test_out_of_memory),
        CASE(test_thread_wakes),
        CASE(test_thread_keeps_due_times),
        CASE(test_rest_comes_when_all_is_sent),
        CASE(test_rest_does_not_come_while_one_is_sent),
        CASE(test_a_pause_is_rest),
        CASE(test_stop_during_a_send),
        CASE(test_stop_can_begin_without_waiting),
        CASE(test_stop_during_a_claim),
        CASE(test_stop_begun_settles_what_could_not_be_settled),
        CASE(test_stop_past_its_deadline_tries_no_more),
        CASE(test_stop_settles_what_could_not_be_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
