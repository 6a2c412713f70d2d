/* One log line as text. */
#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include "base/buf.h"
#include "base/log.h"

enum { LOG_LINE_SIZE = 8192, LOG_FIELD_SIZE = 1024 };

/* Replaces `out`'s content by the line with its newline, at most LOG_LINE_SIZE bytes; a longer one
 * by a line that says so and begins as it does. `fields` is as in log_write(). `out` has failed
 * when memory ran out. */
void log_line_make(struct buf *out, enum log_level level, const char *message,
                   const struct log_field *fields, size_t count);

#endif
