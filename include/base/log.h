/* The log: one JSON object a line on standard error.
 *
 *     log_info("store opened", LOG_STR("path", path));
 *     {"time":"2025-11-28T11:16:31.363902Z","level":"info","message":"store opened","path":…}
 *
 * Lines go into a bounded ring and a thread of the log's own writes them, so a blocked standard
 * error never blocks a caller: when the ring is full the line is dropped and counted
 * (log_dropped()). Before log_start() and after log_stop() lines are written directly, so that
 * errors of the start and the very end are seen. All functions may be called from any thread; none
 * may be called from a signal handler.
 *
 * Never log the text of a review, nor e-mail addresses, nor secrets. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/span.h"

#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_field {
    const char *key;
    enum { LOG_FIELD_STR, LOG_FIELD_INT } type;
    struct span text; /* any bytes: escaped, invalid UTF-8 becomes U+FFFD, cut at 1 KiB */
    int64_t number;
};

#define LOG_STR(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_STR, .text = span_of(v)})
#define LOG_SPAN(k, v) ((struct log_field){.key = (k), .type = LOG_FIELD_STR, .text = (v)})
#define LOG_INT(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_INT, .number = (v)})

/* The first argument is the message, the fields follow; what the macro adds at the end keeps ISO C
 * content. */
#define LOG_MESSAGE(message, ...) (message)
#define LOG_FIELDS(message, ...)  ((const struct log_field[]){__VA_ARGS__})
#define LOG_WRITE(level, ...)                                                                      \
    log_write((level), LOG_MESSAGE(__VA_ARGS__, 0), LOG_FIELDS(__VA_ARGS__, {0}),                  \
              sizeof(LOG_FIELDS(__VA_ARGS__, {0})) / sizeof(struct log_field) - 1)

#define log_debug(...) LOG_WRITE(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  LOG_WRITE(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_WRITE(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) LOG_WRITE(LOG_LEVEL_ERROR, __VA_ARGS__)

/* Writes one line. `fields` holds `count` fields (the macros put one more behind them). A line over
 * 8 KiB is replaced by one that says so. */
void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count);

/* Lines below `level` are not written. Default LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* Starts the writing thread. `fd` is where lines go (2 in the service); it is neither made
 * non-blocking nor closed. `ring_bytes` bounds the memory for lines that wait, at least 16 KiB;
 * with 1 MiB a burst of some thousand lines is kept. 0, or -1 with errno: EBUSY when it runs
 * already or was left behind, else no thread or memory (logging then stays direct). */
int log_start(int fd, size_t ring_bytes);

/* Writes what waits, for at most `timeout_ms`, and ends the thread. When `fd` is blocked for
 * longer, the thread is left behind, the rest is dropped, and so is every later line: for the end
 * of the process. */
void log_stop(int timeout_ms);

/* Lines dropped since the process began, because the ring was full, `fd` gave an error or memory
 * ran out. The log itself tells it too, in a line behind each gap: "log lines dropped", with their
 * count. */
uint64_t log_dropped(void);

#endif
