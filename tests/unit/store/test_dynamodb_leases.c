/* Leases of the duties that a DynamoDB store holds: renewing, lost answers, giving back, the end.
 */
#include "dynamodb_outbox_rig.h"

static void a_lease_half_over_is_renewed_before_the_mail(void **state)
{
    (void)state;
    for (int extra = 0; extra <= 1; extra++) {
        struct rig r;
        open_with_one(&r);
        struct fake_reply answers[12] = {TEN_OF(NONE)};
        fake_clock_advance(&r.scene.clock, LEASE_US / 2 + extra);
        for (int i = 0; i < 10; i++) {
            answers[i] = (struct fake_reply)NONE;
        }
        answers[10] = (struct fake_reply)OK_REPLY;
        answers[11] = (struct fake_reply)OK_REPLY;
        rig_script(&r, answers, 12);
        size_t sent = rig_sent(&r);
        claim_one(&r);
        assert_int_equal(rig_sent(&r), sent + 10 + extra);
        if (extra == 1) {
            assert_non_null(strstr(rig_body(&r, 0), "\"UpdateExpression\":\"SET #l = :new\""));
            assert_non_null(strstr(rig_body(&r, 0), ":new\":{\"S\":\"2015-08-30T12:43:30.000001 "));
        }
        rig_close(&r);
    }
}

static void what_another_has_taken_over_is_not_mailed(void **state)
{
    (void)state;
    struct rig r;
    open_with_one(&r);
    struct fake_reply answers[11] = {TEN_OF(NONE), FAILED_CONDITION};
    fake_clock_advance(&r.scene.clock, LEASE_US);
    rig_script(&r, answers, 11);
    assert_int_equal(claim(&r, 4), 0); /* nothing is wrong, only gone */
    assert_int_equal(value(&r.scene, "reviewd_store_leases_lost_total", NULL), 1);
    ANSWERS(&r, OK_REPLY);
    assert_int_equal(claim(&r, 4), 0);
    rig_close(&r);
}

static void a_renewal_that_fails_is_tried_again(void **state)
{
    (void)state;
    struct rig r;
    open_with_one(&r);
    struct fake_reply answers[11] = {TEN_OF(NONE), ERROR_REPLY(400, "AccessDeniedException")};
    fake_clock_advance(&r.scene.clock, LEASE_US);
    rig_script(&r, answers, 11);
    assert_int_equal(claim(&r, 4), -1);
    ANSWERS(&r, OK_REPLY);
    claim_one(&r);
    rig_close(&r);
}

/* --- answers that are lost --- */

#define LOST            ERROR_REPLY(500, "InternalServerError")
#define LOST_FOUR_TIMES LOST, LOST, LOST, LOST

/* The lease that the request `back` requests before the last gives. */
static const char *given_lease(const struct rig *r, size_t back)
{
    static char leases[2][64];
    static size_t turn;
    char *lease = leases[turn++ % 2];
    const char *at = strstr(rig_body(r, back), "\":new\":{\"S\":\"");
    assert_non_null(at);
    (void)snprintf(lease, sizeof leases[0], "%.43s", at + strlen("\":new\":{\"S\":\""));
    return lease;
}

/* As open_with_one(); and calls back off without waiting. */
static void open_impatient(struct rig *r)
{
    open_with_one(r);
    r->scene.net.immediate_us = 25 * SECOND_US;
}

/* A claim whose renewal gets no answer, `late` after the put. */
static void lose_a_renewal(struct rig *r, int64_t late_us)
{
    static const struct fake_reply answers[14] = {TEN_OF(NONE), LOST_FOUR_TIMES};
    fake_clock_advance(&r->scene.clock, late_us);
    rig_script(r, answers, 14);
    assert_int_equal(claim(r, 4), -1);
}

