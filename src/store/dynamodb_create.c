/* Making the table: one thing after the other, because DynamoDB changes one thing at a time, each
 * after a look at what is there already. So it can be run again at any time, and after a failure
 * it goes on where it stopped. */
#include "dynamodb_describe.h"
#include "dynamodb_item.h"

#include <stdio.h>
#include <time.h>

enum { POLL_MS = 1000 };

#define KEY(name, kind) "{\"AttributeName\":\"" name "\",\"KeyType\":\"" kind "\"}"
#define STRING(name)    "{\"AttributeName\":\"" name "\",\"AttributeType\":\"S\"}"
#define INDEX                                                                                      \
    "{\"IndexName\":\"" DYNAMODB_INDEX "\",\"KeySchema\":[" KEY(DYNAMODB_STATE, "HASH") "," KEY(   \
        DYNAMODB_LEASE, "RANGE") "],\"Projection\":{\"ProjectionType\":\"KEYS_ONLY\"}}"
#define STREAM "\"StreamSpecification\":{\"StreamEnabled\":true,\"StreamViewType\":\"NEW_IMAGE\"}"
#define DEFINITIONS                                                                                \
    "\"AttributeDefinitions\":[" STRING("user_name") "," STRING("timestamp") "," STRING(           \
        DYNAMODB_STATE) "," STRING(DYNAMODB_LEASE) "]"

static bool report(const struct dynamodb_table *table, enum dynamodb_verdict verdict,
                   const char *what, const char *detail)
{
    table->report(table->context, verdict, what, detail);
    return verdict != DYNAMODB_BAD;
}

/* One call with `rest` behind the table's name; reports a failure. */
static bool change(const struct dynamodb_table *table, enum dynamodb_op op, const char *rest,
                   const char *what)
{
    struct dynamodb_step step = {.op = op};
    dynamodb_ask_write(&step.body, table);
    buf_add_str(&step.body, rest);
    bool good = dynamodb_ask(table, &step) || dynamodb_ask_failed(table, &step, what);
    dynamodb_steps_free(&step, 1);
    return good;
}

