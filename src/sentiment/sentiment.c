#include "sentiment/sentiment.h"

#include "tokens.h"

double sentiment_polarity(struct span text)
{
    struct glue glue = {0};
    tokens_feed(&glue, text);
    glue_finish(&glue);
    return assess_mean(&glue.assess);
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
    static const char *const names[] = {
        [SENTIMENT_NEGATIVE] = "Negative",
        [SENTIMENT_NEUTRAL] = "Neutral",
        [SENTIMENT_POSITIVE] = "Positive",
    };
    return names[label];
}
