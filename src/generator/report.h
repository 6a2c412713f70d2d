/* What a person sees of a run: progress on standard error, the summary on standard output. */
#ifndef GENERATOR_REPORT_H
#define GENERATOR_REPORT_H

#include "base/buf.h"
#include "load.h"

/* A bar that is redrawn when standard error is a terminal, else a line at each tenth of the way.
 * Begin with terminal set and the rest 0. Main thread. */
struct report_progress {
    bool terminal;
    uint64_t tenths; /* told so far */
};

/* For load_run(); `context` is a struct report_progress. */
void report_progress(void *context, const struct load_progress *p);

/* Ends the bar's line, if there is one. */
void report_progress_end(const struct report_progress *r);

struct report_run {
    uint64_t seed;
    int64_t elapsed_us;
    bool interrupted;
};

/* Appends the summary: a table by sentiment, failures by kind, latencies, speed. */
void report_summary(struct buf *out, const struct tally *t, const struct report_run *run);

#endif
