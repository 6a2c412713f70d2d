/* The DynamoDB store's outbox: claims from memory, outcomes, leases, and what others left behind.
 */
#include "dynamodb_rig.h"

#include "support/alloc.h"

static const int64_t LEASE_US = 300 * (int64_t)SECOND_US;

#define NONE                                                                                       \
    {                                                                                              \
        .status = 200, .body = "{\"Items\":[],\"Count\":0}"                                        \
    }
#define TEN_OF(reply) reply, reply, reply, reply, reply, reply, reply, reply, reply, reply
#define NO_INDEX      ERROR_REPLY(400, "ValidationException")

#define KEY(user)                                                                                  \
    "\"user_name\":{\"S\":\"" user "\"},\"timestamp\":{\"S\":\"2015-08-30T12:30:00.000001\"}"
#define FOUND(user)                                                                                \
    "{" KEY(user) ",\"notification\":{\"S\":\"pending-1\"},\"notification_lease\":{\"S\":"         \
                  "\"2015-08-30T12:35:00.000000 other\"}}"
#define TAKEN(user, more)                                                                          \
    {                                                                                              \
        .status = 200, .body = "{\"Attributes\":{" KEY(                                            \
                           user) ",\"review\":{\"S\":\"Good.\"},\"sentiment\":"                    \
                                 "{\"S\":\"Positive\"},\"polarity_score\":{\"S\":\"0.7\"}" more    \
                                 "}}"                                                              \
    }

static struct outbox_entry entries[32];
static int64_t next_due_us;

/* Claims at the clock's time, with answers for whatever that asks. */
static int claim(struct rig *r, size_t max)
{
    rig_immediate(r, true);
    int count =
        store_claim(r->store, clock_wall_us(&r->scene.clock.clock), entries, max, &next_due_us);
    rig_immediate(r, false);
    return count;
}

static int settle(struct rig *r, uint64_t id, int what, int64_t due_us)
{
    struct outbox_outcome outcome = {.id = id, .what = what, .due_us = due_us};
    (void)snprintf(outcome.error, sizeof outcome.error, "no \"such\" mailbox");
    rig_immediate(r, true);
    int result = store_settle(r->store, &outcome, 1);
    rig_immediate(r, false);
    return result;
}

static void free_entries(int count)
{
    for (int i = 0; i < count; i++) {
        outbox_entry_free(&entries[i]);
    }
}

/* A store whose first look has found nothing, with one duty in memory. */
static void open_with_one(struct rig *r)
{
    static const struct fake_reply none[] = {TEN_OF(NONE)};
    static const struct fake_reply ok[] = {OK_REPLY};
    struct test_put put;
    rig_open(r);
    rig_script(r, none, 10);
    assert_int_equal(claim(r, 4), 0);
    rig_script(r, ok, 1);
    rig_put(r, &put, "a", 0, true);
    fake_transport_run(&r->scene.net);
    assert_int_equal(put.result, STORE_OK);
}

static uint64_t claim_one(struct rig *r)
{
    assert_int_equal(claim(r, 4), 1);
    uint64_t id = entries[0].id;
    free_entries(1);
    return id;
}

static void what_was_put_is_claimed_without_asking(void **state)
{
    (void)state;
    struct rig r;
    open_with_one(&r);
    size_t sent = rig_sent(&r);
    assert_int_equal(claim(&r, 4), 1);
    assert_int_equal(rig_sent(&r), sent);
    assert_int_equal(entries[0].created_us, T0);
    assert_int_equal(entries[0].id >> 12, T0);
    assert_int_equal(entries[0].item.review.len, strlen("The tool is fantastic."));
    assert_true(next_due_us == INT64_MAX);
    free_entries(1);
    assert_int_equal(claim(&r, 4), 0);
    rig_close(&r);
}

static void sent_removes_all_that_was_added(void **state)
{
    (void)state;
    struct rig r;
    open_with_one(&r);
    uint64_t id = claim_one(&r);
    ANSWERS(&r, OK_REPLY);
    assert_int_equal(settle(&r, id, OUTBOX_SENT, 0), 0);
    assert_true(rig_called(&r, rig_sent(&r) - 1, "UpdateItem"));
    const char *body = rig_body(&r, 0);
    assert_non_null(strstr(body, "\"UpdateExpression\":\"REMOVE #s, #l, #a, #d, #e\","
                                 "\"ConditionExpression\":\"#l = :old\""));
    assert_non_null(strstr(body, "{\":old\":{\"S\":\"2015-08-30T12:41:00.000000 "));
    size_t sent = rig_sent(&r);
    assert_int_equal(settle(&r, id, OUTBOX_SENT, 0), 0); /* twice is harmless */
    assert_int_equal(rig_sent(&r), sent);
    rig_close(&r);
    assert_true(true);
}

