/* Threads for SMTP: one a connection.
 *
 * libcurl sends the end of a mail and waits for the server's reply to it without giving the thread
 * back (its "done" step for SMTP blocks, also in a multi handle), and taking a half-sent mail out
 * of a multi handle ends it with a dot, so that the server delivers half a mail. So each SMTP
 * connection has a thread and a handle of its own here, and a mail is ended early by shutting its
 * socket down, after which nothing can be written to it any more.
 *
 * The network thread takes a lane, prepares its handle, and runs a transfer on it; the lane
 * performs it and puts it into net->returned. The handle belongs to the lane's thread only in
 * between. A lane that is idle for NET_LANE_IDLE_US says QUIT and ends. */
#include "net_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LANE_FDS = 8 }; /* sockets of one connection attempt to several addresses */

struct net_lane {
    struct net *net;
    struct net_lane *next;      /* in net->lanes: the network thread's */
    struct net_lane *next_list; /* guarded by net->lock: in idle_lanes or gone_lanes */
    pthread_t thread;
    pthread_cond_t work;       /* with net->lock, CLOCK_MONOTONIC */
    struct transfer *transfer; /* guarded by net->lock */
    bool idle, quit;           /* guarded by net->lock */
    struct net_easy *easy;
    pthread_mutex_t fd_lock; /* so that no socket is shut down after its number went to another */
    int fds[LANE_FDS];       /* guarded by fd_lock; -1: none */
    bool aborted;            /* guarded by fd_lock */
};

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct net_lane *lane = context;
    curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        return CURL_SOCKET_BAD;
    }
    pthread_mutex_lock(&lane->fd_lock);
    size_t i = 0;
    while (i < LANE_FDS && lane->fds[i] >= 0) {
        i++;
    }
    bool refused = lane->aborted || i == LANE_FDS;
    if (!refused) {
        lane->fds[i] = fd;
    }
    pthread_mutex_unlock(&lane->fd_lock);
    if (!refused) {
        return fd;
    }
    close(fd);
    return CURL_SOCKET_BAD;
}

static int close_socket(void *context, curl_socket_t fd)
{
    struct net_lane *lane = context;
    pthread_mutex_lock(&lane->fd_lock);
    for (size_t i = 0; i < LANE_FDS; i++) {
        if (lane->fds[i] == fd) {
            lane->fds[i] = -1;
        }
    }
    int result = close(fd);
    pthread_mutex_unlock(&lane->fd_lock);
    return result;
}

/* Asked by libcurl at least once a second: for the time when there is no socket yet. */
static int on_progress(void *context, curl_off_t dl_total, curl_off_t dl_now, curl_off_t ul_total,
                       curl_off_t ul_now)
{
    (void)dl_total, (void)dl_now, (void)ul_total, (void)ul_now;
    struct net_lane *lane = context;
    pthread_mutex_lock(&lane->fd_lock);
    bool aborted = lane->aborted;
    pthread_mutex_unlock(&lane->fd_lock);
    return aborted ? 1 : 0;
}

void net_lane_abort(struct net_lane *lane)
{
    pthread_mutex_lock(&lane->fd_lock);
    lane->aborted = true;
    for (size_t i = 0; i < LANE_FDS; i++) {
        if (lane->fds[i] >= 0) {
            shutdown(lane->fds[i], SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&lane->fd_lock);
}

/* Waits for work, with net->lock held; NULL when the lane is to end, and then it is in no list. */
static struct transfer *wait_for_work(struct net_lane *lane)
{
    struct timespec until = clock_after(NET_LANE_IDLE_US);
    int result = 0;
    while (lane->transfer == NULL && !lane->quit) {
        if (result == ETIMEDOUT && lane->idle) {
            break;
        }
        if (result == ETIMEDOUT) { /* the network thread still reads the last answer */
            result = pthread_cond_wait(&lane->work, &lane->net->lock);
        } else {
            result = pthread_cond_clockwait(&lane->work, &lane->net->lock, CLOCK_MONOTONIC, &until);
        }
    }
    if (lane->transfer == NULL && lane->idle) {
        struct net_lane **link = &lane->net->idle_lanes;
        while (*link != lane) {
            link = &(*link)->next_list;
        }
        *link = lane->next_list;
        lane->idle = false;
    }
    return lane->transfer;
}

static void *lane_main(void *context)
{
    struct net_lane *lane = context;
    struct net *n = lane->net;
    net_block_sigpipe();
    pthread_setname_np(pthread_self(), "net-smtp");
    pthread_mutex_lock(&n->lock);
    struct transfer *t;
    while ((t = wait_for_work(lane)) != NULL) {
        pthread_mutex_unlock(&n->lock);
        t->result = curl_easy_perform(lane->easy->curl);
        pthread_mutex_lock(&n->lock);
        lane->transfer = NULL;
        t->next = n->returned;
        n->returned = t;
        net_wake(n);
    }
    pthread_mutex_unlock(&n->lock);
    net_easy_free(lane->easy); /* says QUIT */
    pthread_mutex_lock(&n->lock);
    lane->next_list = n->gone_lanes;
    n->gone_lanes = lane;
    pthread_cond_signal(&n->lane_gone);
    net_wake(n);
    pthread_mutex_unlock(&n->lock);
    return NULL;
}

static void lane_free(struct net_lane *lane)
{
    pthread_mutex_destroy(&lane->fd_lock);
    pthread_cond_destroy(&lane->work);
    free(lane);
}

static struct net_lane *lane_new(struct net *n)
{
    struct net_lane *lane = calloc(1, sizeof(*lane));
    if (lane == NULL) {
        return NULL;
    }
    lane->net = n;
    for (size_t i = 0; i < LANE_FDS; i++) {
        lane->fds[i] = -1;
    }
    pthread_mutex_init(&lane->fd_lock, NULL);
    pthread_cond_init(&lane->work, NULL);
    lane->easy = net_easy_new(n, true);
    if (lane->easy == NULL) {
        goto fail;
    }
    CURL *curl = lane->easy->curl;
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, lane);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, lane);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, lane);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (pthread_create(&lane->thread, NULL, lane_main, lane) != 0) {
        goto fail;
    }
    lane->next = n->lanes;
    n->lanes = lane;
    return lane;
