#include "support/server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

void *__real_calloc(size_t n, size_t size);

static void die(const char *what)
{
    perror(what);
    abort();
}

static ssize_t receive(struct test_conn *c, char *out, size_t size)
{
    if (c->ssl != NULL) {
        return SSL_read(c->ssl, out, (int)size);
    }
    return recv(c->fd, out, size, 0);
}

static bool more(struct test_conn *c)
{
    if (c->rest_len == sizeof(c->rest)) {
        return false;
    }
    ssize_t n = receive(c, c->rest + c->rest_len, sizeof(c->rest) - c->rest_len);
    if (n <= 0) {
        return false;
    }
    c->rest_len += (size_t)n;
    return true;
}

static void take(struct test_conn *c, size_t n)
{
    c->rest_len -= n;
    memmove(c->rest, c->rest + n, c->rest_len);
}

bool conn_line(struct test_conn *c, char *line, size_t size)
{
    char *end;
    while ((end = memmem(c->rest, c->rest_len, "\r\n", 2)) == NULL) {
        if (!more(c)) {
            return false;
        }
    }
    size_t len = (size_t)(end - c->rest);
    snprintf(line, size, "%.*s", (int)len, c->rest);
    take(c, len + 2);
    return true;
}

bool conn_bytes(struct test_conn *c, char *out, size_t n)
{
    while (n > 0) {
        if (c->rest_len == 0 && !more(c)) {
            return false;
        }
        size_t part = n < c->rest_len ? n : c->rest_len;
        memcpy(out, c->rest, part);
        take(c, part);
        out += part;
        n -= part;
    }
    return true;
}

bool conn_request(struct test_conn *c, struct buf *head, struct buf *body)
{
    char line[16384];
    size_t len = 0;
    buf_clear(head);
    buf_clear(body);
    do {
        if (!conn_line(c, line, sizeof(line))) {
            return false;
        }
        buf_addf(head, "%s\r\n", line);
        if (strncasecmp(line, "Content-Length:", 15) == 0) {
            len = strtoul(line + 15, NULL, 10);
        }
    } while (line[0] != '\0');
    if (!buf_reserve(body, len + 1) || !conn_bytes(c, body->data, len)) {
        return false;
    }
    body->len = len;
    return true;
}

void conn_write(struct test_conn *c, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = c->ssl != NULL ? SSL_write(c->ssl, bytes, (int)len)
                                   : send(c->fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        bytes += n;
        len -= (size_t)n;
    }
}

void conn_say(struct test_conn *c, const char *text)
{
    conn_write(c, text, strlen(text));
}

bool conn_starttls(struct test_conn *c)
{
    SSL *ssl = SSL_new(c->server->ssl);
    SSL_set_fd(ssl, c->fd);
    if (SSL_accept(ssl) != 1) {
        SSL_free(ssl);
        return false;
    }
    c->ssl = ssl;
    return true;
}

void conn_reset(struct test_conn *c)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void conn_hang(struct test_conn *c)
{
    char line[64];
    while (receive(c, line, sizeof(line)) > 0) {
    }
}

static void *serve_one(void *context)
{
    struct test_conn *c = context;
    struct test_server *s = c->server;
    void (*handler)(struct test_conn * conn) = atomic_load(&s->handler);
    if (!s->tls || conn_starttls(c)) {
        handler(c);
    }
    SSL_free(c->ssl);
    pthread_mutex_lock(&s->lock);
    close(c->fd);
    c->fd = -1;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void *accept_all(void *context)
{
    struct test_server *s = context;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int fd;
    while ((fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        pthread_mutex_lock(&s->lock);
        int i = s->count;
        struct test_conn *c = i < SERVER_CONNECTIONS ? __real_calloc(1, sizeof(*c)) : NULL;
        if (c == NULL || s->stopping) {
            free(c);
            close(fd);
            pthread_mutex_unlock(&s->lock);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        *c = (struct test_conn){.server = s, .number = i, .fd = fd};
        s->conns[i] = c;
        s->count = i + 1;
        if (pthread_create(&c->thread, NULL, serve_one, c) != 0) {
            die("thread");
        }
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

void server_start(struct test_server *s, void (*handler)(struct test_conn *conn), void *context)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    *s = (struct test_server){.context = context, .tls = s->tls, .ssl = s->ssl};
    s->handler = handler;
    pthread_mutex_init(&s->lock, NULL);
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(s->listen_fd, (struct sockaddr *)&address, len) != 0 ||
        listen(s->listen_fd, 512) != 0 ||
        getsockname(s->listen_fd, (struct sockaddr *)&address, &len) != 0) {
        die("listen");
    }
    s->port = ntohs(address.sin_port);
    if (pthread_create(&s->thread, NULL, accept_all, s) != 0) {
        die("thread");
    }
}

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_set_version(cert, 2);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509V3_CTX context;
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    X509_add_ext(cert, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(cert, key, EVP_sha256());
    return cert;
}

void server_start_tls(struct test_server *s, void (*handler)(struct test_conn *conn), void *context)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_certificate(key);
    s->ssl = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate(s->ssl, cert) != 1 || SSL_CTX_use_PrivateKey(s->ssl, key) != 1) {
        die("certificate");
    }
    server_start(s, handler, context);
    snprintf(s->ca_file, sizeof(s->ca_file), "/tmp/reviewd-test-ca-XXXXXX");
    FILE *file = fdopen(mkstemp(s->ca_file), "w");
    if (file == NULL || PEM_write_X509(file, cert) != 1) {
        die("certificate");
    }
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void server_stop(struct test_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (int i = 0; i < s->count; i++) {
        if (s->conns[i]->fd >= 0) {
            shutdown(s->conns[i]->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&s->lock);
    shutdown(s->listen_fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    for (int i = 0; i < s->count; i++) {
        pthread_join(s->conns[i]->thread, NULL);
        free(s->conns[i]);
    }
    close(s->listen_fd);
    if (s->ca_file[0] != '\0') {
        unlink(s->ca_file);
    }
    SSL_CTX_free(s->ssl);
    pthread_mutex_destroy(&s->lock);
    memset(s, 0, sizeof(*s));
}
