/* Eight readers against a refresher: under ThreadSanitizer and AddressSanitizer this shows races,
 * and use of a snapshot after its end. The transport here has a thread of its own and gives new
 * credentials, an error or nothing at each fetch; their parts belong together, so a torn snapshot
 * would be seen. */
#include "aws/credentials.h"
#include "base/log.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { READERS = 8, ROUNDS = 4000, LIFETIME_S = 2 };

/* --- a transport with one thread ------------------------------------------------------------ */

struct task {
    struct task *next;
    net_done *done; /* NULL: a timer */
    void (*fire)(void *context);
    void *context;
    int64_t due_us;
};

struct tiny {
    struct transport transport;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct task *tasks;
    bool closing;
    unsigned fetches; /* the thread's */
};

static int64_t now_us(void)
{
    return clock_mono_us(clock_system());
}

static uint64_t put(struct transport *t, struct task task)
{
    struct tiny *tiny = (struct tiny *)t;
    struct task *copy = malloc(sizeof(*copy));
    assert_non_null(copy);
    *copy = task;
    (void)pthread_mutex_lock(&tiny->lock);
    struct task **at = &tiny->tasks;
    while (*at != NULL && (*at)->due_us <= task.due_us) {
        at = &(*at)->next;
    }
    copy->next = *at;
    *at = copy;
    (void)pthread_cond_signal(&tiny->changed);
    (void)pthread_mutex_unlock(&tiny->lock);
    return 1;
}

static uint64_t tiny_send(struct transport *t, const struct net_request *request, net_done *done,
                          void *context)
{
    (void)request;
    return put(t, (struct task){.done = done, .context = context, .due_us = now_us() + 50});
}

static uint64_t tiny_after(struct transport *t, int64_t delay_us, void (*fire)(void *context),
                           void *context)
{
    return put(t, (struct task){.fire = fire, .context = context, .due_us = now_us() + delay_us});
}

static void tiny_cancel(struct transport *t, uint64_t id)
{
    (void)t;
    (void)id;
}

