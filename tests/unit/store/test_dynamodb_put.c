/* The DynamoDB store's puts: what is sent, and what each answer means for each of them. */
#include "dynamodb_rig.h"

#include "support/alloc.h"

#define ITEM(user, us)                                                                             \
    "{\"user_name\":{\"S\":\"" user "\"},\"timestamp\":{\"S\":\"2015-08-30T12:36:00." us           \
    "\"},\"review\":{\"S\":\"The tool is fantastic.\"},\"sentiment\":{\"S\":\"Positive\"},"        \
    "\"polarity_score\":{\"S\":\"0.4\"}}"
#define LEFT(items) "{\"UnprocessedItems\":{\"reviews\":[" items "]}}"
#define PUT(item)   "{\"PutRequest\":{\"Item\":" item "}}"

static void assert_ended(struct test_put *put, enum store_result result)
{
    assert_int_equal(test_put_calls(put), 1);
    assert_int_equal(put->result, result);
}

static void put_three(struct rig *r, struct test_put puts[3])
{
    rig_put(r, &puts[0], "a", 1, false);
    rig_put(r, &puts[1], "b", 2, false);
    rig_put(r, &puts[2], "c", 3, false);
}

static void one_goes_as_put_item(void **state)
{
    (void)state;
    struct rig r;
    struct test_put put;
    rig_open(&r);
    ANSWERS(&r, OK_REPLY);
    rig_put(&r, &put, "a", 1, false);
    assert_int_equal(test_put_calls(&put), 0);
    fake_transport_run(&r.scene.net);
    assert_ended(&put, STORE_OK);
    assert_int_equal(rig_sent(&r), 2);
    assert_true(rig_called(&r, 1, "PutItem"));
    assert_string_equal(
        rig_body(&r, 0),
        "{\"TableName\":\"reviews\",\"Item\":" ITEM(
            "a", "000001") ",\"ConditionExpression\":\"attribute_not_exists(user_name)\","
                           "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
    assert_int_equal(r.pending, 0);
    rig_close(&r);
}

static void many_go_as_one_batch(void **state)
{
    (void)state;
    struct rig r;
    struct test_put puts[3];
    rig_open(&r);
    ANSWERS(&r, {.status = 200, .body = "{\"UnprocessedItems\":{}}"});
    put_three(&r, puts);
    fake_transport_run(&r.scene.net);
    for (int i = 0; i < 3; i++) {
        assert_ended(&puts[i], STORE_OK);
    }
    assert_int_equal(rig_sent(&r), 2);
    assert_true(rig_called(&r, 1, "BatchWriteItem"));
    assert_string_equal(rig_body(&r, 0),
                        "{\"RequestItems\":{\"reviews\":[" PUT(ITEM("a", "000001")) "," PUT(
                            ITEM("b", "000002")) "," PUT(ITEM("c", "000003")) "]}}");
    assert_int_equal(value(&r.scene, "reviewd_store_batch_rows_total", NULL), 3);
    rig_close(&r);
}

static void a_batch_holds_25(void **state)
{
    (void)state;
    static const size_t calls[] = {1, 1, 2}; /* for 24, 25 and 26 puts */
    for (int extra = -1; extra <= 1; extra++) {
        struct rig r;
        struct test_put puts[26];
        rig_open(&r);
        ANSWERS(&r, OK_REPLY, OK_REPLY);
        for (int i = 0; i < 25 + extra; i++) {
            rig_put(&r, &puts[i], "a", i + 1, false);
        }
        fake_transport_run(&r.scene.net);
        assert_int_equal(rig_sent(&r), 1 + calls[extra + 1]);
        for (int i = 0; i < 25 + extra; i++) {
            assert_ended(&puts[i], STORE_OK);
        }
        rig_close(&r);
    }
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct rig r;
    struct test_put puts[4];
    rig_open_with(&r, (struct dynamodb_config){0}, 3);
    ANSWERS(&r, OK_REPLY, OK_REPLY);
    put_three(&r, puts);
    test_put_init(&puts[3], "d", T0 + 4, true);
    assert_int_equal(store_put(r.store, &puts[3].put), STORE_BUSY);
    fake_transport_run(&r.scene.net);
    assert_int_equal(test_put_calls(&puts[3]), 0);
    assert_int_equal(store_put(r.store, &puts[3].put), STORE_OK);
    fake_transport_run(&r.scene.net);
    assert_ended(&puts[3], STORE_OK);
    rig_close(&r);
}

static void what_is_owed_has_its_notification(void **state)
{
    (void)state;
    struct rig r;
    struct test_put put;
    rig_open(&r);
    ANSWERS(&r, OK_REPLY);
    rig_put(&r, &put, "a", 1, true);
    fake_transport_run(&r.scene.net);
    assert_ended(&put, STORE_OK);
    assert_int_equal(r.pending, 1);
    assert_non_null(strstr(rig_body(&r, 0), "\"0.4\"},\"notification\":{\"S\":\"pending-"));
    assert_non_null(
        strstr(rig_body(&r, 0), "\"notification_lease\":{\"S\":\"2015-08-30T12:41:00.000000 "));
    rig_close(&r);
}

/* The duties that do not fit into memory get a lease that ends with the put's deadline, so that they
 * are found, but not while the put may be repeated. */
static void beyond_memory_the_lease_ends_with_the_put(void **state)
{
    (void)state;
    struct rig r;
    struct test_put puts[2];
    rig_open_with(&r, (struct dynamodb_config){.held = 1}, 100);
    ANSWERS(&r, OK_REPLY, OK_REPLY);
    for (int i = 0; i < 2; i++) {
        rig_put(&r, &puts[i], "a", i + 1, true);
        fake_transport_run(&r.scene.net);
        assert_ended(&puts[i], STORE_OK);
    }
    assert_non_null(strstr(rig_body(&r, 1), "{\"S\":\"2015-08-30T12:41:00.000000 "));
    assert_non_null(strstr(rig_body(&r, 0), "{\"S\":\"2015-08-30T12:36:10.000000 "));
    assert_int_equal(r.pending, 2);
    rig_close(&r);
}

static void what_was_left_is_put_again(void **state)
{
    (void)state;
    struct rig r;
    struct test_put puts[3];
    rig_open(&r);
    ANSWERS(&r, {.status = 200, .body = LEFT(PUT(ITEM("b", "000002")))}, OK_REPLY);
    put_three(&r, puts);
    fake_transport_run(&r.scene.net);
    assert_ended(&puts[0], STORE_OK);
    assert_int_equal(test_put_calls(&puts[1]), 0);
    assert_ended(&puts[2], STORE_OK);
    rig_run_for(&r, SECOND_US);
    assert_ended(&puts[1], STORE_OK);
    assert_true(rig_called(&r, 2, "PutItem"));
    assert_non_null(strstr(rig_body(&r, 0), ITEM("b", "000002")));
    rig_close(&r);
}

static void what_is_left_again_and_again_ends_at_its_deadline(void **state)
{
    (void)state;
    struct rig r;
    struct test_put puts[3];
    struct fake_reply replies[100];
    rig_open(&r);
    for (int i = 0; i < 100; i++) {
        replies[i] = (struct fake_reply){
            .status = 200, .body = LEFT(PUT(ITEM("c", "000003")) "," PUT(ITEM("b", "000002")))};
    }
    rig_script(&r, replies, 100);
    put_three(&r, puts);
    rig_run_for(&r, 12 * (int64_t)SECOND_US);
    assert_ended(&puts[0], STORE_OK);
    assert_ended(&puts[1], STORE_UNAVAILABLE);
    assert_ended(&puts[2], STORE_UNAVAILABLE);
    assert_true(rig_errors(&r, "throttled") > 0);
    rig_close(&r);
}

static void an_answer_that_is_none_acknowledges_nothing(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "[]",
        "null",
        "<html></html>",
        "{\"UnprocessedItems\":",
        "{\"UnprocessedItems\":[]}",
        "{\"UnprocessedItems\":{\"reviews\":[{}]}}",
        LEFT(PUT(ITEM("x", "000001"))),
        LEFT(PUT(ITEM("a", "000001")) "," PUT(ITEM("a", "000001")))};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct rig r;
        struct test_put puts[3];
        rig_open(&r);
        ANSWERS(&r, {.status = 200, .body = bodies[i]});
        put_three(&r, puts);
        rig_run_for(&r, SECOND_US);
        for (int p = 0; p < 3; p++) {
            assert_ended(&puts[p], STORE_UNAVAILABLE);
        }
        assert_int_equal(rig_errors(&r, "answer"), 1);
        rig_close(&r);
    }
    struct rig r;
    struct test_put put;
    rig_open(&r);
    ANSWERS(&r, {.status = 200, .body = "<html></html>"});
    rig_put(&r, &put, "a", 1, true);
    fake_transport_run(&r.scene.net);
    assert_ended(&put, STORE_UNAVAILABLE);
    assert_int_equal(r.pending, 0);
    rig_close(&r);
}

