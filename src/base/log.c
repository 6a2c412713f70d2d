#include "base/log.h"

#include "base/clock.h"
#include "log_line.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Two halves of memory hold whole lines. Callers copy a finished line to the end of the half that
 * is being filled, under the lock; the writer swaps the halves when its own is written, and writes
 * without the lock. When both are full, lines are dropped: all drops counted at a swap belong
 * behind the lines of that half, so that is where the writer's own line about them goes.
 *
 * The writer is
 *   IDLE       nothing to write; the next line wakes it
 *   GATHERING  woken by a first line, waits a moment for more; a half that fills up wakes it early
 *   WRITING    in write(2); it looks for more by itself
 * so that under load it is woken some hundred times a second and writes many lines each time.
 *
 * log_stop() leaves a writer whose write blocks behind; the process ends with it. */

enum { GATHER_MS = 2 };

struct half {
    char *bytes;
    size_t used;
    size_t written;
};

static struct {
    pthread_mutex_t
        lock; /* guards all but the atomics, and of the halves only the one being filled */
    pthread_cond_t wake;  /* the writer's */
    pthread_cond_t ended; /* log_stop()'s */
    pthread_t thread;
    struct half halves[2];
    struct half *filling; /* NULL: no writer, lines are written directly */
    size_t half_size;
    int fd;
    enum { WRITER_IDLE, WRITER_GATHERING, WRITER_WRITING } state;
    bool stopping;
    bool finished;
    bool torn;             /* the writer's: a line was cut by an error of write(2) */
    uint64_t dropped_told; /* the writer's: how many its lines have reported */
    bool given_up;         /* the output was blocked at log_stop(): no line is written any more */
    _Atomic uint64_t dropped;
    _Atomic int level;
} the_log = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .wake = PTHREAD_COND_INITIALIZER,
             .ended = PTHREAD_COND_INITIALIZER,
             .level = LOG_LEVEL_INFO};

static void count_dropped(uint64_t lines)
{
    (void)atomic_fetch_add_explicit(&the_log.dropped, lines, memory_order_relaxed);
}

uint64_t log_dropped(void)
{
    return atomic_load_explicit(&the_log.dropped, memory_order_relaxed);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&the_log.level, (int)level, memory_order_relaxed);
}

