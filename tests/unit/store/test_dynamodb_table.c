/* Making and checking a DynamoDB table, with every answer scripted. */
#include "unit/aws/call_scene.h"

#include "store/dynamodb.h"

#define KEYS(hash, range)                                                                          \
    "\"KeySchema\":[{\"AttributeName\":\"" hash                                                    \
    "\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"" range "\",\"KeyType\":\"RANGE\"}]"
#define ATTRIBUTE(name, type) "{\"AttributeName\":\"" name "\",\"AttributeType\":\"" type "\"}"
#define ATTRIBUTES(timestamp_type)                                                                 \
    "\"AttributeDefinitions\":[" ATTRIBUTE("user_name", "S") "," ATTRIBUTE(                        \
        "timestamp", timestamp_type) "," ATTRIBUTE("notification",                                 \
                                                   "S") "," ATTRIBUTE("notification_lease",        \
                                                                      "S") "]"
#define INDEX_OF(keys, phase)                                                                      \
    ",\"GlobalSecondaryIndexes\":[{\"IndexName\":\"notification-index\"," keys                     \
    ",\"IndexStatus\":\"" phase "\"}]"
#define INDEX(phase) INDEX_OF(KEYS("notification", "notification_lease"), phase)
#define STREAM       ",\"StreamSpecification\":{\"StreamEnabled\":true,\"StreamViewType\":\"NEW_IMAGE\"}"
#define TABLE_OF(timestamp_type, phase, more)                                                      \
    {                                                                                              \
        .status = 200, .body = "{\"Table\":{\"TableStatus\":\"" phase                              \
                               "\"," KEYS("user_name", "timestamp") "," ATTRIBUTES(timestamp_type) \
                                   more "}}"                                                       \
    }
#define TABLE(phase, more) TABLE_OF("S", phase, more)
#define NO_TABLE           ERROR_REPLY(400, "ResourceNotFoundException")
#define NO_BACKUPS_YET     ERROR_REPLY(400, "ContinuousBackupsUnavailableException")
#define STILL              "FAIL table: it is still being made; run this again to go on waiting\n"

/* What is tried, with a clock that goes on by `tick_us` whenever it is asked for the time. */
struct bench {
    struct clock clock; /* first */
    struct scene scene;
    int64_t tick_us;
    struct buf told; /* the reports, as the command line shows them */
};

static int64_t ticking(struct clock *clock)
{
    struct bench *b = (struct bench *)clock;
    fake_clock_advance(&b->scene.clock, b->tick_us);
    return clock_mono_us(&b->scene.clock.clock);
}

static void note(void *context, enum dynamodb_verdict verdict, const char *what, const char *detail)
{
    static const char *const words[] = {"ok", "warn", "FAIL"};
    struct bench *b = context;
    buf_addf(&b->told, "%s %s%s%s\n", words[verdict], what, detail[0] != '\0' ? ": " : "", detail);
}

static bool try(struct bench *b, bool (*what)(const struct dynamodb_table *table),
                const struct fake_reply *script, size_t len)
{
    int64_t tick_us = b->tick_us;
    *b = (struct bench){.clock = {.mono_us = ticking}, .tick_us = tick_us};
    open_scene(&b->scene, &aws_service_dynamodb, script, len);
    b->scene.net.immediate = true;
    struct dynamodb_table table = {.client = b->scene.client,
                                   .clock = &b->clock,
                                   .name = "reviews",
                                   .report = note,
                                   .context = b,
                                   .wait_ms = 10000,
                                   .poll_ms = 1};
    return what(&table);
}
#define TRY(b, what, ...)                                                                          \
    try((b), (what), SCRIPT(__VA_ARGS__), sizeof(SCRIPT(__VA_ARGS__)) / sizeof(struct fake_reply))

static void done_with(struct bench *b)
{
    b->scene.net.immediate = false;
    buf_free(&b->told);
    close_scene(&b->scene);
}

