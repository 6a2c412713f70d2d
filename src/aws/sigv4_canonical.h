/* The canonical request: the one form of a request that both sides compute and hash. Pure
 * functions. */
#ifndef AWS_SIGV4_CANONICAL_H
#define AWS_SIGV4_CANONICAL_H

#include "aws/sigv4.h"

/* Appends the path as it is signed. */
void sigv4_canonical_path(struct buf *out, struct span path, enum sigv4_style style);

/* Appends the parameters encoded and sorted by encoded name, then by encoded value. At most
 * SIGV4_MAX_PARAMS. */
void sigv4_canonical_query(struct buf *out, const struct sigv4_param *params, size_t count);

/* Whether the header name is in a list of lower-case names that ends with NULL. */
bool sigv4_canonical_is_one_of(const char *name, const char *const *names);

/* Headers sorted by lower-case name, equal names in the order of their adding. */
struct sigv4_canonical_headers {
    const struct net_header *sorted[SIGV4_MAX_HEADERS + SIGV4_MAX_ADDED + 1];
    size_t count;
};

/* Puts a header in its place, unless it is of those that are never signed. The header must stay.
 * false: the name is not that of a header. */
bool sigv4_canonical_add(struct sigv4_canonical_headers *h, const struct net_header *header);

/* Appends "name:value\n" for each name. */
void sigv4_canonical_values(struct buf *out, const struct sigv4_canonical_headers *h);

/* Appends "name;name". */
void sigv4_canonical_names(struct buf *out, const struct sigv4_canonical_headers *h);

#endif