static void without_permission_for_batches_each_goes_alone(void **state)
{
    (void)state;
    struct rig r;
    struct test_put puts[3];
    rig_open(&r);
    ANSWERS(&r, ERROR_REPLY(400, "AccessDeniedException"), OK_REPLY, OK_REPLY, OK_REPLY, OK_REPLY,
            OK_REPLY, OK_REPLY);
    for (int round = 0; round < 2; round++) {
        put_three(&r, puts);
        fake_transport_run(&r.scene.net);
        for (int i = 0; i < 3; i++) {
            assert_ended(&puts[i], STORE_OK);
        }
    }
    assert_int_equal(rig_sent(&r), 1 + 1 + 6);
    assert_true(rig_called(&r, 1, "BatchWriteItem"));
    for (size_t i = 2; i < 8; i++) {
        assert_true(rig_called(&r, i, "PutItem"));
    }
    rig_close(&r);
}

/* What is put together now: as one batch or, three times, one by one. */
static void put_three_and_expect(struct rig *r, bool denied, size_t calls)
{
    static const struct fake_reply answers[] = {ERROR_REPLY(400, "AccessDeniedException"), OK_REPLY,
                                                OK_REPLY, OK_REPLY};
    struct test_put puts[3];
    size_t sent = rig_sent(r);
    rig_script(r, denied ? answers : answers + 1, denied ? 4 : 3);
    put_three(r, puts);
    fake_transport_run(&r->scene.net);
    for (int i = 0; i < 3; i++) {
        assert_ended(&puts[i], STORE_OK);
    }
    assert_int_equal(rig_sent(r), sent + calls);
    assert_int_equal(rig_called(r, sent, "BatchWriteItem"), calls != 3);
}

