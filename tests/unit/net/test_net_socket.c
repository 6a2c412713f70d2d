/* What epoll watches between two requests: a kept connection stays in, its end is noticed once, and
 * a file descriptor that comes again is watched anew. */
#include "net/net_internal.h"
#include "net_test.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static struct test_server server;
static struct transport *net;
static atomic_bool close_each, silent;

/* Instead of the C library's, for the network thread. */
static atomic_int controls, additions, removals;
int counted_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event) __asm__("epoll_ctl");
int counted_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
    controls++;
    additions += op == EPOLL_CTL_ADD;
    removals += op == EPOLL_CTL_DEL;
    return (int)syscall(SYS_epoll_ctl, epoll_fd, op, fd, event);
}

static void answer(struct test_conn *c)
{
    struct buf head = BUF_INIT, body = BUF_INIT;
    while (conn_request(c, &head, &body)) {
        if (silent) {
            conn_hang(c);
        }
        pause_ms(1); /* so that the client goes to sleep for it */
        conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        buf_clear(&head);
        if (close_each) {
            break;
        }
    }
    buf_free(&head);
    buf_free(&body);
}

static int setup(void **state)
{
    (void)state;
    close_each = silent = false;
    server = (struct test_server){.tls = false};
    server_start(&server, answer, NULL);
    net = start_net(&(struct net_config){.ca_file = NULL});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    net_stop(net);
    server_stop(&server);
    return 0;
}

static struct answer get(const char *url, int timeout_ms)
{
    const struct net_request r = {
        .method = "GET", .url = url, .timeout_ms = timeout_ms, .max_reply = 4096};
    return send_and_wait(net, &r);
}

static struct answer get_from_server(void)
{
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
    return get(url, silent ? 30 : 10000);
}

static void a_kept_connection_stays_watched(void **state)
{
    (void)state;
    assert_int_equal(get_from_server().error, NET_OK);
    controls = 0;
    for (int i = 0; i < 50; i++) {
        struct answer a = get_from_server();
        assert_int_equal(a.error, NET_OK);
        assert_true(a.reused);
    }
    assert_int_equal(controls, 0);
}

/* Processor time of the network thread. */
static int64_t used_ms(void)
{
    clockid_t id;
    struct timespec used;
    assert_int_equal(pthread_getcpuclockid(((struct net *)net)->thread, &id), 0);
    assert_int_equal(clock_gettime(id, &used), 0);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

static void the_end_of_an_idle_one_is_noticed_once(void **state)
{
    (void)state;
    close_each = true;
    removals = 0;
    assert_int_equal(get_from_server().error, NET_OK);
    for (int i = 0; i < 2000 && removals == 0; i++) {
        pause_ms(1);
    }
    assert_int_equal(removals, 1);
    int64_t before = used_ms();
    pause_ms(500);
    assert_true(used_ms() - before < 100);
    assert_int_equal(removals, 1);
    struct answer a = get_from_server();
    assert_int_equal(a.error, NET_OK);
    assert_false(a.reused);
}

/* The number of a connection that ended, or that libcurl closed while an answer was awaited, goes
 * to the next one, or to the resolver, which closes it without telling. */
static void numbers_that_come_again_are_watched_anew(void **state)
{
    (void)state;
    close_each = true;
    additions = 0;
    for (int i = 0; i < 30; i++) {
        char url[64];
        snprintf(url, sizeof(url), "http://nowhere-%d.invalid/", i);
        assert_int_equal(get_from_server().error, NET_OK);
        pause_ms(i % 3);
        if (i % 2 == 0) {
            assert_int_equal(get(url, 10000).error, NET_RESOLVE);
        }
        silent = i % 3 == 0;
        if (silent) {
            assert_int_equal(get_from_server().error, NET_TIMEOUT);
        }
        silent = false;
    }
    assert_true(additions >= 30);
}

/* libcurl does not tell when it closes a socket that was never connected. */
static void one_that_never_connected_is_taken_out(void **state)
{
    (void)state;
    int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int waiting[3]; /* they fill its queue */
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    assert_int_equal(bind(full, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(full, 0), 0);
    assert_int_equal(getsockname(full, (struct sockaddr *)&at, &size), 0);
    for (size_t i = 0; i < 3; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(waiting[i], (struct sockaddr *)&at, size);
    }
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(at.sin_port));
    additions = removals = 0;
    assert_int_not_equal(get(url, 100).error, NET_OK);
    assert_int_equal(additions, 1);
    assert_int_equal(removals, 1);
    for (size_t i = 0; i < 3; i++) {
        close(waiting[i]);
    }
    close(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_kept_connection_stays_watched, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_of_an_idle_one_is_noticed_once, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_never_connected_is_taken_out, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_that_come_again_are_watched_anew, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
