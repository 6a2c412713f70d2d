#include "exchange.h"

static void answered(void *context, const struct net_reply *reply);

static void ask(void *context)
{
    struct exchange *x = context;
    bool ready = x->prepare == NULL || x->prepare(x->context);
    if (!ready || transport_send(x->transport, &x->request, answered, x) == 0) {
        struct net_reply none = {.error = NET_NO_MEMORY, .detail = "no memory to send"};
        (void)x->judge(x->context, &none, true);
    }
}

static void answered(void *context, const struct net_reply *reply)
{
    struct exchange *x = context;
    /* A transport that is closing, or a request that cannot be sent, will not do better next time.
     */
    bool last = x->tries == 1 || reply->error == NET_CANCELLED || reply->error == NET_INVALID;
    if (x->judge(x->context, reply, last)) {
        return;
    }
    x->tries--;
    if (transport_after(x->transport, x->pause_us, ask, x) == 0) {
        ask(x); /* no memory for a pause: at once is better than never */
    }
}

void exchange_start(struct exchange *x)
{
    ask(x);
}