static void a_renewal_is_repeated_with_the_same_lease(void **state)
{
    (void)state;
    struct rig r;
    open_impatient(&r);
    lose_a_renewal(&r, LEASE_US);
    fake_clock_advance(&r.scene.clock, SECOND_US);
    ANSWERS(&r, OK_REPLY);
    claim_one(&r);
    assert_string_equal(given_lease(&r, 0), given_lease(&r, 1));
    assert_non_null(strstr(rig_body(&r, 0), ":new\":{\"S\":\"2015-08-30T12:46:00.000000 "));
    rig_close(&r);
}

/* What the repeat has renewed may be old by then. */
static void a_renewal_that_was_repeated_late_is_followed_by_another(void **state)
{
    (void)state;
    for (int extra = 0; extra <= 1; extra++) {
        struct rig r;
        open_impatient(&r);
        lose_a_renewal(&r, LEASE_US);
        struct fake_reply answers[12] = {TEN_OF(NONE), OK_REPLY, OK_REPLY};
        fake_clock_advance(&r.scene.clock, LEASE_US / 2 + extra);
        rig_script(&r, answers, 12);
        assert_int_equal(claim(&r, 4), extra == 0);
        if (extra == 1) {
            assert_int_equal(next_due_us, T0); /* at once */
            assert_int_equal(claim(&r, 4), 1);
            assert_non_null(strstr(rig_body(&r, 0), ":new\":{\"S\":\"2015-08-30T12:48:30.000001 "));
        }
        free_entries(1);
        rig_close(&r);
    }
}

static void an_outcome_is_noted_again_with_the_same_lease(void **state)
{
    (void)state;
    struct rig r;
    open_impatient(&r);
    uint64_t id = claim_one(&r);
    ANSWERS(&r, LOST_FOUR_TIMES, OK_REPLY);
    assert_int_equal(settle(&r, id, OUTBOX_RETRY, T0), -1);
    fake_clock_advance(&r.scene.clock, SECOND_US);
    assert_int_equal(settle(&r, id, OUTBOX_RETRY, T0), 0);
    assert_string_equal(given_lease(&r, 0), given_lease(&r, 1));
    claim_one(&r); /* with a lease that is known to be its own */
    ANSWERS(&r, OK_REPLY);
    assert_int_equal(settle(&r, id, OUTBOX_SENT, 0), 0);
    assert_non_null(strstr(rig_body(&r, 0), given_lease(&r, 1)));
    rig_close(&r);
}

/* Noted, as the repeat finds out: nothing is lost but the answer. */
static void sent_may_be_noted_without_an_answer(void **state)
{
    (void)state;
    for (int rounds = 1; rounds <= 2; rounds++) {
        struct rig r;
        open_impatient(&r);
        uint64_t id = claim_one(&r);
        ANSWERS(&r, LOST_FOUR_TIMES);
        if (rounds == 2) {
            assert_int_equal(settle(&r, id, OUTBOX_SENT, 0), -1);
        }
        const struct fake_reply refused[] = {LOST, FAILED_CONDITION};
        rig_script(&r, &refused[rounds - 1], 3 - rounds);
        assert_int_equal(settle(&r, id, OUTBOX_SENT, 0), 0);
        assert_int_equal(value(&r.scene, "reviewd_store_leases_lost_total", NULL), 0);
        size_t sent = rig_sent(&r);
        rig_close_only(&r);
        assert_int_equal(rig_sent(&r), sent);
        rig_free(&r);
    }
}

/* --- the clock --- */

/* Has one call find out that the clock is two hours behind. */
static void open_two_hours_behind(struct rig *r)
{
    const struct net_header ahead[] = {{"Date", "Sun, 30 Aug 2015 14:36:00 GMT"}};
    const struct fake_reply skewed = {.status = 403,
                                      .headers = ahead,
                                      .header_count = 1,
                                      .body = "{\"__type\":\"InvalidSignatureException\"}"};
    open_with_one(r);
    uint64_t id = claim_one(r);
    ANSWERS(r, skewed, OK_REPLY);
    assert_int_equal(settle(r, id, OUTBOX_SENT, 0), 0);
    fake_clock_advance(&r->scene.clock, 61 * (int64_t)SECOND_US);
}

