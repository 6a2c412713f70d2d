#include "log_line.h"

#include "base/clock.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* At most LOG_FIELD_SIZE bytes of the text, without tearing a UTF-8 sequence in two. */
static struct span cut(struct span text)
{
    if (text.len <= LOG_FIELD_SIZE) {
        return text;
    }
    size_t len = LOG_FIELD_SIZE;
    size_t least = LOG_FIELD_SIZE - 3;
    while (len > least && ((unsigned char)text.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    return (struct span){text.ptr, len};
}

static void begin(struct buf *out, enum log_level level, struct span message)
{
    char time[CLOCK_ISO_SIZE];
    clock_iso(clock_wall_us(clock_system()), time);
    buf_clear(out);
    buf_add_span(out, SPAN("{\"time\":\""));
    buf_add(out, time, CLOCK_ISO_SIZE - 1);
    buf_add_span(out, SPAN("Z\",\"level\":\""));
    buf_add_str(out, level_names[level]);
    buf_add_span(out, SPAN("\",\"message\":"));
    json_write_string(out, message);
}

static void add_field(struct buf *out, const struct log_field *field)
{
    buf_add_char(out, ',');
    json_write_string(out, span_of(field->key));
    buf_add_char(out, ':');
    if (field->type == LOG_FIELD_STR) {
        json_write_string(out, cut(field->text));
        return;
    }
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRId64, field->number);
    buf_add(out, digits, (size_t)len);
}

void log_line_make(struct buf *out, enum log_level level, const char *message,
                   const struct log_field *fields, size_t count)
{
    out->limit = LOG_LINE_SIZE;
    if (!buf_reserve(out, 511)) { /* most lines fit: one allocation */
        return;
    }
    begin(out, level, span_of(message));
    for (size_t i = 0; i < count; i++) {
        add_field(out, &fields[i]);
    }
    buf_add_span(out, SPAN("}\n"));
    if (buf_failed(out)) {
        begin(out, level, SPAN("a log line was too long"));
        add_field(out, &(struct log_field){.key = "line", .text = span_of(message)});
        buf_add_span(out, SPAN("}\n"));
    }
}
