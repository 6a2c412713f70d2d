/* Credentials over the real network thread, from a server on this machine. */
#include "credentials_fixture.h"
#include "net/net.h"
#include "support/server.h"

#include <pthread.h>
#include <sys/wait.h>

struct real {
    struct test_server server;
    struct transport *net;
    char url[64];
    struct var vars[4];
    struct credentials_source *source;
    atomic_int fetches; /* counted by serve_numbered() */
};

static const char *real_env(void *context, const char *name)
{
    const struct real *r = context;
    for (size_t i = 0; i < COUNT(r->vars) && r->vars[i].name != NULL; i++) {
        if (strcmp(r->vars[i].name, name) == 0) {
            return r->vars[i].value;
        }
    }
    return NULL;
}

static struct real *real_start(void (*handler)(struct test_conn *conn), const char *name,
                               const char *path)
{
    struct real *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    log_set_level(LOG_LEVEL_ERROR);
    server_start(&r->server, handler, r);
    (void)snprintf(r->url, sizeof(r->url), "http://127.0.0.1:%d%s", r->server.port, path);
    r->vars[0] = (struct var){name, r->url};
    char reason[NET_REASON_SIZE];
    r->net = net_start(&(struct net_config){.user_agent = "test"}, reason);
    assert_non_null(r->net);
    return r;
}

static void real_open(struct real *r)
{
    r->source = credentials_open(&(struct credentials_config){
        .transport = r->net, .clock = clock_system(), .env = {real_env, r}});
    assert_non_null(r->source);
}

static void real_stop(struct real *r)
{
    credentials_close(r->source);
    net_stop(r->net);
    server_stop(&r->server);
    free(r);
}