static void leases_keep_the_time_of_dynamodb(void **state)
{
    (void)state;
    struct rig r;
    struct test_put put;
    open_two_hours_behind(&r);
    ANSWERS(&r, OK_REPLY);
    rig_put(&r, &put, "b", 1, true);
    fake_transport_run(&r.scene.net);
    assert_non_null(
        strstr(rig_body(&r, 0), "\"notification_lease\":{\"S\":\"2015-08-30T14:42:01.000000 "));
    struct fake_reply answers[11] = {TEN_OF(NONE), OK_REPLY};
    rig_script(&r, answers, 11);
    uint64_t id = claim_one(&r); /* due by the own clock, as the outbox asks */
    assert_non_null(strstr(rig_body(&r, 0), "\":l\":{\"S\":\"2015-08-30T14:37:01.000000 ~\"}"));
    assert_int_equal(settle(&r, id, OUTBOX_RETRY, T0 + 600 * (int64_t)SECOND_US), 0);
    assert_non_null(strstr(rig_body(&r, 0), ":new\":{\"S\":\"2015-08-30T14:51:00.000000 "));
    assert_non_null(strstr(rig_body(&r, 0), "\":d\":{\"S\":\"1440945960000000\"}"));
    assert_int_equal(claim(&r, 4), 0);
    assert_int_equal(next_due_us, T0 + 600 * (int64_t)SECOND_US);
    rig_close(&r);
}

static void what_is_taken_over_is_due_by_the_own_clock(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply answers[11] = {
        TEN_OF(NONE), TAKEN("x", ",\"notification_due\":{\"S\":\"1440945960000000\"}")};
    answers[0] =
        (struct fake_reply){.status = 200, .body = "{\"Items\":[" FOUND("x") "],\"Count\":1}"};
    open_two_hours_behind(&r);
    rig_script(&r, answers, 11);
    assert_int_equal(claim(&r, 4), 0);
    assert_non_null(strstr(rig_body(&r, 0), ":new\":{\"S\":\"2015-08-30T14:42:01.000000 "));
    assert_int_equal(next_due_us, T0 + 600 * (int64_t)SECOND_US);
    rig_close(&r);
}

/* --- giving back --- */

static void closing_gives_leases_back(void **state)
{
    (void)state;
    struct rig r;
    open_with_one(&r);
    ANSWERS(&r, OK_REPLY);
    rig_close_only(&r);
    assert_non_null(strstr(rig_body(&r, 0), ":new\":{\"S\":\"1970-01-01T00:00:00.000000 "));
    rig_free(&r);
}

static void closing_gives_back_what_may_have_a_new_lease(void **state)
{
    (void)state;
    struct rig r;
    open_impatient(&r);
    lose_a_renewal(&r, LEASE_US);
    ANSWERS(&r, OK_REPLY);
    rig_close_only(&r);
    assert_non_null(strstr(rig_body(&r, 0), "\"#l = :old OR #l = :new OR #l = :tried\""));
    assert_non_null(strstr(rig_body(&r, 0), "\":tried\":{\"S\":\"2015-08-30T12:46:00.000000 "));
    rig_free(&r);
}

/* Another instance would send it again at once, while the note may yet arrive. */
static void closing_keeps_what_was_sent_and_may_be_noted(void **state)
{
    (void)state;
    struct rig r;
    open_impatient(&r);
    uint64_t id = claim_one(&r);
    ANSWERS(&r, LOST_FOUR_TIMES);
    assert_int_equal(settle(&r, id, OUTBOX_SENT, 0), -1);
    size_t sent = rig_sent(&r);
    rig_close_only(&r);
    assert_int_equal(rig_sent(&r), sent);
    rig_free(&r);
}

