/* Items, leases, ids and cursors as text. Ids and partitions are stored, so they are compared with
 * values that must never change. */
#include "support/test.h"

#include "store/cursor.h"
#include "store/dynamodb_item.h"
#include "store/instant.h"

#include <stdio.h>
#include <stdlib.h>

static void an_instant_is_read_exactly(void **state)
{
    (void)state;
    static const int64_t times[] = {0,
                                    1,
                                    999999,
                                    INT64_C(951827696000001),
                                    INT64_C(1764328591363902),
                                    INT64_C(4102444799999999)};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[CLOCK_ISO_SIZE];
        clock_iso(times[i], text);
        assert_int_equal(instant_of(span_of(text), -1), times[i]);
    }
}

static void other_forms_are_no_instant(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "2025-11-28T11:16:31",
                                        "2025-11-28T11:16:31.36390",
                                        "2025-11-28T11:16:31.3639020",
                                        "2025-11-28 11:16:31.363902",
                                        "2025/11/28T11:16:31.363902",
                                        "2025-13-28T11:16:31.363902",
                                        "2025-00-28T11:16:31.363902",
                                        "2025-11-32T11:16:31.363902",
                                        "2025-11-28T24:16:31.363902",
                                        "2025-11-28T11:60:31.363902",
                                        "2025-11-28T11:16:61.363902",
                                        "2025-11-28T11:16:31,363902",
                                        "2025-11-28T11:16:31.36390x",
                                        "+025-11-28T11:16:31.363902",
                                        "2025-11-28T11:16:31.-63902"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(instant_of(span_of(texts[i]), -7), -7);
    }
}

static void ids_are_the_time_and_stay_the_same(void **state)
{
    (void)state;
    uint64_t id = dynamodb_item_id(SPAN("Patricia Stewart"), SPAN("2025-11-28T11:16:31.363902"));
    assert_int_equal(id >> 12, INT64_C(1764328591363902));
    assert_int_equal(id & 0xfff, 0x772);
    assert_true(id <= INT64_MAX);
    assert_int_not_equal(id,
                         dynamodb_item_id(SPAN("Patricia"), SPAN("2025-11-28T11:16:31.363902")));
    /* Later is larger, whoever it is. */
    assert_true(id < dynamodb_item_id(SPAN("a"), SPAN("2025-11-28T11:16:31.363903")));
    /* A time of another form still gives an id that mail commands take. */
    uint64_t other = dynamodb_item_id(SPAN("a"), SPAN("yesterday"));
    assert_true(other > 0 && other <= INT64_MAX);
}

static void every_partition_is_used(void **state)
{
    (void)state;
    size_t counts[DYNAMODB_SHARDS] = {0};
    for (int i = 0; i < 10000; i++) {
        char name[16];
        char text[DYNAMODB_STATE_SIZE];
        (void)snprintf(name, sizeof name, "user %d", i);
        dynamodb_item_state(DYNAMODB_PENDING,
                            dynamodb_item_id(span_of(name), SPAN("2025-11-28T11:16:31.363902")),
                            text);
        assert_int_equal(strlen(text), strlen("pending-0"));
        counts[text[8] - '0']++;
    }
    for (int i = 0; i < DYNAMODB_SHARDS; i++) {
        assert_in_range(counts[i], 800, 1200);
    }
}

static void leases_sort_by_their_end(void **state)
{
    (void)state;
    char early[DYNAMODB_LEASE_SIZE];
    char late[DYNAMODB_LEASE_SIZE];
    dynamodb_item_lease(INT64_C(1764328591363902), "ffffffffffffffff", early);
    dynamodb_item_lease(INT64_C(1764328591363903), "0000000000000000", late);
    assert_string_equal(early, "2025-11-28T11:16:31.363902 ffffffffffffffff");
    assert_true(strcmp(early, late) < 0);
}

static void an_item_is_written_and_read(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    char reason[JSON_REASON_SIZE];
    struct item read;
    struct item item = {SPAN("Zoë \"x\" \\"), SPAN("2025-11-28T11:16:31.363902"),
                        SPAN("tab\t \x7f \xf0\x9f\x98\x80"), SPAN("Positive"), SPAN("5e-05")};
    dynamodb_item_write(&text, &item, "the lease");
    json_t *json = json_parse(buf_span(&text), reason);
    assert_non_null(json);
    assert_int_equal(json_object_size(json), 7);
    assert_true(dynamodb_item_read(json, &read));
    assert_true(span_equal(read.user_name, item.user_name));
    assert_true(span_equal(read.timestamp, item.timestamp));
    assert_true(span_equal(read.review, item.review));
    assert_true(span_equal(read.sentiment, item.sentiment));
    assert_true(span_equal(read.polarity_score, item.polarity_score));
    assert_true(span_equal(dynamodb_item_text(json, DYNAMODB_LEASE), SPAN("the lease")));
    json_decref(json);
    buf_clear(&text);
    dynamodb_item_write(&text, &item, NULL);
    json = json_parse(buf_span(&text), reason);
    assert_int_equal(json_object_size(json), 5);
    json_decref(json);
    buf_free(&text);
}

/* Whoever else writes into the table: what is missing or of another type is empty. */
static void other_items_are_read_as_far_as_they_go(void **state)
{
    (void)state;
    char reason[JSON_REASON_SIZE];
    struct item item;
    json_t *json = json_parse(SPAN("{\"user_name\":{\"S\":\"a\"},\"timestamp\":{\"S\":\"t\"},"
                                   "\"review\":{\"N\":\"1\"},\"sentiment\":7}"),
                              reason);
    assert_true(dynamodb_item_read(json, &item));
    assert_int_equal(item.review.len, 0);
    assert_int_equal(item.sentiment.len, 0);
    json_decref(json);
    json = json_parse(SPAN("{\"user_name\":{\"N\":\"1\"},\"timestamp\":{\"S\":\"t\"}}"), reason);
    assert_false(dynamodb_item_read(json, &item));
    json_decref(json);
    assert_false(dynamodb_item_read(NULL, &item));
}

static void cursors_come_back(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    struct cursor cursor;
    cursor_write(&text, SPAN("Zoë \"x\""), SPAN("t"));
    assert_true(cursor_read(buf_str(&text), SPAN(""), &cursor));
    assert_true(span_equal(cursor.user_name, SPAN("Zoë \"x\"")));
    assert_true(span_equal(cursor.timestamp, SPAN("t")));
    json_decref(cursor.json);
    assert_true(cursor_read(buf_str(&text), SPAN("Zoë \"x\""), &cursor));
    json_decref(cursor.json);
    assert_false(cursor_read(buf_str(&text), SPAN("Zoë"), &cursor));
    assert_null(cursor.json);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instant_is_read_exactly),
        cmocka_unit_test(other_forms_are_no_instant),
        cmocka_unit_test(ids_are_the_time_and_stay_the_same),
        cmocka_unit_test(every_partition_is_used),
        cmocka_unit_test(leases_sort_by_their_end),
        cmocka_unit_test(an_item_is_written_and_read),
        cmocka_unit_test(other_items_are_read_as_far_as_they_go),
        cmocka_unit_test(cursors_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
