#include "dynamodb_round.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUND_MAX = 16 };

/* Shared by who waits for the round and its calls, because it may be left while some are under way;
 * the last of them frees it. */
struct dynamodb_round {
    pthread_mutex_t lock;   /* guards what follows, and whether a step has ended */
    pthread_cond_t changed; /* CLOCK_MONOTONIC */
    size_t running;
    bool waited_for;
    int64_t end_us; /* mono; INT64_MAX: none */
    size_t count;
    struct dynamodb_step steps[]; /* a step is its call's from the start to the end */
};

static void init_changed(pthread_cond_t *changed)
{
    pthread_cond_init(changed, NULL);
}

/* --- the limit --- */

void dynamodb_limit_init(struct dynamodb_limit *limit, struct clock *clock, int64_t least_us)
{
    *limit = (struct dynamodb_limit){.clock = clock, .least_us = least_us, .at_us = INT64_MAX};
    pthread_mutex_init(&limit->lock, NULL);
}

void dynamodb_limit_free(struct dynamodb_limit *limit)
{
    pthread_mutex_destroy(&limit->lock);
}

/* When a round ends that begins or is told of the limit now; under the lock. */
static int64_t end_of(const struct dynamodb_limit *limit)
{
    int64_t least_us = clock_mono_us(limit->clock) + limit->least_us;
    return limit->at_us > least_us ? limit->at_us : least_us;
}

void dynamodb_limit_set(struct dynamodb_limit *limit, int64_t at_us)
{
    pthread_mutex_lock(&limit->lock);
    limit->at_us = at_us < limit->at_us ? at_us : limit->at_us;
    struct dynamodb_round *round = limit->round;
    if (round != NULL) {
        pthread_mutex_lock(&round->lock);
        round->end_us = end_of(limit);
        pthread_cond_signal(&round->changed);
        pthread_mutex_unlock(&round->lock);
    }
    pthread_mutex_unlock(&limit->lock);
}

bool dynamodb_limit_passed(struct dynamodb_limit *limit)
{
    pthread_mutex_lock(&limit->lock);
    bool passed = limit->at_us <= clock_mono_us(limit->clock);
    pthread_mutex_unlock(&limit->lock);
    return passed;
}

static void enter(struct dynamodb_limit *limit, struct dynamodb_round *round)
{
    pthread_mutex_lock(&limit->lock);
    limit->round = round;
    round->end_us = end_of(limit);
    pthread_mutex_unlock(&limit->lock);
}

static void leave(struct dynamodb_limit *limit)
{
    pthread_mutex_lock(&limit->lock);
    limit->round = NULL;
    pthread_mutex_unlock(&limit->lock);
}

/* --- the round --- */

static struct dynamodb_round *new_round(struct dynamodb_step *steps, size_t count)
{
    struct dynamodb_round *round = calloc(1, sizeof *round + count * sizeof *steps);
    if (round == NULL) {
        return NULL;
    }
    pthread_mutex_init(&round->lock, NULL);
    init_changed(&round->changed);
    round->waited_for = true;
    round->end_us = INT64_MAX;
    round->count = count;
    for (size_t i = 0; i < count; i++) {
        buf_clear(&steps[i].reply);
        round->steps[i] = steps[i];
        round->steps[i].round = NULL;
        round->steps[i].ended = false;
    }
    return round;
}

/* Under the lock, which it gives back: frees the round when nobody needs it any more. */
static void unlock(struct dynamodb_round *round)
{
    bool last = round->running == 0 && !round->waited_for;
    pthread_mutex_unlock(&round->lock);
    if (last) {
        dynamodb_steps_free(round->steps, round->count);
        pthread_cond_destroy(&round->changed);
        pthread_mutex_destroy(&round->lock);
        free(round);
    }
}

static void fail(struct dynamodb_step *step, enum call_outcome outcome, const char *detail)
{
    step->outcome = outcome;
    step->code[0] = '\0';
    (void)snprintf(step->detail, sizeof step->detail, "%s", detail);
}

