/* How fast calls to DynamoDB go, without a service around them: PutItem of about 500 bytes to a
 * server that answers at once.
 *
 *     build/tests/bench/mhd_constant 8100 & build/tests/bench/bench_call http://127.0.0.1:8100
 * [IN-FLIGHT] [SECONDS] */
#include "aws/call.h"
#include "net/net.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BODY = 500, MAX_SAMPLES = 4000000, MAX_LANES = 1024 };

static const char *environment(void *context, const char *name)
{
    if (strcmp(name, "AWS_ENDPOINT_URL") == 0) {
        return context;
    }
    const char *const known[][2] = {{"AWS_REGION", "eu-west-1"},
                                    {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
                                    {"AWS_SECRET_ACCESS_KEY", "secret"}};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(name, known[i][0]) == 0) {
            return known[i][1];
        }
    }
    return NULL;
}

struct bench {
    struct call_client *client;
    char body[BODY];
    int64_t until_us;
    _Atomic int running;
    _Atomic long bad;
    atomic_size_t count;
    uint32_t *samples_us;
};

struct lane {
    struct bench *bench;
    int64_t started_us;
};

static void on_done(void *context, const struct call_result *result);

static void start(struct lane *lane)
{
    static const struct net_header headers[] = {{"Content-Type", "application/x-amz-json-1.0"},
                                                {"X-Amz-Target", "DynamoDB_20120810.PutItem"}};
    lane->started_us = clock_mono_us(clock_system());
    struct call_request request = {.method = "POST",
                                   .path = "/",
                                   .headers = headers,
                                   .header_count = 2,
                                   .body = {lane->bench->body, BODY},
                                   .deadline_us = lane->started_us + 10000000};
    if (!call_start(lane->bench->client, &request, on_done, lane)) {
        abort();
    }
}

static void on_done(void *context, const struct call_result *result)
{
    struct lane *lane = context;
    struct bench *b = lane->bench;
    int64_t now = clock_mono_us(clock_system());
    size_t i = atomic_fetch_add(&b->count, 1);
    if (i < MAX_SAMPLES) {
        b->samples_us[i] = (uint32_t)(now - lane->started_us);
    }
    b->bad += result->outcome != CALL_OK;
    if (now < b->until_us) {
        start(lane);
    } else {
        b->running--;
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void report(struct bench *b, double seconds)
{
    struct rusage use;
    size_t n = b->count < MAX_SAMPLES ? b->count : MAX_SAMPLES;
    qsort(b->samples_us, n, sizeof *b->samples_us, compare);
    (void)getrusage(RUSAGE_SELF, &use);
    double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                 (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    printf("call_per_s %.0f\ncall_p50_us %u\ncall_p99_us %u\ncall_cpu_us %.1f\ncall_failed %ld\n",
           (double)b->count / seconds, b->samples_us[n / 2], b->samples_us[n - n / 100 - 1],
           cpu * 1e6 / (double)b->count, b->bad);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    static struct lane lanes[MAX_LANES];
    char reason[ENDPOINT_REASON_SIZE];
    struct endpoint endpoint;
    struct net_config net = {.user_agent = "reviewd-bench"};
    if (argc < 2) {
        (void)fputs("usage: bench_call URL [IN-FLIGHT] [SECONDS]\n", stderr);
        return 2;
    }
    long lanes_count = argc > 2 ? strtol(argv[2], NULL, 10) : 64;
    long seconds = argc > 3 ? strtol(argv[3], NULL, 10) : 5;
    struct aws_env env = {environment, argv[1]};
    bench.samples_us = calloc(MAX_SAMPLES, sizeof *bench.samples_us);
    struct transport *transport = net_start(&net, reason);
    if (transport == NULL || bench.samples_us == NULL || lanes_count < 1 ||
        lanes_count > MAX_LANES || !endpoint_find(env, &aws_service_dynamodb, &endpoint, reason)) {
        (void)fprintf(stderr, "%s\n", reason);
        return 1;
    }
    struct credentials_config credentials = {
        .transport = transport, .clock = clock_system(), .env = env};
    struct call_config config = {.service = &aws_service_dynamodb,
                                 .endpoint = &endpoint,
                                 .transport = transport,
                                 .clock = clock_system(),
                                 .credentials = credentials_open(&credentials),
                                 .signer = sigv4_signer_new()};
    bench.client = call_client_new(&config);
    memset(bench.body, 'x', BODY);
    int64_t begin = clock_mono_us(clock_system());
    bench.until_us = begin + seconds * 1000000;
    bench.running = (int)lanes_count;
    for (long i = 0; i < lanes_count; i++) {
        lanes[i].bench = &bench;
        start(&lanes[i]);
    }
    while (bench.running > 0) {
        (void)usleep(1000);
    }
    double took = (double)(clock_mono_us(clock_system()) - begin) / 1e6;
    call_client_stop(bench.client);
    call_client_free(bench.client);
    credentials_close(config.credentials);
    net_stop(transport);
    sigv4_signer_free(config.signer);
    report(&bench, took);
    free(bench.samples_us);
    return 0;
}
