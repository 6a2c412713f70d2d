#include "tally.h"

#include <stdio.h>

static const char *const sentiment_names[TALLY_SENTIMENTS] = {"Positive", "Neutral", "Negative"};

const char *tally_sentiment_name(size_t index)
{
    return sentiment_names[index];
}

/* The sentiment of "Processed as Positive (Score: 0.25)" as a JSON string; -1 when it is something
 * else. */
static int sentiment_of(struct span body)
{
    const struct span before = SPAN("\"Processed as ");
    const struct span after = SPAN(" (Score: ");
    for (int i = 0; i < TALLY_SENTIMENTS; i++) {
        size_t name = strlen(sentiment_names[i]);
        if (body.len > before.len + name + after.len &&
            memcmp(body.ptr, before.ptr, before.len) == 0 &&
            memcmp(body.ptr + before.len, sentiment_names[i], name) == 0 &&
            memcmp(body.ptr + before.len + name, after.ptr, after.len) == 0) {
            return i;
        }
    }
    return -1;
}

/* What other hosts say goes to a terminal: printable ASCII only. */
static void copy_printable(char *out, size_t size, struct span text)
{
    size_t length = text.len < size - 1 ? text.len : size - 1;
    for (size_t i = 0; i < length; i++) {
        char c = text.ptr[i];
        out[i] = '.';
        if (c >= ' ' && c <= '~') {
            out[i] = c;
        }
    }
    out[length] = '\0';
}

static void count_failure(struct tally *t, const char *kind, struct span said)
{
    t->failed++;
    size_t at = 0;
    while (at < t->failure_kinds && strcmp(t->failures[at].kind, kind) != 0) {
        at++;
    }
    if (at >= TALLY_KINDS - 1) {
        at = TALLY_KINDS - 1;
        kind = "other";
    }
    struct tally_failure *failure = &t->failures[at];
    if (at == t->failure_kinds) {
        t->failure_kinds++;
        copy_printable(failure->kind, sizeof failure->kind, span_of(kind));
        copy_printable(failure->first, sizeof failure->first, said);
    }
    failure->count++;
}

/* Values below 2 * steps have a bucket each; above, the value's leading seven bits choose it. */
static const uint64_t steps = TALLY_STEPS;

static size_t bucket_of(int64_t us)
{
    uint64_t value = us > 0 ? (uint64_t)us : 0;
    unsigned shift = 0;
    while (value >> shift >= 2 * steps) {
        shift++;
    }
    size_t bucket = shift * steps + (value >> shift);
    return bucket < TALLY_BUCKETS ? bucket : TALLY_BUCKETS - 1;
}

/* The largest value of a bucket. */
static int64_t bucket_end(size_t bucket)
{
    if (bucket < 2 * steps) {
        return (int64_t)bucket;
    }
    size_t shift = bucket / steps - 1;
    return (int64_t)((bucket - shift * steps + 1) << shift) - 1;
}

static void count_latency(struct tally *t, int64_t us)
{
    t->latencies[bucket_of(us)]++;
    t->latency_count++;
    t->latency_max_us = us > t->latency_max_us ? us : t->latency_max_us;
}

void tally_add(struct tally *t, const struct net_reply *reply, int64_t us)
{
    if (reply->error == NET_CANCELLED) {
        t->unfinished++;
        return;
    }
    if (reply->error != NET_OK) {
        count_failure(t, net_error_name(reply->error), span_of(reply->detail));
        return;
    }
    count_latency(t, us);
    int sentiment = sentiment_of(reply->body);
    if (reply->status == 200 && sentiment >= 0) {
        t->sentiments[sentiment]++;
        t->answered++;
        return;
    }
    char kind[48];
    snprintf(kind, sizeof kind, reply->status == 200 ? "not the expected answer" : "HTTP %d",
             reply->status);
    count_failure(t, kind, reply->body);
}

int64_t tally_latency_us(const struct tally *t, double percent)
{
    double wanted = (double)t->latency_count * percent / 100;
    uint64_t seen = 0;
    for (size_t i = 0; i < TALLY_BUCKETS && t->latency_count > 0; i++) {
        seen += t->latencies[i];
        if (seen > 0 && (double)seen >= wanted) {
            int64_t end = bucket_end(i);
            return end < t->latency_max_us ? end : t->latency_max_us;
        }
    }
    return 0;
}
