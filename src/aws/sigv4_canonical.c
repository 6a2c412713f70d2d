#include "sigv4_canonical.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

static bool unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void sigv4_encode(struct buf *out, struct span text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t plain = 0; /* bytes before `i` that go out as they are */
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (unreserved(c) || (keep_slash && c == '/')) {
            continue;
        }
        char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
        buf_add(out, text.ptr + plain, i - plain);
        buf_add(out, escape, sizeof escape);
        plain = i + 1;
    }
    if (plain < text.len) {
        buf_add(out, text.ptr + plain, text.len - plain);
    }
}

/* The last segment written after `start` goes again; the slash before it stays the end. */
static void drop_segment(struct buf *out, size_t start)
{
    while (out->len > start && out->data[out->len - 1] != '/') {
        out->len--;
    }
    if (out->len > start) {
        out->len--;
    }
    if (out->data != NULL) {
        out->data[out->len] = '\0';
    }
}

/* RFC 3986 section 5.2.4 without "//": empty and "." segments go, ".." takes the one before along.
 */
static void add_normalised(struct buf *out, struct span path)
{
    size_t start = out->len;
    size_t from = 0;
    while (from < path.len) {
        const char *slash = memchr(path.ptr + from, '/', path.len - from);
        size_t end = slash != NULL ? (size_t)(slash - path.ptr) : path.len;
        struct span segment = {path.ptr + from, end - from};
        from = end + 1;
        if (span_equal(segment, SPAN(".."))) {
            drop_segment(out, start);
        } else if (segment.len != 0 && !span_equal(segment, SPAN("."))) {
            buf_add_char(out, '/');
            sigv4_encode(out, segment, false);
        }
    }
    if (out->len == start || path.ptr[path.len - 1] == '/') {
        buf_add_char(out, '/');
    }
}

void sigv4_canonical_path(struct buf *out, struct span path, enum sigv4_style style)
{
    if (path.len == 0) {
        buf_add_char(out, '/');
    } else if (style == SIGV4_S3) {
        buf_add_span(out, path);
    } else {
        add_normalised(out, path);
    }
}

/* The order of the encoded forms without encoding: '%' sorts before all that stays plain, and among
 * encoded bytes the digits sort as the bytes do. */
static int compare_encoded(struct span a, struct span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < common; i++) {
        unsigned char ca = (unsigned char)a.ptr[i];
        unsigned char cb = (unsigned char)b.ptr[i];
        if (ca == cb) {
            continue;
        }
        if (unreserved(ca) != unreserved(cb)) {
            return unreserved(ca) ? 1 : -1;
        }
        return ca < cb ? -1 : 1;
    }
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

static int compare_params(const void *a, const void *b)
{
    const struct sigv4_param *pa = *(const struct sigv4_param *const *)a;
    const struct sigv4_param *pb = *(const struct sigv4_param *const *)b;
    int by_name = compare_encoded(pa->name, pb->name);
    return by_name != 0 ? by_name : compare_encoded(pa->value, pb->value);
}

void sigv4_canonical_query(struct buf *out, const struct sigv4_param *params, size_t count)
{
    const struct sigv4_param *sorted[SIGV4_MAX_PARAMS];
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &params[i];
    }
    if (count > 1) {
        qsort(sorted, count, sizeof(struct sigv4_param *), compare_params);
    }
    for (size_t i = 0; i < count; i++) {
        if (i != 0) {
            buf_add_char(out, '&');
        }
        sigv4_encode(out, sorted[i]->name, false);
        buf_add_char(out, '=');
        sigv4_encode(out, sorted[i]->value, false);
    }
}

static char lower(char c)
{
    return (char)tolower((unsigned char)c); /* the service stays in the C locale */
}

/* Headers that a hop on the way may change or take away. */
static const char *const unsigned_names[] = {
    "connection",          "expect",     "keep-alive",      "proxy-authenticate",
    "proxy-authorization", "te",         "trailer",         "upgrade",
    "transfer-encoding",   "user-agent", "x-amzn-trace-id", NULL};

bool sigv4_canonical_is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (lower(*name) == **names && strcasecmp(*names, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_header_name(const char *name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    const char *c = name;
    while ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
           (*c != '\0' && strchr(marks, *c) != NULL)) {
        c++;
    }
    return c != name && *c == '\0';
}

static int compare_names(const char *a, const char *b)
{
    for (; *a != '\0' && lower(*a) == lower(*b); a++) {
        b++;
    }
    return (unsigned char)lower(*a) - (unsigned char)lower(*b);
}

bool sigv4_canonical_add(struct sigv4_canonical_headers *h, const struct net_header *header)
{
    if (!is_header_name(header->name)) {
        return false;
    }
    if (sigv4_canonical_is_one_of(header->name, unsigned_names)) {
        return true;
    }
    size_t at = h->count++;
    for (; at > 0 && compare_names(h->sorted[at - 1]->name, header->name) > 0; at--) {
        h->sorted[at] = h->sorted[at - 1];
    }
    h->sorted[at] = header;
    return true;
}

static void add_lower(struct buf *out, const char *name)
{
    size_t len = strlen(name);
    if (!buf_reserve(out, len)) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        out->data[out->len + i] = lower(name[i]);
    }
    out->len += len;
    out->data[out->len] = '\0';
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Trims, and makes one blank of several, line folds included. */
static void add_value(struct buf *out, const char *value)
{
    bool first = true;
    for (;;) {
        while (blank(*value)) {
            value++;
        }
        if (*value == '\0') {
            return;
        }
        const char *word = value;
        while (*value != '\0' && !blank(*value)) {
            value++;
        }
        if (!first) {
            buf_add_char(out, ' ');
        }
        buf_add(out, word, (size_t)(value - word));
        first = false;
    }
}

void sigv4_canonical_values(struct buf *out, const struct sigv4_canonical_headers *h)
{
    const char *before = "";
    for (size_t i = 0; i < h->count; i++) {
        const struct net_header *header = h->sorted[i];
        if (compare_names(before, header->name) == 0) {
            buf_add_char(out, ',');
        } else {
            buf_add_str(out, i != 0 ? "\n" : "");
            add_lower(out, header->name);
            buf_add_char(out, ':');
        }
        add_value(out, header->value);
        before = header->name;
    }
    buf_add_char(out, '\n');
}

void sigv4_canonical_names(struct buf *out, const struct sigv4_canonical_headers *h)
{
    const char *before = "";
    for (size_t i = 0; i < h->count; i++) {
        const char *name = h->sorted[i]->name;
        if (compare_names(before, name) != 0) {
            buf_add_str(out, i != 0 ? ";" : "");
            add_lower(out, name);
        }
        before = name;
    }
}
