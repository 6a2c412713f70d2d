/* Finding items by their notification, by the index or, without it, by a Scan. For threads that may
 * block. */
#ifndef STORE_DYNAMODB_LOOK_H
#define STORE_DYNAMODB_LOOK_H

#include "dynamodb_internal.h"

/* An item that was found: its key, and the lease it had when the index saw it. */
struct dynamodb_found {
    uint64_t id;
    struct span user_name; /* points into `memory`, as the others */
    struct span timestamp;
    const char *lease;
    char *memory;
};

struct dynamodb_findings {
    struct dynamodb_found *list;
    size_t count;
    size_t capacity;
    bool failed; /* memory ran out: some are missing */
};

/* Frees all that was found; all zero is an empty list. */
void dynamodb_findings_free(struct dynamodb_findings *f);

/* Adds the items of an answer. */
void dynamodb_findings_add(struct dynamodb_findings *f, const json_t *answer);

enum dynamodb_look {
    DYNAMODB_LOOK_DONE,     /* all was seen */
    DYNAMODB_LOOK_MORE,     /* there is more */
    DYNAMODB_LOOK_NO_INDEX, /* the table has no such index (yet) */
    DYNAMODB_LOOK_FAILED
};

/* Looks in the index, in all partitions at once, for items of `kind` (DYNAMODB_PENDING or
 * DYNAMODB_DEAD) whose lease has ended at `until_us` (INT64_MAX: whatever their lease): up to
 * `per_shard` of each partition (0: all). `detail` gets one line when it failed. */
struct dynamodb_query {
    const char *kind;
    int64_t until_us;
    size_t per_shard;
};
enum dynamodb_look dynamodb_look_index(struct dynamodb_store *s, const struct dynamodb_query *query,
                                       struct dynamodb_findings *out,
                                       char detail[CALL_DETAIL_SIZE]);

/* The same by one page of a Scan; `*from` is the JSON of the key to go on behind (NULL: the start),
 * and becomes that of the page that follows (NULL: that was the end). The string is the caller's to
 * free. */
enum dynamodb_look dynamodb_look_scan(struct dynamodb_store *s, const struct dynamodb_query *query,
                                      char **from, struct dynamodb_findings *out,
                                      char detail[CALL_DETAIL_SIZE]);

/* All of them, by the index or else by a whole Scan. */
enum dynamodb_look dynamodb_look_all(struct dynamodb_store *s, const struct dynamodb_query *query,
                                     struct dynamodb_findings *out, char detail[CALL_DETAIL_SIZE]);

/* Whether a Query failed because its index is not there, is being made, or has other keys. */
bool dynamodb_look_lacks_index(const struct dynamodb_step *step);

#endif
