#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, HOST_SIZE = 256 };

struct place {
    char host[HOST_SIZE];
    const char *port; /* into what was split */
};

static bool split(const char *where, struct place *out)
{
    const char *colon = strrchr(where, ':');
    if (colon == NULL) {
        return false;
    }
    const char *start = where;
    const char *end = colon;
    if (*start == '[' && end > start && end[-1] == ']') {
        start++;
        end--;
    }
    if ((size_t)(end - start) >= sizeof out->host) {
        return false;
    }
    memcpy(out->host, start, (size_t)(end - start));
    out->host[end - start] = '\0';
    out->port = colon + 1;
    return true;
}

static int bind_one(const struct addrinfo *info)
{
    int one = 1;
    int zero = 0;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (info->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    }
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void describe(int fd, char address[HTTP_ADDRESS_SIZE])
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;
    char host[HTTP_ADDRESS_SIZE - 16] = "?";
    char port[8] = "0";
    if (getsockname(fd, (struct sockaddr *)&bound, &size) == 0) {
        (void)getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
                          NI_NUMERICHOST | NI_NUMERICSERV);
    }
    bool v6 = bound.ss_family == AF_INET6;
    snprintf(address, HTTP_ADDRESS_SIZE, v6 ? "[%s]:%s" : "%s:%s", host, port);
}

int listen_open(const char *where, char address[HTTP_ADDRESS_SIZE], char reason[HTTP_ERROR_SIZE])
{
    struct place place;
    struct addrinfo *list = NULL;
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    if (!split(where, &place)) {
        snprintf(reason, HTTP_ERROR_SIZE,
                 "cannot listen on %.100s: it must be host:port or [IPv6]:port", where);
        return -1;
    }
    int error = getaddrinfo(place.host[0] != '\0' ? place.host : NULL, place.port, &hints, &list);
    if (error != 0) {
        snprintf(reason, HTTP_ERROR_SIZE, "cannot listen on %.100s: %s", where,
                 gai_strerror(error));
        return -1;
    }
    int fd = bind_one(list);
    int bind_error = errno;
    freeaddrinfo(list);
    if (fd < 0) {
        const char *advice =
            bind_error == EADDRINUSE ? "; another program uses it: stop that, or set REVIEWD_LISTEN"
            : bind_error == EADDRNOTAVAIL ? "; this machine has no such address: set REVIEWD_LISTEN"
            : bind_error == EAFNOSUPPORT  ? "; this machine has no IPv6: set REVIEWD_LISTEN to an "
                                            "IPv4 address, as 0.0.0.0:8080"
            : bind_error == EACCES ? "; ports below 1024 need a privilege: set REVIEWD_LISTEN"
                                   : "";
        snprintf(reason, HTTP_ERROR_SIZE, "cannot listen on %.100s: %s%s", where,
                 strerror(bind_error), advice);
        return -1;
    }
    describe(fd, address);
    return fd;
}