/* A denial may have been one of a moment. */
static void batches_are_tried_again_after_ten_minutes(void **state)
{
    (void)state;
    struct rig r;
    const int64_t wait_us = 600 * (int64_t)SECOND_US;
    rig_open(&r);
    put_three_and_expect(&r, true, 4);
    fake_clock_advance(&r.scene.clock, wait_us - 1);
    put_three_and_expect(&r, false, 3);
    fake_clock_advance(&r.scene.clock, 1);
    put_three_and_expect(&r, true, 4); /* still denied */
    put_three_and_expect(&r, false, 3);
    fake_clock_advance(&r.scene.clock, wait_us);
    put_three_and_expect(&r, false, 1);
    put_three_and_expect(&r, false, 1);
    rig_close(&r);
}

/* While the first tries, what is put meanwhile does not run into the same. */
static void one_batch_tries_for_all(void **state)
{
    (void)state;
    struct rig r;
    static struct test_put puts[25 + 3];
    rig_open(&r);
    put_three_and_expect(&r, true, 4);
    fake_clock_advance(&r.scene.clock, 600 * (int64_t)SECOND_US);
    ANSWERS(&r, OK_REPLY, OK_REPLY, OK_REPLY, OK_REPLY);
    size_t sent = rig_sent(&r);
    for (int i = 0; i < 25 + 3; i++) {
        rig_put(&r, &puts[i], "a", i, false);
    }
    fake_transport_run(&r.scene.net);
    assert_int_equal(rig_sent(&r), sent + 1 + 3);
    assert_true(rig_called(&r, sent, "BatchWriteItem"));
    for (size_t i = 1; i <= 3; i++) {
        assert_true(rig_called(&r, sent + i, "PutItem"));
    }
    rig_close(&r);
}

