#include "put_list.h"

void put_list_init(struct put_list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

void put_list_add(struct put_list *list, struct store_put *put)
{
    put->next = NULL;
    *list->end = put;
    list->end = &put->next;
}

size_t put_list_finish(struct put_list *list, enum store_result result)
{
    size_t count = 0;
    struct store_put *put = list->first;
    put_list_init(list);
    for (; put != NULL; count++) {
        struct store_put *next = put->next; /* its owner may free it in done */
        put->done(put, result);
        put = next;
    }
    return count;
}
