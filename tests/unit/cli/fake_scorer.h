/* A scorer that tests script: "p=0.5 …" has the polarity 0.5, all other text 0. Include in one file
 * of a test program; its definitions stand in for those of src/sentiment. */
#ifndef UNIT_CLI_FAKE_SCORER_H
#define UNIT_CLI_FAKE_SCORER_H

#include "sentiment/sentiment.h"

#include <stdio.h>
#include <stdlib.h>

double sentiment_polarity(struct span text)
{
    char copy[32] = {0};
    if (text.len < 3 || memcmp(text.ptr, "p=", 2) != 0) {
        return 0;
    }
    memcpy(copy, text.ptr + 2, text.len - 2 < sizeof copy - 1 ? text.len - 2 : sizeof copy - 1);
    return strtod(copy, NULL);
}

enum sentiment_label sentiment_label(double polarity, struct sentiment_thresholds thresholds)
{
    if (polarity > thresholds.positive_above) {
        return SENTIMENT_POSITIVE;
    }
    return polarity < thresholds.negative_below ? SENTIMENT_NEGATIVE : SENTIMENT_NEUTRAL;
}

const char *sentiment_name(enum sentiment_label label)
{
    static const char *const names[] = {"Negative", "Neutral", "Positive"};
    return names[label];
}

#endif