struct patient {
    struct credentials_waiter waiter; /* first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool told;
    struct credentials *credentials;
    char reason[CREDENTIALS_REASON_SIZE];
};

static void tell(struct credentials_waiter *waiter, struct credentials *c, const char *reason)
{
    struct patient *p = (struct patient *)waiter;
    (void)pthread_mutex_lock(&p->lock);
    p->told = true;
    p->credentials = c;
    (void)snprintf(p->reason, sizeof(p->reason), "%s", reason);
    (void)pthread_cond_signal(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
}

static struct credentials *real_get(struct real *r, char why[CREDENTIALS_REASON_SIZE])
{
    struct patient p = {.waiter = {tell, NULL},
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};
    struct credentials *c = NULL;
    enum credentials_answer answer = credentials_get(r->source, &p.waiter, &c);
    if (answer != CREDENTIALS_WAITING) {
        credentials_reason(r->source, why);
        return c;
    }
    (void)pthread_mutex_lock(&p.lock);
    while (!p.told) {
        (void)pthread_cond_wait(&p.changed, &p.lock);
    }
    (void)pthread_mutex_unlock(&p.lock);
    memcpy(why, p.reason, CREDENTIALS_REASON_SIZE);
    return p.credentials;
}

static void say_body(struct test_conn *conn, const char *body)
{
    char head[128];
    (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                   strlen(body));
    conn_say(conn, head);
    conn_say(conn, body);
}

/* The agent of a container and the metadata service of an instance in one; no token in time when
 * the endpoint is "/slow". */
static void serve(struct test_conn *conn)
{
    struct buf head = BUF_INIT;
    struct buf body = BUF_INIT;
    while (conn_request(conn, &head, &body)) {
        const char *text = buf_str(&head);
        if (strncmp(text, "PUT /slow/", 10) == 0) {
            conn_hang(conn);
        } else if (strncmp(text, "PUT /latest/api/token ", 22) == 0) {
            say_body(conn, "tok");
        } else if (strstr(text, "/security-credentials/ ") != NULL) {
            say_body(conn, "role");
        } else {
            say_body(conn, "{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                           "\"Expiration\":\"9999-01-01T00:00:00Z\"}");
        }
        buf_clear(&head);
        buf_clear(&body);
    }
    buf_free(&head);
    buf_free(&body);
}

/* New keys each time. */
static void serve_numbered(struct test_conn *conn)
{
    struct real *r = conn->server->context;
    struct buf head = BUF_INIT;
    struct buf body = BUF_INIT;
    while (conn_request(conn, &head, &body)) {
        char text[160];
        (void)snprintf(text, sizeof(text),
                       "{\"AccessKeyId\":\"ASIA%d\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                       "\"Expiration\":\"9999-01-01T00:00:00Z\"}",
                       ++r->fetches);
        say_body(conn, text);
        buf_clear(&head);
        buf_clear(&body);
    }
    buf_free(&head);
    buf_free(&body);
}

static void hang(struct test_conn *conn)
{
    conn_hang(conn);
}

static void expect(const char *name, const char *path)
{
    struct real *r = real_start(serve, name, path);
    real_open(r);
    char why[CREDENTIALS_REASON_SIZE];
    struct credentials *c = real_get(r, why);
    if (c == NULL) {
        fail_msg("no credentials: %s", why);
        return;
    }
    assert_string_equal(c->access_key_id, "ASIA1");
    credentials_unref(c);
    real_stop(r);
}

static void both_endpoints_answer(void **state)
{
    (void)state;
    expect("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/get?x=y");
    expect("AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
    expect("AWS_EC2_METADATA_SERVICE_ENDPOINT", "/slow"); /* version 1 after a second */
}

/* Tokens and keys are for the endpoints alone. */
static void no_proxy_is_asked(void **state)
{
    (void)state;
    static const char *const variables[] = {"http_proxy", "all_proxy"};
    for (size_t i = 0; i < COUNT(variables); i++) {
        (void)setenv(variables[i], "http://127.0.0.1:1", 1); /* where nobody listens */
        expect("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/get");
        expect("AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
        (void)unsetenv(variables[i]);
    }
}

enum { CROWD = 8, REFRESHES = 20 };

struct crowd {
    struct real *real;
    struct fake_clock clock;
    pthread_barrier_t barrier;
    atomic_int wrong;
};

/* All have the same keys, find them refused at the same time, and ask for new ones. */
static void *refuse_and_get(void *context)
{
    struct crowd *crowd = context;
    for (int i = 1; i <= REFRESHES; i++) {
        char why[CREDENTIALS_REASON_SIZE];
        char key[16];
        struct credentials *c = real_get(crowd->real, why);
        (void)snprintf(key, sizeof(key), "ASIA%d", i);
        if (c == NULL || strcmp(c->access_key_id, key) != 0) {
            crowd->wrong++;
        }
        /* Not 0 for one of them. A refusal right after a fetch would not be believed. */
        if (pthread_barrier_wait(&crowd->barrier) != 0) {
            fake_clock_advance(&crowd->clock, 6 * SECOND);
        }
        (void)pthread_barrier_wait(&crowd->barrier);
        if (i < REFRESHES && !credentials_invalidate(crowd->real->source, c)) {
            crowd->wrong++;
        }
        credentials_unref(c);
    }
    return NULL;
}

static void one_request_serves_all(void **state)
{
    (void)state;
    struct real *r = real_start(serve_numbered, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/get");
    struct crowd crowd = {.real = r};
    fake_clock_init(&crowd.clock, START);
    assert_int_equal(pthread_barrier_init(&crowd.barrier, NULL, CROWD), 0);
    r->source = credentials_open(&(struct credentials_config){
        .transport = r->net, .clock = &crowd.clock.clock, .env = {real_env, r}});
    assert_non_null(r->source);
    pthread_t threads[CROWD];
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, refuse_and_get, &crowd), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(crowd.wrong, 0);
    assert_int_equal(r->fetches, REFRESHES);
    (void)pthread_barrier_destroy(&crowd.barrier);
    real_stop(r);
}

static void stopping_ends_all(void **state)
{
    (void)state;
    struct real *r = real_start(hang, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/");
    real_open(r);
    const struct timespec pause = {.tv_nsec = 20000000};
    (void)nanosleep(&pause, NULL); /* the request is under way */
    time_t start = time(NULL);
    real_stop(r);
    assert_true(time(NULL) - start <= 1);
}

static void stopping_ends_a_program(void **state)
{
    (void)state;
    char *config = fixture_file("[default]\ncredential_process = sleep 50\n");
    struct real *r = real_start(serve, "X", "/");
    r->vars[1] = (struct var){"AWS_CONFIG_FILE", config};
    time_t start = time(NULL);
    for (int i = 0; i < 20; i++) {
        real_open(r);
        const struct timespec pause = {.tv_nsec = 1000000L * i};
        (void)nanosleep(&pause, NULL);
        credentials_close(r->source);
        r->source = NULL;
    }
    real_stop(r);
    assert_true(time(NULL) - start <= 5);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* all were reaped */
    fixture_unlink(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_endpoints_answer),   cmocka_unit_test(no_proxy_is_asked),
        cmocka_unit_test(one_request_serves_all),  cmocka_unit_test(stopping_ends_all),
        cmocka_unit_test(stopping_ends_a_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
