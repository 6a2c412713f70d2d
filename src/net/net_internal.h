/* The parts of the network thread among themselves.
 *
 *     net.c        start, stop, send, cancel: what other threads may touch
 *     net_loop.c   the thread: epoll, libcurl's sockets and timers, the way of a request
 *     net_socket.c which sockets epoll watches
 *     net_queue.c  who goes next: deadlines in a heap, waiting requests by host
 *     net_lane.c   threads for SMTP
 *     net_easy.c   a request as options of a libcurl handle
 *     net_reply.c  what comes back, and what libcurl's errors mean
 *
 * Everything belongs to the network thread, except what is marked as guarded by net->lock. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include "base/buf.h"
#include "base/clock.h"
#include "net/net.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    NET_TABLE_SIZE = 256,       /* buckets for finding a request by its id */
    NET_HEAD_MAX = 64 * 1024,   /* bytes of header lines in an answer */
    NET_KEEP_BUFFER = 64 * 1024 /* a larger reply buffer is not kept for the next request */
};

#define NET_LANE_IDLE_US ((int64_t)15000000)
#define NET_QUIT_US      ((int64_t)2000000)
#define NET_NEVER        INT64_MAX

/* A libcurl handle with what it needs to send one request at a time; used again for the next. */
struct net_easy {
    CURL *curl;
    const struct net_request *request;
    struct net_easy *next; /* in the pool */
    struct buf list;       /* memory of the header or receiver list, see net_easy.c */
    size_t body_sent;      /* SMTP: bytes libcurl has taken of the body */
    char *agent_line;      /* net->agent_line: for requests without a User-Agent of their own */
    bool mail;
    bool tls_required; /* SMTP: whether the last request insisted on TLS */

    struct buf head; /* the answer's header lines as "name\0value\0", one after the other */
    size_t header_count;
    struct net_header *headers; /* made from `head` at the end */
    size_t headers_size;        /* places in it */
    struct buf body;
    char error[CURL_ERROR_SIZE];
    int mail_status;  /* SMTP: the last reply code */
    int mail_replies; /* SMTP: since the connection was ready; the first one is to MAIL FROM */
    char enhanced[NET_ENHANCED_SIZE]; /* SMTP: "5.1.1" of the last reply, or "" */
    unsigned connected;               /* how often a connection was ready to carry the request */
    bool reused;
    bool reply_started;
    bool head_ended; /* what follows are trailers */
    bool too_large;
};

enum net_kind { NET_HTTP, NET_MAIL, NET_TIMER };

/* A request or a timer, from send() to the end of its callback; in the table until that begins:
 *   1. incoming: in net->incoming, its id above net->accepted_id. Other threads may mark it as
 *      cancelled, but it is not ended in this state: the list still leads to it;
 *   2. waiting:  in a host's queue and in the heap; `easy` and `lane` are NULL;
 *   3. running:  in the heap; `easy` is set (HTTP: in the multi handle; SMTP: in the lane's hands).
 * A timer is only ever incoming, or in the heap. */
struct transfer {
    uint64_t id;
    enum net_kind kind;
    const struct net_request *request; /* the caller's */
    net_done *done;
    void (*fire)(void *context);
    void *context;
    int64_t deadline_us;
    size_t heap_index;                /* SIZE_MAX: not in the heap */
    struct transfer *next, *previous; /* in incoming, a host's queue, or net->returned */
    struct transfer *table_next;      /* guarded */
    bool cancelled;                   /* guarded */
    struct net_host *host;
    struct net_easy *easy;
    struct net_lane *lane;
    enum net_error aborted; /* NET_OK, or why it is being ended early */
    CURLcode result;        /* SMTP: written by the lane before it comes back */
};

/* Where requests go: a scheme, host and port. Exists while it has requests. */
struct net_host {
    struct net_host *next;
    size_t running;
    struct transfer *first, *last; /* waiting, in order */
    size_t key_len;
    char key[];
};

struct net_lane;
struct net_socket;

struct net {
    struct transport transport;
    pthread_t thread;
    int wake_fd;
    int epoll_fd;
    CURLM *multi;
    CURLSH *share; /* TLS sessions of the network thread's handles */
    char *ca_file;
    char *agent_line; /* "User-Agent: …", or NULL */
    size_t max_host, max_in_flight;
    long max_idle_s, max_age_s; /* of connections */

