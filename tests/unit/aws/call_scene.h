/* Everything that a call to AWS needs, scripted: for the tests of aws/call.h. */
#ifndef CALL_SCENE_H
#define CALL_SCENE_H

#include "support/fake.h"
#include "support/test.h"

#include "fake_credentials.h"

#include "aws/call.h"

#include <stdlib.h>

enum { SECOND_US = 1000000 };

/* The parts, and what came of the call that ended last. */
struct scene {
    struct fake_transport net;
    struct fake_clock clock;
    struct credentials_source source;
    struct sigv4_signer *signer;
    struct metrics *metrics;
    struct endpoint endpoint;
    struct call_client *client;
    int done;
    enum call_outcome outcome;
    int status;
    unsigned attempts;
    bool maybe_done;
    char code[96];
    char detail[CALL_DETAIL_SIZE];
    char *body;
};

static inline void on_done(void *context, const struct call_result *result)
{
    struct scene *s = context;
    s->done++;
    s->outcome = result->outcome;
    s->status = result->status;
    s->attempts = result->attempts;
    s->maybe_done = result->maybe_done;
    assert_int_equal(result->outcome == CALL_OK, result->detail[0] == '\0');
    (void)snprintf(s->code, sizeof s->code, "%s", result->error->code);
    (void)snprintf(s->detail, sizeof s->detail, "%s", result->detail);
    free(s->body);
    s->body = calloc(1, result->body.len + 1); /* the body itself has no NUL at its end */
    if (s->body != NULL && result->body.len > 0) {
        memcpy(s->body, result->body.ptr, result->body.len);
    }
}

static inline void open_scene(struct scene *s, const struct aws_service *service,
                              const struct fake_reply *script, size_t script_len)
{
    memset(s, 0, sizeof *s);
    fake_transport_init(&s->net, script, script_len);
    fake_clock_init(&s->clock, INT64_C(1440938160) * SECOND_US);
    s->net.clock = &s->clock;
    s->source.now = (struct credentials){"AKIDEXAMPLE", "secret", NULL, INT64_MAX};
    fake_source = &s->source;
    s->signer = sigv4_signer_new();
    s->metrics = metrics_new();
    s->endpoint = (struct endpoint){.region = "eu-west-1",
                                    .host = "localhost:8000",
                                    .path = "/base",
                                    .url = "http://localhost:8000/base"};
    struct call_config config = {.service = service,
                                 .endpoint = &s->endpoint,
                                 .transport = &s->net.transport,
                                 .clock = &s->clock.clock,
                                 .credentials = &s->source,
                                 .signer = s->signer,
                                 .metrics = s->metrics,
                                 .seed = 1};
    s->client = call_client_new(&config);
    assert_non_null(s->client);
}

static inline void close_scene(struct scene *s)
{
    call_client_stop(s->client);
    fake_transport_run(&s->net);
    call_client_free(s->client);
    assert_int_equal(s->source.references, 0);
    fake_transport_free(&s->net);
    sigv4_signer_free(s->signer);
    metrics_free(s->metrics);
    free(s->body);
}

static const struct net_header put_headers[] = {{"Content-Type", "application/x-amz-json-1.0"},
                                                {"X-Amz-Target", "DynamoDB_20120810.PutItem"}};

static inline struct call_request put_item(struct scene *s)
{
    return (struct call_request){.method = "POST",
                                 .path = "/",
                                 .headers = put_headers,
                                 .header_count = 2,
                                 .body = SPAN("{\"TableName\":\"reviews\"}"),
                                 .deadline_us = clock_mono_us(&s->clock.clock) + 29 * SECOND_US};
}

static inline bool start(struct scene *s)
{
    struct call_request request = put_item(s);
    return call_start(s->client, &request, on_done, s);
}

/* Runs until the call has ended, moving the time from timer to timer. */
static inline void run(struct scene *s)
{
    fake_transport_run(&s->net);
    while (s->done == 0 && fake_transport_step(&s->net)) {
    }
}

static inline void call(struct scene *s)
{
    assert_true(start(s));
    assert_int_equal(s->done, 0); /* never from within */
    run(s);
    assert_int_equal(s->done, 1);
}

static inline int64_t value(struct scene *s, const char *name, const char *labels)
{
    return metric_value(metrics_counter(s->metrics, (struct metric_name){name, "", labels}));
}

static inline bool sent_has(const struct scene *s, size_t i, const char *line)
{
    return strstr(s->net.sent[i].headers, line) != NULL;
}

#define SCRIPT(...) ((const struct fake_reply[]){__VA_ARGS__})
#define OK_REPLY                                                                                   \
    {                                                                                              \
        .status = 200, .body = "{}"                                                                \
    }
#define ERROR_REPLY(number, type)                                                                  \
    {                                                                                              \
        .status = (number), .body = "{\"__type\":\"ns#" type "\",\"message\":\"why\"}"             \
    }

#endif
