/* The network thread: one libcurl multi handle, owned by one thread, behind the transport interface.
 *
 * Event-driven: it sleeps in curl_multi_poll() until a socket, a timer of libcurl or a new request wakes it;
 * nothing polls at a fixed interval while nothing is under way. HTTP/1.1 with keep-alive; a connection idle
 * for 50 s is not used again (DynamoDB drops them at about 60 s). TLS 1.2 or newer, always verified. DNS runs
 * in libcurl's resolver thread and never blocks a caller of transport_send(). */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/metrics.h"
#include "net/transport.h"

struct net_config {
    struct metrics *metrics;      /* may be NULL */
    const char *ca_file;          /* PEM bundle; NULL: the system's */
    const char *user_agent;
    size_t max_host_connections;  /* 0: 64 */
    size_t max_in_flight;         /* further requests wait in order; 0: 256 */
};

/* Makes the thread. NULL with one line in `reason`. The config may go after the call, its strings are copied. */
struct transport *net_start(const struct net_config *config, char reason[160]);

/* Cancels what is under way (each `done` is called with NET_CANCELLED), ends the thread and frees all.
 * NULL: nothing. */
void net_stop(struct transport *t);

/* libcurl's and its TLS library's version, for --version. Static. */
const char *net_version(void);

#endif
