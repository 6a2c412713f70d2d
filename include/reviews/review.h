/* A review as a client sends it: {"user_name": …, "review": …}. Pure functions. */
#ifndef REVIEWS_REVIEW_H
#define REVIEWS_REVIEW_H

#include "base/json.h"

enum { REVIEW_USER_NAME_MAX = 2048 }; /* bytes: DynamoDB's limit for a partition key */

struct review {
    json_t *document; /* owns the text below */
    struct span user_name;
    struct span review;
};

enum review_result {
    REVIEW_OK,      /* free with review_free() */
    REVIEW_INVALID, /* one sentence for the client in `reason`, and nothing to free */
    REVIEW_NO_MEMORY
};

/* Parses and validates a request body. A missing user_name becomes "Anonymous"; unknown members are
 * ignored. */
enum review_result review_parse(struct review *out, struct span body,
                                char reason[JSON_REASON_SIZE]);

/* Frees what review_parse() made; the texts are gone. Zeroed structs and twice are fine. */
void review_free(struct review *r);

#endif
