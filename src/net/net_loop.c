/* The network thread. Each round takes what other threads have brought, ends what is due, starts
 * what may start, and sleeps until something happens. Only this thread touches libcurl's multi
 * handle. */
#include "net_internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 64, HURRY_MAX = 4 };

/* libcurl says which sockets it wants to hear about. */
static int on_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *known)
{
    (void)curl, (void)known;
    uint32_t events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) {
        events |= EPOLLIN;
    }
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) {
        events |= EPOLLOUT;
    }
    net_socket_want(context, fd, events);
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *context)
{
    (void)multi;
    struct net *n = context;
    n->curl_due_us = ms >= 0 ? net_now_us() + (int64_t)ms * 1000 : NET_NEVER;
    return 0;
}

int net_loop_open(struct net *n)
{
    n->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = n->wake_fd};
    if (n->epoll_fd < 0 || epoll_ctl(n->epoll_fd, EPOLL_CTL_ADD, n->wake_fd, &event) != 0) {
        return -1;
    }
    n->multi = curl_multi_init();
    n->share = curl_share_init();
    if (n->multi == NULL || n->share == NULL) {
        return -1;
    }
    /* One thread uses the share, so it needs no lock functions. */
    curl_share_setopt(n->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(n->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(n->multi, CURLMOPT_SOCKETDATA, n);
    curl_multi_setopt(n->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(n->multi, CURLMOPT_TIMERDATA, n);
    curl_multi_setopt(n->multi, CURLMOPT_MAXCONNECTS, (long)n->max_in_flight);
    return 0;
}

void net_loop_close(struct net *n)
{
    while (n->pool != NULL) {
        struct net_easy *e = n->pool;
        n->pool = e->next;
        net_easy_free(e);
    }
    curl_multi_cleanup(n->multi);
    curl_share_cleanup(n->share);
    free(n->sockets);
    if (n->epoll_fd >= 0) {
        close(n->epoll_fd);
    }
}

static void release_easy(struct net *n, struct transfer *t)
{
    if (t->easy != NULL) {
        net_easy_forget(t->easy);
    }
    if (t->lane != NULL) {
        net_lane_release(n, t->lane);
    } else if (t->easy != NULL) {
        t->easy->next = n->pool;
        n->pool = t->easy;
    }
}

/* The end of every request. */
static void finish(struct net *n, struct transfer *t, const struct net_reply *reply)
{
    net_heap_remove(n, t);
    net_forget(n, t);
    metric_add(n->results[reply->error], 1);
    t->done(t->context, reply);
    release_easy(n, t);
    free(t);
}

/* The end of a request that was never sent. */
static void finish_unsent(struct net *n, struct transfer *t, enum net_error error,
                          const char *detail)
{
    struct net_reply reply;
    net_reply_fail(&reply, error, detail);
    finish(n, t, &reply);
}

/* The end of one that was: `code` is what libcurl made of it. */
static void finish_sent(struct net *n, struct transfer *t, CURLcode code)
{
    struct net_reply reply;
    net_reply_fill(t->easy, code, &reply);
    if (t->aborted != NET_OK && reply.error != NET_OK) {
        reply.error = t->aborted;
        if (t->aborted == NET_TIMEOUT) {
            snprintf(reply.detail, sizeof(reply.detail), "no answer within %lld ms",
                     (long long)t->request->timeout_ms);
        } else {
            snprintf(reply.detail, sizeof(reply.detail), "cancelled");
        }
    }
    if (t->easy->connected > 0 && !t->easy->reused) {
        metric_add(n->connects, 1);
    }
    net_queue_done(n, t);
    finish(n, t, &reply);
}

static void fire(struct net *n, struct transfer *t)
{
    net_heap_remove(n, t);
    net_forget(n, t);
    t->fire(t->context);
    free(t);
}

/* Ends one early, in whatever state it is. */
static void abort_transfer(struct net *n, struct transfer *t, enum net_error why)
{
    if (t->kind == NET_TIMER) {
        fire(n, t);
    } else if (t->easy == NULL) {
        net_queue_remove(n, t);
        finish_unsent(n, t, why,
                      why == NET_TIMEOUT ? "not sent: too many requests before it" : "cancelled");
    } else if (t->kind == NET_HTTP) {
        t->aborted = why;
        curl_multi_remove_handle(n->multi, t->easy->curl);
        finish_sent(n, t, CURLE_ABORTED_BY_CALLBACK);
    } else if (t->aborted == NET_OK) {
        t->aborted = why;
        net_heap_remove(n, t);
        net_lane_abort(t->lane);
    }
}

static void accept_one(struct net *n, struct transfer *t)
{
    t->next = t->previous = NULL;
    bool known = net_heap_add(n, t) == 0;
    if (t->kind == NET_TIMER) {
        if (!known) {
            fire(n, t);
        }
        return;
    }
    if (!known || net_queue_add(n, t) != 0) {
        finish_unsent(n, t, NET_NO_MEMORY, "out of memory");
    }
}

/* A cancelled one of this bucket; its mark is taken off. Incoming ones have their turn in the next
 * round: their marks are younger than this one's look at n->cancels. */
static struct transfer *take_cancelled(struct net *n, size_t bucket)
{
    pthread_mutex_lock(&n->lock);
    struct transfer *t = n->table[bucket];
    while (t != NULL && (!t->cancelled || t->id > n->accepted_id)) {
        t = t->table_next;
    }
    if (t != NULL) {
        t->cancelled = false;
    }
    pthread_mutex_unlock(&n->lock);
    return t;
}

/* Takes what other threads have brought; false when the end was asked for. */
static bool take_news(struct net *n)
{
    pthread_mutex_lock(&n->lock);
    struct transfer *incoming = n->incoming, *returned = n->returned;
    bool cancels = n->cancels, stop = n->stop, gone = n->gone_lanes != NULL;
    n->incoming = n->incoming_last = n->returned = NULL;
    n->cancels = false;
    n->accepted_id = n->last_id;
    pthread_mutex_unlock(&n->lock);
    for (struct transfer *next; incoming != NULL; incoming = next) {
        next = incoming->next;
        accept_one(n, incoming);
    }
    for (struct transfer *next; returned != NULL; returned = next) {
        next = returned->next;
        finish_sent(n, returned, returned->result);
    }
    for (size_t i = 0; cancels && i < NET_TABLE_SIZE; i++) {
        struct transfer *t;
        while ((t = take_cancelled(n, i)) != NULL) {
            abort_transfer(n, t, NET_CANCELLED);
        }
    }
    if (gone) {
        net_lane_join_gone(n);
    }
    return !stop;
}

static void end_what_is_due(struct net *n)
{
    int64_t now = n->heap_len > 0 ? net_now_us() : 0;
    while (n->heap_len > 0 && n->heap[0]->deadline_us <= now) {
        abort_transfer(n, n->heap[0], NET_TIMEOUT);
    }
}

static struct net_easy *take_easy(struct net *n)
{
    struct net_easy *e = n->pool;
    if (e == NULL) {
        return net_easy_new(n, false);
    }
    n->pool = e->next;
    e->next = NULL;
    return e;
}

/* Starts one that is no longer in a queue. */
static void start(struct net *n, struct transfer *t)
{
    enum net_error error = NET_NO_MEMORY;
    if (t->kind == NET_MAIL) {
        t->lane = net_lane_take(n);
        t->easy = t->lane != NULL ? net_lane_easy(t->lane) : NULL;
    } else {
        t->easy = take_easy(n);
    }
    if (t->easy == NULL) {
        goto fail;
    }
    error = net_easy_prepare(t->easy, t->request);
    if (error != NET_OK) {
        goto fail;
    }
    if (t->kind == NET_MAIL) {
        net_lane_run(t->lane, t);
        return;
    }
    curl_easy_setopt(t->easy->curl, CURLOPT_PRIVATE, (void *)t);
    if (curl_multi_add_handle(n->multi, t->easy->curl) == CURLM_OK) {
        return;
    }
    error = NET_NO_MEMORY;
fail:
    net_queue_done(n, t);
    finish_unsent(n, t, error,
                  t->easy != NULL && t->easy->error[0] != '\0' ? t->easy->error : "out of memory");
}

static void start_waiting(struct net *n)
{
    struct transfer *t;
    while ((t = net_queue_next(n)) != NULL) {
        start(n, t);
    }
}

static void run_curl_timer(struct net *n)
{
    int running;
    if (n->curl_due_us > net_now_us()) {
        return;
    }
    n->curl_due_us = NET_NEVER;
    curl_multi_socket_action(n->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* Ends what libcurl is done with; true when there was any. */
static bool collect(struct net *n)
{
    bool any = false;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(n->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        CURLcode code = message->data.result;
        CURL *curl = message->easy_handle;
        struct transfer *t = NULL;
        curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&t);
        curl_multi_remove_handle(n->multi, curl);
        finish_sent(n, t, code);
        any = true;
    }
    return any;
}

static int sleep_ms(const struct net *n)
{
    int64_t due = n->curl_due_us;
    if (n->heap_len > 0 && n->heap[0]->deadline_us < due) {
        due = n->heap[0]->deadline_us;
    }
    if (due == NET_NEVER) {
        return -1;
    }
    int64_t us = due - net_now_us();
    if (us <= 0) {
        return 0;
    }
    return us / 1000 < INT_MAX ? (int)((us + 999) / 1000) : INT_MAX;
}

/* What callbacks of this round have sent is there without anybody having woken the thread. */
static bool has_news(struct net *n)
{
    pthread_mutex_lock(&n->lock);
    bool has = n->incoming != NULL;
    pthread_mutex_unlock(&n->lock);
    return has;
}

static void wait_and_act(struct net *n, int ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(n->epoll_fd, events, EVENTS, ms);
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd, running;
        if (fd == n->wake_fd) {
            uint64_t value;
            ssize_t got = read(fd, &value, sizeof(value));
            (void)got;
            continue;
        }
        if (!net_socket_wanted(n, fd)) {
            continue;
        }
        uint32_t seen = events[i].events;
        int mask = ((seen & EPOLLIN) ? CURL_CSELECT_IN : 0) |
                   ((seen & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
                   ((seen & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(n->multi, fd, mask, &running);
    }
}

/* The sockets wait for what callbacks of this round have sent, but not for ever. */
static void rest(struct net *n)
{
    if (!has_news(n)) {
        n->hurried = 0;
        wait_and_act(n, sleep_ms(n));
    } else if (++n->hurried == HURRY_MAX) {
        n->hurried = 0;
        wait_and_act(n, 0);
    }
}

/* Cancels all there is, and what the callbacks of that send, until nothing is left. */
static void cancel_all(struct net *n)
{
    for (;;) {
        take_news(n);
        while (n->heap_len > 0) {
            abort_transfer(n, n->heap[0], NET_CANCELLED);
        }
        pthread_mutex_lock(&n->lock);
        bool more = n->incoming != NULL || n->returned != NULL;
        pthread_mutex_unlock(&n->lock);
        if (!more && n->running == 0) {
            return;
        }
        if (!more) {
            wait_and_act(n, sleep_ms(n));
        }
    }
}

void *net_loop(void *net)
{
    struct net *n = net;
    net_block_sigpipe();
    pthread_setname_np(pthread_self(), "net");
    while (take_news(n)) {
        end_what_is_due(n);
        do {
            start_waiting(n);
            run_curl_timer(n);
        } while (collect(n));
        rest(n);
    }
    cancel_all(n);
    net_lane_stop_all(n);
    return NULL;
}
