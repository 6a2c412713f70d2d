#include "xml.h"

#include "base/utf8.h"

#include <stdint.h>

/* The elements that are open, and how many of them lie on the path that is asked for. */
struct xml_state {
    struct span rest;
    struct span open[XML_MAX_DEPTH];
    size_t depth;
    const char *path;
    size_t matched; /* the first `matched` open elements are the path's first ones */
    size_t wanted;  /* elements in the path */
    struct buf *out;
};

enum xml_step { XML_MORE, XML_FOUND, XML_BROKEN };

/* The n-th name of the path. */
static struct span path_part(const char *path, size_t n)
{
    for (; n > 0; n--) {
        path = strchr(path, '/') + 1;
    }
    return (struct span){path, strcspn(path, "/")};
}

static bool inside(const struct xml_state *x)
{
    return x->matched == x->wanted && x->depth == x->wanted;
}

/* Takes everything up to and with `end` off the rest; false when it is not there. */
static bool take_until(struct xml_state *x, struct span end, struct span *taken)
{
    const char *found = memmem(x->rest.ptr, x->rest.len, end.ptr, end.len);
    if (found == NULL) {
        return false;
    }
    size_t len = (size_t)(found - x->rest.ptr);
    *taken = (struct span){x->rest.ptr, len};
    x->rest = (struct span){found + end.len, x->rest.len - len - end.len};
    return true;
}

static bool starts(struct span s, struct span with)
{
    return s.len >= with.len && memcmp(s.ptr, with.ptr, with.len) == 0;
}

/* A character reference: what is between "&#" and ";". */
static bool add_character(struct buf *out, struct span digits)
{
    unsigned base = 10;
    if (digits.len > 0 && *digits.ptr == 'x') {
        base = 16;
        digits = (struct span){digits.ptr + 1, digits.len - 1};
    }
    uint32_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];
        int lower = c | 0x20;
        unsigned digit = c >= '0' && c <= '9'           ? (unsigned)(c - '0')
                         : lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10
                                                        : 16;
        if (digit >= base || value > 0x10FFFF) {
            return false;
        }
        value = value * base + digit;
    }
    if (digits.len == 0 || value == 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
        return false;
    }
    char bytes[4];
    buf_add(out, bytes, utf8_encode(value, bytes));
    return true;
}

static bool add_entity(struct buf *out, struct span name)
{
    static const struct {
        struct span name;
        char character;
    } known[] = {{{"lt", 2}, '<'},
                 {{"gt", 2}, '>'},
                 {{"amp", 3}, '&'},
                 {{"quot", 4}, '"'},
                 {{"apos", 4}, '\''}};
    if (name.len > 1 && *name.ptr == '#') {
        return add_character(out, (struct span){name.ptr + 1, name.len - 1});
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (span_equal(name, known[i].name)) {
            buf_add_char(out, known[i].character);
            return true;
        }
    }
    return false;
}

/* Appends character data with its entities resolved. */
static bool add_text(struct buf *out, struct span text)
{
    while (text.len > 0) {
        const char *amp = memchr(text.ptr, '&', text.len);
        size_t plain = amp != NULL ? (size_t)(amp - text.ptr) : text.len;
        buf_add(out, text.ptr, plain);
        if (amp == NULL) {
            return true;
        }
        struct span after = {amp + 1, text.len - plain - 1};
        const char *end = after.len > 0 ? memchr(after.ptr, ';', after.len) : NULL;
        if (end == NULL || !add_entity(out, (struct span){after.ptr, (size_t)(end - after.ptr)})) {
            return false;
        }
        text = (struct span){end + 1, (size_t)(after.ptr + after.len - end - 1)};
    }
    return true;
}

