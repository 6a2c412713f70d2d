#include "cursor.h"

void cursor_write(struct buf *out, struct span user_name, struct span timestamp)
{
    buf_add_char(out, '[');
    json_write_string(out, user_name);
    buf_add_char(out, ',');
    json_write_string(out, timestamp);
    buf_add_char(out, ']');
}

static struct span text_at(const json_t *array, size_t i)
{
    const json_t *value = json_array_get(array, i);
    return (struct span){json_string_value(value), json_string_length(value)};
}

bool cursor_read(const char *text, struct span of_user, struct cursor *out)
{
    char reason[JSON_REASON_SIZE];
    json_t *json = json_parse(span_of(text), reason);
    *out = (struct cursor){text_at(json, 0), text_at(json, 1), json};
    if (json_array_size(json) == 2 && out->user_name.len > 0 && out->timestamp.len > 0 &&
        (of_user.len == 0 || span_equal(of_user, out->user_name))) {
        return true;
    }
    json_decref(json);
    *out = (struct cursor){0};
    return false;
}
