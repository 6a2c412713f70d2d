/* The DynamoDB store's dead letters: listing them, counting them and what waits. */
#include "dynamodb_rig.h"

#include "support/alloc.h"

enum { SHARDS = 10, COUNT_MS = 60000 };

static const int64_t MINUTE_US = 60 * (int64_t)SECOND_US;

#define ANSWER(text)                                                                               \
    {                                                                                              \
        .status = 200, .body = (text)                                                              \
    }
#define NONE       ANSWER("{\"Items\":[],\"Count\":0,\"ScannedCount\":0}")
#define COUNTED(n) ANSWER("{\"Count\":" #n ",\"ScannedCount\":" #n "}")
#define NINE_OF(...)                                                                               \
    __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__,     \
        __VA_ARGS__, __VA_ARGS__
#define TEN_OF(...) __VA_ARGS__, NINE_OF(__VA_ARGS__)
#define NO_INDEX    ERROR_REPLY(400, "ValidationException")
#define DENIED      ERROR_REPLY(400, "AccessDeniedException")

#define KEY(user)                                                                                  \
    "\"user_name\":{\"S\":\"" user "\"},\"timestamp\":{\"S\":\"2015-08-30T12:30:00.00000" user "\"}"
#define FOUND(user)                                                                                \
    "{" KEY(user) ",\"notification_lease\":{\"S\":\"2015-08-30T12:35:00.000000 other\"}}"
#define GONE ANSWER("{}")
#define DEAD(user)                                                                                 \
    ANSWER("{\"Item\":{" KEY(                                                                      \
        user) ",\"review\":{\"S\":\"Good.\"},\"sentiment\":{\"S\":\"Positive\"},"                  \
              "\"polarity_score\":{\"S\":\"0.7\"},\"notification\":{\"S\":\"dead-1\"},"            \
              "\"notification_attempts\":{\"S\":\"4\"},\"notification_error\":{\"S\":\"no\"}}}")

static struct outbox_entry entries[8];

/* Retries come at once, too: what asks more than it should fails, and does not hang. */
static void at_once(struct rig *r, bool on)
{
    r->scene.net.immediate_us = 2 * SECOND_US;
    rig_immediate(r, on);
}

static void open_counting(struct rig *r)
{
    rig_open_with(r, (struct dynamodb_config){.count_ms = COUNT_MS}, 100);
}

static int claim(struct rig *r)
{
    int64_t next_due_us;
    at_once(r, true);
    int count =
        store_claim(r->store, clock_wall_us(&r->scene.clock.clock), entries, 8, &next_due_us);
    at_once(r, false);
    return count;
}

static void settle(struct rig *r, uint64_t id, int what)
{
    struct outbox_outcome outcome = {.id = id, .what = what};
    at_once(r, true);
    assert_int_equal(store_settle(r->store, &outcome, 1), 0);
    at_once(r, false);
}

static int list(struct rig *r, uint64_t after_id, size_t max)
{
    at_once(r, true);
    int count = store_dead_list(r->store, after_id, entries, max);
    at_once(r, false);
    return count;
}

static uint64_t backlog(struct rig *r, uint64_t enough)
{
    uint64_t pending = 77;
    at_once(r, true);
    assert_int_equal(store_backlog(r->store, enough, &pending), 0);
    at_once(r, false);
    return pending;
}

static int64_t gauge(struct rig *r)
{
    return metric_value(
        metrics_gauge(r->scene.metrics, (struct metric_name){"reviewd_outbox_dead", "", NULL}));
}

/* A duty in memory, claimed and settled. */
static void mail_one(struct rig *r, const char *user, int what)
{
    static const struct fake_reply answers[] = {OK_REPLY, OK_REPLY};
    struct test_put put;
    rig_script(r, answers, 2);
    rig_put(r, &put, user, 0, true);
    fake_transport_run(&r->scene.net);
    assert_int_equal(put.result, STORE_OK);
    assert_int_equal(claim(r), 1);
    uint64_t id = entries[0].id;
    outbox_entry_free(&entries[0]);
    settle(r, id, what);
}

/* --- the gauge --- */

