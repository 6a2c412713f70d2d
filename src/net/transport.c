#include "net/transport.h"

#include <pthread.h>
#include <stdio.h>
#include <strings.h>

uint64_t transport_send(struct transport *t, const struct net_request *request, net_done *done,
                        void *context)
{
    return t->ops->send(t, request, done, context);
}

void transport_cancel(struct transport *t, uint64_t id)
{
    t->ops->cancel(t, id);
}

uint64_t transport_after(struct transport *t, int64_t delay_us, void (*fire)(void *context),
                         void *context)
{
    return t->ops->after(t, delay_us, fire, context);
}

const char *net_reply_header(const struct net_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++) {
        if (strcasecmp(reply->headers[i].name, name) == 0) {
            return reply->headers[i].value;
        }
    }
    return NULL;
}

const char *net_error_name(enum net_error error)
{
    static const char *const names[] = {
        [NET_OK] = "ok",
        [NET_RESOLVE] = "resolve",
        [NET_CONNECT] = "connect",
        [NET_TLS] = "tls",
        [NET_TIMEOUT] = "timeout",
        [NET_BROKEN] = "broken",
        [NET_TOO_LARGE] = "too_large",
        [NET_LOGIN] = "login",
        [NET_REFUSED] = "refused",
        [NET_CANCELLED] = "cancelled",
        [NET_INVALID] = "invalid",
        [NET_NO_MEMORY] = "no_memory",
    };
    size_t i = (size_t)error;
    return i < sizeof(names) / sizeof(names[0]) ? names[i] : "unknown";
}

/* One who waits; on his stack, and so it must not be touched after he was told. */
struct waiter {
    pthread_mutex_t lock; /* guards `ended` */
    pthread_cond_t told;
    bool ended;
    struct net_result result;
    struct buf *body;
};

static void take_reply(void *context, const struct net_reply *reply)
{
    struct waiter *w = context;
    w->result.error = reply->error;
    w->result.status = reply->status;
    (void)snprintf(w->result.detail, sizeof(w->result.detail), "%s", reply->detail);
    if (w->body != NULL) {
        buf_add_span(w->body, reply->body);
    }
    if (w->body != NULL && buf_failed(w->body) && w->result.error == NET_OK) {
        w->result.error = NET_NO_MEMORY;
        (void)snprintf(w->result.detail, sizeof(w->result.detail), "no memory for the answer");
    }
    (void)pthread_mutex_lock(&w->lock);
    w->ended = true;
    (void)pthread_cond_signal(&w->told);
    (void)pthread_mutex_unlock(&w->lock);
}

struct net_result transport_wait(struct transport *t, const struct net_request *request,
                                 struct buf *body)
{
    struct waiter w = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER, .body = body};
    if (transport_send(t, request, take_reply, &w) == 0) {
        return (struct net_result){.error = NET_NO_MEMORY, .detail = "out of memory"};
    }
    (void)pthread_mutex_lock(&w.lock);
    while (!w.ended) {
        (void)pthread_cond_wait(&w.told, &w.lock);
    }
    (void)pthread_mutex_unlock(&w.lock);
    (void)pthread_cond_destroy(&w.told);
    (void)pthread_mutex_destroy(&w.lock);
    return w.result;
}
