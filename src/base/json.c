#include "base/json.h"
#include "base/utf8.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* jansson's memory. Its lexer calls a failed allocation a syntax error, so failures are noted here;
 * and what it frees is wiped, because credentials and reviews pass through it. */
static _Thread_local bool ran_out;

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    ran_out = ran_out || memory == NULL;
    return memory;
}

static void wipe_and_free(void *memory)
{
    if (memory != NULL) {
        explicit_bzero(memory, malloc_usable_size(memory));
    }
    free(memory);
}

__attribute__((constructor)) static void use_own_memory(void)
{
    json_set_alloc_funcs(allocate, wipe_and_free);
}

/* jansson's own texts quote the input, which may be a review and any bytes; these never do. A text
 * is told by its beginning where one error code stands for many mistakes. */
struct reason {
    enum json_error_code code;
    const char *begins; /* "" fits all texts of the code */
    const char *text;
};

static const struct reason reasons[] = {
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

static const char *after_digits(const char *p)
{
    return p + strspn(p, "0123456789");
}

/* The end of the number that begins at `p` as JSON writes them, or NULL when it is none. */
static const char *number_end(const char *p)
{
    p += *p == '-';
    const char *end = *p == '0' ? p + 1 : after_digits(p);
    if (end == p) {
        return NULL;
    }
    if (*end == '.') {
        p = end + 1;
        end = after_digits(p);
    }
    if (end > p && (*end == 'e' || *end == 'E')) {
        p = end + 1 + (end[1] == '+' || end[1] == '-');
        end = after_digits(p);
    }
    return end > p ? end : NULL;
}

/* A number beyond a double, from `p` to `end`, becomes one that is not; no byte moves, so that
 * later errors are where they were. Such a number has five bytes at least. */
static void tame_number(char *p, const char *end)
{
    static const char large[] = {'1', 'e', '3', '0', '8'};
    char *stop;
    if (!isinf(strtod(p, &stop)) || stop != end) { /* it stops elsewhere in what only C reads */
        return;
    }
    p += *p == '-';
    memset(p, ' ', (size_t)(end - p));
    memcpy(p, large, sizeof(large));
}

/* All numbers in a NUL-terminated text that may be no JSON at all. One pass, whatever is in it. */
static void tame_numbers(char *text, size_t len)
{
    bool in_string = false;
    size_t i = 0;
    while (i < len) {
        size_t token = in_string ? 0 : strspn(text + i, "0123456789+-.eE");
        const char *end = token > 0 ? number_end(text + i) : NULL;
        if (end == text + i + token) {
            tame_number(text + i, end);
        }
        if (text[i] == '"') {
            in_string = !in_string;
        }
        i += token > 0 ? token : in_string && text[i] == '\\' ? 2 : 1;
    }
}

/* jansson refuses what Python's json and others take: a number beyond a double. */
static json_t *load_tamed(struct span text, size_t flags, json_error_t *error)
{
    char *copy = allocate(text.len + 1);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    tame_numbers(copy, text.len);
    json_t *value = json_loadb(copy, text.len, flags, error);
    wipe_and_free(copy);
    return value;
}

/* jansson overlooks a NUL byte that follows a number. */
static void refuse_nul(const char *text, const char *nul, char reason[JSON_REASON_SIZE])
{
    int line = 1;
    int column = 1;
    for (; text < nul; text++) {
        column = *text == '\n' ? 1 : column + ((unsigned char)*text >> 6 != 2); /* characters */
        line += *text == '\n';
    }
    (void)snprintf(reason, JSON_REASON_SIZE, "line %d, column %d: NUL character", line, column);
}

/* NULL: `error` says why, unless memory ran out. */
static json_t *load(struct span text, json_error_t *error)
{
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_t *value = json_loadb(text.ptr, text.len, flags, error);
    if (value == NULL && json_error_code(error) == json_error_numeric_overflow) {
        flags |= JSON_DECODE_INT_AS_REAL;
        value = json_loadb(text.ptr, text.len, flags, error);
    }
    if (value == NULL && json_error_code(error) == json_error_numeric_overflow) {
        value = load_tamed(text, flags, error);
    }
    return value;
}

json_t *json_parse(struct span text, char reason[JSON_REASON_SIZE])
{
    json_error_t error;
    text = text.ptr != NULL ? text : SPAN("");
    ran_out = false;
    json_t *value = load(text, &error);
    const char *nul = value != NULL ? memchr(text.ptr, '\0', text.len) : NULL;
    errno = EINVAL;
    if (ran_out) {
        errno = ENOMEM;
        (void)snprintf(reason, JSON_REASON_SIZE, "out of memory");
    } else if (value == NULL) {
        (void)snprintf(reason, JSON_REASON_SIZE, "line %d, column %d: %s", error.line, error.column,
                       reason_of(&error));
    } else if (nul != NULL) {
        refuse_nul(text.ptr, nul, reason);
    } else {
        return value;
    }
    json_decref(value);
    return NULL;
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
