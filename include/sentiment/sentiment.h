/* Sentiment of an English text, bit for bit what TextBlob's default analyzer says on Python 3.13.
 *
 * Pure functions: no I/O, no allocation, no state; any thread. Linear in the text's length and safe
 * on any bytes. Text that is not valid UTF-8 is scored too: each invalid byte counts as one U+FFFD.
 *
 * Source of the rules: PyPI textblob 0.20, modules textblob._text and textblob.en (MIT); lexicon
 * en-sentiment.xml (PDDL). */
#ifndef SENTIMENT_SENTIMENT_H
#define SENTIMENT_SENTIMENT_H

#include "base/span.h"

enum sentiment_label { SENTIMENT_NEGATIVE, SENTIMENT_NEUTRAL, SENTIMENT_POSITIVE };

/* Above `positive_above` is Positive, below `negative_below` Negative, else Neutral. */
struct sentiment_thresholds {
    double positive_above;
    double negative_below;
};

/* The thresholds of the reference: 0.1 and -0.1. */
#define SENTIMENT_THRESHOLDS_DEFAULT ((struct sentiment_thresholds){0.1, -0.1})

/* The polarity, -1.0 to 1.0; 0.0 when no word is known. */
double sentiment_polarity(struct span text);

/* What a polarity means by these thresholds; exactly at one of them it is Neutral. */
enum sentiment_label sentiment_label(double polarity, struct sentiment_thresholds thresholds);

/* "Negative", "Neutral" or "Positive". Static. */
const char *sentiment_name(enum sentiment_label label);

#endif
