#include "score_string.h"

#include "base/utf8.h"

int score_string_hex4(const char *p)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        if (c >= '0' && c <= '9') {
            value = value * 16 + (c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            value = value * 16 + ((c | 0x20) - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/* Reads the escape at *p, which the scan has accepted, and moves behind it. */
static uint32_t read_escape(const char **p)
{
    const char *escape = *p;
    *p += 2;
    switch (escape[1]) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        break;
    default:
        return (unsigned char)escape[1];
    }
    uint32_t unit = (uint32_t)score_string_hex4(escape + 2);
    *p += 4;
    if (!score_string_is_high((int)unit)) {
        return unit;
    }
    *p += 6;
    return 0x10000 + ((unit - 0xD800) << 10) + ((uint32_t)score_string_hex4(escape + 8) - 0xDC00);
}

size_t score_string_unescape(struct span raw, char *out)
{
    const char *p = raw.ptr;
    const char *end = raw.ptr + raw.len;
    char *to = out;
    while (p < end) {
        const char *next = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((next != NULL ? next : end) - p);
        memcpy(to, p, plain);
        to += plain;
        p += plain;
        if (p < end) {
            to += utf8_encode(read_escape(&p), to);
        }
    }
    return (size_t)(to - out);
}

/* Takes the next code point from the front of a name. */
static uint32_t next_code_point(struct span *name)
{
    const char *p = name->ptr;
    uint32_t code_point;
    if (*p == '\\') {
        code_point = read_escape(&p);
    } else {
        p += utf8_decode(p, name->len, &code_point);
    }
    name->len -= (size_t)(p - name->ptr);
    name->ptr = p;
    return code_point;
}

bool score_string_equal(struct score_string a, struct score_string b)
{
    if (!a.escaped && !b.escaped) {
        return span_equal(a.raw, b.raw);
    }
    struct span x = a.raw;
    struct span y = b.raw;
    while (x.len > 0 && y.len > 0) {
        if (next_code_point(&x) != next_code_point(&y)) {
            return false;
        }
    }
    return x.len == 0 && y.len == 0;
}
