/* Time and order: deadlines, cancellation, caps, timers, the end, and what happens while DNS hangs.
 */
#include "net_test.h"

#include <dirent.h>
#include <netdb.h>

static struct test_server server;
static struct transport *net;
static atomic_int requests, active, most_active, delay_ms;
static atomic_bool silent;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char order[64]; /* the last character of each path; guarded by lock */

static void serve(struct test_conn *c)
{
    struct buf head = BUF_INIT, body = BUF_INIT;
    while (conn_request(c, &head, &body)) {
        bool hang = silent;
        int now = ++active, most = most_active;
        while (now > most && !atomic_compare_exchange_weak(&most_active, &most, now)) {
        }
        pthread_mutex_lock(&lock);
        if (strlen(order) < sizeof(order) - 1) {
            strncat(order, strstr(buf_str(&head), " HTTP/") - 1, 1);
        }
        pthread_mutex_unlock(&lock);
        requests++;
        if (hang) {
            conn_hang(c);
        }
        pause_ms(delay_ms);
        active--;
        if (hang) {
            break;
        }
        conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    buf_free(&head);
    buf_free(&body);
}

/* Instead of the C library's, for libcurl: names below "hang." are resolved when the test says so.
 */
static atomic_bool dns_open;
static atomic_int dns_asked;
int guarded_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                        struct addrinfo **out) __asm__("getaddrinfo");
int guarded_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                        struct addrinfo **out)
{
    (void)service, (void)hints;
    dns_asked++;
    while (strncmp(name, "hang.", 5) == 0 && !dns_open) {
        pause_ms(5);
    }
    *out = NULL;
    return EAI_NONAME;
}

static int setup(void **state)
{
    (void)state;
    requests = active = most_active = delay_ms = 0;
    silent = dns_open = false;
    order[0] = '\0';
    server_start(&server, serve, NULL);
    net = start_net(&(struct net_config){.max_host_connections = 2, .max_in_flight = 3});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dns_open = true;
    net_stop(net);
    server_stop(&server);
    return 0;
}

static char urls[16][64];

static struct net_request request(int i)
{
    snprintf(urls[i], sizeof(urls[i]), "http://127.0.0.1:%d/%c", server.port, 'a' + i);
    return (struct net_request){
        .method = "GET", .url = urls[i], .timeout_ms = 10000, .max_reply = 100};
}

static struct net_request r[16];
static struct answer answers[16];

static uint64_t send_one(int i)
{
    answer_init(&answers[i]);
    uint64_t id = transport_send(net, &r[i], answer_take, &answers[i]);
    assert_int_not_equal(id, 0);
    return id;
}

static void test_deadline(void **state)
{
    (void)state;
    silent = true;
    r[0] = request(0);
    r[0].timeout_ms = 100;
    int64_t start = now_ms();
    struct answer a = send_and_wait(net, &r[0]);
    assert_int_equal(a.error, NET_TIMEOUT);
    assert_string_equal(a.detail, "no answer within 100 ms");
    assert_in_range(now_ms() - start, 99, 2000);
}

static void test_deadline_counts_while_waiting(void **state)
{
    (void)state;
    silent = true;
    for (int i = 0; i < 3; i++) {
        r[i] = request(i);
        r[i].timeout_ms = i < 2 ? 5000 : 150;
        send_one(i);
    }
    answer_wait(&answers[2]); /* two are allowed at once, so it never went out */
    assert_int_equal(answers[2].error, NET_TIMEOUT);
    assert_string_equal(answers[2].detail, "not sent: too many requests before it");
    assert_int_equal(answers[2].status, 0);
    assert_true(requests <= 2);
}

static void test_caps_and_order(void **state)
{
    (void)state;
    delay_ms = 20;
    for (int i = 0; i < 12; i++) {
        r[i] = request(i);
        send_one(i);
    }
    for (int i = 0; i < 12; i++) {
        answer_wait(&answers[i]);
        assert_int_equal(answers[i].error, NET_OK);
    }
    assert_int_equal(most_active, 2);
    assert_int_equal(server.count, 2);
    assert_int_equal(requests, 12);
    for (int i = 0; i < 12; i++) { /* two run side by side, so neighbours may swap */
        assert_in_range(order[i] - 'a' + 1, i, i + 2);
    }
}

/* A host at its cap does not hold up another, and all hosts together keep to max_in_flight. */
static void test_hosts_take_turns(void **state)
{
    (void)state;
    struct test_server other = {0};
    server_start(&other, serve, NULL);
    silent = true;
    for (int i = 0; i < 4; i++) {
        r[i] = request(i);
        send_one(i);
    }
    while (requests < 2) {
        pause_ms(1);
    }
    silent = false;
    r[4] = request(4);
    snprintf(urls[4], sizeof(urls[4]), "http://127.0.0.1:%d/x", other.port);
    send_one(4);
    answer_wait(&answers[4]);
    assert_int_equal(answers[4].error, NET_OK);
    assert_int_equal(requests, 3);
    server_stop(&other);
}