    pthread_mutex_t lock;
    struct transfer *incoming, *incoming_last; /* guarded */
    struct transfer *table[NET_TABLE_SIZE];    /* guarded */
    uint64_t last_id;                          /* guarded */
    bool stop, cancels;                        /* guarded */
    struct transfer *returned;                 /* guarded: mails that the lanes are done with */
    struct net_lane *idle_lanes;               /* guarded; the last used first */
    struct net_lane *gone_lanes;               /* guarded: to be joined */
    pthread_cond_t lane_gone;                  /* with lock, CLOCK_MONOTONIC */

    uint64_t accepted_id; /* requests with larger ids are incoming */
    int64_t curl_due_us;
    unsigned hurried;           /* rounds without a look at the sockets */
    struct net_socket *sockets; /* by file descriptor */
    size_t sockets_size;
    size_t running, waiting;
    struct net_host *hosts; /* the one whose turn it is first */
    struct transfer **heap; /* by deadline, the earliest first */
    size_t heap_len, heap_cap;
    struct net_easy *pool;
    struct net_lane *lanes; /* all that live */

    struct metric *results[NET_NO_MEMORY + 1];
    struct metric *connects, *in_flight, *queued;
};

static inline int64_t net_now_us(void)
{
    return clock_mono_us(clock_system());
}

/* net.c */
void net_block_sigpipe(void);                       /* for the calling thread */
void net_wake(struct net *n);                       /* any thread */
void net_forget(struct net *n, struct transfer *t); /* takes it out of the table */

/* net_loop.c */
void *net_loop(void *net);
int net_loop_open(struct net *n); /* 0, or -1; then close as well */
void net_loop_close(struct net *n);

/* net_socket.c; the first two are what a handle of the network thread opens and closes with */
curl_socket_t net_socket_open(void *net, curlsocktype purpose, struct curl_sockaddr *address);
int net_socket_close(void *net, curl_socket_t fd);
void net_socket_want(struct net *n, int fd, uint32_t events); /* EPOLLIN, EPOLLOUT; 0: nothing */
bool net_socket_wanted(struct net *n, int fd);                /* false: not what just came */

/* net_queue.c: adding gives 0, or -1 without memory */
int net_heap_add(struct net *n, struct transfer *t);
void net_heap_remove(struct net *n, struct transfer *t);
int net_queue_add(struct net *n, struct transfer *t);
void net_queue_remove(struct net *n, struct transfer *t); /* a waiting one that ends */
struct transfer *net_queue_next(struct net *n);           /* the next that may run now, or NULL */
void net_queue_done(struct net *n, struct transfer *t);   /* a running one has ended */

/* net_lane.c */
struct net_lane *
net_lane_take(struct net *n); /* an idle or a new one; NULL: no thread, no memory */
struct net_easy *net_lane_easy(struct net_lane *lane);
void net_lane_run(struct net_lane *lane, struct transfer *t); /* it comes back in net->returned */
void net_lane_abort(struct net_lane *lane);                   /* … soon */
void net_lane_release(struct net *n, struct net_lane *lane);  /* idle again */
void net_lane_join_gone(struct net *n);
void net_lane_stop_all(struct net *n); /* none may be running */

/* net_easy.c */
struct net_easy *net_easy_new(struct net *n, bool mail); /* NULL: no memory */
void net_easy_free(struct net_easy *e);
/* Sets the options for `request`. NET_OK, or NET_INVALID or NET_NO_MEMORY with e->error set. */
enum net_error net_easy_prepare(struct net_easy *e, const struct net_request *request);
/* The request has ended: wipes its headers and its answer, which may hold keys and tokens. */
void net_easy_forget(struct net_easy *e);

/* net_reply.c */
void net_reply_reset(struct net_easy *e);
CURLcode net_reply_install(struct net_easy *e); /* sets the callbacks */
void net_reply_fill(struct net_easy *e, CURLcode code, struct net_reply *reply);
void net_reply_fail(struct net_reply *reply, enum net_error error, const char *detail);

#endif