fail:
    net_easy_free(lane->easy);
    lane_free(lane);
    return NULL;
}

struct net_lane *net_lane_take(struct net *n)
{
    pthread_mutex_lock(&n->lock);
    struct net_lane *lane = n->idle_lanes;
    if (lane != NULL) {
        n->idle_lanes = lane->next_list;
        lane->idle = false;
    }
    pthread_mutex_unlock(&n->lock);
    if (lane == NULL) {
        return lane_new(n);
    }
    pthread_mutex_lock(&lane->fd_lock);
    lane->aborted = false;
    pthread_mutex_unlock(&lane->fd_lock);
    return lane;
}

struct net_easy *net_lane_easy(struct net_lane *lane)
{
    return lane->easy;
}

void net_lane_run(struct net_lane *lane, struct transfer *t)
{
    pthread_mutex_lock(&lane->net->lock);
    lane->transfer = t;
    pthread_cond_signal(&lane->work);
    pthread_mutex_unlock(&lane->net->lock);
}

void net_lane_release(struct net *n, struct net_lane *lane)
{
    pthread_mutex_lock(&n->lock);
    lane->idle = true;
    lane->next_list = n->idle_lanes;
    n->idle_lanes = lane;
    pthread_cond_signal(&lane->work);
    pthread_mutex_unlock(&n->lock);
}

void net_lane_join_gone(struct net *n)
{
    pthread_mutex_lock(&n->lock);
    struct net_lane *gone = n->gone_lanes;
    n->gone_lanes = NULL;
    pthread_mutex_unlock(&n->lock);
    while (gone != NULL) {
        struct net_lane *lane = gone;
        gone = lane->next_list;
        pthread_join(lane->thread, NULL);
        struct net_lane **link = &n->lanes;
        while (*link != lane) {
            link = &(*link)->next;
        }
        *link = lane->next;
        lane_free(lane);
    }
}

/* Waits until a lane has ended; false when `until` came first. */
static bool wait_for_gone(struct net *n, const struct timespec *until)
{
    int result = 0;
    pthread_mutex_lock(&n->lock);
    while (n->gone_lanes == NULL && result != ETIMEDOUT) {
        result = until != NULL
                     ? pthread_cond_clockwait(&n->lane_gone, &n->lock, CLOCK_MONOTONIC, until)
                     : pthread_cond_wait(&n->lane_gone, &n->lock);
    }
    bool gone = n->gone_lanes != NULL;
    pthread_mutex_unlock(&n->lock);
    return gone;
}

void net_lane_stop_all(struct net *n)
{
    struct timespec deadline = clock_after(NET_QUIT_US), *until = &deadline;
    pthread_mutex_lock(&n->lock);
    for (struct net_lane *lane = n->lanes; lane != NULL; lane = lane->next) {
        lane->quit = true;
        pthread_cond_signal(&lane->work);
    }
    pthread_mutex_unlock(&n->lock);
    while (n->lanes != NULL) {
        if (!wait_for_gone(n, until)) {
            for (struct net_lane *lane = n->lanes; lane != NULL; lane = lane->next) {
                net_lane_abort(lane);
            }
            until = NULL;
            continue;
        }
        net_lane_join_gone(n);
    }
}