/* --- the end, while the table is silent --- */

struct waiting {
    struct rig *rig;
    struct outbox_outcome outcome;
    int result;
    pthread_t thread;
};

static void *wait_for_claim(void *context)
{
    struct waiting *w = context;
    w->result = store_claim(w->rig->store, T0, entries, 4, &next_due_us);
    return NULL;
}

static void *wait_for_settle(void *context)
{
    struct waiting *w = context;
    w->result = store_settle(w->rig->store, &w->outcome, 1);
    return NULL;
}

/* Begins it in a thread, and returns once it waits for `count` answers more. */
static void begin(struct waiting *w, void *(*what)(void *), size_t count)
{
    struct fake_transport *net = &w->rig->scene.net;
    size_t enough = rig_sent(w->rig) + count;
    size_t sent = 0;
    assert_int_equal(pthread_create(&w->thread, NULL, what, w), 0);
    while (sent < enough) {
        (void)usleep(1000);
        pthread_mutex_lock(&net->lock);
        sent = net->sent_count;
        pthread_mutex_unlock(&net->lock);
    }
}

static void the_end_breaks_off_a_claim(void **state)
{
    (void)state;
    struct rig r;
    struct waiting w = {.rig = &r, .result = 1};
    struct fake_reply late[10] = {
        {.status = 200, .body = "{\"Items\":[" FOUND("x") "],\"Count\":1}"}};
    rig_open(&r);
    rig_script(&r, late, 10);
    begin(&w, wait_for_claim, 10);
    store_end_outbox(r.store, 0);
    pthread_join(w.thread, NULL);
    assert_int_equal(w.result, 0);
    size_t sent = rig_sent(&r);
    assert_int_equal(claim(&r, 4), 0);
    assert_int_equal(rig_sent(&r), sent); /* nor is anything asked for later */
    fake_transport_run(&r.scene.net);     /* the answers come to nobody */
    rig_close(&r);
}

static void the_end_breaks_off_a_settle_at_its_deadline(void **state)
{
    (void)state;
    struct rig r;
    open_with_one(&r);
    struct waiting w = {.rig = &r, .outcome = {.id = claim_one(&r), .what = OUTBOX_SENT}};
    begin(&w, wait_for_settle, 1);
    store_end_outbox(r.store, clock_mono_us(&r.scene.clock.clock));
    fake_clock_advance(&r.scene.clock, SECOND_US); /* what it gets at least */
    pthread_join(w.thread, NULL);
    assert_int_equal(w.result, -1);
    ANSWERS(&r, OK_REPLY, OK_REPLY);
    fake_transport_run(&r.scene.net);
    size_t sent = rig_sent(&r);
    assert_int_equal(settle(&r, w.outcome.id, OUTBOX_SENT, 0), 0); /* tried however late it is */
    assert_int_equal(rig_sent(&r), sent + 1);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_half_over_is_renewed_before_the_mail),
        cmocka_unit_test(what_another_has_taken_over_is_not_mailed),
        cmocka_unit_test(a_renewal_that_fails_is_tried_again),
        cmocka_unit_test(a_renewal_is_repeated_with_the_same_lease),
        cmocka_unit_test(a_renewal_that_was_repeated_late_is_followed_by_another),
        cmocka_unit_test(an_outcome_is_noted_again_with_the_same_lease),
        cmocka_unit_test(sent_may_be_noted_without_an_answer),
        cmocka_unit_test(leases_keep_the_time_of_dynamodb),
        cmocka_unit_test(what_is_taken_over_is_due_by_the_own_clock),
        cmocka_unit_test(closing_gives_leases_back),
        cmocka_unit_test(closing_gives_back_what_may_have_a_new_lease),
        cmocka_unit_test(closing_keeps_what_was_sent_and_may_be_noted),
        cmocka_unit_test(the_end_breaks_off_a_claim),
        cmocka_unit_test(the_end_breaks_off_a_settle_at_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
