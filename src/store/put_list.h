/* A list of puts in the order in which they were added, linked through the puts themselves. One
 * thread's at a time. */
#ifndef STORE_PUT_LIST_H
#define STORE_PUT_LIST_H

#include "store/store.h"

struct put_list {
    struct store_put *first;
    struct store_put **end;
};

/* Makes it empty; it must stay where it is from then on. */
void put_list_init(struct put_list *list);

/* Adds one at the end; it must be in no other list. */
void put_list_add(struct put_list *list, struct store_put *put);

/* Tells each put's owner the result, which may free it, and forgets them. How many they were. */
size_t put_list_finish(struct put_list *list, enum store_result result);

#endif