static void on_done(void *context, const struct call_result *result)
{
    struct dynamodb_step *step = context;
    struct dynamodb_round *round = step->round;
    step->outcome = result->outcome;
    step->maybe_done = result->maybe_done;
    (void)snprintf(step->code, sizeof step->code, "%s", result->error->code);
    (void)snprintf(step->detail, sizeof step->detail, "%s", result->detail);
    buf_add_span(&step->reply, result->body);
    pthread_mutex_lock(&round->lock);
    step->ended = true;
    round->running--;
    pthread_cond_signal(&round->changed);
    unlock(round);
}

/* Under the lock. Waits until fewer than `count` calls are under way; false: the end came first. */
static bool wait_for_less_than(struct dynamodb_round *round, size_t count, struct clock *clock)
{
    while (round->running >= count) {
        if (round->end_us == INT64_MAX) {
            pthread_cond_wait(&round->changed, &round->lock);
            continue;
        }
        int64_t wait_us = round->end_us - clock_mono_us(clock);
        if (wait_us <= 0) {
            return false;
        }
        struct timespec until = clock_after(wait_us);
        (void)pthread_cond_clockwait(&round->changed, &round->lock, CLOCK_MONOTONIC, &until);
    }
    return round->end_us == INT64_MAX || round->end_us > clock_mono_us(clock);
}

/* Under the lock. A call may have ended before this returns. */
static void start(struct dynamodb_round *round, struct dynamodb_step *step,
                  struct call_client *client, int64_t deadline_us)
{
    struct dynamodb_request request = {step->op, buf_span(&step->body), deadline_us};
    step->round = round;
    round->running++;
    pthread_mutex_unlock(&round->lock);
    bool started = !buf_failed(&step->body) && dynamodb_call(client, &request, on_done, step);
    pthread_mutex_lock(&round->lock);
    if (!started) {
        round->running--;
        step->ended = true;
        fail(step, CALL_INVALID, "out of memory");
    }
}

/* Under the lock. Gives the caller what has ended; the rest stays the round's. */
static void take_back(struct dynamodb_round *round, struct dynamodb_step *steps)
{
    for (size_t i = 0; i < round->count; i++) {
        struct dynamodb_step *own = &round->steps[i];
        if (own->ended) {
            steps[i] = *own;
            own->body = (struct buf){0};
            own->reply = (struct buf){0};
        } else {
            steps[i] = (struct dynamodb_step){.op = own->op, .maybe_done = own->round != NULL};
            fail(&steps[i], CALL_CANCELLED, "the service ends before the answer came");
        }
    }
}

void dynamodb_round_within(struct dynamodb_limit *limit, struct call_client *client,
                           struct dynamodb_step *steps, size_t count, int64_t deadline_us)
{
    struct dynamodb_round *round = new_round(steps, count);
    for (size_t i = 0; round == NULL && i < count; i++) {
        fail(&steps[i], CALL_INVALID, "out of memory");
    }
    if (round == NULL) {
        return;
    }
    enter(limit, round);
    pthread_mutex_lock(&round->lock);
    for (size_t i = 0; i < count && wait_for_less_than(round, ROUND_MAX, limit->clock); i++) {
        start(round, &round->steps[i], client, deadline_us);
    }
    (void)wait_for_less_than(round, 1, limit->clock);
    pthread_mutex_unlock(&round->lock);
    leave(limit);
    pthread_mutex_lock(&round->lock);
    take_back(round, steps);
    round->waited_for = false;
    unlock(round);
}

void dynamodb_round_run(struct call_client *client, struct dynamodb_step *steps, size_t count,
                        int64_t deadline_us)
{
    struct dynamodb_limit never;
    dynamodb_limit_init(&never, clock_system(), 0);
    dynamodb_round_within(&never, client, steps, count, deadline_us);
    dynamodb_limit_free(&never);
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