static void what_cannot_be_noted_is_settled_again(void **state)
{
    (void)state;
    struct rig r;
    open_with_one(&r);
    uint64_t id = claim_one(&r);
    ANSWERS(&r, ERROR_REPLY(400, "AccessDeniedException"));
    assert_int_equal(settle(&r, id, OUTBOX_SENT, 0), -1);
    assert_int_equal(rig_errors(&r, "denied"), 1);
    assert_int_equal(claim(&r, 4), 0); /* nor is it mailed again meanwhile */
    ANSWERS(&r, OK_REPLY);
    assert_int_equal(settle(&r, id, OUTBOX_SENT, 0), 0);
    rig_close(&r);
}

/* The answer to an earlier attempt was lost, or another instance has it: nothing is left to do. */
static void a_lease_that_is_gone_settles_it(void **state)
{
    (void)state;
    struct rig r;
    open_with_one(&r);
    uint64_t id = claim_one(&r);
    ANSWERS(&r, FAILED_CONDITION);
    assert_int_equal(settle(&r, id, OUTBOX_SENT, 0), 0);
    assert_int_equal(value(&r.scene, "reviewd_store_leases_lost_total", NULL), 1);
    size_t sent = rig_sent(&r);
    rig_close_only(&r);
    assert_int_equal(rig_sent(&r), sent); /* no lease to give back */
    rig_free(&r);
}

static void a_retry_is_noted_and_comes_again(void **state)
{
    (void)state;
    struct rig r;
    open_with_one(&r);
    uint64_t id = claim_one(&r);
    ANSWERS(&r, OK_REPLY, OK_REPLY);
    assert_int_equal(settle(&r, id, OUTBOX_RETRY, T0 + 900 * (int64_t)SECOND_US), 0);
    const char *body = rig_body(&r, 0);
    assert_non_null(strstr(body, "\"SET #l = :new, #a = :a, #d = :d, #e = :e\","
                                 "\"ConditionExpression\":\"#l = :old OR #l = :new\""));
    /* The lease covers the wait, so that nobody takes it over before it is due. */
    assert_non_null(strstr(body, "\":new\":{\"S\":\"2015-08-30T12:56:00.000000 "));
    assert_non_null(strstr(body, "\":a\":{\"S\":\"1\"},\":d\":{\"S\":\"1440939060000000\"},"
                                 "\":e\":{\"S\":\"no \\\"such\\\" mailbox\"}"));
    assert_int_equal(store_claim(r.store, T0, entries, 4, &next_due_us), 0);
    assert_int_equal(next_due_us, T0 + 900 * (int64_t)SECOND_US);
    rig_immediate(&r, true);
    assert_int_equal(store_claim(r.store, next_due_us, entries, 4, &next_due_us), 1);
    rig_immediate(&r, false);
    assert_int_equal(entries[0].attempts, 1);
    assert_string_equal(entries[0].last_error, "no \"such\" mailbox");
    free_entries(1);
    assert_int_equal(settle(&r, id, OUTBOX_DEAD, 0), 0);
    body = rig_body(&r, 0);
    assert_non_null(strstr(body, "#s = :s"));
    assert_non_null(strstr(body, "\":s\":{\"S\":\"dead-"));
    assert_non_null(strstr(body, "\":a\":{\"S\":\"2\"}"));
    rig_close(&r);
}

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

/* --- taking over --- */