/* Every fourth fetch fails for good, some answers are errors, the rest are new credentials. */
static void answer(struct tiny *tiny, struct task *task, bool closing)
{
    struct net_reply reply = {.error = closing ? NET_CANCELLED : NET_OK, .status = 200};
    unsigned n = ++tiny->fetches;
    char when[32];
    char body[256];
    time_t end = time(NULL) + LIFETIME_S;
    struct tm tm;
    (void)gmtime_r(&end, &tm);
    (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    int len = snprintf(body, sizeof(body),
                       "{\"AccessKeyId\":\"id-%u\",\"SecretAccessKey\":\"secret-%u\","
                       "\"Token\":\"token-%u\",\"Expiration\":\"%s\"}",
                       n, n, n, when);
    reply.body = (struct span){body, (size_t)len};
    if (n % 4 == 0) {
        reply.error = NET_CANCELLED;
    }
    task->done(task->context, &reply);
}

static void *serve(void *context)
{
    struct tiny *tiny = context;
    (void)pthread_mutex_lock(&tiny->lock);
    while (!tiny->closing || tiny->tasks != NULL) {
        struct task *task = tiny->tasks;
        int64_t wait = task != NULL ? task->due_us - now_us() : 1000000;
        if (wait > 0 && !tiny->closing) {
            struct timespec until;
            (void)clock_gettime(CLOCK_REALTIME, &until);
            int64_t ns = until.tv_nsec + wait % 1000000 * 1000;
            until.tv_sec += wait / 1000000 + ns / 1000000000;
            until.tv_nsec = ns % 1000000000;
            (void)pthread_cond_timedwait(&tiny->changed, &tiny->lock, &until);
            continue;
        }
        tiny->tasks = task->next;
        bool closing = tiny->closing;
        (void)pthread_mutex_unlock(&tiny->lock);
        if (task->done != NULL) {
            answer(tiny, task, closing);
        } else {
            task->fire(task->context);
        }
        free(task);
        (void)pthread_mutex_lock(&tiny->lock);
    }
    (void)pthread_mutex_unlock(&tiny->lock);
    return NULL;
}

static void tiny_start(struct tiny *tiny)
{
    static const struct transport_ops ops = {tiny_send, tiny_cancel, tiny_after};
    *tiny = (struct tiny){.transport = {&ops}};
    (void)pthread_mutex_init(&tiny->lock, NULL);
    (void)pthread_cond_init(&tiny->changed, NULL);
    assert_int_equal(pthread_create(&tiny->thread, NULL, serve, tiny), 0);
}

static void tiny_stop(struct tiny *tiny)
{
    (void)pthread_mutex_lock(&tiny->lock);
    tiny->closing = true;
    (void)pthread_cond_signal(&tiny->changed);
    (void)pthread_mutex_unlock(&tiny->lock);
    assert_int_equal(pthread_join(tiny->thread, NULL), 0);
    (void)pthread_cond_destroy(&tiny->changed);
    (void)pthread_mutex_destroy(&tiny->lock);
}

/* --- the readers ---------------------------------------------------------------------------- */

/* Five seconds a call, so that forced refreshes are never "too soon". */
static int64_t leaping_mono(struct clock *clock)
{
    (void)clock;
    static _Atomic int64_t last;
    return atomic_fetch_add(&last, 5000000);
}

static int64_t real_wall(struct clock *clock)
{
    (void)clock;
    return clock_wall_us(clock_system());
}

static const char *env(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") == 0 ? "/x" : NULL;
}

struct wait {
    struct credentials_waiter waiter; /* first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool told;
    struct credentials *credentials;
};

static void told(struct credentials_waiter *waiter, struct credentials *c, const char *reason)
{
    struct wait *w = (struct wait *)waiter;
    (void)pthread_mutex_lock(&w->lock);
    w->told = true;
    w->credentials = c;
    (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
    (void)reason;
}

/* Whether the three parts are of one kind. */
static bool whole(const struct credentials *c)
{
    unsigned id;
    unsigned secret;
    unsigned token;
    return sscanf(c->access_key_id, "id-%u", &id) == 1 && /* NOLINT(cert-err34-c): our own text */
           sscanf(c->secret_access_key, "secret-%u", &secret) == 1 && /* NOLINT(cert-err34-c) */
           sscanf(c->session_token, "token-%u", &token) == 1 &&       /* NOLINT(cert-err34-c) */
           id == secret && id == token;
}

struct reader {
    struct credentials_source *source;
    unsigned number;
    unsigned ready;
    unsigned waited;
    unsigned torn;
};

/* Gets credentials, waiting for them if need be; every fourth time it gives up waiting. */
static struct credentials *obtain(struct reader *r, unsigned round)
{
    struct wait w = {.waiter = {told, NULL},
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .changed = PTHREAD_COND_INITIALIZER};
    struct credentials *c = NULL;
    enum credentials_answer answer = credentials_get(r->source, &w.waiter, &c);
    if (answer != CREDENTIALS_WAITING ||
        (round % 4 == 0 && credentials_unwait(r->source, &w.waiter))) {
        r->ready += answer == CREDENTIALS_READY;
        return c;
    }
    (void)pthread_mutex_lock(&w.lock);
    while (!w.told) {
        (void)pthread_cond_wait(&w.changed, &w.lock);
    }
    (void)pthread_mutex_unlock(&w.lock);
    (void)pthread_cond_destroy(&w.changed);
    (void)pthread_mutex_destroy(&w.lock);
    r->waited++;
    return w.credentials;
}

static void *read_all(void *context)
{
    struct reader *r = context;
    char reason[CREDENTIALS_REASON_SIZE];
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct credentials *c = obtain(r, round);
        if (c == NULL) {
            credentials_reason(r->source, reason);
            continue;
        }
        r->torn += !whole(c);
        if (round % 64 == r->number * 8) {
            (void)credentials_invalidate(r->source, c);
        }
        r->torn += !whole(c); /* also after it was replaced */
        credentials_unref(c);
    }
    return NULL;
}

static void readers_and_refresher(void **state)
{
    (void)state;
    struct clock clock = {real_wall, leaping_mono};
    struct tiny tiny;
    struct reader readers[READERS];
    pthread_t threads[READERS];
    log_set_level(LOG_LEVEL_ERROR);
    tiny_start(&tiny);
    struct metrics *metrics = metrics_new();
    struct credentials_config config = {
        .transport = &tiny.transport, .clock = &clock, .metrics = metrics, .env = {env, NULL}};
    struct credentials_source *source = credentials_open(&config);
    assert_non_null(source);
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.source = source, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
    }
    struct reader all = {0};
    for (unsigned i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        all.ready += readers[i].ready;
        all.waited += readers[i].waited;
        all.torn += readers[i].torn;
    }
    credentials_close(source);
    tiny_stop(&tiny);
    metrics_free(metrics);
    print_message("%u at once, %u after waiting, %u fetches\n", all.ready, all.waited,
                  tiny.fetches);
    assert_int_equal(all.torn, 0);
    assert_true(all.ready > 0 && all.waited > 0 && tiny.fetches > 20);
}

/* Opened and closed again and again while fetches are under way. */
static void opening_and_closing(void **state)
{
    (void)state;
    struct tiny tiny;
    tiny_start(&tiny);
    struct credentials_config config = {
        .transport = &tiny.transport, .clock = clock_system(), .env = {env, NULL}};
    for (unsigned i = 0; i < 300; i++) {
        struct credentials_source *source = credentials_open(&config);
        assert_non_null(source);
        struct credentials *c = NULL;
        (void)credentials_get(source, NULL, &c);
        if (i % 2 == 0) {
            const struct timespec pause = {.tv_nsec = 1000L * i};
            (void)nanosleep(&pause, NULL);
        }
        credentials_unref(c);
        credentials_close(source);
    }
    tiny_stop(&tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_and_refresher),
        cmocka_unit_test(opening_and_closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
