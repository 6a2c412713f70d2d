#include "call_scene.h"

#include <pthread.h>
#include <unistd.h>

enum { THREADS = 4, CALLS = 20 };

struct crowd {
    struct scene scene;
    _Atomic int ended;
    _Atomic int good;
    _Atomic int cancelled;
};

static void on_one_done(void *context, const struct call_result *result)
{
    struct crowd *crowd = context;
    crowd->good += result->outcome == CALL_OK;
    crowd->cancelled += result->outcome == CALL_CANCELLED;
    crowd->ended++;
}

static void *start_some(void *context)
{
    struct crowd *crowd = context;
    for (int i = 0; i < CALLS; i++) {
        struct call_request request = put_item(&crowd->scene);
        if (!call_start(crowd->scene.client, &request, on_one_done, crowd)) {
            return NULL;
        }
    }
    return crowd;
}

static void start_from_all(struct crowd *crowd, pthread_t threads[THREADS])
{
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, start_some, crowd), 0);
    }
}

static void join_all(struct crowd *crowd, const pthread_t threads[THREADS])
{
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, crowd);
    }
}

/* Every other answer is a 500, so that starts, answers and back-offs overlap. */
static void open_crowd(struct crowd *crowd)
{
    static struct fake_reply script[2 * THREADS * CALLS];
    for (size_t i = 0; i < 2 * THREADS * CALLS; i++) {
        script[i] = (struct fake_reply){.status = i % 4 == 0 ? 500 : 200, .body = "{}"};
    }
    memset(crowd, 0, sizeof *crowd);
    open_scene(&crowd->scene, &aws_service_dynamodb, script, 2 * THREADS * CALLS);
    crowd->scene.net.immediate = true;
    crowd->scene.net.immediate_us = 60 * (int64_t)SECOND_US;
}

static void test_calls_of_many_threads(void **state)
{
    (void)state;
    static struct crowd crowd;
    pthread_t threads[THREADS];
    open_crowd(&crowd);
    start_from_all(&crowd, threads);
    join_all(&crowd, threads);
    while (crowd.ended < THREADS * CALLS) {
        usleep(1000);
    }
    assert_int_equal(crowd.ended, THREADS * CALLS);
    assert_true(crowd.good >= THREADS * CALLS - 2); /* four bad answers in a row end a call */
    close_scene(&crowd.scene);
}

static void test_stop_while_many_threads_call(void **state)
{
    (void)state;
    static struct crowd crowd;
    pthread_t threads[THREADS];
    for (int round = 0; round < 5; round++) {
        open_crowd(&crowd);
        start_from_all(&crowd, threads);
        usleep((unsigned)round * 500);
        call_client_stop(crowd.scene.client);
        join_all(&crowd, threads);
        call_client_free(crowd.scene.client); /* waits for the last */
        assert_int_equal(crowd.ended, THREADS * CALLS);
        crowd.scene.client = NULL;
        close_scene(&crowd.scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_of_many_threads),
        cmocka_unit_test(test_stop_while_many_threads_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