static void dead_letters_are_counted_once_a_minute(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply answers[] = {TEN_OF(NONE), TEN_OF(COUNTED(2))};
    struct fake_reply fewer[] = {TEN_OF(NONE), COUNTED(7), NINE_OF(COUNTED(0))};
    open_counting(&r);
    rig_script(&r, answers, 20);
    assert_int_equal(claim(&r), 0);
    assert_int_equal(gauge(&r), 20);
    bool shard[SHARDS] = {false};
    for (size_t i = 0; i < SHARDS; i++) {
        const char *body = rig_body(&r, i);
        assert_non_null(strstr(body, "\"Select\":\"COUNT\""));
        shard[strstr(body, "\"dead-")[6] - '0'] = true;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        assert_true(shard[i]);
    }
    size_t sent = rig_sent(&r);
    fake_clock_advance(&r.scene.clock, 20 * (int64_t)SECOND_US);
    assert_int_equal(claim(&r), 0);
    assert_int_equal(rig_sent(&r), sent);
    rig_script(&r, fewer, 20);
    fake_clock_advance(&r.scene.clock, 40 * (int64_t)SECOND_US);
    assert_int_equal(claim(&r), 0);
    assert_int_equal(rig_sent(&r), sent + 20);
    assert_int_equal(gauge(&r), 7);
    rig_close(&r);
}

static void a_dead_letter_of_this_process_shows_at_once(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply answers[] = {TEN_OF(NONE), TEN_OF(COUNTED(0))};
    struct fake_reply found[] = {ANSWER("{\"Items\":[" FOUND("1") "]}"), NINE_OF(NONE), OK_REPLY};
    open_counting(&r);
    rig_script(&r, answers, 20);
    assert_int_equal(claim(&r), 0);
    mail_one(&r, "a", OUTBOX_SENT);
    assert_int_equal(gauge(&r), 0);
    mail_one(&r, "b", OUTBOX_DEAD);
    assert_int_equal(gauge(&r), 1);
    rig_script(&r, found, 11);
    at_once(&r, true);
    assert_int_equal(store_dead_drop(r.store, 0), 1);
    at_once(&r, false);
    assert_int_equal(gauge(&r), 0);
    rig_close(&r);
}

/* Where the look for what was left behind fails, or finds no index, counting would as well. */
static void what_cannot_be_looked_at_is_not_counted(void **state)
{
    (void)state;
    const struct fake_reply denied = DENIED;
    const struct fake_reply no_index = NO_INDEX;
    struct fake_reply answers[2][11] = {{TEN_OF(denied)}, {TEN_OF(no_index), NONE}};
    for (size_t i = 0; i < 2; i++) {
        struct rig r;
        open_counting(&r);
        size_t sent = rig_sent(&r);
        rig_script(&r, answers[i], 11);
        assert_int_equal(claim(&r), 0);
        assert_int_equal(rig_sent(&r), sent + 10 + i);
        rig_close(&r);
    }
}

static void a_count_that_fails_changes_nothing(void **state)
{
    (void)state;
    const struct fake_reply denied = DENIED;
    const struct fake_reply strange = ANSWER("{\"Count\":\"7\"}");
    struct fake_reply answers[2][10] = {{NINE_OF(COUNTED(1)), denied},
                                        {NINE_OF(COUNTED(1)), strange}};
    struct fake_reply first[] = {TEN_OF(NONE), COUNTED(3), NINE_OF(COUNTED(0))};
    for (size_t i = 0; i < 2; i++) {
        struct fake_reply then[20] = {TEN_OF(NONE)};
        struct rig r;
        open_counting(&r);
        rig_script(&r, first, 20);
        assert_int_equal(claim(&r), 0);
        memcpy(then + 10, answers[i], sizeof answers[i]);
        rig_script(&r, then, 20);
        fake_clock_advance(&r.scene.clock, MINUTE_US);
        assert_int_equal(claim(&r), 0);
        assert_int_equal(gauge(&r), 3);
        rig_close(&r);
    }
}

/* --- the backlog --- */

