/* The DynamoDB store's outbox: claims from memory, outcomes, leases, and what others left behind.
 */
#include "dynamodb_outbox_rig.h"

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

static void a_scan_that_fails_has_the_patience_of_a_look(void **state)
{
    (void)state;
    struct rig r;
    const struct fake_reply no_index = NO_INDEX;
    const struct fake_reply denied = ERROR_REPLY(400, "AccessDeniedException");
    struct fake_reply answers[22] = {TEN_OF(no_index), denied, TEN_OF(no_index), NONE};
    rig_open(&r);
    rig_script(&r, answers, 22);
    assert_int_equal(claim(&r, 4), 0);
    size_t sent = rig_sent(&r);
    fake_clock_advance(&r.scene.clock, 29 * (int64_t)SECOND_US);
    fake_transport_run(&r.scene.net);
    assert_int_equal(r.pending, 0);
    assert_int_equal(claim(&r, 4), 0);
    assert_int_equal(rig_sent(&r), sent);
    fake_clock_advance(&r.scene.clock, 32 * (int64_t)SECOND_US);
    fake_transport_run(&r.scene.net);
    assert_int_equal(r.pending, 1);
    assert_int_equal(claim(&r, 4), 0);
    assert_int_equal(rig_sent(&r), sent + 11); /* the index may be there by now */
    assert_true(rig_called(&r, sent + 10, "Scan"));
    rig_close(&r);
}

/* The next page of a Scan is wanted while a timer waits for the next look. */
static void a_wake_is_brought_forward(void **state)
{
    (void)state;
    struct rig r;
    const struct fake_reply no_index = NO_INDEX;
    const struct fake_reply found = {.status = 200, .body = "{\"Items\":[" FOUND("x") "]}"};
    const struct fake_reply more = {.status = 200,
                                    .body = "{\"Items\":[],\"LastEvaluatedKey\":{" KEY("m") "}}"};
    struct fake_reply first[11] = {TEN_OF(no_index), NONE};
    struct fake_reply requeue[12] = {TEN_OF(no_index), found, OK_REPLY};
    struct fake_reply pages[12] = {TEN_OF(no_index), more, NONE};
    rig_open(&r);
    rig_script(&r, first, 11);
    assert_int_equal(claim(&r, 4), 0);
    rig_script(&r, requeue, 12);
    rig_immediate(&r, true);
    assert_int_equal(store_dead_requeue(r.store, 0), 1);
    rig_immediate(&r, false);
    assert_int_equal(r.pending, 1);
    rig_script(&r, pages, 12);
    assert_int_equal(claim(&r, 4), 0);
    fake_transport_run(&r.scene.net);
    assert_int_equal(claim(&r, 4), 0); /* of the timer that was too late */
    fake_transport_run(&r.scene.net);
    int pending = r.pending;
    size_t sent = rig_sent(&r);
    fake_clock_advance(&r.scene.clock, SECOND_US);
    fake_transport_run(&r.scene.net);
    assert_int_equal(r.pending, pending + 1);
    assert_int_equal(claim(&r, 4), 0);
    assert_int_equal(rig_sent(&r), sent + 1);
    assert_true(rig_called(&r, sent, "Scan"));
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
        cmocka_unit_test(what_was_left_behind_is_taken_over),
        cmocka_unit_test(who_comes_second_takes_nothing),
        cmocka_unit_test(looking_comes_at_the_start_and_after_a_while),
        cmocka_unit_test(a_look_in_between_does_not_end_looking),
        cmocka_unit_test(a_look_that_fails_does_not_hold_up_mails),
        cmocka_unit_test(without_an_index_the_table_is_scanned_page_by_page),
        cmocka_unit_test(a_scan_that_fails_has_the_patience_of_a_look),
        cmocka_unit_test(a_wake_is_brought_forward),
        cmocka_unit_test(dead_letters_are_listed),
        cmocka_unit_test(dead_letters_that_cannot_be_read_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
