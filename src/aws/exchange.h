/* One HTTP question of a provider, asked up to `tries` times, one second apart. Lives inside the
 * provider; transport's thread only. */
#ifndef AWS_EXCHANGE_H
#define AWS_EXCHANGE_H

#include "net/transport.h"

struct exchange {
    struct transport *transport;
    struct net_request request; /* what it points to stays until the end */
    unsigned tries;             /* 1 or more */
    /* Judges an answer. True: the end; the exchange touches nothing afterwards, so all may be
     * freed. False: ask once more, which is not allowed when `last` is set. */
    bool (*judge)(void *context, const struct net_reply *reply, bool last);
    void *context;
};

/* Starts it; `judge` is called from within only when there is no memory to send. */
void exchange_start(struct exchange *x);

#endif
