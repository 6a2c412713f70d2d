/* What goes over the wire for an HTTP request, and what comes back. */
#include "net/net_internal.h"
#include "net_test.h"
#include "support/alloc.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/syscall.h>

static struct test_server server;
static struct transport *net;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct buf head, body;     /* the last request; guarded by lock */
static const char *_Atomic reply; /* what the handler says to each request */
static struct buf long_reply;
static atomic_int requests;

static bool take_request(struct test_conn *c)
{
    struct buf h = BUF_INIT, b = BUF_INIT;
    bool ok = conn_request(c, &h, &b);
    if (ok) {
        requests++;
        pthread_mutex_lock(&lock);
        buf_free(&head);
        buf_free(&body);
        head = h;
        body = b;
        pthread_mutex_unlock(&lock);
    } else {
        buf_free(&h);
        buf_free(&b);
    }
    return ok;
}

static void answer_each(struct test_conn *c)
{
    while (take_request(c)) {
        const char *text = reply;
        conn_say(c, text);
        if (strstr(text, "close") != NULL) {
            return;
        }
    }
}

static atomic_int refused; /* connections to elsewhere than loopback, which no test may make */

/* Instead of the C library's connect(), for libcurl, too. */
int guarded_connect(int fd, const void *address, socklen_t len) __asm__("connect");
int guarded_connect(int fd, const void *address, socklen_t len)
{
    const struct sockaddr_in *in = address;
    if (in->sin_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 != 127) {
        refused++;
        errno = ENETUNREACH;
        return -1;
    }
    return (int)syscall(SYS_connect, fd, address, len);
}

static int setup(void **state)
{
    (void)state;
    reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    requests = 0;
    server_start(&server, answer_each, NULL);
    net = start_net(&(struct net_config){.user_agent = NULL});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    net_stop(net);
    server_stop(&server);
    buf_free(&head);
    buf_free(&body);
    buf_free(&long_reply);
    return 0;
}

static const char *url(const char *path)
{
    static char text[256];
    snprintf(text, sizeof(text), "http://127.0.0.1:%d%s", server.port, path);
    return text;
}

static struct net_request request(const char *method, struct span content)
{
    return (struct net_request){
        .method = method, .url = url("/"), .body = content, .timeout_ms = 10000, .max_reply = 4096};
}

static void expect_head(const char *format)
{
    char wanted[512], *port = strstr(format, "PORT");
    snprintf(wanted, sizeof(wanted), "%.*s%d%s", (int)(port - format), format, server.port,
             port + 4);
    pthread_mutex_lock(&lock);
    assert_string_equal(buf_str(&head), wanted);
    pthread_mutex_unlock(&lock);
}

static void expect_body(struct span wanted)
{
    pthread_mutex_lock(&lock);
    assert_true(span_equal(buf_span(&body), wanted));
    pthread_mutex_unlock(&lock);
}

static bool head_has(const char *text)
{
    pthread_mutex_lock(&lock);
    bool found = strcasestr(buf_str(&head), text) != NULL;
    pthread_mutex_unlock(&lock);
    return found;
}

static void test_request_is_sent_exactly(void **state)
{
    (void)state;
    const struct net_header headers[] = {{"Content-Type", "application/x-amz-json-1.0"},
                                         {"x-EMPTY", ""},
                                         {"X-Amz-Target", "A  b; c"}};
    struct net_request r = request("POST", SPAN("{\"a\":\"\0\r\n\"}"));
    r.url = url("/a/../b/./%c3%A4?x=%2f&y=+");
    r.headers = headers;
    r.header_count = 3;
    struct answer a = send_and_wait(net, &r);
    assert_int_equal(a.error, NET_OK);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_len, 2);
    assert_memory_equal(a.body, "ok", 2);
    expect_head("POST /a/../b/./%c3%A4?x=%2f&y=+ HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n"
                "Content-Type: application/x-amz-json-1.0\r\nx-EMPTY:\r\nX-Amz-Target: A  b; c\r\n"
                "Content-Length: 11\r\n\r\n");
    expect_body(SPAN("{\"a\":\"\0\r\n\"}"));
}

