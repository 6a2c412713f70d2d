#include "head.h"

#include "host.h"

#include <ctype.h>

struct span head_find(const struct head *head, const char *name)
{
    for (size_t i = 0; i < head->field_count; i++) {
        if (span_equal_nocase(head->fields[i].name, span_of(name))) {
            return head->fields[i].value;
        }
    }
    return (struct span){NULL, 0};
}

static size_t count_named(const struct head *head, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        count += span_equal_nocase(head->fields[i].name, span_of(name));
    }
    return count;
}

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\0' || (!isalnum(c) && strchr("!#$%&'*+-.^_`|~", c) == NULL) || c >= 0x80) {
            return false;
        }
    }
    return text.len > 0;
}

static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool is_number(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!isdigit((unsigned char)text.ptr[i])) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_zero(const char *from, const char *to)
{
    for (; from < to; from++) {
        if (*from != '\0') {
            return false;
        }
    }
    return true;
}

/* A line end was CR LF or LF before it was overwritten: one or two NUL bytes. */
static bool is_line_end(const char *from, const char *to)
{
    return to > from && to - from <= 2 && is_zero(from, to);
}

/* Between name and value: the colon (now NUL), then blanks. */
static bool is_colon(const char *from, const char *to)
{
    if (to <= from || *from != '\0') {
        return false;
    }
    for (from++; from < to; from++) {
        if (*from != ' ' && *from != '\t') {
            return false;
        }
    }
    return true;
}

static bool layout_intact(const struct head *head)
{
    const char *method_end = head->method + strlen(head->method);
    const char *target_end = head->target.ptr + head->target.len;
    if (head->target.ptr != method_end + 1 || head->version != target_end + 1) {
        return false;
    }
    const char *end = head->version + strlen(head->version);
    for (size_t i = 0; i < head->field_count; i++) {
        const struct head_field *field = &head->fields[i];
        const char *name_end = field->name.ptr + field->name.len;
        if (!is_line_end(end, field->name.ptr) || !is_colon(name_end, field->value.ptr)) {
            return false;
        }
        end = field->value.ptr + field->value.len;
    }
    /* The last line's end and the empty line. */
    const char *block_end = head->method + head->size;
    return block_end > end && block_end - end <= 4 && is_zero(end, block_end);
}

static const char *check_host(const struct head *head)
{
    size_t count = count_named(head, "Host");
    if (count > 1) {
        return "more than one Host header";
    }
    if (count == 0) {
        return strcmp(head->version, "HTTP/1.1") == 0 ? "no Host header" : NULL;
    }
    return host_valid(span_trim(head_find(head, "Host"))) ? NULL : "invalid Host header";
}

static const char *check_framing(const struct head *head)
{
    size_t lengths = count_named(head, "Content-Length");
    size_t codings = count_named(head, "Transfer-Encoding");
    if (lengths > 0 && codings > 0) {
        return "both Content-Length and Transfer-Encoding";
    }
    if (lengths > 1) {
        return "more than one Content-Length header";
    }
    if (lengths == 1 && !is_number(span_trim(head_find(head, "Content-Length")))) {
        return "invalid Content-Length header";
    }
    if (codings == 0) {
        return NULL;
    }
    if (strcmp(head->version, "HTTP/1.1") != 0) {
        return "Transfer-Encoding in HTTP/1.0";
    }
    /* As it stands: with a blank behind it libmicrohttpd sees a body of no length. */
    struct span coding = head_find(head, "Transfer-Encoding");
    return codings == 1 && span_equal_nocase(coding, SPAN("chunked"))
               ? NULL
               : "Transfer-Encoding is not chunked";
}

const char *head_check_target(struct span target)
{
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= ' ' || c == 0x7f) {
            return "blank or control character in the request target";
        }
    }
    return memmem(target.ptr, target.len, "%00", 3) != NULL ? "NUL byte in the request target"
                                                            : NULL;
}

const char *head_check(const struct head *head)
{
    if (head->too_many) {
        return "too many header fields";
    }
    if (!is_token(span_of(head->method))) {
        return "invalid method";
    }
    for (size_t i = 0; i < head->field_count; i++) {
        if (!is_token(head->fields[i].name)) {
            return "invalid header name";
        }
        if (has_control(head->fields[i].value)) {
            return "control character in a header value";
        }
    }
    if (head->size != 0 && !layout_intact(head)) {
        return "NUL byte, folded line or stray blank in the request head";
    }
    const char *wrong = check_host(head);
    return wrong != NULL ? wrong : check_framing(head);
}
