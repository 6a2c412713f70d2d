/* Abbreviations, whose dot belongs to them and ends no sentence. Pure function, any thread. */
#ifndef SENTIMENT_ABBREVIATION_H
#define SENTIMENT_ABBREVIATION_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the text together with a dot after it is an abbreviation: "etc", "U.S", "T", "Mr". */
bool abbreviation_is(const char *text, size_t len);

#endif