static char letter_of(const char *operation)
{
    if (strncmp(operation, "DescribeTable", 8) == 0) {
        return '.';
    }
    if (strncmp(operation, "UpdateContinuousBackups", 10) == 0) {
        return 'B';
    }
    return operation[0];
}

/* Whether the operations were these, each as a letter: a look is a dot, backups are a B. */
static void assert_called(const struct bench *b, const char *letters)
{
    char called[FAKE_SENT_MAX + 1] = "";
    for (size_t i = 0; i < b->scene.net.sent_count; i++) {
        const char *name = strstr(b->scene.net.sent[i].headers, "DynamoDB_20120810.");
        assert_non_null(name);
        called[i] = letter_of(name + strlen("DynamoDB_20120810."));
    }
    assert_string_equal(called, letters);
}

static void a_new_table_is_waited_for(void **state)
{
    (void)state;
    struct bench b = {0};
    assert_true(
        TRY(&b, dynamodb_create, NO_TABLE, OK_REPLY, NO_TABLE, NO_TABLE,
            TABLE("CREATING", INDEX("CREATING") STREAM), TABLE("ACTIVE", INDEX("CREATING") STREAM),
            TABLE("ACTIVE", INDEX("ACTIVE") STREAM), TABLE("ACTIVE", INDEX("ACTIVE") STREAM),
            TABLE("ACTIVE", INDEX("ACTIVE") STREAM), OK_REPLY));
    assert_called(&b, ".C.......B");
    assert_string_equal(buf_str(&b.told), "ok table: made, with on-demand billing\n"
                                          "ok index notification-index\n"
                                          "ok stream\n"
                                          "ok point-in-time recovery: on\n");
    done_with(&b);
}

static void an_added_index_is_waited_for(void **state)
{
    (void)state;
    struct bench b = {0};
    assert_true(TRY(&b, dynamodb_create, TABLE("ACTIVE", ""), TABLE("ACTIVE", ""), OK_REPLY,
                    TABLE("ACTIVE", ""), TABLE("UPDATING", INDEX("CREATING")),
                    TABLE("ACTIVE", INDEX("CREATING")), TABLE("ACTIVE", INDEX("ACTIVE")), OK_REPLY,
                    TABLE("UPDATING", INDEX("ACTIVE") STREAM),
                    TABLE("ACTIVE", INDEX("ACTIVE") STREAM), OK_REPLY));
    assert_called(&b, "..U....U..B");
    assert_string_equal(buf_str(&b.told), "ok table: it exists already\n"
                                          "ok index notification-index: added\n"
                                          "ok stream: added\n"
                                          "ok point-in-time recovery: on\n");
    done_with(&b);
}

/* Ten seconds, of which each reading of the clock takes two: at the beginning, at each call, and
 * after each look. */
static void waiting_ends(void **state)
{
    (void)state;
    struct bench b = {.tick_us = 2000000};
    assert_false(TRY(&b, dynamodb_create, NO_TABLE, OK_REPLY, NO_TABLE,
                     TABLE("CREATING", INDEX("CREATING")), TABLE("ACTIVE", INDEX("CREATING"))));
    assert_called(&b, ".C...");
    assert_string_equal(buf_str(&b.told), "ok table: made, with on-demand billing\n" STILL);
    done_with(&b);
    assert_false(TRY(&b, dynamodb_create, TABLE("ACTIVE", ""), TABLE("ACTIVE", ""), OK_REPLY,
                     TABLE("ACTIVE", ""), TABLE("ACTIVE", ""), TABLE("ACTIVE", "")));
    assert_called(&b, "..U...");
    assert_string_equal(buf_str(&b.told), "ok table: it exists already\n"
                                          "ok index notification-index: added\n" STILL);
    done_with(&b);
}

