#include "reviews/pipeline.h"

void pipeline_init(struct pipeline *p, const struct pipeline_config *config)
{
    struct metrics *m = config->metrics;
    *p = (struct pipeline){.store = config->store,
                           .stamps = {.clock = config->clock},
                           .thresholds = config->thresholds,
                           .mail = config->mail};
    p->scoring = metrics_histogram(
        m, (struct metric_name){"reviewd_scoring_seconds", "Time to score one review.", NULL});
    p->commit = metrics_histogram(
        m, (struct metric_name){"reviewd_commit_seconds",
                                "From handing a review to the store until it was durable.", NULL});
    p->restamped = metrics_counter(
        m, (struct metric_name){"reviewd_reviews_restamped_total",
                                "Reviews stamped anew because their key existed already.", NULL});
    for (int label = SENTIMENT_NEGATIVE; label <= SENTIMENT_POSITIVE; label++) {
        const char *labels[] = {"sentiment=\"Negative\"", "sentiment=\"Neutral\"",
                                "sentiment=\"Positive\""};
        p->by_sentiment[label] = metrics_counter(
            m, (struct metric_name){"reviewd_reviews_total", "Reviews stored, by sentiment.",
                                    labels[label]});
    }
}

static void stamp(struct submission *s)
{
    clock_iso(clock_stamp_us(&s->pipeline->stamps), s->timestamp);
    s->item.timestamp = span_of(s->timestamp);
    s->put.item = s->item;
}

static void score(struct submission *s)
{
    struct pipeline *p = s->pipeline;
    struct clock *clock = p->stamps.clock;
    int64_t start = clock_mono_us(clock);
    s->polarity = sentiment_polarity(s->review.review);
    metric_observe_us(p->scoring, clock_mono_us(clock) - start);
    s->label = sentiment_label(s->polarity, p->thresholds);
    size_t len = num_shortest(s->polarity, s->score);
    s->item = (struct item){.user_name = s->review.user_name,
                            .review = s->review.review,
                            .sentiment = span_of(sentiment_name(s->label)),
                            .polarity_score = {s->score, len}};
}

static void put_done(struct store_put *put, enum store_result result)
{
    struct submission *s = (struct submission *)((char *)put - offsetof(struct submission, put));
    struct pipeline *p = s->pipeline;
    if (result == STORE_CONFLICT) {
        /* Stamps increase strictly within a process; only one before us, with the clock ahead of
         * ours, can have used this key. */
        metric_add(p->restamped, 1);
        stamp(s);
        result = store_put(p->store, &s->put);
        if (result == STORE_OK) {
            return;
        }
    }
    if (result == STORE_OK) {
        metric_observe_us(p->commit, clock_mono_us(p->stamps.clock) - s->submitted_us);
        metric_add(p->by_sentiment[s->label], 1);
    }
    s->done(s, result);
}

enum store_result pipeline_submit(struct pipeline *p, struct submission *s)
{
    s->pipeline = p;
    score(s);
    stamp(s);
    s->put.notify = p->mail && s->label == SENTIMENT_POSITIVE;
    s->put.done = put_done;
    s->submitted_us = clock_mono_us(p->stamps.clock);
    return store_put(p->store, &s->put);
}
