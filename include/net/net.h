/* The network thread: one libcurl multi handle, owned by one thread, behind the transport
 * interface.
 *
 * Event-driven: it sleeps in epoll_wait() until a socket, a timer of libcurl, a deadline or a new
 * request wakes it; without any of them it sleeps without limit. HTTP/1.1 with keep-alive; a
 * connection that was idle for 50 s (DynamoDB drops them at about 60 s) or is 10 min old is not
 * used again. TLS 1.2 or newer, always verified. Redirects are not followed. The usual proxy
 * variables of the environment hold, except for requests that ask to go directly. DNS runs in
 * libcurl's resolver threads, so neither a caller of transport_send() nor other requests ever wait
 * for it.
 *
 * SMTP goes through short-lived threads of its own, one a connection, because libcurl waits for the
 * server's last reply without giving the thread back; they end when they were idle for 15 s. `done`
 * is called from the network thread for these, too. No thread made here ever gets SIGPIPE. */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/metrics.h"
#include "net/transport.h"

enum { NET_REASON_SIZE = 160 };

struct net_config {
    struct metrics *metrics; /* may be NULL */
    const char *ca_file;     /* PEM bundle; NULL: the system's */
    const char *user_agent;  /* for requests without a User-Agent header of their own; NULL: none */
    size_t max_host_connections; /* requests under way to one scheme, host and port; 0: 64 */
    size_t max_in_flight;        /* requests under way; further ones wait in order. 0: 256 */
    /* A connection is used again only if it was idle for at most, and is not older than, this. */
    long max_idle_s; /* 0: 50 s */
    long max_age_s;  /* 0: 600 s */
};

/* Makes the thread. NULL with one line in `reason`. The config may go after the call, its strings
 * are copied; the metrics must outlive the transport. */
struct transport *net_start(const struct net_config *config, char reason[NET_REASON_SIZE]);

/* Cancels what is under way (each `done` is called with NET_CANCELLED, each timer fires), ends the
 * threads and frees all. What those callbacks send is cancelled as well. An SMTP server gets 2 s to
 * answer QUIT. Not from the transport's own thread. NULL: nothing. */
void net_stop(struct transport *t);

/* Whether a request can have this URL: http or https, with a host and no user. Any thread. */
bool net_url_valid(const char *url);

/* libcurl's and its TLS library's version, for --version. Static. */
const char *net_version(void);

#endif
