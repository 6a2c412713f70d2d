#include "base/json.h"
#include "base/utf8.h"

#include <stdio.h>

/* jansson's own texts quote the input, which may be a review and any bytes; these never do. A text
 * is told by its beginning where one error code stands for many mistakes. */
struct reason {
    enum json_error_code code;
    const char *begins; /* "" fits all texts of the code */
    const char *text;
};

static const struct reason reasons[] = {
    {json_error_out_of_memory, "", "out of memory"},
    {json_error_stack_overflow, "", "nested too deep, at most 2048 levels"},
    {json_error_invalid_utf8, "", "invalid UTF-8"},
    {json_error_premature_end_of_input, "", "the text ends too early"},
    {json_error_end_of_input_expected, "", "more text after the end of the JSON value"},
    {json_error_null_character, "", "NUL character in a string"},
    {json_error_null_byte_in_key, "", "NUL character in a member name"},
    {json_error_duplicate_key, "", "the same member name twice in one object"},
    {json_error_numeric_overflow, "", "number out of range"},
    {json_error_invalid_syntax, "control character", "control character in a string"},
    {json_error_invalid_syntax, "unexpected newline", "newline in a string"},
    {json_error_invalid_syntax, "invalid escape", "invalid escape in a string"},
    {json_error_invalid_syntax, "invalid Unicode", "invalid \\u escape in a string"},
    {json_error_invalid_syntax, "string or '}' expected", "a member name or } is expected"},
    {json_error_invalid_syntax, "':' expected", "a colon is expected"},
    {json_error_invalid_syntax, "'}' expected", "a comma or } is expected"},
    {json_error_invalid_syntax, "']' expected", "a comma or ] is expected"},
    {json_error_invalid_syntax, "", "a JSON value is expected"},
};

static const char *reason_of(const json_error_t *error)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        const struct reason *r = &reasons[i];
        if (r->code == json_error_code(error) &&
            strncmp(error->text, r->begins, strlen(r->begins)) == 0) {
            return r->text;
        }
    }
    return "not valid JSON";
}

json_t *json_parse(struct span text, char reason[JSON_REASON_SIZE])
{
    const char *bytes = text.ptr != NULL ? text.ptr : "";
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_error_t error;
    json_t *value = json_loadb(bytes, text.len, flags, &error);
    if (value == NULL && json_error_code(&error) == json_error_numeric_overflow) {
        value = json_loadb(bytes, text.len, flags | JSON_DECODE_INT_AS_REAL, &error);
    }
    if (value == NULL) {
        (void)snprintf(reason, JSON_REASON_SIZE, "line %d, column %d: %s", error.line, error.column,
                       reason_of(&error));
    }
    return value;
}

struct span json_string_member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return (struct span){json_string_value(value), json_string_length(value)};
}

/* What must be escaped, as the text after the backslash; NULL: \u00XX. */
static void write_escaped(struct buf *out, unsigned char c)
{
    static const char names[] = "btn\0fr"; /* \b is 8, \r is 13; 11 has no name */
    if (c == '"' || c == '\\') {
        buf_addf(out, "\\%c", c);
    } else if (c >= '\b' && c <= '\r' && names[c - '\b'] != '\0') {
        buf_addf(out, "\\%c", names[c - '\b']);
    } else {
        buf_addf(out, "\\u%04x", c);
    }
}

/* The length of what can be copied as it is: plain ASCII and valid sequences. */
static size_t plain_length(struct span text)
{
    size_t i = 0;
    while (i < text.len) {
        unsigned char c = (unsigned char)text.ptr[i];
        uint32_t code_point;
        size_t length = c < 0x80 ? 1 : utf8_decode(text.ptr + i, text.len - i, &code_point);
        if (length == 0 || c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
            break;
        }
        i += length;
    }
    return i;
}

void json_write_string(struct buf *out, struct span text)
{
    buf_add_char(out, '"');
    while (text.len > 0) {
        size_t plain = plain_length(text);
        buf_add(out, text.ptr, plain);
        if (plain == text.len) {
            break;
        }
        unsigned char c = (unsigned char)text.ptr[plain];
        if (c >= 0x80) {
            buf_add_span(out, SPAN("\xef\xbf\xbd"));
        } else {
            write_escaped(out, c);
        }
        text = (struct span){text.ptr + plain + 1, text.len - plain - 1};
    }
    buf_add_char(out, '"');
}
