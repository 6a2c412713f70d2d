/* Speed of the scorer on one core: long prose, short reviews, and inputs made to be slow, these per
 * byte in relation to prose. Prints figures; judges nothing.
 *
 *     bench_sentiment [MEGABYTES]     (10 by default) */
#include "sentiment/sentiment.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 9, REVIEWS = 1024, REVIEW_LEN = 60 };

static volatile double sink;

static const char *const subjects[] = {
    "The hotel", "Our waiter",     "This blender", "The second season",  "My new phone",
    "Delivery",  "The front desk", "Everything",   "That little museum", "The author",
};
static const char *const verbs[] = {"was", "seemed", "is", "turned out to be", "felt", "looked"};
static const char *const praises[] = {
    "very good",         "quite disappointing", "clean and quiet",     "not bad at all",
    "terribly slow",     "excellent",           "a bit too expensive", "wonderfully prepared",
    "broken on arrival", "just okay",           "much better",         "not worth the money",
};
static const char *const tails[] = {
    ", although we had booked it months in advance",
    " and I'd come back with my family any time",
    "; it didn't work after the first week",
    " (see the photos from our trip in May)",
    ", which nobody had told us when we called",
    " - the instructions were of no use to us",
    "",
    " because the people at the counter took their time to explain it",
};
static const char *const ends[] = {". ", ". ", ". ", "! ", "? ", "... ", ".\n\n"};

static uint64_t state = 1;

static const char *pick(const char *const *from, size_t count)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return from[(state >> 33) % count];
}
#define PICK(array) pick(array, sizeof(array) / sizeof *(array))

static void fill_prose(char *out, size_t len)
{
    char sentence[256];
    for (size_t at = 0; at < len;) {
        int n = snprintf(sentence, sizeof sentence, "%s %s %s%s%s", PICK(subjects), PICK(verbs),
                         PICK(praises), PICK(tails), PICK(ends));
        size_t take = (size_t)n < len - at ? (size_t)n : len - at;
        memcpy(out + at, sentence, take);
        at += take;
    }
}

static void fill_pattern(char *out, size_t len, const char *pattern)
{
    size_t n = strlen(pattern);
    for (size_t i = 0; i < len; i++) {
        out[i] = pattern[i % n];
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds of the fastest of some rounds. */
static double measure(const char *text, size_t len)
{
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        double start = now();
        sink = sentiment_polarity((struct span){text, len});
        double took = now() - start;
        best = took < best ? took : best;
    }
    return best;
}

/* Nanoseconds for each review of 60 bytes, of many different ones. */
static double measure_reviews(const char *prose)
{
    double best = 1e9;
    for (int i = 0; i < 20 * ROUNDS; i++) {
        double start = now();
        for (size_t k = 0; k < REVIEWS; k++) {
            sink = sentiment_polarity((struct span){prose + k * REVIEW_LEN, REVIEW_LEN});
        }
        double took = (now() - start) / REVIEWS;
        best = took < best ? took : best;
    }
    return best * 1e9;
}

int main(int argc, char **argv)
{
    static const char *const patterns[] = {
        /* the first three have a target */
        "\"",       "(",    ":-",
        "'",        ":",    "a",
        "1",        "a ",   " ",
        "\n",       "!",    "?",
        ".",        ". ",   "( ",
        "(! ",      "\"'",  "n't",
        "it's \"",  "not ", "very ",
        "good ",    ":) ",  ": - ",
        "x ",       "o_O ", "o _ ",
        "-a",       "a-",   "\xE2\x80\x9C",
        "\xC3\xA9", "\xFF", "\xE3\x80\x80",
        "a.b. ",    "B|",   ".:",
        "don't ",   "> : ", "\"a. ",
    };
    double marks = 0;
    double worst = 0;
    size_t megabytes = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 10;
    size_t len = megabytes << 20;
    char *text = len != 0 ? malloc(len) : NULL;
    if (text == NULL) {
        fprintf(stderr, "bench_sentiment: %zu MB: not a number from 1 on, or no memory\n",
                megabytes);
        return 1;
    }
    fill_prose(text, len);
    double prose = measure(text, len);
    printf("prose           %8.1f MB/s\n", (double)len / prose / 1e6);
    printf("60-byte review  %8.1f ns\n", measure_reviews(text));
    printf("time per byte in relation to prose:\n");
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        fill_pattern(text, len, patterns[i]);
        double ratio = measure(text, len) / prose;
        marks = i < 3 && ratio > marks ? ratio : marks;
        worst = ratio > worst ? ratio : worst;
        printf("  %6.2f  ", ratio);
        for (const char *c = patterns[i]; *c != '\0'; c++) {
            printf(*c > ' ' && *c < 127 ? "%c" : "\\x%02X", (unsigned char)*c);
        }
        printf("\n");
    }
    printf("marks_to_prose %.2f\nworst_to_prose %.2f\n", marks, worst);
    free(text);
    return 0;
}
