#include "message_encode.h"

#include "base/utf8.h"

#include <time.h>

enum {
    LINE_MAX = 76,    /* RFC 2045 and, for lines with encoded words, RFC 2047 */
    BASE64_LINE = 57, /* bytes that make 76 characters */
    WORD_FRAME = 12,  /* "=?UTF-8?B?" and "?=" */
};

static const char hex_digits[] = "0123456789ABCDEF";

void message_base64(struct buf *out, struct span bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (n > 2 ? (uint32_t)p[i + 2] : 0);
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63], '=', '='};
        if (n > 1) {
            four[2] = digits[v >> 6 & 63];
        }
        if (n > 2) {
            four[3] = digits[v & 63];
        }
        buf_add(out, four, 4);
    }
}

void message_base64_lines(struct buf *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i += BASE64_LINE) {
        size_t n = bytes.len - i < BASE64_LINE ? bytes.len - i : BASE64_LINE;
        message_base64(out, (struct span){bytes.ptr + i, n});
        buf_add_str(out, "\r\n");
    }
}

void message_quoted_printable(struct buf *out, struct span text)
{
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool crlf_next = i + 2 < text.len && memcmp(text.ptr + i + 1, "\r\n", 2) == 0;
        bool line_end = i + 1 == text.len || crlf_next;
        if (c == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n') {
            buf_add_str(out, "\r\n");
            column = 0;
            i++;
            continue;
        }
        bool plain = (c > ' ' && c < 127 && c != '=') || ((c == ' ' || c == '\t') && !line_end);
        size_t size = plain ? 1 : 3;
        if (column + size > LINE_MAX - (line_end ? 0 : 1)) {
            buf_add_str(out, "=\r\n");
            column = 0;
        }
        if (plain) {
            buf_add_char(out, (char)c);
        } else {
            buf_add(out, (char[]){'=', hex_digits[c >> 4], hex_digits[c & 15]}, 3);
        }
        column += size;
    }
}

/* Whether a reader would get exactly `text` back from it as it is. */
static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c > '~' || (c == '=' && i + 1 < text.len && text.ptr[i + 1] == '?')) {
            return false;
        }
    }
    return text.len == 0 || (text.ptr[0] != ' ' && text.ptr[text.len - 1] != ' ');
}

void message_header_text(struct buf *out, struct span text, size_t used)
{
    if (is_plain(text) && used + text.len <= LINE_MAX) {
        buf_add_span(out, text);
        return;
    }
    while (text.len > 0) {
        size_t room = (LINE_MAX - used - WORD_FRAME) / 4 * 3, n = 0;
        while (n < text.len) {
            uint32_t code_point;
            size_t step = utf8_decode(text.ptr + n, text.len - n, &code_point);
            if (step == 0) {
                step = 1;
            }
            if (n + step > room) {
                break;
            }
            n += step;
        }
        buf_add_str(out, "=?UTF-8?B?");
        message_base64(out, (struct span){text.ptr, n});
        buf_add_str(out, "?=");
        text.ptr += n;
        text.len -= n;
        used = 1; /* the blank that makes the next line belong to this header */
        if (text.len > 0) {
            buf_add_str(out, "\r\n ");
        }
    }
}

void message_date(struct buf *out, int64_t wall_us)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_us / 1000000 - (wall_us % 1000000 < 0));
    struct tm t;
    if (gmtime_r(&seconds, &t) == NULL) {
        t = (struct tm){.tm_mday = 1, .tm_year = 70, .tm_wday = 4};
    }
    buf_addf(out, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[t.tm_wday], t.tm_mday,
             months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

void message_clean(struct buf *out, struct span text)
{
    while (text.len > 0) {
        uint32_t c = 0;
        size_t n = utf8_decode(text.ptr, text.len, &c);
        bool bad = n == 0 || c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
        if (n == 0) {
            n = 1;
        }
        if (bad) {
            buf_add_str(out, "\xEF\xBF\xBD");
        } else {
            buf_add(out, text.ptr, n);
        }
        text.ptr += n;
        text.len -= n;
    }
}

void message_crlf(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n' && i > 0 && text.ptr[i - 1] == '\r') {
            continue;
        }
        if (c == '\n' || c == '\r') {
            buf_add_str(out, "\r\n");
        } else {
            buf_add_char(out, c);
        }
    }
}