/* Writes on from h->written, waiting where `fd` is non-blocking. False after an error. */
static bool write_half(int fd, struct half *h)
{
    while (h->written < h->used) {
        ssize_t n = write(fd, h->bytes + h->written, h->used - h->written);
        if (n >= 0) {
            h->written += (size_t)n;
        } else if (errno == EAGAIN) {
            (void)poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static uint64_t unwritten_lines(const struct half *h)
{
    uint64_t lines = 0;
    for (size_t i = h->written; i < h->used; i++) {
        lines += h->bytes[i] == '\n';
    }
    return lines;
}

/* The writer's way to write. False after an error. */
static bool write_lines(struct half *h)
{
    static char newline[] = "\n";
    struct half mend = {newline, the_log.torn ? 1 : 0, 0};
    bool good = write_half(the_log.fd, &mend) && write_half(the_log.fd, h);
    if (h->written > 0) {
        the_log.torn = h->bytes[h->written - 1] != '\n';
    }
    return good;
}

/* What cannot be written is dropped, so that a full disk or a closed pipe costs lines and nothing
 * else. */
static uint64_t write_or_drop(struct half *h)
{
    uint64_t lost = write_lines(h) ? 0 : unwritten_lines(h);
    count_dropped(lost);
    h->used = 0;
    h->written = 0;
    return lost;
}

static void tell_dropped(uint64_t dropped)
{
    if (dropped == the_log.dropped_told) {
        return;
    }
    struct buf line = BUF_INIT;
    int64_t count = (int64_t)(dropped - the_log.dropped_told);
    log_line_make(&line, LOG_LEVEL_WARN, "log lines dropped", &LOG_INT("count", count), 1);
    if (!buf_failed(&line) && write_lines(&(struct half){line.data, line.len, 0})) {
        the_log.dropped_told = dropped;
    }
    buf_free(&line);
}

/* Under the lock: waits for a line, and then for its fellows; no longer when the log is to stop. */
static void wait_for_lines(void)
{
    the_log.state = WRITER_IDLE;
    while (!the_log.stopping && the_log.filling->used == 0) {
        (void)pthread_cond_wait(&the_log.wake, &the_log.lock);
    }
    the_log.state = WRITER_GATHERING;
    const struct timespec until = clock_after((int64_t)GATHER_MS * 1000);
    while (!the_log.stopping && the_log.filling->used < the_log.half_size / 2) {
        if (pthread_cond_clockwait(&the_log.wake, &the_log.lock, CLOCK_MONOTONIC, &until) ==
            ETIMEDOUT) {
            break;
        }
    }
    the_log.state = WRITER_WRITING;
}

static void *run_writer(void *unused)
{
    (void)pthread_mutex_lock(&the_log.lock);
    for (;;) {
        wait_for_lines();
        struct half *full = the_log.filling; /* NULL: left behind */
        if (full == NULL || full->used == 0) {
            break;
        }
        the_log.filling = full == &the_log.halves[0] ? &the_log.halves[1] : &the_log.halves[0];
        uint64_t dropped = log_dropped();
        (void)pthread_mutex_unlock(&the_log.lock);
        dropped += write_or_drop(full);
        tell_dropped(dropped);
        (void)pthread_mutex_lock(&the_log.lock);
    }
    the_log.finished = true;
    the_log.filling = NULL; /* from here on lines are written directly */
    (void)pthread_cond_signal(&the_log.ended);
    (void)pthread_mutex_unlock(&the_log.lock);
    return unused;
}

/* Under the lock. False: no room. */
static bool keep_line(const struct buf *line)
{
    struct half *h = the_log.filling;
    if (h->used + line->len > the_log.half_size) {
        return false;
    }
    memcpy(h->bytes + h->used, line->data, line->len);
    h->used += line->len;
    if (the_log.state == WRITER_IDLE ||
        (the_log.state == WRITER_GATHERING && h->used >= the_log.half_size / 2)) {
        the_log.state = WRITER_WRITING; /* wake it once */
        (void)pthread_cond_signal(&the_log.wake);
    }
    return true;
}

static bool put_line(const struct buf *line)
{
    (void)pthread_mutex_lock(&the_log.lock);
    bool direct = the_log.filling == NULL && !the_log.given_up;
    bool kept = the_log.filling != NULL && keep_line(line);
    (void)pthread_mutex_unlock(&the_log.lock);
    return kept || (direct && write_half(STDERR_FILENO, &(struct half){line->data, line->len, 0}));
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    if ((int)level < atomic_load_explicit(&the_log.level, memory_order_relaxed)) {
        return;
    }
    int saved = errno;
    struct buf line = BUF_INIT;
    log_line_make(&line, level, message, fields, count);
    if (buf_failed(&line) || !put_line(&line)) {
        count_dropped(1);
    }
    buf_free(&line);
    errno = saved;
}

static void free_halves(void)
{
    for (int i = 0; i < 2; i++) {
        free(the_log.halves[i].bytes);
        the_log.halves[i] = (struct half){0};
    }
    the_log.filling = NULL;
}

/* Signals are for the main thread; SIGPIPE of a closed output stays pending here and harms nobody.
 */
static int create_thread(void)
{
    sigset_t all;
    sigset_t old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&the_log.thread, NULL, run_writer, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

/* Under the lock. 0 or an errno. */
static int start_writer(int fd, size_t ring_bytes)
{
    if (the_log.filling != NULL || the_log.given_up) {
        return EBUSY;
    }
    size_t half_size = ring_bytes / 2 > LOG_LINE_SIZE ? ring_bytes / 2 : LOG_LINE_SIZE;
    the_log.halves[0].bytes = malloc(half_size);
    the_log.halves[1].bytes = malloc(half_size);
    if (the_log.halves[0].bytes == NULL || the_log.halves[1].bytes == NULL) {
        free_halves();
        return ENOMEM;
    }
    the_log.filling = &the_log.halves[0];
    the_log.half_size = half_size;
    the_log.fd = fd;
    the_log.state = WRITER_WRITING; /* it looks for lines before it waits */
    the_log.stopping = false;
    the_log.finished = false;
    the_log.torn = false;
    int error = create_thread();
    if (error != 0) {
        free_halves();
    }
    return error;
}

int log_start(int fd, size_t ring_bytes)
{
    (void)pthread_mutex_lock(&the_log.lock);
    int error = start_writer(fd, ring_bytes);
    (void)pthread_mutex_unlock(&the_log.lock);
    errno = error;
    return error == 0 ? 0 : -1;
}

void log_stop(int timeout_ms)
{
    (void)pthread_mutex_lock(&the_log.lock);
    if (the_log.filling == NULL || the_log.stopping) {
        (void)pthread_mutex_unlock(&the_log.lock);
        return;
    }
    the_log.stopping = true;
    (void)pthread_cond_signal(&the_log.wake);
    const struct timespec until = clock_after((int64_t)timeout_ms * 1000);
    int error = 0;
    while (!the_log.finished && error != ETIMEDOUT) {
        error = pthread_cond_clockwait(&the_log.ended, &the_log.lock, CLOCK_MONOTONIC, &until);
    }
    pthread_t thread = the_log.thread;
    if (!the_log.finished) {
        count_dropped(unwritten_lines(the_log.filling));
        the_log.filling = NULL;
        the_log.given_up = true;
        (void)pthread_mutex_unlock(&the_log.lock);
        (void)pthread_detach(thread);
        return;
    }
    (void)pthread_mutex_unlock(&the_log.lock);
    (void)pthread_join(thread, NULL);
    free_halves();
}
