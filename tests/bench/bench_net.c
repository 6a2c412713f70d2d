/* How fast the network thread sends: requests in closed loop, each answered one at once sends the
 * next.
 *
 *     make build/tests/bench/bench_net &&
 *     build/tests/bench/bench_net URL [REQUESTS [CONNECTIONS]]
 *
 * POSTs of 300 bytes with the headers of a signed call. The processor time is that of this process
 * alone. */
#include "base/clock.h"
#include "net/net.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { BODY = 300, MAX_CONNECTIONS = 1024 };

struct bench {
    struct transport *net;
    struct net_request request;
    long left, running, failed, count; /* the network thread's, once it runs */
    int *latency_us;
    pthread_mutex_t lock; /* guards `ended` */
    pthread_cond_t changed;
    bool ended;
};

struct client {
    struct bench *bench;
    int64_t start_us;
};

static void next(struct client *c);

static void done(void *context, const struct net_reply *reply)
{
    struct client *c = context;
    struct bench *b = c->bench;
    b->latency_us[b->count++] = (int)(clock_mono_us(clock_system()) - c->start_us);
    b->failed += reply->error != NET_OK || reply->status != 200;
    next(c);
}

static void next(struct client *c)
{
    struct bench *b = c->bench;
    if (b->left-- > 0) {
        c->start_us = clock_mono_us(clock_system());
        transport_send(b->net, &b->request, done, c);
        return;
    }
    if (--b->running > 0) {
        return;
    }
    pthread_mutex_lock(&b->lock);
    b->ended = true;
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void begin(void *context)
{
    next(context);
}

static int by_size(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static double cpu_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    static struct client clients[MAX_CONNECTIONS];
    static char body[BODY];
    static const struct net_header headers[] = {
        {"Content-Type", "application/x-amz-json-1.0"},
        {"X-Amz-Date", "20251128T111631Z"},
        {"X-Amz-Target", "DynamoDB_20120810.PutItem"},
        {"Authorization",
         "AWS4-HMAC-SHA256 Credential=x/20251128/eu-west-1/dynamodb/aws4_request"}};
    long count = argc > 2 ? atol(argv[2]) : 200000, connections = argc > 3 ? atol(argv[3]) : 64;
    char reason[NET_REASON_SIZE];
    if (argc < 2 || count < 1 || connections < 1 || connections > MAX_CONNECTIONS) {
        fprintf(stderr, "usage: bench_net URL [REQUESTS [CONNECTIONS]]\n");
        return 2;
    }
    memset(body, 'x', sizeof(body));
    struct bench b = {.left = count,
                      .running = connections,
                      .latency_us = calloc((size_t)count, sizeof(int)),
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER,
                      .request = {.method = "POST",
                                  .url = argv[1],
                                  .headers = headers,
                                  .header_count = 4,
                                  .body = {body, sizeof(body)},
                                  .timeout_ms = 30000,
                                  .max_reply = 1 << 20}};
    b.net = net_start(&(struct net_config){.max_host_connections = (size_t)connections,
                                           .max_in_flight = (size_t)connections},
                      reason);
    if (b.net == NULL || b.latency_us == NULL) {
        fprintf(stderr, "bench_net: %s\n", reason);
        net_stop(b.net);
        free(b.latency_us);
        return 1;
    }
    int64_t start = clock_mono_us(clock_system());
    for (long i = 0; i < connections; i++) {
        clients[i].bench = &b;
        transport_after(b.net, 0, begin, &clients[i]);
    }
    pthread_mutex_lock(&b.lock);
    while (!b.ended) {
        pthread_cond_wait(&b.changed, &b.lock);
    }
    pthread_mutex_unlock(&b.lock);
    double seconds = (double)(clock_mono_us(clock_system()) - start) / 1e6, cpu = cpu_seconds();
    net_stop(b.net);
    qsort(b.latency_us, (size_t)count, sizeof(int), by_size);
    printf(
        "%ld requests, %ld connections: %.0f/s, p50 %d us, p99 %d us, %.1f us of processor each, "
        "%ld failed\n",
        count, connections, (double)count / seconds, b.latency_us[count / 2],
        b.latency_us[count * 99 / 100], cpu * 1e6 / (double)count, b.failed);
    free(b.latency_us);
    return b.failed > 0;
}
