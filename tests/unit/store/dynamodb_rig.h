/* A DynamoDB store on a scripted transport and clock, for its unit tests. */
#ifndef DYNAMODB_RIG_H
#define DYNAMODB_RIG_H

#include "support/store_help.h"
#include "unit/aws/call_scene.h"

#include "base/log.h"
#include "store/dynamodb.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static const int64_t T0 =
    INT64_C(1440938160) * SECOND_US; /* 2015-08-30T12:36:00, as open_scene() */

struct rig {
    struct scene scene;
    struct store *store;
    atomic_int pending;
    atomic_bool closed;
};

#define FAILED_CONDITION                                                                           \
    {                                                                                              \
        .status = 400, .body = "{\"__type\":\"ns#ConditionalCheckFailedException\"}"               \
    }
#define NO_CONNECTION                                                                              \
    {                                                                                              \
        .error = NET_CONNECT                                                                       \
    }

static inline void on_pending(void *context)
{
    ((struct rig *)context)->pending++;
}

/* From now on the replies are these; the requests that follow are sent[rig_sent() …]. */
static inline void rig_script(struct rig *r, const struct fake_reply *script, size_t len)
{
    r->scene.net.script = script;
    r->scene.net.script_len = len;
    r->scene.net.next = 0;
}
#define ANSWERS(r, ...)                                                                            \
    rig_script((r), SCRIPT(__VA_ARGS__), sizeof(SCRIPT(__VA_ARGS__)) / sizeof(struct fake_reply))

static inline void rig_open_with(struct rig *r, struct dynamodb_config dynamodb, size_t queue_limit)
{
    static const struct fake_reply probe[] = {FAILED_CONDITION};
    char reason[STORE_ERROR_SIZE];
    log_set_level(LOG_LEVEL_ERROR + 1);
    memset(r, 0, sizeof *r);
    open_scene(&r->scene, &aws_service_dynamodb, probe, 1);
    dynamodb.client = r->scene.client;
    dynamodb.transport = &r->scene.net.transport;
    dynamodb.table = "reviews";
    struct store_config config = {.metrics = r->scene.metrics,
                                  .clock = &r->scene.clock.clock,
                                  .queue_limit = queue_limit,
                                  .put_deadline_ms = 10000,
                                  .pending = on_pending,
                                  .pending_context = r};
    r->store = store_dynamodb_open(&dynamodb, &config, reason);
    assert_non_null(r->store);
    fake_transport_run(&r->scene.net); /* the probe */
}

static inline void rig_open(struct rig *r)
{
    rig_open_with(r, (struct dynamodb_config){0}, 100);
}

static inline size_t rig_sent(const struct rig *r)
{
    return r->scene.net.sent_count;
}

/* The body of the request that was sent `back` requests before the last. */
static inline const char *rig_body(const struct rig *r, size_t back)
{
    return r->scene.net.sent[r->scene.net.sent_count - 1 - back].body;
}

static inline bool rig_called(const struct rig *r, size_t i, const char *operation)
{
    char line[96];
    (void)snprintf(line, sizeof line, "X-Amz-Target: DynamoDB_20120810.%s\n", operation);
    return strstr(r->scene.net.sent[i].headers, line) != NULL;
}

/* Runs until nothing happens any more for so long. */
static inline void rig_run_for(struct rig *r, int64_t us)
{
    fake_transport_run(&r->scene.net);
    while (fake_transport_due_us(&r->scene.net) <= us) {
        us -= fake_transport_due_us(&r->scene.net);
        (void)fake_transport_step(&r->scene.net);
    }
}

static inline void *rig_close_store(void *context)
{
    struct rig *r = context;
    store_close(r->store);
    atomic_store(&r->closed, true);
    return NULL;
}

/* Closing waits for the transport, which this drives meanwhile. */
static inline void rig_close_only(struct rig *r)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, rig_close_store, r), 0);
    while (!atomic_load(&r->closed)) {
        fake_transport_run(&r->scene.net);
        (void)usleep(200);
        (void)fake_transport_step(&r->scene.net); /* what backs off shall not wait for ever */
    }
    pthread_join(thread, NULL);
}

static inline void rig_free(struct rig *r)
{
    close_scene(&r->scene);
}

static inline void rig_close(struct rig *r)
{
    rig_close_only(r);
    rig_free(r);
}

/* Lets threads that wait for answers have them at once. */
static inline void rig_immediate(struct rig *r, bool on)
{
    r->scene.net.immediate = on;
}

/* Queues a put at T0 + `at`. */
static inline void rig_put(struct rig *r, struct test_put *put, const char *user, int64_t at,
                           bool notify)
{
    test_put_init(put, user, T0 + at, notify);
    assert_int_equal(store_put(r->store, &put->put), STORE_OK);
}

static inline int64_t rig_errors(struct rig *r, const char *kind)
{
    char labels[64];
    (void)snprintf(labels, sizeof labels, "kind=\"%s\"", kind);
    return value(&r->scene, "reviewd_store_errors_total", labels);
}

#endif