static void test_methods(void **state)
{
    (void)state;
    /* Each after the other on one handle: nothing is left from the one before. */
    static const struct {
        const char *method;
        struct span body;
        const char *length;
    } cases[] = {{"POST", {"x", 1}, "Content-Length: 1\r\n"},
                 {"GET", {NULL, 0}, ""},
                 {"HEAD", {NULL, 0}, ""},
                 {"PUT", {NULL, 0}, "Content-Length: 0\r\n"},
                 {"DELETE", {NULL, 0}, ""},
                 {"POST", {NULL, 0}, "Content-Length: 0\r\n"},
                 {"PATCH", {"yy", 2}, "Content-Length: 2\r\n"},
                 {"GET", {"body", 4}, "Content-Length: 4\r\n"},
                 {"DELETE", {"z", 1}, "Content-Length: 1\r\n"},
                 {"HEAD", {NULL, 0}, ""},
                 {"PUT", {"12345", 5}, "Content-Length: 5\r\n"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net_request r = request(cases[i].method, cases[i].body);
        reply = strcmp(r.method, "HEAD") == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                                              : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        struct answer a = send_and_wait(net, &r);
        assert_int_equal(a.error, NET_OK);
        assert_int_equal(a.reused, i > 0);
        char wanted[200];
        snprintf(wanted, sizeof(wanted), "%s / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n%s\r\n",
                 r.method, cases[i].length);
        expect_head(wanted);
        expect_body(cases[i].body);
    }
    assert_int_equal(server.count, 1);
}

static void test_large_body_is_sent_without_expect(void **state)
{
    (void)state;
    size_t len = 3 << 20;
    char *big = calloc(1, len);
    big[len - 1] = 'x';
    struct net_request r = request("POST", (struct span){big, len});
    assert_int_equal(send_and_wait(net, &r).error, NET_OK);
    assert_false(head_has("expect"));
    expect_body(r.body);
    free(big);
}

static void test_user_agent(void **state)
{
    (void)state;
    struct transport *t = start_net(&(struct net_config){.user_agent = "reviewd/1"});
    struct net_request r = request("GET", (struct span){NULL, 0});
    assert_int_equal(send_and_wait(t, &r).error, NET_OK);
    expect_head("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nUser-Agent: reviewd/1\r\n\r\n");
    const struct net_header own = {"user-agent", "mine"};
    r.headers = &own;
    r.header_count = 1;
    assert_int_equal(send_and_wait(t, &r).error, NET_OK);
    expect_head("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nuser-agent: mine\r\n\r\n");
    net_stop(t);
}

static void test_answer_headers(void **state)
{
    (void)state;
    reply = "HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\n"
            "HTTP/1.1 404 Not Found\r\nX-AMZN-RequestId:  abc \r\nx-empty:\r\nTransfer-Encoding: "
            "chunked\r\n"
            "x-dup: 1\r\nX-Dup: 2\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: no\r\n\r\n";
    struct net_request r = request("GET", (struct span){NULL, 0});
    struct answer a = send_and_wait(net, &r);
    assert_int_equal(a.error, NET_OK);
    assert_int_equal(a.status, 404);
    assert_true(a.started);
    assert_string_equal(
        a.headers, "X-AMZN-RequestId=abc\nx-empty=\nTransfer-Encoding=chunked\nx-dup=1\nX-Dup=2\n");
    assert_int_equal(a.body_len, 3);
    assert_memory_equal(a.body, "abc", 3);
}

static void test_redirect_is_not_followed(void **state)
{
    (void)state;
    reply = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    struct net_request r = request("GET", (struct span){NULL, 0});
    assert_int_equal(send_and_wait(net, &r).status, 302);
    assert_int_equal(requests, 1);
}

static void test_max_reply(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n3\r\n345\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n12345"};
    for (size_t i = 0; i < 3; i++) {
        reply = replies[i];
        for (size_t max = 4; max <= 6; max++) {
            struct net_request r = request("GET", (struct span){NULL, 0});
            r.max_reply = max;
            struct answer a = send_and_wait(net, &r);
            assert_int_equal(a.error, max < 5 ? NET_TOO_LARGE : NET_OK);
            assert_int_equal(a.status, 200);
            if (max >= 5) {
                assert_memory_equal(a.body, "12345", 5);
            }
        }
    }
    reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct net_request r = request("GET", (struct span){NULL, 0});
    r.max_reply = 0;
    assert_int_equal(send_and_wait(net, &r).error, NET_OK);
}

static void test_header_limit(void **state)
{
    (void)state;
    for (int lines = 60; lines <= 70; lines += 10) { /* a line counts 1000 + 24 bytes */
        buf_free(&long_reply);
        buf_add_str(&long_reply, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
        for (int i = 0; i < lines; i++) {
            buf_addf(&long_reply, "X-Header-Number-%06d: %01000d\r\n", i, i);
        }
        buf_add_str(&long_reply, "\r\n");
        reply = buf_str(&long_reply);
        struct net_request r = request("GET", (struct span){NULL, 0});
        struct answer a = send_and_wait(net, &r);
        assert_int_equal(a.error, lines == 60 ? NET_OK : NET_TOO_LARGE);
        server_stop(&server); /* before the text is freed */
        server_start(&server, answer_each, NULL);
    }
}

static void test_broken_answers(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        int status;
        bool started;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n123", 200, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n12", 200,
         true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n", 200,
         true},
        {"garbage close\r\n\r\n", 0, false},
        {"220 smtp.example.com close\r\n", 0, false},
        {"HTTP/1.1 200 OK\r\nA: close\r\n", 200, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reply = cases[i].reply;
        struct net_request r = request("POST", SPAN("x"));
        struct answer a = send_and_wait(net, &r);
        assert_int_equal(a.error, NET_BROKEN);
        assert_string_not_equal(a.detail, "");
        assert_int_equal(a.status, cases[i].status);
        assert_int_equal(a.started, cases[i].started);
    }
    assert_int_equal(requests, sizeof(cases) / sizeof(cases[0]));
}

static void close_second(struct test_conn *c)
{
    if (!take_request(c)) {
        return;
    }
    conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    take_request(c);
    conn_reset(c);
}

/* libcurl would send it again by itself. */
static void test_request_is_sent_once_on_a_dying_connection(void **state)
{
    (void)state;
    server.handler = close_second;
    struct net_request r = request("POST", SPAN("x"));
    assert_int_equal(send_and_wait(net, &r).error, NET_OK);
    struct answer a = send_and_wait(net, &r);
    assert_int_equal(a.error, NET_BROKEN);
    assert_true(a.reused);
    assert_false(a.started);
    assert_string_equal(a.detail, "the kept connection was closed by the other side");
    assert_int_equal(requests, 2);
    assert_int_equal(send_and_wait(net, &r).error, NET_OK);
}

static void test_invalid_requests(void **state)
{
    (void)state;
    static const char *const urls[] = {"ftp://127.0.0.1/",
                                       "file:///etc/passwd",
                                       "",
                                       "http://",
                                       "http://a b/",
                                       "nonsense:",
                                       "http://127.0.0.1:99999/",
                                       "http://user:pw@127.0.0.1/"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct net_request r = request("GET", (struct span){NULL, 0});
        r.url = urls[i];
        struct answer a = send_and_wait(net, &r);
        if (a.error != NET_INVALID) {
            fail_msg("%s: %s, %s", urls[i], net_error_name(a.error), a.detail);
        }
    }
    static const struct net_header bad[] = {
        {"A", "x\r\nB: y"}, {"A\n", ""}, {"", "x"}, {"A:", "x"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct net_request r = request("GET", (struct span){NULL, 0});
        r.headers = &bad[i];
        r.header_count = 1;
        assert_int_equal(send_and_wait(net, &r).error, NET_INVALID);
    }
    assert_int_equal(requests, 0);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    struct net_request r = request("GET", (struct span){NULL, 0});
    r.url = "http://127.0.0.1:1/";
    struct answer a = send_and_wait(net, &r);
    assert_int_equal(a.error, NET_CONNECT);
    assert_string_not_equal(a.detail, "");
}

static void test_direct_takes_no_proxy(void **state)
{
    (void)state;
    char proxy[64];
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server.port);
    setenv("http_proxy", proxy, 1);
    struct net_request r = request("GET", (struct span){NULL, 0});
    r.url = "http://example.com/x";
    assert_int_equal(send_and_wait(net, &r).status, 200);
    assert_true(head_has("GET http://example.com/x HTTP/1.1\r\n"));
    r.direct = true;
    r.url = "http://169.254.169.254/latest";
    assert_int_equal(send_and_wait(net, &r).error, NET_CONNECT);
    assert_int_equal(requests, 1);
    assert_int_equal(refused, 1);
    r.direct = false; /* also on the handle that has just gone without one */
    r.url = "http://example.com/y";
    assert_int_equal(send_and_wait(net, &r).status, 200);
    assert_true(head_has("GET http://example.com/y HTTP/1.1\r\n"));
    unsetenv("http_proxy");
}

static void test_out_of_memory_at_each_place(void **state)
{
    (void)state;
    const struct net_header header = {"A", "b"};
    int failed = 0;
    for (long i = 1; i <= 24; i++) {
        struct transport *t = start_net(&(struct net_config){.user_agent = "x"});
        struct net_request r = request("POST", SPAN("x"));
        r.headers = &header;
        r.header_count = 1;
        struct net_result result;
        struct buf text = BUF_INIT;
        alloc_fail_at(i);
        result = transport_wait(t, &r, &text);
        alloc_fail_at(0);
        failed += result.error == NET_NO_MEMORY;
        assert_true(result.error == NET_OK || result.error == NET_NO_MEMORY ||
                    result.error == NET_BROKEN);
        result = transport_wait(t, &r, NULL);
        if (result.error != NET_OK) {
            fail_msg("%ld: %s", i, result.detail);
        }
        buf_free(&text);
        net_stop(t);
    }
    assert_in_range(failed, 4, 24);
}

static void test_start_failures(void **state)
{
    (void)state;
    char reason[NET_REASON_SIZE] = "";
    assert_null(net_start(&(struct net_config){.ca_file = "/nowhere/ca.pem"}, reason));
    assert_string_equal(reason,
                        "the file of trusted certificates, /nowhere/ca.pem, cannot be read: "
                        "No such file or directory");
    for (long i = 1; i <= 3; i++) {
        alloc_fail_at(i);
        assert_null(
            net_start(&(struct net_config){.ca_file = "/dev/null", .user_agent = "x"}, reason));
        alloc_fail_at(0);
        assert_non_null(strstr(reason, "memory"));
    }
    net_stop(NULL);
    assert_non_null(strstr(net_version(), "libcurl/"));
}

struct left_over {
    sem_t looked;
    size_t handles;
    bool found;
};

static bool holds_secret(const struct buf *b)
{
    return b->data != NULL && memmem(b->data, b->cap, "hunter2", 7) != NULL;
}

/* On the network thread, which owns the handles that wait for the next request. */
static void look_for_secrets(void *context)
{
    struct left_over *l = context;
    for (const struct net_easy *e = ((struct net *)net)->pool; e != NULL; e = e->next) {
        assert_true(e->list.cap > 0 && e->head.cap > 0 && e->body.cap > 0); /* they were used */
        l->handles++;
        l->found =
            l->found || holds_secret(&e->list) || holds_secret(&e->head) || holds_secret(&e->body);
    }
    sem_post(&l->looked);
}

static void test_secrets_are_wiped(void **state)
{
    (void)state;
    const struct net_header key[] = {{"Authorization", "hunter2"}};
    reply = "HTTP/1.1 200 OK\r\nX-Token: hunter2\r\nContent-Length: 7\r\n\r\nhunter2";
    struct net_request r = request("GET", (struct span){NULL, 0});
    r.headers = key;
    r.header_count = 1;
    struct answer a = send_and_wait(net, &r);
    assert_string_equal(a.body, "hunter2");
    assert_string_equal(a.headers, "X-Token=hunter2\nContent-Length=7\n");
    struct left_over l = {0};
    sem_init(&l.looked, 0, 0);
    assert_int_not_equal(transport_after(net, 0, look_for_secrets, &l), 0);
    sem_wait(&l.looked);
    sem_destroy(&l.looked);
    assert_int_equal(l.handles, 1);
    assert_false(l.found);
}

static void test_tls(void **state)
{
    (void)state;
    struct test_server secure = {.tls = true};
    server_start_tls(&secure, answer_each, NULL);
    char text[64];
    snprintf(text, sizeof(text), "https://127.0.0.1:%d/", secure.port);
    struct net_request r = request("POST", SPAN("x"));
    r.url = text;
    struct answer a = send_and_wait(net, &r);
    assert_int_equal(a.error, NET_TLS);
    assert_non_null(strstr(a.detail, "certificate"));
    struct transport *trusting = start_net(&(struct net_config){.ca_file = secure.ca_file});
    assert_int_equal(send_and_wait(trusting, &r).error, NET_OK);
    assert_true(send_and_wait(trusting, &r).reused);
    char host[64]; /* the certificate is not for this name */
    snprintf(host, sizeof(host), "https://127.0.0.2:%d/", secure.port);
    r.url = host;
    assert_int_not_equal(send_and_wait(trusting, &r).error, NET_OK);
    net_stop(trusting);
    server_stop(&secure);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_request_is_sent_exactly),
        CASE(test_methods),
        CASE(test_large_body_is_sent_without_expect),
        CASE(test_user_agent),
        CASE(test_answer_headers),
        CASE(test_redirect_is_not_followed),
        CASE(test_max_reply),
        CASE(test_header_limit),
        CASE(test_broken_answers),
        CASE(test_request_is_sent_once_on_a_dying_connection),
        CASE(test_invalid_requests),
        CASE(test_nobody_listens),
        CASE(test_direct_takes_no_proxy),
        CASE(test_out_of_memory_at_each_place),
        CASE(test_start_failures),
        CASE(test_secrets_are_wiped),
        CASE(test_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
