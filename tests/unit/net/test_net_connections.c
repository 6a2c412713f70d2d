/* Which connections are made, and how long they are used: TLS 1.2 at least, none that was idle for
 * long or is old. */
#include "net/net_internal.h"
#include "net_test.h"

#include <sys/socket.h>
#include <sys/wait.h>

static void answer_each(struct test_conn *c)
{
    struct buf head = BUF_INIT, body = BUF_INIT;
    while (conn_request(c, &head, &body)) {
        conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        buf_clear(&head);
        buf_clear(&body);
    }
    buf_free(&head);
    buf_free(&body);
}

static struct answer get(struct transport *t, const char *scheme, int port)
{
    char url[64];
    snprintf(url, sizeof(url), "%s://127.0.0.1:%d/", scheme, port);
    const struct net_request r = {
        .method = "GET", .url = url, .timeout_ms = 10000, .max_reply = 4096};
    return send_and_wait(t, &r);
}

/* What a process of its own does; its exit status is the error. */
static int fetch(int port, const char *ca_file)
{
    struct transport *t = start_net(&(struct net_config){.ca_file = ca_file});
    enum net_error error = get(t, "https", port).error;
    net_stop(t);
    return (int)error;
}

/* OpenSSL itself refuses TLS 1.1 nearly everywhere by now. That it is to be lenient it reads at its
 * first use, hence the process. */
static int fetch_leniently(const struct test_server *s, const char *openssl_conf)
{
    char program[] = "test_net_connections", port[16], ca_file[sizeof(s->ca_file)];
    snprintf(port, sizeof(port), "%d", s->port);
    memcpy(ca_file, s->ca_file, sizeof(ca_file));
    char *const arguments[] = {program, port, ca_file, NULL};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("OPENSSL_CONF", openssl_conf, 1);
        execv("/proc/self/exe", arguments);
        _exit(99);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_tls_is_1_2_or_newer(void **state)
{
    (void)state;
    char path[] = "/tmp/reviewd-openssl-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    fputs("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n"
          "MinProtocol = TLSv1\nCipherString = DEFAULT:@SECLEVEL=0\n",
          file);
    assert_int_equal(fclose(file), 0);
    static const struct {
        int version;
        enum net_error error;
    } cases[] = {{TLS1_1_VERSION, NET_TLS}, {TLS1_2_VERSION, NET_OK}};
    for (size_t i = 0; i < 2; i++) {
        struct test_server secure = {.tls = true};
        server_start_tls(&secure, answer_each, NULL);
        SSL_CTX_set_cipher_list(secure.ssl, "DEFAULT:@SECLEVEL=0");
        SSL_CTX_set_min_proto_version(secure.ssl, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(secure.ssl, cases[i].version);
        assert_int_equal(fetch_leniently(&secure, path), cases[i].error);
        server_stop(&secure);
    }
    assert_int_equal(unlink(path), 0);
}

/* A second request 3 s after the first: whether it went over the same connection. */
static bool reused_later(const struct net_config *config)
{
    struct test_server server = {.tls = false};
    server_start(&server, answer_each, NULL);
    struct transport *t = start_net(config);
    assert_int_equal(get(t, "http", server.port).error, NET_OK);
    pause_ms(3000); /* libcurl counts whole seconds */
    struct answer second = get(t, "http", server.port);
    assert_int_equal(second.error, NET_OK);
    net_stop(t);
    server_stop(&server);
    return second.reused;
}

static void test_idle_and_old_connections_are_left(void **state)
{
    (void)state;
    struct transport *t = start_net(&(struct net_config){.ca_file = NULL});
    assert_int_equal(((struct net *)t)->max_idle_s, 50); /* DynamoDB drops them at about 60 s */
    assert_int_equal(((struct net *)t)->max_age_s, 600);
    net_stop(t);
    assert_true(reused_later(&(struct net_config){.ca_file = NULL}));
    assert_false(reused_later(&(struct net_config){.max_idle_s = 1}));
    assert_false(reused_later(&(struct net_config){.max_age_s = 1}));
}

/* Answers one request. The next one it takes without an answer, after which nobody listens. */
static void answer_one_and_go(struct test_conn *c)
{
    struct buf head = BUF_INIT, body = BUF_INIT;
    if (conn_request(c, &head, &body)) {
        conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        conn_request(c, &head, &body);
        shutdown(c->server->listen_fd, SHUT_RDWR);
    }
    buf_free(&head);
    buf_free(&body);
}

/* libcurl connects anew when a kept connection dies before the answer. That this fails does not
 * mean that the request was not sent. */
static void test_lost_connection_and_no_other(void **state)
{
    (void)state;
    struct test_server server = {.tls = false};
    server_start(&server, answer_one_and_go, NULL);
    struct transport *t = start_net(&(struct net_config){.ca_file = NULL});
    assert_int_equal(get(t, "http", server.port).error, NET_OK);
    struct answer second = get(t, "http", server.port);
    assert_int_equal(second.error, NET_BROKEN);
    assert_string_equal(second.detail, "the kept connection was closed by the other side");
    assert_true(second.reused); /* so that whoever sent it may send it again at once */
    assert_false(second.started);
    assert_int_equal(get(t, "http", server.port).error, NET_CONNECT);
    net_stop(t);
    server_stop(&server);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        return fetch(atoi(argv[1]), argv[2]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_is_1_2_or_newer),
        cmocka_unit_test(test_idle_and_old_connections_are_left),
        cmocka_unit_test(test_lost_connection_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