static void one_wrong_item_fails_alone(void **state)
{
    (void)state;
    struct rig r;
    struct test_put puts[3];
    char reason[STORE_ERROR_SIZE];
    rig_open(&r);
    ANSWERS(&r, ERROR_REPLY(400, "ValidationException"), OK_REPLY,
            ERROR_REPLY(400, "ValidationException"), OK_REPLY);
    put_three(&r, puts);
    fake_transport_run(&r.scene.net);
    assert_ended(&puts[0], STORE_OK);
    assert_ended(&puts[1], STORE_UNAVAILABLE);
    assert_ended(&puts[2], STORE_OK);
    assert_int_equal(rig_errors(&r, "invalid"), 1);
    assert_true(store_ready(r.store, reason));
    rig_close(&r);
}

static void throttling_is_ridden_out_or_told(void **state)
{
    (void)state;
    struct rig r;
    struct test_put put;
    char reason[STORE_ERROR_SIZE];
    rig_open(&r);
    ANSWERS(&r, ERROR_REPLY(400, "ThrottlingException"), OK_REPLY,
            ERROR_REPLY(400, "ProvisionedThroughputExceededException"),
            ERROR_REPLY(400, "ThrottlingException"), ERROR_REPLY(400, "ThrottlingException"),
            ERROR_REPLY(400, "ThrottlingException"));
    rig_put(&r, &put, "a", 1, false);
    rig_run_for(&r, 3 * (int64_t)SECOND_US);
    assert_ended(&put, STORE_OK);
    rig_put(&r, &put, "a", 2, false);
    rig_run_for(&r, 9 * (int64_t)SECOND_US);
    assert_ended(&put, STORE_UNAVAILABLE);
    assert_int_equal(rig_errors(&r, "throttled"), 1);
    assert_true(store_ready(r.store, reason));
    rig_close(&r);
}

#define EXISTS(item)                                                                               \
    {                                                                                              \
        .status = 400,                                                                             \
        .body = "{\"__type\":\"ns#ConditionalCheckFailedException\",\"Item\":" item "}"            \
    }

#define OTHER                                                                                      \
    "{\"user_name\":{\"S\":\"a\"},\"timestamp\":{\"S\":\"2015-08-30T12:36:00.000001\"},"           \
    "\"review\":{\"S\":\"Another one.\"},\"sentiment\":{\"S\":\"Positive\"},"                      \
    "\"polarity_score\":{\"S\":\"0.4\"}}"

/* A 500 may have written; the attempt after it then finds its own item. */
static void a_lost_answer_is_found_out(void **state)
{
    (void)state;
    static const struct {
        struct fake_reply replies[2];
        enum store_result result;
    } cases[] = {
        {{ERROR_REPLY(500, "InternalServerError"), EXISTS(ITEM("a", "000001"))}, STORE_OK},
        {{{.error = NET_BROKEN}, EXISTS(ITEM("a", "000001"))}, STORE_OK},
        {{ERROR_REPLY(500, "InternalServerError"), EXISTS(OTHER)}, STORE_CONFLICT},
        {{ERROR_REPLY(500, "InternalServerError"), EXISTS("{}")}, STORE_CONFLICT},
        {{ERROR_REPLY(500, "InternalServerError"), FAILED_CONDITION}, STORE_CONFLICT},
        {{EXISTS(ITEM("a", "000001"))}, STORE_CONFLICT}, /* nothing was lost: it is another's */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig r;
        struct test_put put;
        rig_open(&r);
        rig_script(&r, cases[i].replies, 2);
        rig_put(&r, &put, "a", 1, false);
        rig_run_for(&r, SECOND_US);
        assert_ended(&put, cases[i].result);
        rig_close(&r);
    }
}