static void test_cancel(void **state)
{
    (void)state;
    silent = true;
    uint64_t ids[4];
    for (int i = 0; i < 4; i++) {
        r[i] = request(i);
        ids[i] = send_one(i);
    }
    while (requests < 2) {
        pause_ms(1);
    }
    transport_cancel(net, ids[3]); /* waiting */
    answer_wait(&answers[3]);
    assert_int_equal(answers[3].error, NET_CANCELLED);
    transport_cancel(net, ids[0]); /* running: the next takes its place */
    answer_wait(&answers[0]);
    assert_int_equal(answers[0].error, NET_CANCELLED);
    while (requests < 3) {
        pause_ms(1);
    }
    transport_cancel(net, ids[0]);
    transport_cancel(net, 0);
    transport_cancel(net, 999999);
    pause_ms(20);
    assert_int_equal(answers[0].calls, 1);
    assert_int_equal(answers[1].calls, 0);
}

static void resend(void *context, const struct net_reply *reply)
{
    answer_take(context, reply);
    if (reply->error == NET_CANCELLED && answers[5].calls < 3) {
        transport_send(net, &r[5], resend, &answers[5]);
    }
}

static void count_fire(void *context)
{
    atomic_int *fired = context;
    ++*fired;
}

static void test_stop_ends_everything_once(void **state)
{
    (void)state;
    static atomic_int fired;
    fired = 0;
    silent = true;
    for (int i = 0; i < 5; i++) {
        r[i] = request(i);
        send_one(i);
    }
    r[5] = request(5);
    answer_init(&answers[5]);
    transport_send(net, &r[5], resend, &answers[5]);
    assert_int_not_equal(transport_after(net, 60000000, count_fire, &fired), 0);
    pause_ms(30);
    net_stop(net);
    net = NULL;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(answers[i].calls, 1);
        assert_int_equal(answers[i].error, NET_CANCELLED);
    }
    assert_int_equal(answers[5].calls, 3);
    assert_int_equal(fired, 1);
}

/* A request and a timer that are cancelled as soon as they are sent, by the thread's own callback:
 * so it happens while the thread ends what was cancelled before. */
static void fire_and_regret(void *fired)
{
    static const int64_t HOUR_US = INT64_C(3600) * 1000000;
    ++*(atomic_int *)fired;
    transport_cancel(net, transport_after(net, HOUR_US, count_fire, fired));
    transport_cancel(net, transport_send(net, &r[0], answer_take, &answers[0]));
}

static void test_sent_and_cancelled_at_once(void **state)
{
    (void)state;
    static atomic_int fired;
    fired = 0;
    silent = true;
    answer_init(&answers[0]);
    r[0] = request(0);
    transport_cancel(net, transport_after(net, INT64_MAX, fire_and_regret, &fired));
    answer_wait(&answers[0]);
    assert_int_equal(answers[0].error, NET_CANCELLED);
    net_stop(net);
    net = NULL;
    assert_int_equal(answers[0].calls, 1);
    assert_int_equal(fired, 2);
}

static void count_done(void *context, const struct net_reply *reply)
{
    atomic_int *cancelled = context;
    *cancelled += reply->error == NET_CANCELLED;
}

enum { REGRETS = 2000 };

static void *regret(void *ended)
{
    for (int i = 0; i < REGRETS; i++) {
        transport_cancel(net, transport_send(net, &r[0], count_done, ended));
        transport_cancel(net, transport_after(net, INT64_MAX, count_fire, ended));
    }
    return NULL;
}

static void test_many_threads_cancel(void **state)
{
    (void)state;
    static atomic_int ended;
    ended = 0;
    silent = true;
    r[0] = request(0);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, regret, &ended);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    net_stop(net);
    net = NULL;
    assert_int_equal(ended, 3 * 2 * REGRETS);
}

static void test_timers(void **state)
{
    (void)state;
    static atomic_int fired;
    fired = 0;
    int64_t start = now_ms();
    transport_after(net, 300000, count_fire, &fired);
    transport_after(net, 0, count_fire, &fired);
    transport_after(net, -5, count_fire, &fired);
    uint64_t late = transport_after(net, INT64_MAX, count_fire, &fired);
    while (fired < 3 && now_ms() - start < 5000) {
        pause_ms(1);
    }
    assert_int_equal(fired, 3);
    assert_true(now_ms() - start >= 300);
    transport_cancel(net, late);
    while (fired < 4 && now_ms() - start < 5000) {
        pause_ms(1);
    }
    assert_int_equal(fired, 4);
}