static void what_cannot_be_looked_at_is_not_waited_for(void **state)
{
    (void)state;
    struct bench b = {0};
    assert_false(
        TRY(&b, dynamodb_create, NO_TABLE, OK_REPLY, ERROR_REPLY(400, "AccessDeniedException")));
    assert_called(&b, ".C.");
    assert_non_null(strstr(buf_str(&b.told), "FAIL table: "));
    assert_non_null(strstr(buf_str(&b.told), "AccessDenied"));
    done_with(&b);
}

#define READY TABLE("ACTIVE", INDEX("ACTIVE") STREAM)

static void backups_may_come_later(void **state)
{
    (void)state;
    struct bench b = {0};
    assert_true(TRY(&b, dynamodb_create, READY, READY, READY, READY, NO_BACKUPS_YET, NO_BACKUPS_YET,
                    OK_REPLY));
    assert_called(&b, "....BBB");
    assert_non_null(strstr(buf_str(&b.told), "ok point-in-time recovery: on\n"));
    done_with(&b);
    b.tick_us = 5000000;
    assert_false(TRY(&b, dynamodb_create, READY, READY, READY, READY, NO_BACKUPS_YET));
    assert_called(&b, "....B");
    assert_non_null(strstr(buf_str(&b.told), "FAIL point-in-time recovery: "));
    done_with(&b);
}

/* --- check --- */

#define FAILED_CONDITION ERROR_REPLY(400, "ConditionalCheckFailedException")
#define ALL_ALLOWED      FAILED_CONDITION, OK_REPLY, FAILED_CONDITION, OK_REPLY, OK_REPLY, OK_REPLY

static void a_good_table_is_good(void **state)
{
    (void)state;
    struct bench b = {0};
    assert_true(TRY(&b, dynamodb_check, READY, ALL_ALLOWED));
    assert_null(strstr(buf_str(&b.told), "warn"));
    assert_non_null(strstr(buf_str(&b.told), "ok index notification-index\n"));
    done_with(&b);
}

static void a_key_of_another_type_is_found(void **state)
{
    (void)state;
    struct bench b = {0};
    assert_false(TRY(&b, dynamodb_check, TABLE_OF("N", "ACTIVE", INDEX("ACTIVE")), ALL_ALLOWED));
    assert_non_null(strstr(buf_str(&b.told),
                           "FAIL table: its keys are user_name (S), timestamp (N), but must be "
                           "user_name (S), timestamp (S); "));
    assert_non_null(strstr(buf_str(&b.told), "`reviewd table create`"));
    done_with(&b);
    assert_false(TRY(&b, dynamodb_create, TABLE_OF("N", "ACTIVE", INDEX("ACTIVE"))));
    assert_called(&b, ".");
    assert_non_null(strstr(buf_str(&b.told), "timestamp (N)"));
    done_with(&b);
}

static void an_index_with_other_keys_is_found(void **state)
{
    (void)state;
    struct bench b = {0};
    assert_true(TRY(&b, dynamodb_check,
                    TABLE("ACTIVE", INDEX_OF(KEYS("notification", "timestamp"), "ACTIVE")),
                    ALL_ALLOWED));
    assert_non_null(
        strstr(buf_str(&b.told),
               "warn index notification-index: its keys are notification (S), timestamp (S), but "
               "must be notification (S), notification_lease (S); delete it"));
    done_with(&b);
    assert_false(TRY(&b, dynamodb_create, READY,
                     TABLE("ACTIVE", INDEX_OF(KEYS("notification", "timestamp"), "ACTIVE"))));
    assert_called(&b, "..");
    assert_non_null(strstr(buf_str(&b.told), "FAIL index notification-index: it has other keys"));
    done_with(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_table_is_waited_for),
        cmocka_unit_test(an_added_index_is_waited_for),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(what_cannot_be_looked_at_is_not_waited_for),
        cmocka_unit_test(backups_may_come_later),
        cmocka_unit_test(a_good_table_is_good),
        cmocka_unit_test(a_key_of_another_type_is_found),
        cmocka_unit_test(an_index_with_other_keys_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
