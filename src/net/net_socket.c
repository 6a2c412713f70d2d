/* Which sockets epoll watches for libcurl. It wants to hear about a connection from the sending of
 * a request to the end of its answer, and not between two. Taking the socket out of epoll each
 * time, and in again, would be two system calls a request: a connection's socket stays in, and is
 * taken out only when something comes that nobody waits for, as its end does.
 *
 * That needs to know when a socket is closed, because its number comes again for another one.
 * libcurl 7.88 tells of it, through net_socket_close(), when it closes a connection; not when that
 * was never made, nor for what it opens by itself, as the resolver's. Those are taken out each time
 * (seen in test_net_socket.c). */
#include "net_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct net_socket {
    bool ours;                /* opened by net_socket_open(), and its closing will be told */
    uint32_t wanted, watched; /* EPOLLIN, EPOLLOUT; 0: nothing, and not in epoll */
};

static struct net_socket *find(struct net *n, int fd)
{
    return (size_t)fd < n->sockets_size && n->sockets[fd].ours ? &n->sockets[fd] : NULL;
}

static int control(struct net *n, int op, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(n->epoll_fd, op, fd, &event);
}

static bool make_room(struct net *n, int fd)
{
    size_t size = n->sockets_size;
    if ((size_t)fd < size) {
        return true;
    }
    while (size <= (size_t)fd) {
        size = size * 2 + 16;
    }
    struct net_socket *sockets = realloc(n->sockets, size * sizeof(*sockets));
    if (sockets == NULL) {
        return false;
    }
    for (size_t i = n->sockets_size; i < size; i++) {
        sockets[i] = (struct net_socket){0};
    }
    n->sockets = sockets;
    n->sockets_size = size;
    return true;
}

curl_socket_t net_socket_open(void *net, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct net *n = net;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0 && make_room(n, fd)) {
        n->sockets[fd] = (struct net_socket){.ours = true};
    }
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

int net_socket_close(void *net, curl_socket_t fd)
{
    struct net *n = net;
    struct net_socket *s = find(n, fd);
    if (s != NULL) {
        s->ours = false;
    }
    return close(fd);
}

void net_socket_want(struct net *n, int fd, uint32_t events)
{
    struct net_socket *s = find(n, fd);
    if (s != NULL && events == 0 && s->watched != EPOLLIN) { /* it has never waited for an answer */
        s->ours = false;
        s = NULL;
    }
    if (s != NULL) {
        s->wanted = events;
    }
    if (s != NULL && (events == 0 || events == s->watched)) {
        return;
    }
    int rc;
    if (events == 0) {
        rc = control(n, EPOLL_CTL_DEL, fd, 0);
    } else if ((rc = control(n, EPOLL_CTL_ADD, fd, events)) != 0 && errno == EEXIST) {
        rc = control(n, EPOLL_CTL_MOD, fd, events);
    }
    if (s != NULL) {
        s->watched = rc == 0 ? events : 0;
    }
}

bool net_socket_wanted(struct net *n, int fd)
{
    struct net_socket *s = find(n, fd);
    if (s == NULL || s->wanted != 0) {
        return true;
    }
    control(n, EPOLL_CTL_DEL, fd, 0);
    s->watched = 0;
    return false;
}
