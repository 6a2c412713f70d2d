/* One HTTP question of a provider, asked up to `tries` times with a pause between. Lives inside the
 * provider; transport's thread only. */
#ifndef AWS_EXCHANGE_H
#define AWS_EXCHANGE_H

#include "net/transport.h"

enum { EXCHANGE_PAUSE_US = 1000000 };

struct exchange {
    struct transport *transport;
    struct net_request request; /* what it points to stays until the end */
    unsigned tries;             /* that are left, the one under way included; 1 or more */
    int64_t pause_us;           /* before it is asked again */
    /* Makes `request` ready each time it is about to be sent; false: it cannot. NULL: nothing. */
    bool (*prepare)(void *context);
    /* Judges an answer. True: the end; the exchange touches nothing afterwards, so all may be
     * freed. False: ask once more, which is not allowed when `last` is set. It may change
     * `pause_us` first, and adds to `tries` for an attempt that is not to count. */
    bool (*judge)(void *context, const struct net_reply *reply, bool last);
    void *context;
};

/* Starts it; `judge` is called from within only when it cannot be sent. */
void exchange_start(struct exchange *x);

#endif