static void the_backlog_in_memory_asks_nobody(void **state)
{
    (void)state;
    struct rig r;
    struct test_put puts[2];
    rig_open(&r);
    ANSWERS(&r, OK_REPLY);
    rig_put(&r, &puts[0], "a", 0, true);
    rig_put(&r, &puts[1], "b", 1, true);
    fake_transport_run(&r.scene.net);
    size_t sent = rig_sent(&r);
    assert_int_equal(backlog(&r, 1), 2);
    assert_int_equal(backlog(&r, 2), 2);
    assert_int_equal(rig_sent(&r), sent);
    struct fake_reply more[] = {TEN_OF(COUNTED(0))};
    rig_script(&r, more, 10);
    assert_int_equal(backlog(&r, 3), 2);
    assert_int_equal(rig_sent(&r), sent + 10);
    rig_close(&r);
}

static void the_backlog_in_the_table_is_counted_once_a_minute(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply many[] = {TEN_OF(COUNTED(4))};
    struct fake_reply few[] = {TEN_OF(COUNTED(1))};
    struct fake_reply none[] = {TEN_OF(NONE)};
    rig_open(&r);
    rig_script(&r, many, 10);
    assert_int_equal(backlog(&r, 1000), 40);
    assert_non_null(strstr(rig_body(&r, 0), "\"pending-"));
    rig_script(&r, none, 10);
    assert_int_equal(claim(&r), 0);
    size_t sent = rig_sent(&r);
    fake_clock_advance(&r.scene.clock, MINUTE_US - 1);
    assert_int_equal(backlog(&r, 1000), 40);
    assert_int_equal(rig_sent(&r), sent);
    fake_clock_advance(&r.scene.clock, 1);
    rig_script(&r, few, 10);
    assert_int_equal(backlog(&r, 1000), 10);
    rig_close(&r);
}

static void what_is_mailed_shortens_the_backlog(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply answers[] = {TEN_OF(NONE), COUNTED(5), NINE_OF(COUNTED(0))};
    rig_open(&r);
    rig_script(&r, answers, 20);
    assert_int_equal(claim(&r), 0);
    assert_int_equal(backlog(&r, 1000), 5);
    mail_one(&r, "a", OUTBOX_SENT);
    assert_int_equal(backlog(&r, 1000), 4);
    mail_one(&r, "b", OUTBOX_DEAD);
    assert_int_equal(backlog(&r, 1000), 3);
    mail_one(&r, "c", OUTBOX_DEFER);
    assert_int_equal(backlog(&r, 1000), 3);
    rig_close(&r);
}

/* Further pages are read, but none once it is enough. */
static void counting_stops_at_enough(void **state)
{
    (void)state;
    const struct fake_reply page = ANSWER("{\"Count\":100,\"LastEvaluatedKey\":{" KEY("9") "}}");
    struct fake_reply answers[] = {page,       page,       COUNTED(1), COUNTED(1), COUNTED(1),
                                   COUNTED(1), COUNTED(1), COUNTED(1), COUNTED(1), COUNTED(1),
                                   page,       COUNTED(5), COUNTED(7)};
    static const struct {
        uint64_t enough, pending;
        size_t calls;
    } cases[] = {{208, 208, 10}, {209, 313, 12}, {313, 313, 12}, {314, 320, 13}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig r;
        rig_open(&r);
        size_t sent = rig_sent(&r);
        rig_script(&r, answers, 13);
        assert_int_equal(backlog(&r, cases[i].enough), cases[i].pending);
        assert_int_equal(rig_sent(&r), sent + cases[i].calls);
        const char *from = strstr(rig_body(&r, 0), "\"ExclusiveStartKey\":{" KEY("9") "}");
        assert_int_equal(from != NULL, cases[i].calls > 10);
        rig_close(&r);
    }
}

static void counting_for_people_scans_without_an_index(void **state)
{
    (void)state;
    struct rig r;
    struct outbox_counts counts;
    const struct fake_reply no_index = NO_INDEX;
    struct fake_reply answers[] = {
        TEN_OF(no_index),
        ANSWER("{\"Items\":[" FOUND("1") "],\"LastEvaluatedKey\":{" KEY("1") "}}"),
        ANSWER("{\"Items\":[" FOUND("2") "," FOUND("3") "]}"), TEN_OF(no_index),
        ANSWER("{\"Items\":[" FOUND("4") "]}")};
    rig_open(&r);
    rig_script(&r, answers, 23);
    at_once(&r, true);
    assert_int_equal(store_count(r.store, &counts), 0);
    at_once(&r, false);
    assert_int_equal(counts.pending, 3);
    assert_int_equal(counts.dead, 1);
    rig_close(&r);
}

