#include "dynamodb_call.h"

#include <pthread.h>
#include <stdio.h>

enum { ROUND_MAX = 16, ATTEMPT_MS = 5000, HEADERS = 2 };

#define TARGET "DynamoDB_20120810."
#define OPERATION(name)                                                                            \
    {                                                                                              \
        {"Content-Type", "application/x-amz-json-1.0"},                                            \
        {                                                                                          \
            "X-Amz-Target", TARGET name                                                            \
        }                                                                                          \
    }

/* Static, because a call needs its headers until its end. */
static const struct net_header operations[DYNAMODB_OPS][HEADERS] = {
    [DYNAMODB_PUT_ITEM] = OPERATION("PutItem"),
    [DYNAMODB_BATCH_WRITE_ITEM] = OPERATION("BatchWriteItem"),
    [DYNAMODB_UPDATE_ITEM] = OPERATION("UpdateItem"),
    [DYNAMODB_GET_ITEM] = OPERATION("GetItem"),
    [DYNAMODB_QUERY] = OPERATION("Query"),
    [DYNAMODB_SCAN] = OPERATION("Scan"),
    [DYNAMODB_DESCRIBE_TABLE] = OPERATION("DescribeTable"),
    [DYNAMODB_CREATE_TABLE] = OPERATION("CreateTable"),
    [DYNAMODB_UPDATE_TABLE] = OPERATION("UpdateTable"),
    [DYNAMODB_UPDATE_CONTINUOUS_BACKUPS] = OPERATION("UpdateContinuousBackups"),
};

const char *dynamodb_op_name(enum dynamodb_op op)
{
    return operations[op][1].value + sizeof TARGET - 1;
}

bool dynamodb_call(struct call_client *client, const struct dynamodb_request *request,
                   call_done *done, void *context)
{
    struct call_request call = {.method = "POST",
                                .path = "/",
                                .headers = operations[request->op],
                                .header_count = HEADERS,
                                .body = request->body,
                                .deadline_us = request->deadline_us,
                                .attempt_ms = ATTEMPT_MS};
    return call_start(client, &call, done, context);
}

struct dynamodb_round {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t running; /* guarded by lock */
};

static void on_done(void *context, const struct call_result *result)
{
    struct dynamodb_step *step = context;
    struct dynamodb_round *round = step->round;
    step->outcome = result->outcome;
    (void)snprintf(step->code, sizeof step->code, "%s", result->error->code);
    (void)snprintf(step->detail, sizeof step->detail, "%s", result->detail);
    buf_add_span(&step->reply, result->body);
    pthread_mutex_lock(&round->lock);
    round->running--;
    pthread_cond_signal(&round->ended);
    pthread_mutex_unlock(&round->lock);
}

static void wait_for_less_than(struct dynamodb_round *round, size_t count)
{
    while (round->running >= count) {
        pthread_cond_wait(&round->ended, &round->lock);
    }
}

void dynamodb_round_run(struct call_client *client, struct dynamodb_step *steps, size_t count,
                        int64_t deadline_us)
{
    struct dynamodb_round round = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                   .ended = PTHREAD_COND_INITIALIZER};
    pthread_mutex_lock(&round.lock);
    for (size_t i = 0; i < count; i++) {
        struct dynamodb_step *step = &steps[i];
        struct dynamodb_request request = {step->op, buf_span(&step->body), deadline_us};
        wait_for_less_than(&round, ROUND_MAX);
        round.running++;
        step->round = &round;
        buf_clear(&step->reply);
        pthread_mutex_unlock(&round.lock);
        bool started = !buf_failed(&step->body) && dynamodb_call(client, &request, on_done, step);
        pthread_mutex_lock(&round.lock);
        if (!started) {
            round.running--;
            step->outcome = CALL_INVALID;
            step->code[0] = '\0';
            (void)snprintf(step->detail, sizeof step->detail, "out of memory");
        }
    }
    wait_for_less_than(&round, 1);
    pthread_mutex_unlock(&round.lock);
    pthread_cond_destroy(&round.ended);
    pthread_mutex_destroy(&round.lock);
}

json_t *dynamodb_step_answer(const struct dynamodb_step *step)
{
    char reason[JSON_REASON_SIZE];
    json_t *answer = buf_failed(&step->reply) ? NULL : json_parse(buf_span(&step->reply), reason);
    if (answer != NULL && !json_is_object(answer)) {
        json_decref(answer);
        answer = NULL;
    }
    return answer;
}

bool dynamodb_step_conflict(const struct dynamodb_step *step)
{
    return step->outcome == CALL_REFUSED && errors_same_code(step->code, "ConditionalCheckFailed");
}

void dynamodb_steps_free(struct dynamodb_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_free(&steps[i].body);
        buf_free(&steps[i].reply);
    }
}
