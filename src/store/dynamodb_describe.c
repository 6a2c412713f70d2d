#include "dynamodb_describe.h"

#include "dynamodb_item.h"

#include <stdio.h>

enum { ASK_US = 15000000 };

void dynamodb_ask_write(struct buf *out, const struct dynamodb_table *table)
{
    buf_add_str(out, "{\"TableName\":");
    json_write_string(out, span_of(table->name));
}

bool dynamodb_ask(const struct dynamodb_table *table, struct dynamodb_step *step)
{
    dynamodb_round_run(table->client, step, 1, clock_mono_us(table->clock) + ASK_US);
    return step->outcome == CALL_OK;
}

bool dynamodb_ask_failed(const struct dynamodb_table *table, const struct dynamodb_step *step,
                         const char *what)
{
    char text[CALL_DETAIL_SIZE + 256];
    const char *remedy = dynamodb_fault_remedy(dynamodb_fault_of(step->outcome, step->code));
    (void)snprintf(text, sizeof text, "%s%s%s", step->detail, remedy[0] != '\0' ? "; " : "",
                   remedy);
    table->report(table->context, DYNAMODB_BAD, what, text);
    return false;
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value != NULL ? value : "";
}

/* The type of an attribute, "" when it is not defined. */
static const char *type_of(const json_t *description, const char *name)
{
    const json_t *list = json_object_get(description, "AttributeDefinitions");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (strcmp(text(one, "AttributeName"), name) == 0) {
            return text(one, "AttributeType");
        }
    }
    return "";
}

/* Whether the key schema in `object` is `hash` and `range`, both strings; `told` gets what it is.
 */
static bool keys_are(const json_t *description, const json_t *object, const char *const names[2],
                     char told[DYNAMODB_KEYS_SIZE])
{
    static const char *const kinds[] = {"HASH", "RANGE"};
    const json_t *schema = json_object_get(object, "KeySchema");
    bool good = json_array_size(schema) == 2;
    size_t len = 0;
    told[0] = '\0';
    for (size_t i = 0; i < json_array_size(schema) && i < 2; i++) {
        const json_t *key = json_array_get(schema, i);
        const char *name = text(key, "AttributeName");
        const char *type = type_of(description, name);
        good = good && strcmp(name, names[i]) == 0 && strcmp(type, "S") == 0 &&
               strcmp(text(key, "KeyType"), kinds[i]) == 0;
        int more = snprintf(told + len, DYNAMODB_KEYS_SIZE - len, "%s%.255s (%.2s)",
                            i > 0 ? ", " : "", name, type);
        len += (size_t)more;
    }
    return good;
}

static void read_index(const json_t *description, struct dynamodb_description *out)
{
    static const char *const names[] = {DYNAMODB_STATE, DYNAMODB_LEASE};
    const json_t *list = json_object_get(description, "GlobalSecondaryIndexes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *index = json_array_get(list, i);
        if (strcmp(text(index, "IndexName"), DYNAMODB_INDEX) == 0) {
            out->index = true;
            out->index_good = keys_are(description, index, names, out->index_keys);
            out->index_active = strcmp(text(index, "IndexStatus"), "ACTIVE") == 0;
        }
    }
}

bool dynamodb_describe(const struct dynamodb_table *table, struct dynamodb_step *step,
                       struct dynamodb_description *out)
{
    static const char *const names[] = {"user_name", "timestamp"};
    *out = (struct dynamodb_description){0};
    *step = (struct dynamodb_step){.op = DYNAMODB_DESCRIBE_TABLE};
    dynamodb_ask_write(&step->body, table);
    buf_add_char(&step->body, '}');
    if (!dynamodb_ask(table, step)) {
        return false;
    }
    json_t *answer = dynamodb_step_answer(step);
    const json_t *description = json_object_get(answer, "Table");
    out->active = strcmp(text(description, "TableStatus"), "ACTIVE") == 0;
    out->keys_good = keys_are(description, description, names, out->keys);
    read_index(description, out);
    out->attribute_state = type_of(description, DYNAMODB_STATE)[0] != '\0';
    out->attribute_lease = type_of(description, DYNAMODB_LEASE)[0] != '\0';
    const json_t *stream = json_object_get(description, "StreamSpecification");
    bool on = json_is_true(json_object_get(stream, "StreamEnabled"));
    const char *view = text(stream, "StreamViewType");
    out->stream = on && strncmp(view, "NEW_", 4) == 0;
    out->stream_other = on && !out->stream;
    json_decref(answer);
    return true;
}
