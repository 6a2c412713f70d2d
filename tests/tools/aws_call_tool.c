/* Calls AWS services as the service does, settings from the environment: one call a line of
 * standard input, one line of JSON for its end. For tests/integration/test_aws_call.py.
 *
 *   {"service":"dynamodb","method":"POST","path":"/","params":[[name,value]…],"headers":[[name,value]…],
 *    "body":"…","deadline_ms":5000,"attempt_ms":0} */
#include "aws/call.h"
#include "base/json.h"
#include "net/net.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SERVICES = 2, MAX_PARAMS = 16 };

static const struct aws_service *const services[SERVICES] = {&aws_service_dynamodb,
                                                             &aws_service_ses};

static const char *environment(void *context, const char *name)
{
    (void)context;
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): nobody changes it */
}

static const struct aws_env process_env = {environment, NULL};

struct tool {
    struct transport *net;
    struct credentials_source *credentials;
    struct sigv4_signer *signer;
    struct call_client *clients[SERVICES];
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done; /* guarded by lock */
};

static void die(const char *why)
{
    (void)fprintf(stderr, "aws_call_tool: %s\n", why);
    exit(1);
}

static void open_tool(struct tool *t)
{
    char reason[ENDPOINT_REASON_SIZE];
    struct net_config net = {.user_agent = "reviewd-test"};
    t->net = net_start(&net, reason);
    if (t->net == NULL) {
        die(reason);
    }
    struct credentials_config credentials = {
        .transport = t->net, .clock = clock_system(), .env = process_env};
    t->credentials = credentials_open(&credentials);
    t->signer = sigv4_signer_new();
    if (t->credentials == NULL || t->signer == NULL) {
        die("out of memory");
    }
    for (size_t i = 0; i < SERVICES; i++) {
        struct endpoint endpoint;
        unsigned max_attempts = 0;
        if (!endpoint_find(process_env, services[i], &endpoint, reason) ||
            !call_max_attempts(process_env, &max_attempts, reason)) {
            die(reason);
        }
        struct call_config config = {.service = services[i],
                                     .endpoint = &endpoint,
                                     .transport = t->net,
                                     .clock = clock_system(),
                                     .credentials = t->credentials,
                                     .signer = t->signer,
                                     .max_attempts = max_attempts,
                                     .seed = 1};
        t->clients[i] = call_client_new(&config);
        if (t->clients[i] == NULL) {
            die("out of memory");
        }
    }
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->ended, NULL);
}

static void close_tool(struct tool *t)
{
    for (size_t i = 0; i < SERVICES; i++) {
        call_client_stop(t->clients[i]);
        call_client_free(t->clients[i]);
    }
    credentials_close(t->credentials);
    net_stop(t->net);
    sigv4_signer_free(t->signer);
    pthread_cond_destroy(&t->ended);
    pthread_mutex_destroy(&t->lock);
}

static void on_done(void *context, const struct call_result *result)
{
    struct tool *t = context;
    struct buf line = BUF_INIT;
    buf_addf(&line, "{\"outcome\":\"%s\",\"status\":%d,\"attempts\":%u,\"maybe_done\":%s,\"code\":",
             call_outcome_name(result->outcome), result->status, result->attempts,
             result->maybe_done ? "true" : "false");
    json_write_string(&line, span_of(result->error->code));
    buf_add_str(&line, ",\"detail\":");
    json_write_string(&line, span_of(result->detail));
    buf_add_str(&line, ",\"body\":");
    json_write_string(&line, result->body);
    buf_add_str(&line, "}");
    puts(buf_str(&line));
    (void)fflush(stdout);
    buf_free(&line);
    pthread_mutex_lock(&t->lock);
    t->done = true;
    pthread_cond_signal(&t->ended);
    pthread_mutex_unlock(&t->lock);
}

static const char *text_at(const json_t *pairs, size_t i, size_t which)
{
    const char *text = json_string_value(json_array_get(json_array_get(pairs, i), which));
    return text != NULL ? text : "";
}

static struct call_client *client_of(const struct tool *t, const json_t *line)
{
    const char *name = json_string_value(json_object_get(line, "service"));
    for (size_t i = 0; i < SERVICES; i++) {
        if (name != NULL && strcmp(services[i]->name, name) == 0) {
            return t->clients[i];
        }
    }
    die("no such service");
    return NULL;
}

static void call_and_wait(struct tool *t, const json_t *line)
{
    struct sigv4_param params[MAX_PARAMS];
    struct net_header headers[CALL_MAX_HEADERS];
    const json_t *param_list = json_object_get(line, "params");
    const json_t *header_list = json_object_get(line, "headers");
    struct call_request request = {
        .method = json_string_value(json_object_get(line, "method")),
        .path = json_string_value(json_object_get(line, "path")),
        .params = params,
        .headers = headers,
        .body = json_string_member(line, "body"),
        .deadline_us = clock_mono_us(clock_system()) +
                       json_integer_value(json_object_get(line, "deadline_ms")) * 1000,
        .attempt_ms = json_integer_value(json_object_get(line, "attempt_ms")),
    };
    for (; request.param_count < json_array_size(param_list) && request.param_count < MAX_PARAMS;
         request.param_count++) {
        size_t i = request.param_count;
        params[i] = (struct sigv4_param){span_of(text_at(param_list, i, 0)),
                                         span_of(text_at(param_list, i, 1))};
    }
    for (; request.header_count < json_array_size(header_list) &&
           request.header_count < CALL_MAX_HEADERS;
         request.header_count++) {
        size_t i = request.header_count;
        headers[i] = (struct net_header){text_at(header_list, i, 0), text_at(header_list, i, 1)};
    }
    t->done = false;
    if (request.method == NULL || request.path == NULL ||
        !call_start(client_of(t, line), &request, on_done, t)) {
        die("the call cannot be started");
    }
    pthread_mutex_lock(&t->lock);
    while (!t->done) {
        pthread_cond_wait(&t->ended, &t->lock);
    }
    pthread_mutex_unlock(&t->lock);
}

int main(void)
{
    static struct tool tool;
    char reason[JSON_REASON_SIZE];
    char *text = NULL;
    size_t size = 0;
    ssize_t len;
    open_tool(&tool);
    while ((len = getline(&text, &size, stdin)) > 0) {
        json_t *line = json_parse((struct span){text, (size_t)len}, reason);
        if (line == NULL) {
            die(reason);
        }
        call_and_wait(&tool, line);
        json_decref(line);
    }
    free(text);
    close_tool(&tool);
    return 0;
}
