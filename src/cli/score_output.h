/* Where scored blocks go: lines to standard output, faults to standard error, and a progress line
 * on a terminal. One thread at a time. */
#ifndef CLI_SCORE_OUTPUT_H
#define CLI_SCORE_OUTPUT_H

#include "base/clock.h"
#include "score_block.h"

struct score_output {
    int out_fd;
    int error_fd;
    struct clock *clock;
    bool faulty;       /* a line could not be scored */
    bool failed;       /* writing failed or memory ran out; it has been reported */
    uint64_t lines;    /* written so far */
    struct buf errors; /* scratch */

    bool progress;       /* may be shown */
    bool progress_shown; /* is on the screen now */
    int64_t started_us;
    int64_t next_progress_us;
    int64_t total; /* bytes of input, 0: not known */
    int64_t done;  /* bytes of input that were scored */
};

/* Standard output and error. Progress is shown only when standard error is a terminal that standard
 * output does not write to, and the input is a regular file or turns out to be large. */
void score_output_init(struct score_output *o, int in_fd, struct clock *clock);
void score_output_free(struct score_output *o); /* also takes the progress line away */

/* Reports the block's faults and writes its lines. 0, or -1 when that failed, now or before
 * (o->failed). */
int score_output_write(struct score_output *o, const struct score_block *b);

/* Says "reviewd: MESSAGE: strerror(error)", once, and sets o->failed. error 0: without the
 * second part. */
void score_output_fail(struct score_output *o, const char *message, int error);

/* Writes all of `text`; -1 with errno. Waits where the descriptor is non-blocking. */
int score_write_all(int fd, struct span text);

#endif
