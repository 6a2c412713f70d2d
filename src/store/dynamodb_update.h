/* The changes of an item's notification, as UpdateItem; each one conditional, so that it may be
 * sent twice and never touches what another instance has taken over. */
#ifndef STORE_DYNAMODB_UPDATE_H
#define STORE_DYNAMODB_UPDATE_H

#include "dynamodb_internal.h"

/* What is to become of it. Strings and spans must stay until the body was written. */
struct dynamodb_update {
    struct span user_name;
    struct span timestamp;
    const char *old_lease;   /* only while it has this one, or new_lease already */
    const char *tried_lease; /* … or this one; NULL: no other; only with new_lease */
    const char *new_lease;   /* NULL: all notification attributes go */
    const char *state;       /* NULL: as it is */
    bool tries;              /* whether the three that follow are written */
    bool fresh;              /* or removed */
    unsigned attempts;
    int64_t due_us;
    const char *error; /* "" for none */
    bool whole;        /* the answer is to hold the whole item */
};

/* Appends the request's body. */
void dynamodb_update_write(struct buf *out, const struct dynamodb_store *s,
                           const struct dynamodb_update *update);

#endif