static void rest_a_moment(const struct dynamodb_table *table)
{
    int64_t ms = table->poll_ms > 0 ? table->poll_ms : POLL_MS;
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* Whether the table can be used, and its index if it has one. */
static bool table_active(const struct dynamodb_description *d)
{
    return d->active && (!d->index || d->index_active);
}

static bool index_active(const struct dynamodb_description *d)
{
    return d->active && d->index_active;
}

/* Looks at a table that is there, until it is as `wanted`. DescribeTable may know nothing yet of
 * what was just made: then it tells of no table, or of one without index. */
static bool wait_until(const struct dynamodb_table *table,
                       bool (*wanted)(const struct dynamodb_description *),
                       struct dynamodb_description *d)
{
    int64_t until = clock_mono_us(table->clock) + table->wait_ms * 1000;
    for (;; rest_a_moment(table)) {
        struct dynamodb_step step;
        bool told = dynamodb_describe(table, &step, d);
        bool failed = !told && dynamodb_fault_of(step.outcome, step.code) != DYNAMODB_FAULT_TABLE;
        if (failed) {
            (void)dynamodb_ask_failed(table, &step, "table");
        }
        dynamodb_steps_free(&step, 1);
        if (failed || (told && wanted(d))) {
            return !failed;
        }
        if (clock_mono_us(table->clock) >= until) {
            return report(table, DYNAMODB_BAD, "table",
                          "it is still being made; run this again to go on waiting");
        }
    }
}

/* Makes the table if there is none. */
static bool make_table(const struct dynamodb_table *table)
{
    struct dynamodb_description d;
    struct dynamodb_step step;
    bool there = dynamodb_describe(table, &step, &d);
    bool none = !there && dynamodb_fault_of(step.outcome, step.code) == DYNAMODB_FAULT_TABLE;
    bool good = there || none || dynamodb_ask_failed(table, &step, "table");
    dynamodb_steps_free(&step, 1);
    if (there && !d.keys_good) {
        char line[DYNAMODB_KEYS_SIZE + 128];
        (void)snprintf(line, sizeof line,
                       "it exists with the keys %s instead of user_name (S), timestamp (S), which "
                       "cannot be changed; choose another TABLE_NAME",
                       d.keys);
        return report(table, DYNAMODB_BAD, "table", line);
    }
    if (there) {
        return report(table, DYNAMODB_GOOD, "table", "it exists already");
    }
    return good &&
           change(table, DYNAMODB_CREATE_TABLE,
                  "," DEFINITIONS ",\"KeySchema\":[" KEY("user_name", "HASH") "," KEY(
                      "timestamp", "RANGE") "],\"GlobalSecondaryIndexes\":[" INDEX
                                            "],\"BillingMode\":\"PAY_PER_REQUEST\"," STREAM "}",
                  "table") &&
           report(table, DYNAMODB_GOOD, "table", "made, with on-demand billing");
}

static bool make_index(const struct dynamodb_table *table, const struct dynamodb_description *d)
{
    if (d->index && !d->index_good) {
        return report(table, DYNAMODB_BAD, "index " DYNAMODB_INDEX,
                      "it has other keys; delete it and run this again");
    }
    if (d->index) {
        return report(table, DYNAMODB_GOOD, "index " DYNAMODB_INDEX, "");
    }
    return change(table, DYNAMODB_UPDATE_TABLE,
                  "," DEFINITIONS ",\"GlobalSecondaryIndexUpdates\":[{\"Create\":" INDEX "}]}",
                  "index " DYNAMODB_INDEX) &&
           report(table, DYNAMODB_GOOD, "index " DYNAMODB_INDEX, "added");
}

static bool make_stream(const struct dynamodb_table *table, const struct dynamodb_description *d)
{
    if (d->stream) {
        return report(table, DYNAMODB_GOOD, "stream", "");
    }
    if (d->stream_other) {
        return report(table, DYNAMODB_WARNING, "stream",
                      "there is one without new images; it is left as it is, because somebody may "
                      "read it");
    }
    return change(table, DYNAMODB_UPDATE_TABLE, "," STREAM "}", "stream") &&
           report(table, DYNAMODB_GOOD, "stream", "added");
}

/* True with a report if it is on, or cannot be: DynamoDB Local, which people develop with, has
 * none. */
static bool recovery_made(const struct dynamodb_table *table, const struct dynamodb_step *step,
                          bool good)
{
    static const char what[] = "point-in-time recovery";
    if (good) {
        return report(table, DYNAMODB_GOOD, what, "on");
    }
    if (errors_same_code(step->code, "UnknownOperationException")) {
        return report(table, DYNAMODB_WARNING, what, "this DynamoDB does not know it");
    }
    return dynamodb_ask_failed(table, step, what);
}

/* Right after its making a table may not be ready for backups, so it is tried for a while. */
static bool make_recovery(const struct dynamodb_table *table)
{
    int64_t until = clock_mono_us(table->clock) + table->wait_ms * 1000;
    for (;;) {
        struct dynamodb_step step = {.op = DYNAMODB_UPDATE_CONTINUOUS_BACKUPS};
        dynamodb_ask_write(&step.body, table);
        buf_add_str(&step.body, ",\"PointInTimeRecoverySpecification\":"
                                "{\"PointInTimeRecoveryEnabled\":true}}");
        bool good = dynamodb_ask(table, &step);
        bool again = !good && errors_same_code(step.code, "ContinuousBackupsUnavailable") &&
                     clock_mono_us(table->clock) < until;
        bool made = !again && recovery_made(table, &step, good);
        dynamodb_steps_free(&step, 1);
        if (!again) {
            return made;
        }
        rest_a_moment(table);
    }
}

bool dynamodb_create(const struct dynamodb_table *table)
{
    struct dynamodb_description d;
    return make_table(table) && wait_until(table, table_active, &d) && make_index(table, &d) &&
           wait_until(table, index_active, &d) && make_stream(table, &d) &&
           wait_until(table, index_active, &d) && make_recovery(table);
}
