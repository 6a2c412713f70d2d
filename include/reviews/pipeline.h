/* What happens to a review: scored, stamped with the time, stored together with the duty to mail
 * it.
 *
 * One pipeline a process, shared by all threads. */
#ifndef REVIEWS_PIPELINE_H
#define REVIEWS_PIPELINE_H

#include "base/clock.h"
#include "base/num.h"
#include "reviews/review.h"
#include "sentiment/sentiment.h"
#include "store/store.h"

struct pipeline {
    struct store *store;
    struct clock_stamps stamps;
    struct sentiment_thresholds thresholds;
    bool mail; /* Positive reviews are to be mailed */
    struct metric *scoring, *commit;
    struct metric *by_sentiment[3]; /* stored reviews, by enum sentiment_label */
    struct metric *restamped;
};

struct pipeline_config {
    struct store *store; /* must outlive the pipeline */
    struct clock *clock;
    struct sentiment_thresholds thresholds;
    bool mail;
    struct metrics *metrics; /* may be NULL */
};

/* The config may go after the call. */
void pipeline_init(struct pipeline *p, const struct pipeline_config *config);

/* One review on its way. The caller embeds it, sets `review` and `done`, and keeps it, unmoved,
 * until `done` was called. The pipeline fills the rest. */
struct submission {
    struct review review;
    /* Called exactly once when pipeline_submit() gave STORE_OK, from a thread of the store; must
     * not block. */
    void (*done)(struct submission *s, enum store_result result);

    double polarity;
    enum sentiment_label label;
    struct item item; /* as stored; points into `review` and the texts below */
    char timestamp[CLOCK_ISO_SIZE];
    char score[NUM_SHORTEST_SIZE];
    struct pipeline *pipeline;
    struct store_put put;
    int64_t submitted_us;
};

/* Scores, stamps and queues. STORE_OK: `done` will be called. Anything else: it will not. Any
 * thread; never blocks. */
enum store_result pipeline_submit(struct pipeline *p, struct submission *s);

#endif
