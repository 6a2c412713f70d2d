#include "score_output.h"

#include "cli/complain.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PROGRESS_FIRST_US = 500 * 1000, /* what is done sooner needs no progress */
    PROGRESS_EVERY_US = 200 * 1000,
    PROGRESS_PIPE_FROM = 16 * 1024 * 1024 /* bytes from a pipe that count as large */
};

void score_output_init(struct score_output *o, int in_fd, struct clock *clock)
{
    struct stat st;
    *o = (struct score_output){.out_fd = STDOUT_FILENO, .error_fd = STDERR_FILENO, .clock = clock};
    o->progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) && !isatty(in_fd);
    if (fstat(in_fd, &st) == 0 && S_ISREG(st.st_mode)) {
        off_t at = lseek(in_fd, 0, SEEK_CUR);
        o->total = st.st_size > at ? st.st_size - at : 0;
    }
    o->started_us = clock_mono_us(clock);
    o->next_progress_us = o->started_us + PROGRESS_FIRST_US;
}

int score_write_all(int fd, struct span text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n >= 0) {
            text = (struct span){text.ptr + n, text.len - (size_t)n};
        } else if (errno == EAGAIN) {
            struct pollfd writable = {fd, POLLOUT, 0};
            (void)poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

static void clear_progress(struct score_output *o)
{
    if (o->progress_shown) {
        (void)score_write_all(o->error_fd, SPAN("\r\033[K"));
    }
    o->progress_shown = false;
}

void score_output_free(struct score_output *o)
{
    clear_progress(o);
    buf_free(&o->errors);
}

void score_output_fail(struct score_output *o, const char *message, int error)
{
    char text[256];
    if (o->failed) {
        return;
    }
    o->failed = true;
    clear_progress(o);
    int n = snprintf(text, sizeof text, COMPLAIN_PREFIX "%s%s%s\n", message, error != 0 ? ": " : "",
                     error != 0 ? strerror(error) : "");
    (void)score_write_all(o->error_fd, (struct span){text, (size_t)n});
}

static void report_faults(struct score_output *o, const struct score_block *b)
{
    o->faulty = true;
    clear_progress(o);
    buf_clear(&o->errors);
    for (size_t i = 0; i < b->fault_count; i++) {
        const struct score_fault *f = &b->faults[i];
        buf_addf(&o->errors, COMPLAIN_PREFIX "line %" PRIu64 ", byte %zu: %s\n",
                 o->lines + f->line + 1, f->at + 1, score_json_error_text(f->error));
        bool last = i + 1 == b->fault_count;
        if (last || o->errors.len > SCORE_BLOCK_SIZE || buf_failed(&o->errors)) {
            (void)score_write_all(o->error_fd, buf_span(&o->errors));
            buf_clear(&o->errors);
        }
    }
}

static void show_progress(struct score_output *o)
{
    int64_t now = clock_mono_us(o->clock);
    if (now < o->next_progress_us || (o->total == 0 && o->done < PROGRESS_PIPE_FROM)) {
        return;
    }
    o->next_progress_us = now + PROGRESS_EVERY_US;
    char text[128];
    double seconds = (double)(now - o->started_us) / 1e6;
    int n = snprintf(text, sizeof text, "\r\033[K%" PRIu64 " lines, %.0f MB, %.0f lines/s",
                     o->lines, (double)o->done / 1e6, (double)o->lines / seconds);
    if (o->total > 0 && o->done > 0) {
        double part = (double)o->done / (double)o->total;
        part = part < 1 ? part : 1; /* a file may grow meanwhile */
        n += snprintf(text + n, sizeof text - (size_t)n, ", %.0f %%, %.0f s left", 100 * part,
                      seconds / part - seconds);
    }
    (void)score_write_all(o->error_fd, (struct span){text, (size_t)n});
    o->progress_shown = true;
}

int score_output_write(struct score_output *o, const struct score_block *b)
{
    if (o->failed) {
        return -1;
    }
    if (buf_failed(&b->out)) {
        score_output_fail(o, "out of memory", 0);
        return -1;
    }
    if (b->fault_count > 0) {
        report_faults(o, b);
    }
    if (score_write_all(o->out_fd, buf_span(&b->out)) != 0) {
        score_output_fail(o, "cannot write to standard output", errno);
        return -1;
    }
    o->lines += b->lines;
    o->done += (int64_t)b->in_bytes;
    if (o->progress) {
        show_progress(o);
    }
    return 0;
}