static enum xml_step close_element(struct xml_state *x, struct span name)
{
    while (name.len > 0 && strchr(" \t\r\n", name.ptr[name.len - 1]) != NULL) {
        name.len--;
    }
    if (x->depth == 0 || !span_equal(name, x->open[x->depth - 1])) {
        return XML_BROKEN;
    }
    if (inside(x)) {
        return XML_FOUND;
    }
    x->depth--;
    if (x->matched > x->depth) {
        x->matched = x->depth;
    }
    return XML_MORE;
}

static enum xml_step open_element(struct xml_state *x, struct span tag)
{
    bool empty = tag.len > 0 && tag.ptr[tag.len - 1] == '/';
    size_t len = 0;
    while (len < tag.len - empty && strchr(" \t\r\n", tag.ptr[len]) == NULL) {
        len++;
    }
    struct span name = {tag.ptr, len};
    if (len == 0 || x->depth == XML_MAX_DEPTH) {
        return XML_BROKEN;
    }
    if (x->matched == x->depth && x->matched < x->wanted &&
        span_equal(name, path_part(x->path, x->matched))) {
        x->matched++;
    }
    x->open[x->depth++] = name;
    return empty ? close_element(x, name) : XML_MORE;
}

/* Takes a tag off the rest; it may hold '>' in its attributes' quotes. */
static bool take_tag(struct xml_state *x, struct span *tag)
{
    char quote = '\0';
    for (size_t i = 0; i < x->rest.len; i++) {
        char c = x->rest.ptr[i];
        if (quote != '\0') {
            if (c == quote) {
                quote = '\0';
            }
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            *tag = (struct span){x->rest.ptr, i};
            x->rest = (struct span){x->rest.ptr + i + 1, x->rest.len - i - 1};
            return true;
        }
    }
    return false;
}

/* At '<': whatever begins there. */
static enum xml_step step_markup(struct xml_state *x)
{
    struct span taken;
    if (starts(x->rest, SPAN("<!--"))) {
        return take_until(x, SPAN("-->"), &taken) ? XML_MORE : XML_BROKEN;
    }
    if (starts(x->rest, SPAN("<?"))) {
        return take_until(x, SPAN("?>"), &taken) ? XML_MORE : XML_BROKEN;
    }
    if (starts(x->rest, SPAN("<![CDATA["))) {
        x->rest = (struct span){x->rest.ptr + 9, x->rest.len - 9};
        if (!take_until(x, SPAN("]]>"), &taken)) {
            return XML_BROKEN;
        }
        if (inside(x)) {
            buf_add_span(x->out, taken);
        }
        return XML_MORE;
    }
    x->rest = (struct span){x->rest.ptr + 1, x->rest.len - 1};
    if (!take_tag(x, &taken) || starts(taken, SPAN("!"))) {
        return XML_BROKEN;
    }
    if (starts(taken, SPAN("/"))) {
        return close_element(x, (struct span){taken.ptr + 1, taken.len - 1});
    }
    return open_element(x, taken);
}

static enum xml_step step(struct xml_state *x)
{
    if (x->rest.len == 0) {
        return XML_BROKEN; /* ended without what is wanted */
    }
    if (*x->rest.ptr == '<') {
        return step_markup(x);
    }
    const char *tag = memchr(x->rest.ptr, '<', x->rest.len);
    size_t len = tag != NULL ? (size_t)(tag - x->rest.ptr) : x->rest.len;
    struct span text = {x->rest.ptr, len};
    x->rest = (struct span){x->rest.ptr + len, x->rest.len - len};
    if (inside(x) && !add_text(x->out, text)) {
        return XML_BROKEN;
    }
    return XML_MORE;
}

bool xml_text(struct span document, const char *path, struct buf *out)
{
    struct xml_state x = {.rest = document, .path = path, .wanted = 1, .out = out};
    for (const char *c = path; *c != '\0'; c++) {
        x.wanted += *c == '/';
    }
    enum xml_step result = XML_MORE;
    while (result == XML_MORE) {
        result = step(&x);
    }
    return result == XML_FOUND && !buf_failed(out);
}
