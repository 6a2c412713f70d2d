#include "dynamodb_update.h"

#include <inttypes.h>
#include <stdio.h>

static void write_value(struct buf *out, const char *name, const char *text)
{
    buf_addf(out, ",\"%s\":", name);
    dynamodb_item_write_text(out, span_of(text));
}

/* Only the names that the expressions use may be given. */
static void write_names(struct buf *out, const struct dynamodb_update *u)
{
    buf_add_str(out, ",\"ExpressionAttributeNames\":{\"#l\":\"" DYNAMODB_LEASE "\"");
    if (u->new_lease == NULL || u->state != NULL) {
        buf_add_str(out, ",\"#s\":\"" DYNAMODB_STATE "\"");
    }
    if (u->new_lease == NULL || u->tries || u->fresh) {
        buf_add_str(out, ",\"#a\":\"" DYNAMODB_ATTEMPTS "\",\"#d\":\"" DYNAMODB_DUE
                         "\",\"#e\":\"" DYNAMODB_ERROR "\"");
    }
    buf_add_char(out, '}');
}

static void write_values(struct buf *out, const struct dynamodb_update *u)
{
    char number[24];
    buf_add_str(out, ",\"ExpressionAttributeValues\":{\":old\":");
    dynamodb_item_write_text(out, span_of(u->old_lease));
    if (u->new_lease != NULL) {
        write_value(out, ":new", u->new_lease);
    }
    if (u->tried_lease != NULL) {
        write_value(out, ":tried", u->tried_lease);
    }
    if (u->state != NULL) {
        write_value(out, ":s", u->state);
    }
    if (u->tries) {
        (void)snprintf(number, sizeof number, "%u", u->attempts);
        write_value(out, ":a", number);
        (void)snprintf(number, sizeof number, "%" PRId64, u->due_us);
        write_value(out, ":d", number);
        write_value(out, ":e", u->error);
    }
    buf_add_char(out, '}');
}

static const char *expression(const struct dynamodb_update *u)
{
    if (u->new_lease == NULL) {
        return "REMOVE #s, #l, #a, #d, #e";
    }
    if (u->tries) {
        return u->state != NULL ? "SET #l = :new, #s = :s, #a = :a, #d = :d, #e = :e"
                                : "SET #l = :new, #a = :a, #d = :d, #e = :e";
    }
    if (u->fresh) {
        return "SET #l = :new, #s = :s REMOVE #a, #d, #e";
    }
    return u->state != NULL ? "SET #l = :new, #s = :s" : "SET #l = :new";
}

static const char *condition(const struct dynamodb_update *u)
{
    if (u->new_lease == NULL) {
        return "#l = :old";
    }
    return u->tried_lease != NULL ? "#l = :old OR #l = :new OR #l = :tried"
                                  : "#l = :old OR #l = :new";
}

void dynamodb_update_write(struct buf *out, const struct dynamodb_store *s,
                           const struct dynamodb_update *u)
{
    dynamodb_write_table(out, s);
    buf_add_str(out, ",\"Key\":");
    dynamodb_item_write_key(out, u->user_name, u->timestamp);
    buf_addf(out, ",\"UpdateExpression\":\"%s\",\"ConditionExpression\":\"%s\"", expression(u),
             condition(u));
    write_names(out, u);
    write_values(out, u);
    buf_addf(out, ",\"ReturnValues\":\"%s\"}", u->whole ? "ALL_NEW" : "NONE");
}