/* The retry is the same bytes, and an item of ours with another lease is not ours. */
static void a_retry_is_the_same_bytes(void **state)
{
    (void)state;
    struct rig r;
    struct test_put put;
    rig_open(&r);
    ANSWERS(&r, ERROR_REPLY(500, "InternalServerError"), EXISTS(ITEM("a", "000001")));
    rig_put(&r, &put, "a", 1, true);
    rig_run_for(&r, SECOND_US);
    assert_string_equal(rig_body(&r, 0), rig_body(&r, 1));
    assert_ended(&put, STORE_CONFLICT);
    assert_int_equal(r.pending, 0);
    rig_close(&r);
}

static void the_same_key_twice_in_a_batch_conflicts(void **state)
{
    (void)state;
    struct rig r;
    struct test_put puts[3];
    rig_open(&r);
    ANSWERS(&r, OK_REPLY);
    rig_put(&r, &puts[0], "a", 1, true);
    rig_put(&r, &puts[1], "a", 1, true);
    rig_put(&r, &puts[2], "a", 2, true);
    fake_transport_run(&r.scene.net);
    assert_ended(&puts[0], STORE_OK);
    assert_ended(&puts[1], STORE_CONFLICT);
    assert_ended(&puts[2], STORE_OK);
    rig_close(&r);
}

static void a_put_ends_at_its_deadline(void **state)
{
    (void)state;
    struct rig r;
    struct test_put old;
    struct test_put young;
    rig_open(&r);
    ANSWERS(&r, OK_REPLY);
    rig_put(&r, &old, "a", 1, false);
    fake_clock_advance(&r.scene.clock, 10 * (int64_t)SECOND_US - 1);
    rig_put(&r, &young, "b", 2, false);
    fake_clock_advance(&r.scene.clock, 1);
    fake_transport_run(&r.scene.net);
    assert_ended(&old, STORE_UNAVAILABLE);
    assert_ended(&young, STORE_OK);
    assert_int_equal(rig_errors(&r, "deadline"), 1);
    assert_true(rig_called(&r, 1, "PutItem"));
    rig_close(&r);
}

/* A batch ends at the deadline of its oldest; the others are put again. */
static void the_young_outlive_their_batch(void **state)
{
    (void)state;
    struct rig r;
    struct test_put old;
    struct test_put young;
    rig_open(&r);
    ANSWERS(&r, ERROR_REPLY(500, "InternalServerError"), EXISTS(ITEM("b", "000002")));
    rig_put(&r, &old, "a", 1, false);
    fake_clock_advance(&r.scene.clock, 5 * (int64_t)SECOND_US);
    rig_put(&r, &young, "b", 2, false);
    fake_transport_run(&r.scene.net);
    fake_clock_advance(&r.scene.clock, 6 * (int64_t)SECOND_US);
    fake_transport_run(&r.scene.net);
    assert_ended(&old, STORE_UNAVAILABLE);
    assert_ended(&young, STORE_OK);
    assert_true(rig_called(&r, 2, "PutItem"));
    rig_close(&r);
}

/* --- health --- */

static void assert_ready(struct rig *r, bool ready, const char *why)
{
    char reason[STORE_ERROR_SIZE] = "";
    assert_int_equal(store_ready(r->store, reason), ready);
    if (why != NULL) {
        assert_non_null(strstr(reason, why));
    }
}

