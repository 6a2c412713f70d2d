/* Counts of what came back: sentiments, failures by kind, latencies. One thread at a time. */
#ifndef GENERATOR_TALLY_H
#define GENERATOR_TALLY_H

#include "net/transport.h"

enum { TALLY_SENTIMENTS = 3, TALLY_KINDS = 16 };

/* Latencies in buckets that are at most 1/64 of their value wide: 64 for each power of two of
 * microseconds. */
enum { TALLY_STEPS = 64, TALLY_BUCKETS = 40 * TALLY_STEPS };

struct tally_failure {
    char kind[48];   /* "connect", "HTTP 503", "not the expected answer" */
    char first[160]; /* what the first of them said, printable ASCII */
    uint64_t count;
};

/* Begin with {0}. */
struct tally {
    uint64_t sentiments[TALLY_SENTIMENTS]; /* in the order of tally_sentiment_name() */
    uint64_t answered;                     /* the sum of the sentiments */
    uint64_t failed;
    uint64_t unfinished; /* cancelled before their end; neither answered nor failed */
    struct tally_failure
        failures[TALLY_KINDS]; /* the last one takes all further kinds, as "other" */
    size_t failure_kinds;
    uint64_t latencies[TALLY_BUCKETS]; /* of everything that got an answer, of whatever status */
    uint64_t latency_count;
    int64_t latency_max_us;
};

/* Counts the end of one request that took `us` microseconds. */
void tally_add(struct tally *t, const struct net_reply *reply, int64_t us);

/* The latency that `percent` of the answers did not exceed, to 1.6 %; 0 when there is none. */
int64_t tally_latency_us(const struct tally *t, double percent);

/* "Positive", "Neutral", "Negative". Static. */
const char *tally_sentiment_name(size_t index);

#endif
