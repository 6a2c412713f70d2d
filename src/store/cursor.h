/* The text that says where a page ended: the last key that was looked at, as JSON. */
#ifndef STORE_CURSOR_H
#define STORE_CURSOR_H

#include "base/json.h"

struct cursor {
    struct span user_name; /* into `json` */
    struct span timestamp;
    json_t *json;
};

/* Appends ["user_name","timestamp"]. */
void cursor_write(struct buf *out, struct span user_name, struct span timestamp);

/* Reads it; `json` is to be given back with json_decref(). False when it is none, or not one of
 * `of_user`'s (empty: of anybody's); then there is nothing to give back. */
bool cursor_read(const char *text, struct span of_user, struct cursor *out);

#endif