static void unreachable(struct rig *r, int times)
{
    static const struct fake_reply none[] = {NO_CONNECTION, NO_CONNECTION, NO_CONNECTION,
                                             NO_CONNECTION};
    for (int i = 0; i < times; i++) {
        struct test_put put;
        rig_script(r, none, 4);
        rig_put(r, &put, "a", 100 + i, true);
        rig_run_for(r, SECOND_US);
        assert_ended(&put, STORE_UNAVAILABLE);
    }
}

static void three_failures_make_it_unready_and_one_success_ready(void **state)
{
    (void)state;
    struct rig r;
    struct test_put put;
    rig_open(&r);
    unreachable(&r, 2);
    assert_ready(&r, true, NULL);
    ANSWERS(&r, OK_REPLY);
    rig_put(&r, &put, "a", 1, false);
    fake_transport_run(&r.scene.net);
    unreachable(&r, 2);
    assert_ready(&r, true, NULL);
    unreachable(&r, 1);
    size_t sent = rig_sent(&r);
    /* Down: a put ends at once, but after a second one is let through to try. */
    test_put_init(&put, "a", T0 + 2, true);
    while (store_put(r.store, &put.put) != STORE_OK) {
        assert_int_equal(rig_sent(&r), sent);
        fake_clock_advance(&r.scene.clock, SECOND_US / 4);
    }
    assert_int_equal(store_put(r.store, &(struct test_put){.put = put.put}.put), STORE_UNAVAILABLE);
    ANSWERS(&r, OK_REPLY);
    fake_transport_run(&r.scene.net);
    assert_ended(&put, STORE_OK);
    assert_ready(&r, true, NULL);
    rig_close(&r);
}

static void asking_tries_once_a_second(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    unreachable(&r, 3);
    fake_clock_advance(&r.scene.clock, SECOND_US);
    size_t sent = rig_sent(&r);
    assert_ready(&r, false, "connect");
    assert_ready(&r, false, "connect");
    ANSWERS(&r, NO_CONNECTION, NO_CONNECTION, NO_CONNECTION, NO_CONNECTION);
    rig_run_for(&r, SECOND_US / 2);
    assert_int_equal(rig_sent(&r), sent + 4);
    assert_non_null(strstr(rig_body(&r, 0), "attribute_exists(user_name) AND "
                                            "attribute_not_exists(user_name)"));
    fake_clock_advance(&r.scene.clock, SECOND_US);
    assert_ready(&r, false, "connect");
    ANSWERS(&r, FAILED_CONDITION);
    fake_transport_run(&r.scene.net);
    assert_int_equal(rig_sent(&r), sent + 5);
    assert_ready(&r, true, NULL);
    rig_close(&r);
}