/* --- listing --- */

#define INDEX_WITH_FIVE                                                                            \
    ANSWER("{\"Items\":[" FOUND("3") "," FOUND("1") "," FOUND("5") "," FOUND("2") "," FOUND(       \
        "4") "]}")

/* A page is filled from what follows, and the index is read once a listing. */
static void what_is_gone_does_not_end_the_list(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply answers[] = {INDEX_WITH_FIVE, NINE_OF(NONE), GONE, DEAD("2"), GONE, GONE,
                                   DEAD("5")};
    rig_open(&r);
    rig_script(&r, answers, 15);
    assert_int_equal(list(&r, 0, 1), 1);
    assert_memory_equal(entries[0].item.user_name.ptr, "2", 1);
    uint64_t last = entries[0].id;
    outbox_entry_free(&entries[0]);
    assert_int_equal(rig_sent(&r), 1 + 10 + 2);
    assert_int_equal(list(&r, last, 1), 1);
    assert_memory_equal(entries[0].item.user_name.ptr, "5", 1);
    assert_true(entries[0].id > last);
    last = entries[0].id;
    outbox_entry_free(&entries[0]);
    assert_int_equal(rig_sent(&r), 1 + 10 + 5);
    assert_int_equal(list(&r, last, 1), 0);
    assert_int_equal(rig_sent(&r), 1 + 10 + 5);
    rig_close(&r);
}

static void a_listing_ends_with_its_last_page(void **state)
{
    (void)state;
    struct rig r;
    struct fake_reply answers[] = {
        INDEX_WITH_FIVE, NINE_OF(NONE), DEAD("1"), DEAD("2"), GONE, GONE, GONE};
    struct fake_reply none[] = {TEN_OF(NONE)};
    rig_open(&r);
    rig_script(&r, answers, 15);
    assert_int_equal(list(&r, 0, 5), 2);
    uint64_t last = entries[1].id;
    outbox_entry_free(&entries[0]);
    outbox_entry_free(&entries[1]);
    rig_script(&r, none, 10);
    assert_int_equal(list(&r, last, 5), 0); /* asked anew, as there may be more by now */
    assert_int_equal(rig_sent(&r), 1 + 15 + 10);
    rig_close(&r);
}

static void a_listing_that_fails_gives_nothing(void **state)
{
    (void)state;
    struct rig r;
    const struct fake_reply denied = DENIED;
    struct fake_reply answers[] = {INDEX_WITH_FIVE, NINE_OF(NONE), DEAD("1"), GONE, denied};
    struct fake_reply good[] = {INDEX_WITH_FIVE, NINE_OF(NONE), DEAD("1"), DEAD("2")};
    rig_open(&r);
    rig_script(&r, answers, 13);
    assert_int_equal(list(&r, 0, 2), -1);
    rig_script(&r, good, 12);
    assert_int_equal(list(&r, 0, 2), 2); /* from the start */
    outbox_entry_free(&entries[0]);
    outbox_entry_free(&entries[1]);
    rig_close(&r); /* in the middle of it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_letters_are_counted_once_a_minute),
        cmocka_unit_test(a_dead_letter_of_this_process_shows_at_once),
        cmocka_unit_test(what_cannot_be_looked_at_is_not_counted),
        cmocka_unit_test(a_count_that_fails_changes_nothing),
        cmocka_unit_test(the_backlog_in_memory_asks_nobody),
        cmocka_unit_test(the_backlog_in_the_table_is_counted_once_a_minute),
        cmocka_unit_test(what_is_mailed_shortens_the_backlog),
        cmocka_unit_test(counting_stops_at_enough),
        cmocka_unit_test(counting_for_people_scans_without_an_index),
        cmocka_unit_test(what_is_gone_does_not_end_the_list),
        cmocka_unit_test(a_listing_ends_with_its_last_page),
        cmocka_unit_test(a_listing_that_fails_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