static void what_was_left_behind_is_taken_over(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply answers[12] = {
        {.status = 200, .body = "{\"Items\":[" FOUND("x") "],\"Count\":1}"},
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        TAKEN("x",
              ",\"notification_attempts\":{\"S\":\"3\"},\"notification_error\":{\"S\":\"busy\"},"
              "\"notification_due\":{\"S\":\"1440938000000000\"}")};
    rig_open(&r);
    rig_script(&r, answers, 11);
    assert_int_equal(claim(&r, 4), 1);
    assert_int_equal(entries[0].attempts, 3);
    assert_string_equal(entries[0].last_error, "busy");
    assert_int_equal(entries[0].item.review.len, 5);
    free_entries(1);
    assert_non_null(
        strstr(rig_body(&r, 0), "\":old\":{\"S\":\"2015-08-30T12:35:00.000000 other\"}"));
    assert_non_null(strstr(rig_body(&r, 0), "\"ReturnValues\":\"ALL_NEW\""));
    bool shard[10] = {false};
    for (size_t i = 1; i <= 10; i++) {
        const char *at = strstr(r.scene.net.sent[i].body, "\"pending-");
        assert_true(rig_called(&r, i, "Query"));
        assert_non_null(
            strstr(r.scene.net.sent[i].body, "\":l\":{\"S\":\"2015-08-30T12:36:00.000000 ~\"}"));
        shard[at[9] - '0'] = true;
    }
    for (int i = 0; i < 10; i++) {
        assert_true(shard[i]);
    }
    rig_close(&r);
}

static void who_comes_second_takes_nothing(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply answers[11] = {
        {.status = 200, .body = "{\"Items\":[" FOUND("x") "],\"Count\":1}"},
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        FAILED_CONDITION};
    rig_open(&r);
    rig_script(&r, answers, 11);
    assert_int_equal(claim(&r, 4), 0);
    rig_close(&r);
}

static void looking_comes_at_the_start_and_after_a_while(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply answers[20] = {TEN_OF(NONE), TEN_OF(NONE)};
    rig_open(&r);
    rig_script(&r, answers, 20);
    claim(&r, 4);
    size_t sent = rig_sent(&r);
    fake_clock_advance(&r.scene.clock, 29 * (int64_t)SECOND_US);
    claim(&r, 4);
    assert_int_equal(rig_sent(&r), sent);
    assert_int_equal(r.pending, 0);
    fake_clock_advance(&r.scene.clock, 32 * (int64_t)SECOND_US);
    fake_transport_run(&r.scene.net);
    assert_int_equal(r.pending, 1); /* the notify thread is woken for it */
    claim(&r, 4);
    assert_int_equal(rig_sent(&r), sent + 10);
    rig_close(&r);
}

/* A look that comes before its timer fires is followed by another all the same. */
static void a_look_in_between_does_not_end_looking(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply answers[30] = {TEN_OF(NONE), TEN_OF(NONE), TEN_OF(NONE)};
    rig_open(&r);
    rig_script(&r, answers, 30);
    claim(&r, 4);
    size_t sent = rig_sent(&r);
    fake_clock_advance(&r.scene.clock, 61 * (int64_t)SECOND_US);
    claim(&r, 4);
    assert_int_equal(rig_sent(&r), sent + 10);
    fake_transport_run(&r.scene.net); /* the first look's timer */
    assert_int_equal(r.pending, 1);
    claim(&r, 4);
    assert_int_equal(rig_sent(&r), sent + 10);
    assert_true(fake_transport_step(&r.scene.net));
    assert_int_equal(r.pending, 2);
    claim(&r, 4);
    assert_int_equal(rig_sent(&r), sent + 20);
    rig_close(&r);
}

/* Memory is served whatever the index says. */
static void a_look_that_fails_does_not_hold_up_mails(void **state)
{
    (void)state;
    struct rig r;
    struct test_put put;
    const struct fake_reply denied = ERROR_REPLY(400, "AccessDeniedException");
    struct fake_reply answers[11] = {OK_REPLY, TEN_OF(denied)};
    rig_open(&r);
    rig_script(&r, answers, 11);
    rig_put(&r, &put, "a", 0, true);
    fake_transport_run(&r.scene.net);
    claim_one(&r);
    rig_close(&r);
}

