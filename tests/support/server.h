/* A server on 127.0.0.1 for tests of the client side: each connection runs the test's handler in a
 * thread of its own. TLS with a self-signed certificate for 127.0.0.1 that is made at the start. */
#ifndef SUPPORT_SERVER_H
#define SUPPORT_SERVER_H

#include "base/buf.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

enum { SERVER_CONNECTIONS = 512 };

struct test_server;

struct test_conn {
    struct test_server *server;
    int number; /* 0 for the first connection */
    int fd;
    SSL *ssl;
    char rest[65536]; /* what was read beyond the last line */
    size_t rest_len;
    pthread_t thread;
};

struct test_server {
    int listen_fd;
    int port;
    void (*_Atomic handler)(struct test_conn *conn);
    void *context; /* the test's */
    bool tls;      /* set before the start: TLS from the first byte */
    SSL_CTX *ssl;
    char ca_file[64]; /* the certificate as PEM, for those who are to trust it */
    pthread_t thread;
    pthread_mutex_t lock;
    struct test_conn *conns[SERVER_CONNECTIONS]; /* guarded by lock */
    atomic_int count;                            /* connections so far */
    bool stopping;                               /* guarded by lock */
};

/* Aborts the test program when it cannot start. */
void server_start(struct test_server *s, void (*handler)(struct test_conn *conn), void *context);
void server_start_tls(struct test_server *s, void (*handler)(struct test_conn *conn),
                      void *context);
void server_stop(struct test_server *s); /* shuts all connections down and waits for the handlers */

/* A line without its CRLF; false at the end of the connection. */
bool conn_line(struct test_conn *c, char *line, size_t size);
/* `n` bytes. */
bool conn_bytes(struct test_conn *c, char *out, size_t n);
/* An HTTP request: the head (with its blank line) and the body, as long as Content-Length says. */
bool conn_request(struct test_conn *c, struct buf *head, struct buf *body);
void conn_write(struct test_conn *c, const char *bytes, size_t len);
void conn_say(struct test_conn *c, const char *text);
bool conn_starttls(struct test_conn *c);
void conn_reset(struct test_conn *c); /* RST instead of FIN, at the handler's end */
void conn_hang(struct test_conn *c);  /* until the other side or the test ends it */

#endif
