#include "report.h"

#include <inttypes.h>
#include <stdio.h>

enum { BAR_CELLS = 30 };

static double per_second(uint64_t count, int64_t us)
{
    return us > 0 ? (double)count * 1e6 / (double)us : 0;
}

void report_progress(void *context, const struct load_progress *p)
{
    struct report_progress *r = context;
    if (r->terminal) {
        static const char cells[] = "##############################..............................";
        uint64_t full = p->done * BAR_CELLS / p->count;
        fprintf(stderr,
                "\r[%.*s] %3" PRIu64 " %%  %" PRIu64 "/%" PRIu64 "  %.0f/s  %" PRIu64
                " failed\x1b[K",
                BAR_CELLS, cells + BAR_CELLS - full, p->done * 100 / p->count, p->done, p->count,
                per_second(p->done, p->elapsed_us), p->failed);
        return;
    }
    uint64_t tenths = p->done * 10 / p->count;
    if (tenths > r->tenths) {
        r->tenths = tenths;
        fprintf(stderr, "%" PRIu64 " of %" PRIu64 " done, %" PRIu64 " failed\n", p->done, p->count,
                p->failed);
    }
}

void report_progress_end(const struct report_progress *r)
{
    if (r->terminal) {
        fputc('\n', stderr);
    }
}

static void add_time(struct buf *out, const char *label, int64_t us)
{
    if (us < 1000) {
        buf_addf(out, "  %s %" PRId64 " us", label, us);
    } else if (us < 1000000) {
        buf_addf(out, "  %s %.2f ms", label, (double)us / 1e3);
    } else {
        buf_addf(out, "  %s %.2f s", label, (double)us / 1e6);
    }
}

static void add_latencies(struct buf *out, const struct tally *t)
{
    if (t->latency_count == 0) {
        buf_add_str(out, "\nlatency  nothing was answered");
        return;
    }
    buf_add_str(out, "\nlatency");
    add_time(out, "p50", tally_latency_us(t, 50));
    add_time(out, "p90", tally_latency_us(t, 90));
    add_time(out, "p99", tally_latency_us(t, 99));
    add_time(out, "max", t->latency_max_us);
}

static void add_sentiments(struct buf *out, const struct tally *t)
{
    buf_addf(out, "\n%-12s %10s %8s\n", "sentiment", "reviews", "share");
    for (size_t i = 0; i < TALLY_SENTIMENTS; i++) {
        double share = t->answered > 0 ? 100 * (double)t->sentiments[i] / (double)t->answered : 0;
        buf_addf(out, "%-12s %10" PRIu64 " %6.1f %%\n", tally_sentiment_name(i), t->sentiments[i],
                 share);
    }
    buf_addf(out, "%-12s %10" PRIu64 "\n", "all", t->answered);
}

static void add_failures(struct buf *out, const struct tally *t)
{
    buf_addf(out, "\n%-12s %10" PRIu64 "\n", "failed", t->failed);
    for (size_t i = 0; i < t->failure_kinds; i++) {
        const struct tally_failure *failure = &t->failures[i];
        buf_addf(out, "  %-23s %" PRIu64 "%s%s\n", failure->kind, failure->count,
                 failure->first[0] != '\0' ? "  " : "", failure->first);
    }
    if (t->unfinished > 0) {
        buf_addf(out, "%-12s %10" PRIu64 "\n", "unfinished", t->unfinished);
    }
}

void report_summary(struct buf *out, const struct tally *t, const struct report_run *run)
{
    add_sentiments(out, t);
    add_failures(out, t);
    add_latencies(out, t);
    uint64_t done = t->answered + t->failed;
    buf_addf(out, "\n%s%" PRIu64 " requests in %.2f s, %.0f/s, seed %" PRIu64 "\n",
             run->interrupted ? "interrupted: " : "", done, (double)run->elapsed_us / 1e6,
             per_second(done, run->elapsed_us), run->seed);
}
