/* What the tests of the network thread share: a request sent and waited for. */
#ifndef UNIT_NET_TEST_H
#define UNIT_NET_TEST_H

#include "base/clock.h"
#include "net/net.h"
#include "support/server.h"
#include "support/test.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* What `done` was told, copied. */
struct answer {
    sem_t ended;
    int calls;
    enum net_error error;
    int status;
    char detail[NET_DETAIL_SIZE];
    char headers[1024]; /* "Name=value\n" each */
    char body[4096];
    size_t body_len;
    bool reused, started;
};

static inline void answer_init(struct answer *a)
{
    memset(a, 0, sizeof(*a));
    sem_init(&a->ended, 0, 0);
}

static inline void answer_take(void *context, const struct net_reply *r)
{
    struct answer *a = context;
    a->calls++;
    a->error = r->error;
    a->status = r->status;
    memcpy(a->detail, r->detail, sizeof(a->detail));
    size_t used = 0;
    for (size_t i = 0; i < r->header_count && used < sizeof(a->headers); i++) {
        used += (size_t)snprintf(a->headers + used, sizeof(a->headers) - used, "%s=%s\n",
                                 r->headers[i].name, r->headers[i].value);
    }
    a->body_len = r->body.len;
    if (r->body.len > 0) {
        memcpy(a->body, r->body.ptr, r->body.len < sizeof(a->body) ? r->body.len : sizeof(a->body));
    }
    a->reused = r->reused_connection;
    a->started = r->reply_started;
    sem_post(&a->ended);
}

/* Waits at most 20 s. */
static inline void answer_wait(struct answer *a)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    if (sem_timedwait(&a->ended, &until) != 0) {
        fail_msg("no answer");
    }
}

static inline struct answer send_and_wait(struct transport *t, const struct net_request *r)
{
    static struct answer a;
    answer_init(&a);
    assert_int_not_equal(transport_send(t, r, answer_take, &a), 0);
    answer_wait(&a);
    return a;
}

static inline struct transport *start_net(const struct net_config *config)
{
    char reason[NET_REASON_SIZE];
    struct transport *t = net_start(config, reason);
    if (t == NULL) {
        fail_msg("%s", reason);
    }
    return t;
}

static inline int64_t now_ms(void)
{
    return clock_mono_us(clock_system()) / 1000;
}

static inline void pause_ms(int ms)
{
    usleep((useconds_t)ms * 1000);
}

#endif
