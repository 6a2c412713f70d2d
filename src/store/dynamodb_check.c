#include "dynamodb_describe.h"
#include "dynamodb_item.h"

#include <stdio.h>

static bool report(const struct dynamodb_table *table, enum dynamodb_verdict verdict,
                   const char *what, const char *detail)
{
    table->report(table->context, verdict, what, detail);
    return verdict != DYNAMODB_BAD;
}

/* --- what the table is like --- */

static bool check_keys(const struct dynamodb_table *table, const struct dynamodb_description *d)
{
    char line[DYNAMODB_KEYS_SIZE + 256];
    if (!d->active) {
        return report(table, DYNAMODB_BAD, "table", "it is not ACTIVE; wait, or see the console");
    }
    if (d->keys_good) {
        return report(table, DYNAMODB_GOOD, "table", "keys user_name (S), timestamp (S)");
    }
    (void)snprintf(line, sizeof line,
                   "its keys are %s, but must be user_name (S), timestamp (S); the keys of a table "
                   "cannot be changed: set TABLE_NAME to another one and make that with `reviewd "
                   "table create`",
                   d->keys);
    return report(table, DYNAMODB_BAD, "table", line);
}

static bool check_index(const struct dynamodb_table *table, const struct dynamodb_description *d)
{
    char line[DYNAMODB_KEYS_SIZE + 256];
    if (!d->index) {
        return report(table, DYNAMODB_WARNING, "index " DYNAMODB_INDEX,
                      "there is none, so mails that were left behind are found only by slow scans; "
                      "`reviewd table create` adds it");
    }
    if (!d->index_good) {
        (void)snprintf(line, sizeof line,
                       "its keys are %s, but must be " DYNAMODB_STATE " (S), " DYNAMODB_LEASE
                       " (S); delete it, then `reviewd table create` makes it anew",
                       d->index_keys);
        return report(table, DYNAMODB_WARNING, "index " DYNAMODB_INDEX, line);
    }
    return d->index_active
               ? report(table, DYNAMODB_GOOD, "index " DYNAMODB_INDEX, "")
               : report(table, DYNAMODB_WARNING, "index " DYNAMODB_INDEX, "it is being made");
}

/* Whether the table is there and fit; what cannot be looked at is taken for good. */
static bool check_table(const struct dynamodb_table *table, bool *go_on)
{
    struct dynamodb_description d;
    struct dynamodb_step step;
    bool good = true;
    bool described = dynamodb_describe(table, &step, &d);
    enum dynamodb_fault fault = dynamodb_fault_of(step.outcome, step.code);
    *go_on = described || fault == DYNAMODB_FAULT_DENIED;
    if (described) {
        good = check_keys(table, &d);
        good = check_index(table, &d) && good;
    } else if (fault == DYNAMODB_FAULT_DENIED) {
        report(table, DYNAMODB_WARNING, "dynamodb:DescribeTable",
               "denied, so keys and index cannot be looked at; the service does not need it");
    } else {
        good = dynamodb_ask_failed(table, &step, "table");
    }
    dynamodb_steps_free(&step, 1);
    return good;
}

/* --- what may be done with it --- */

#define NO_KEY "{\"user_name\":{\"S\":\"reviewd\"},\"timestamp\":{\"S\":\"probe\"}}"

/* Each does nothing: the condition cannot come true, or the item is not there. */
static const struct trial {
    enum dynamodb_op op;
    enum dynamodb_verdict denied;
    const char *rest; /* of the body, behind the table's name; NULL: written by code */
    const char *what_for;
} trials[] = {
    {DYNAMODB_PUT_ITEM, DYNAMODB_BAD, NULL, "no review can be stored"},
    {DYNAMODB_BATCH_WRITE_ITEM, DYNAMODB_WARNING, NULL, "reviews are stored one by one"},
    {DYNAMODB_UPDATE_ITEM, DYNAMODB_BAD,
     ",\"Key\":" NO_KEY ",\"UpdateExpression\":\"REMOVE review\",\"ConditionExpression\":"
     "\"attribute_exists(user_name) AND attribute_not_exists(user_name)\"}",
     "what was mailed cannot be noted, and then no further mail is sent"},
    {DYNAMODB_GET_ITEM, DYNAMODB_WARNING, ",\"Key\":" NO_KEY "}", "dead letters cannot be listed"},
    {DYNAMODB_QUERY, DYNAMODB_WARNING,
     ",\"KeyConditionExpression\":\"user_name = :u\",\"ExpressionAttributeValues\":"
     "{\":u\":{\"S\":\"reviewd\"}},\"Limit\":1}",
     "a user's reviews cannot be read, nor mails be found that were left behind"},
    {DYNAMODB_SCAN, DYNAMODB_WARNING, ",\"Limit\":1}",
     "all reviews together cannot be read, nor a table without index be searched for mails"},
};

enum { TRIALS = sizeof trials / sizeof trials[0] };

static void write_trial(struct buf *out, const struct dynamodb_table *table,
                        const struct trial *trial)
{
    struct buf name = BUF_INIT;
    json_write_string(&name, span_of(table->name));
    if (trial->op == DYNAMODB_PUT_ITEM) {
        dynamodb_item_write_probe(out, buf_span(&name));
    } else if (trial->op == DYNAMODB_BATCH_WRITE_ITEM) {
        buf_addf(out, "{\"RequestItems\":{%s:[{\"DeleteRequest\":{\"Key\":" NO_KEY "}}]}}",
                 buf_str(&name));
    } else {
        dynamodb_ask_write(out, table);
        buf_add_str(out, trial->rest);
    }
    buf_free(&name);
}

static bool judge_trial(const struct dynamodb_table *table, const struct trial *trial,
                        const struct dynamodb_step *step)
{
    char action[64];
    char line[CALL_DETAIL_SIZE + 256];
    (void)snprintf(action, sizeof action, "dynamodb:%s", dynamodb_op_name(trial->op));
    if (step->outcome == CALL_OK || dynamodb_step_conflict(step)) {
        return report(table, DYNAMODB_GOOD, action, "");
    }
    if (dynamodb_fault_of(step->outcome, step->code) != DYNAMODB_FAULT_DENIED) {
        return dynamodb_ask_failed(table, step, action);
    }
    (void)snprintf(line, sizeof line, "%s: %s; allow %s on the table%s in the role's policy",
                   step->detail, trial->what_for, action,
                   trial->op == DYNAMODB_QUERY ? " and on its indexes (…/index/*)" : "");
    return report(table, trial->denied, action, line);
}

static bool check_permissions(const struct dynamodb_table *table)
{
    struct dynamodb_step steps[TRIALS] = {0};
    bool good = true;
    for (size_t i = 0; i < TRIALS; i++) {
        steps[i].op = trials[i].op;
        write_trial(&steps[i].body, table, &trials[i]);
    }
    for (size_t i = 0; i < TRIALS; i++) {
        dynamodb_ask(table, &steps[i]);
        good = judge_trial(table, &trials[i], &steps[i]) && good;
    }
    dynamodb_steps_free(steps, TRIALS);
    return good;
}

bool dynamodb_check(const struct dynamodb_table *table)
{
    bool go_on = false;
    bool good = check_table(table, &go_on);
    return good && go_on ? check_permissions(table) : good;
}
