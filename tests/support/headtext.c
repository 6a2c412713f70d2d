#include "support/headtext.h"

/* Ends the line at `at`: overwrites CR LF or LF. Returns where the next line starts, NULL when
 * there is no end. */
static char *end_line(char *at, char *end, char **line_end)
{
    char *lf = memchr(at, '\n', (size_t)(end - at));
    if (lf == NULL) {
        return NULL;
    }
    *line_end = lf;
    *lf = '\0';
    if (lf > at && lf[-1] == '\r') {
        lf[-1] = '\0';
        *line_end = lf - 1;
    }
    return lf + 1;
}

static bool split_request_line(char *line, char *line_end, struct head *out)
{
    char *first = memchr(line, ' ', (size_t)(line_end - line));
    char *last = memrchr(line, ' ', (size_t)(line_end - line));
    if (first == NULL || last <= first + 1) {
        return false;
    }
    *first = *last = '\0';
    out->method = line;
    out->target = span_of(first + 1);
    out->version = last + 1;
    return true;
}

bool headtext_parse(char *raw, size_t len, struct head *out)
{
    char *end = raw + len;
    char *line_end = NULL;
    char *next = end_line(raw, end, &line_end);
    out->field_count = 0;
    out->too_many = false;
    if (next == NULL || !split_request_line(raw, line_end, out)) {
        return false;
    }
    for (;;) {
        char *line = next;
        next = end_line(line, end, &line_end);
        if (next == NULL) {
            return false;
        }
        if (line_end == line) {
            out->size = (size_t)(next - raw);
            return true;
        }
        char *colon = strchr(line, ':');
        if (colon == NULL || colon > line_end) {
            return false;
        }
        if (out->field_count == HEAD_FIELDS_MAX) {
            out->too_many = true;
            continue;
        }
        *colon = '\0';
        char *value = colon + 1 + strspn(colon + 1, " \t");
        out->fields[out->field_count++] =
            (struct head_field){{line, (size_t)(colon - line)}, span_of(value)};
    }
}