static void without_an_index_the_table_is_scanned_page_by_page(void **state)
{
    (void)state;
    struct rig r;
    const struct fake_reply no_index = NO_INDEX;
    struct fake_reply answers[14] = {
        TEN_OF(no_index),
        {.status = 200, .body = "{\"Items\":[],\"LastEvaluatedKey\":{" KEY("m") "}}"},
        {.status = 200, .body = "{\"Items\":[" FOUND("x") "]}"},
        TAKEN("x", "")};
    rig_open(&r);
    rig_script(&r, answers, 13);
    assert_int_equal(claim(&r, 4), 0); /* an empty page, and more behind it */
    assert_true(rig_called(&r, 11, "Scan"));
    assert_null(strstr(rig_body(&r, 0), "ExclusiveStartKey"));
    fake_clock_advance(&r.scene.clock, SECOND_US);
    assert_int_equal(claim(&r, 4), 1);
    free_entries(1);
    assert_true(rig_called(&r, 12, "Scan"));
    assert_non_null(strstr(r.scene.net.sent[12].body, "\"ExclusiveStartKey\":{" KEY("m") "}"));
    /* The index is looked for again soon, the table not scanned before ten minutes. */
    struct fake_reply more[10] = {TEN_OF(no_index)};
    rig_script(&r, more, 10);
    fake_clock_advance(&r.scene.clock, 61 * (int64_t)SECOND_US);
    size_t sent = rig_sent(&r);
    assert_int_equal(claim(&r, 4), 0);
    assert_int_equal(rig_sent(&r), sent + 10);
    rig_close(&r);
}

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

/* --- dead letters --- */

#define DEAD_ITEM                                                                                  \
    "{" KEY("x") ",\"review\":{\"S\":\"Good.\"},\"sentiment\":{\"S\":\"Positive\"},"               \
                 "\"polarity_score\":{\"S\":\"0.7\"},\"notification\":{\"S\":\"dead-1\"},"         \
                 "\"notification_attempts\":{\"S\":\"4\"},\"notification_error\":{\"S\":\"no\"}}"

static void dead_letters_are_listed(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply answers[11] = {
        {.status = 200, .body = "{\"Items\":[" FOUND("x") "],\"Count\":1}"},
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        {.status = 200, .body = "{\"Item\":" DEAD_ITEM "}"}};
    rig_open(&r);
    rig_script(&r, answers, 11);
    rig_immediate(&r, true);
    assert_int_equal(store_dead_list(r.store, 0, entries, 4), 1);
    rig_immediate(&r, false);
    assert_int_equal(entries[0].attempts, 4);
    assert_string_equal(entries[0].last_error, "no");
    uint64_t id = entries[0].id;
    free_entries(1);
    rig_script(&r, answers, 10);
    rig_immediate(&r, true);
    assert_int_equal(store_dead_list(r.store, id, entries, 4), 0);
    rig_immediate(&r, false);
    rig_close(&r);
}

static void dead_letters_that_cannot_be_read_are_an_error(void **state)
{
    (void)state;
    struct rig r;
    struct outbox_counts counts;
    const struct fake_reply denied = ERROR_REPLY(400, "AccessDeniedException");
    struct fake_reply answers[10] = {TEN_OF(denied)};
    rig_open(&r);
    rig_immediate(&r, true);
    rig_script(&r, answers, 10);
    assert_int_equal(store_dead_list(r.store, 0, entries, 4), -1);
    rig_script(&r, answers, 10);
    assert_int_equal(store_count(r.store, &counts), -1);
    rig_script(&r, answers, 10);
    assert_int_equal(store_dead_requeue(r.store, 0), -1);
    rig_script(&r, answers, 10);
    assert_int_equal(store_dead_drop(r.store, 0), -1);
    rig_immediate(&r, false);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_claimed_without_asking),
        cmocka_unit_test(sent_removes_all_that_was_added),
        cmocka_unit_test(what_cannot_be_noted_is_settled_again),
        cmocka_unit_test(a_lease_that_is_gone_settles_it),
        cmocka_unit_test(a_retry_is_noted_and_comes_again),
        cmocka_unit_test(a_lease_half_over_is_renewed_before_the_mail),
        cmocka_unit_test(what_another_has_taken_over_is_not_mailed),
        cmocka_unit_test(a_renewal_that_fails_is_tried_again),
        cmocka_unit_test(what_was_left_behind_is_taken_over),
        cmocka_unit_test(who_comes_second_takes_nothing),
        cmocka_unit_test(looking_comes_at_the_start_and_after_a_while),
        cmocka_unit_test(a_look_in_between_does_not_end_looking),
        cmocka_unit_test(a_look_that_fails_does_not_hold_up_mails),
        cmocka_unit_test(without_an_index_the_table_is_scanned_page_by_page),
        cmocka_unit_test(closing_gives_leases_back),
        cmocka_unit_test(the_end_breaks_off_a_claim),
        cmocka_unit_test(the_end_breaks_off_a_settle_at_its_deadline),
        cmocka_unit_test(dead_letters_are_listed),
        cmocka_unit_test(dead_letters_that_cannot_be_read_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