enum { CHAIN = 50 };

/* The next timer of the chain, then a request. */
static void fire_next(void *context)
{
    int *left = context;
    if ((*left)-- > 0) {
        transport_after(net, 0, fire_next, left);
    } else {
        transport_send(net, &r[0], answer_take, &answers[0]);
    }
}

/* What the thread's own callbacks send goes on at once, although nobody wakes the thread. */
static void test_chain_of_callbacks(void **state)
{
    (void)state;
    static int left;
    left = CHAIN;
    answer_init(&answers[0]);
    r[0] = request(0);
    int64_t start = now_ms();
    transport_after(net, 0, fire_next, &left);
    answer_wait(&answers[0]);
    assert_int_equal(answers[0].error, NET_OK);
    assert_int_equal(left, -1);
    assert_true(now_ms() - start < 5000);
}

static void test_unknown_host(void **state)
{
    (void)state;
    r[0] = request(0);
    r[0].url = "http://nowhere.invalid/";
    struct answer a = send_and_wait(net, &r[0]);
    assert_int_equal(a.error, NET_RESOLVE);
    assert_non_null(strstr(a.detail, "nowhere.invalid"));
}

/* Neither another request, nor the deadline, nor the end of the transport waits for a resolver that
 * hangs. */
static void test_hanging_dns(void **state)
{
    (void)state;
    dns_asked = 0;
    for (int i = 0; i < 2; i++) {
        r[i] = request(i);
        r[i].url = i == 0 ? "http://hang.example.com/" : "http://hang.example.org/";
        r[i].timeout_ms = i == 0 ? 100 : 10000;
        send_one(i);
    }
    int64_t start = now_ms();
    r[2] = request(2);
    assert_int_equal(send_and_wait(net, &r[2]).error, NET_OK);
    answer_wait(&answers[0]);
    assert_int_equal(answers[0].error, NET_TIMEOUT);
    net_stop(net);
    net = NULL;
    assert_int_equal(answers[1].error, NET_CANCELLED);
    assert_true(now_ms() - start < 3000);
    assert_int_equal(dns_asked, 2);
    dns_open = true;
    pause_ms(50); /* the resolver's threads end */
}

/* How often the thread called `name` has gone to sleep. */
static long sleeps_of(const char *name)
{
    DIR *tasks = opendir("/proc/self/task");
    long count = -1;
    for (struct dirent *d; (d = readdir(tasks)) != NULL;) {
        char path[300], line[128] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", d->d_name);
        FILE *status = d->d_name[0] != '.' ? fopen(path, "r") : NULL;
        bool ours = false;
        while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
            if (strncmp(line, "Name:", 5) == 0) {
                ours = strncmp(line + 6, name, strlen(name)) == 0 && line[6 + strlen(name)] == '\n';
            }
            if (ours && sscanf(line, "voluntary_ctxt_switches: %ld", &count) == 1) {
                break;
            }
        }
        if (status != NULL) {
            fclose(status);
        }
    }
    closedir(tasks);
    return count;
}

static void test_idle_thread_sleeps(void **state)
{
    (void)state;
    r[0] = request(0);
    assert_int_equal(send_and_wait(net, &r[0]).error, NET_OK); /* leaves a kept connection */
    /* More than a second without waking up: one that polls each second never gets there, and one
     * that still has something to end gets there with the second or third try. */
    bool slept = false;
    for (int i = 0; i < 5 && !slept; i++) {
        long before = sleeps_of("net");
        assert_true(before >= 0);
        pause_ms(1200);
        slept = sleeps_of("net") == before;
    }
    assert_true(slept);
}

static void *sender(void *failures)
{
    for (int i = 0; i < 200; i++) {
        if (transport_wait(net, &r[0], NULL).error != NET_OK) {
            ++*(atomic_int *)failures;
        }
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    atomic_int failures = 0;
    r[0] = request(0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, sender, &failures);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(failures, 0);
    assert_int_equal(requests, 800);
    assert_int_equal(server.count, 2);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_deadline),
        CASE(test_deadline_counts_while_waiting),
        CASE(test_caps_and_order),
        CASE(test_hosts_take_turns),
        CASE(test_cancel),
        CASE(test_stop_ends_everything_once),
        CASE(test_sent_and_cancelled_at_once),
        CASE(test_many_threads_cancel),
        CASE(test_timers),
        CASE(test_chain_of_callbacks),
        CASE(test_unknown_host),
        CASE(test_hanging_dns),
        CASE(test_idle_thread_sleeps),
        CASE(test_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
