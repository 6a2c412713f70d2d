/* Takes a text apart into tokens, as the reference does, and hands them on. One pass, no
 * allocation. */
#ifndef SENTIMENT_TOKENS_H
#define SENTIMENT_TOKENS_H

#include "base/span.h"
#include "glue.h"

/* Hands all tokens of the text on to `g`, which the caller zeroed and finishes. */
void tokens_feed(struct glue *g, struct span text);

#endif