static void what_concerns_all_is_told_at_once_with_its_remedy(void **state)
{
    (void)state;
    static const struct {
        struct fake_reply reply;
        const char *remedy;
        const char *kind;
    } cases[] = {
        {ERROR_REPLY(400, "ResourceNotFoundException"), "reviewd table create", "table"},
        {ERROR_REPLY(400, "AccessDeniedException"), "policy", "denied"},
        {ERROR_REPLY(400, "UnrecognizedClientException"), "role", "credentials"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig r;
        struct test_put put;
        rig_open(&r);
        rig_script(&r, &cases[i].reply, 1);
        rig_put(&r, &put, "a", 1, false);
        fake_transport_run(&r.scene.net);
        assert_ended(&put, STORE_UNAVAILABLE);
        assert_int_equal(rig_errors(&r, cases[i].kind), 1);
        assert_ready(&r, false, cases[i].remedy);
        rig_close(&r);
    }
}

static void a_table_with_other_keys_is_found_by_the_probe(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    unreachable(&r, 3);
    fake_clock_advance(&r.scene.clock, SECOND_US);
    assert_ready(&r, false, "connect");
    ANSWERS(&r, ERROR_REPLY(400, "ValidationException"));
    fake_transport_run(&r.scene.net);
    assert_ready(&r, false, "reviewd check");
    rig_close(&r);
}

/* --- the end, and memory --- */

static void closing_waits_for_what_is_under_way(void **state)
{
    (void)state;
    struct rig r;
    struct test_put puts[3];
    rig_open(&r);
    ANSWERS(&r, {.status = 200, .body = LEFT(PUT(ITEM("b", "000002")))}, OK_REPLY);
    put_three(&r, puts);
    rig_close(&r);
    for (int i = 0; i < 3; i++) {
        assert_ended(&puts[i], STORE_OK);
    }
}

static void a_stopped_client_ends_puts_as_closed(void **state)
{
    (void)state;
    struct rig r;
    struct test_put puts[3];
    rig_open(&r);
    put_three(&r, puts);
    call_client_stop(r.scene.client);
    rig_close(&r);
    for (int i = 0; i < 3; i++) {
        assert_ended(&puts[i], STORE_CLOSED);
    }
}

/* Whichever allocation fails: each put ends once or was never taken, and the store works on. */
static void each_allocation_may_fail(void **state)
{
    (void)state;
    int taken = 1;
    for (long n = 1; taken != 0 || n < 40; n++) {
        struct rig r;
        struct test_put puts[3];
        enum store_result queued[3];
        rig_open(&r);
        ANSWERS(&r, {.status = 200, .body = LEFT(PUT(ITEM("b", "000002")))}, OK_REPLY, OK_REPLY,
                OK_REPLY, OK_REPLY, OK_REPLY);
        alloc_fail_at(n);
        for (int i = 0; i < 3; i++) {
            test_put_init(&puts[i], (const char *[]){"a", "b", "c"}[i], T0 + i + 1, i == 0);
            queued[i] = store_put(r.store, &puts[i].put);
        }
        rig_run_for(&r, SECOND_US);
        taken = alloc_count() >= n;
        alloc_fail_at(0);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(test_put_calls(&puts[i]), queued[i] == STORE_OK);
            assert_true(queued[i] == STORE_OK || queued[i] == STORE_UNAVAILABLE);
        }
        ANSWERS(&r, OK_REPLY);
        rig_put(&r, &puts[0], "d", 9, false);
        rig_run_for(&r, SECOND_US);
        assert_ended(&puts[0], STORE_OK);
        rig_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_goes_as_put_item),
        cmocka_unit_test(many_go_as_one_batch),
        cmocka_unit_test(a_batch_holds_25),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(what_is_owed_has_its_notification),
        cmocka_unit_test(beyond_memory_the_lease_ends_with_the_put),
        cmocka_unit_test(what_was_left_is_put_again),
        cmocka_unit_test(what_is_left_again_and_again_ends_at_its_deadline),
        cmocka_unit_test(an_answer_that_is_none_acknowledges_nothing),
        cmocka_unit_test(without_permission_for_batches_each_goes_alone),
        cmocka_unit_test(batches_are_tried_again_after_ten_minutes),
        cmocka_unit_test(one_batch_tries_for_all),
        cmocka_unit_test(one_wrong_item_fails_alone),
        cmocka_unit_test(throttling_is_ridden_out_or_told),
        cmocka_unit_test(a_lost_answer_is_found_out),
        cmocka_unit_test(a_retry_is_the_same_bytes),
        cmocka_unit_test(the_same_key_twice_in_a_batch_conflicts),
        cmocka_unit_test(a_put_ends_at_its_deadline),
        cmocka_unit_test(the_young_outlive_their_batch),
        cmocka_unit_test(three_failures_make_it_unready_and_one_success_ready),
        cmocka_unit_test(asking_tries_once_a_second),
        cmocka_unit_test(what_concerns_all_is_told_at_once_with_its_remedy),
        cmocka_unit_test(a_table_with_other_keys_is_found_by_the_probe),
        cmocka_unit_test(closing_waits_for_what_is_under_way),
        cmocka_unit_test(a_stopped_client_ends_puts_as_closed),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
