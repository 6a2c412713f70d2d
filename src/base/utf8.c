#include "base/utf8.h"

static bool is_continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

size_t utf8_decode(const char *s, size_t len, uint32_t *code_point)
{
    const unsigned char *p = (const unsigned char *)s;
    if (p[0] < 0x80) {
        *code_point = p[0];
        return 1;
    }
    if (p[0] < 0xE0) { /* below 0xC2: a lone continuation byte or an overlong form */
        if (p[0] < 0xC2 || len < 2 || !is_continuation(p[1])) {
            return 0;
        }
        *code_point = (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
        return 2;
    }
    if (p[0] < 0xF0) {
        if (len < 3 || !is_continuation(p[1]) || !is_continuation(p[2])) {
            return 0;
        }
        uint32_t c = (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
        if (c < 0x800 || (c >= 0xD800 && c <= 0xDFFF)) {
            return 0;
        }
        *code_point = c;
        return 3;
    }
    if (p[0] > 0xF4 || len < 4 || !is_continuation(p[1]) || !is_continuation(p[2]) ||
        !is_continuation(p[3])) {
        return 0;
    }
    uint32_t c = (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 |
                 (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
    if (c < 0x10000 || c > 0x10FFFF) {
        return 0;
    }
    *code_point = c;
    return 4;
}

size_t utf8_encode(uint32_t code_point, char out[4])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}

/* How many ASCII bytes `text` has from `at` on, counted eight at a time; the last few may be left
 * to the decoder. */
static size_t ascii_run(struct span text, size_t at)
{
    size_t start = at;
    while (text.len - at >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, text.ptr + at, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        at += sizeof word;
    }
    return at - start;
}

bool utf8_valid(struct span text)
{
    size_t at = ascii_run(text, 0);
    while (at < text.len) {
        uint32_t code_point;
        size_t n = utf8_decode(text.ptr + at, text.len - at, &code_point);
        if (n == 0) {
            return false;
        }
        at += n;
        if (n == 1) {
            at += ascii_run(text, at);
        }
    }
    return true;
}

/* Source: CPython Objects/unicodetype_db.h, _PyUnicode_IsWhitespace (Unicode 16.0). */
bool utf8_is_space(uint32_t c)
{
    if (c < 0x80) {
        return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
    }
    if (c >= 0x2000 && c <= 0x200A) {
        return true;
    }
    switch (c) {
    case 0x0085:
    case 0x00A0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000:
        return true;
    default:
        return false;
    }
}

bool utf8_is_blank(struct span text)
{
    size_t at = 0;
    while (at < text.len) {
        uint32_t code_point;
        size_t n = utf8_decode(text.ptr + at, text.len - at, &code_point);
        if (n == 0 || !utf8_is_space(code_point)) {
            return false;
        }
        at += n;
    }
    return true;
}
