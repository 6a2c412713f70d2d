/* A strict scanner for one line of NDJSON: checks it and finds three members of its object, without
 * copying.
 *
 * What json_parse() accepts and refuses, this does (whole grammar, duplicate names at any level,
 * NUL, UTF-8, surrogates, depth), with two differences: it takes numbers of any size, because it
 * passes them through; and an object, with those around it, may have at most SCORE_JSON_NAMES_MAX
 * members. It exists because building a tree costs several times what scoring the review costs. */
#ifndef CLI_SCORE_JSON_H
#define CLI_SCORE_JSON_H

#include "score_string.h"

#include <stdint.h>

enum {
    SCORE_JSON_PAD = 8,          /* bytes after the line that must be readable */
    SCORE_JSON_DEPTH_MAX = 2048, /* values inside each other */
    SCORE_JSON_NAMES_MAX = 1024
};

enum score_json_error {
    SCORE_JSON_OK,
    SCORE_JSON_ENDS_EARLY,
    SCORE_JSON_TRAILING,
    SCORE_JSON_NOT_AN_OBJECT,
    SCORE_JSON_VALUE_EXPECTED,
    SCORE_JSON_NAME_EXPECTED,
    SCORE_JSON_COLON_EXPECTED,
    SCORE_JSON_COMMA_EXPECTED,
    SCORE_JSON_CONTROL,
    SCORE_JSON_ESCAPE,
    SCORE_JSON_SURROGATE,
    SCORE_JSON_NUL,
    SCORE_JSON_UTF8,
    SCORE_JSON_DUPLICATE,
    SCORE_JSON_TOO_MANY,
    SCORE_JSON_TOO_DEEP,
    SCORE_JSON_NO_REVIEW,
    SCORE_JSON_REVIEW_NO_STRING,
    SCORE_JSON_LINE_TOO_LONG /* never returned by the scan: for its caller */
};

/* The result, and the memory that a scan needs: about 60 KiB, not initialised, used again for the
 * next line. All spans point into the line. One thread at a time. */
struct score_json {
    struct score_string review; /* that member's value */
    struct span sentiment;      /* that member's value as written; ptr NULL when there is none */
    struct span polarity_score; /* likewise */
    size_t members_end;         /* offset behind the last member's value: where to add one */
    size_t error_at;            /* offset of the error */

    size_t names_count;
    size_t depth;
    struct score_string names[SCORE_JSON_NAMES_MAX];
    struct {
        uint32_t first_name; /* of this object in `names` */
        bool is_object;
    } levels[SCORE_JSON_DEPTH_MAX];
};

/* Scans `line`, which has no line feed in it. line.ptr[line.len] must be '\n' or '\0', and
 * SCORE_JSON_PAD bytes from there on readable. The spans are valid when SCORE_JSON_OK is returned,
 * and error_at otherwise. */
enum score_json_error score_json_scan(struct score_json *s, struct span line);

/* One line for people. Static. */
const char *score_json_error_text(enum score_json_error error);

#endif
