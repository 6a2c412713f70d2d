#include "sqlite_queue.h"

#include "base/clock.h"

#include <errno.h>
#include <time.h>

bool sqlite_queue_overdue(const struct store_config *config, int64_t queued_us)
{
    return queued_us < clock_mono_us(config->clock) - config->put_deadline_ms * 1000;
}

int sqlite_queue_init(struct sqlite_queue *q, size_t limit, struct metric *gauge)
{
    *q = (struct sqlite_queue){.limit = limit, .gauge = gauge};
    q->last = &q->first;
    q->last_job = &q->jobs;
    if (pthread_mutex_init(&q->lock, NULL) != 0) {
        return -1;
    }
    if (pthread_cond_init(&q->wake, NULL) != 0) {
        goto no_wake;
    }
    if (pthread_cond_init(&q->done, NULL) != 0) {
        goto no_done;
    }
    return 0;
no_done:
    pthread_cond_destroy(&q->wake);
no_wake:
    pthread_mutex_destroy(&q->lock);
    return -1;
}

void sqlite_queue_destroy(struct sqlite_queue *q)
{
    pthread_cond_destroy(&q->done);
    pthread_cond_destroy(&q->wake);
    pthread_mutex_destroy(&q->lock);
}

enum store_result sqlite_queue_put(struct sqlite_queue *q, struct store_put *put)
{
    enum store_result result = STORE_OK;
    bool wake = false;
    put->next = NULL;
    pthread_mutex_lock(&q->lock);
    if (q->closing) {
        result = STORE_CLOSED;
    } else if (q->length >= q->limit) {
        result = STORE_BUSY;
    } else {
        *q->last = put;
        q->last = &put->next;
        q->length++;
        metric_set(q->gauge, (int64_t)q->length);
        wake = q->asleep;
        q->asleep = false;
    }
    pthread_mutex_unlock(&q->lock);
    if (wake) {
        pthread_cond_signal(&q->wake);
    }
    return result;
}

void sqlite_queue_call(struct sqlite_queue *q, struct sqlite_job *job)
{
    job->done = false;
    job->next = NULL;
    pthread_mutex_lock(&q->lock);
    *q->last_job = job;
    q->last_job = &job->next;
    q->asleep = false;
    pthread_cond_signal(&q->wake);
    while (!job->done) {
        pthread_cond_wait(&q->done, &q->lock);
    }
    pthread_mutex_unlock(&q->lock);
}

void sqlite_queue_close(struct sqlite_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closing = true;
    q->asleep = false;
    pthread_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->lock);
}

/* Waits for work; under the lock. */
static void wait_for_work(struct sqlite_queue *q, int64_t timeout_us)
{
    struct timespec until = clock_after(timeout_us);
    int rc = 0;
    while (q->first == NULL && q->jobs == NULL && !q->closing && rc != ETIMEDOUT) {
        q->asleep = true;
        rc = pthread_cond_clockwait(&q->wake, &q->lock, CLOCK_MONOTONIC, &until);
    }
    q->asleep = false;
}

/* Splits puts off the backlog. */
static size_t split_backlog(struct sqlite_queue *q, struct sqlite_batch most,
                            struct store_put **puts)
{
    size_t count = 0;
    size_t bytes = 0;
    struct store_put **end = &q->backlog;
    for (; count < most.rows && bytes < most.bytes && *end != NULL; count++) {
        bytes += (*end)->item.review.len;
        end = &(*end)->next;
    }
    *puts = count > 0 ? q->backlog : NULL;
    q->backlog = *end;
    *end = NULL;
    return count;
}

struct sqlite_work sqlite_queue_take(struct sqlite_queue *q, struct sqlite_batch most,
                                     int64_t timeout_us)
{
    struct sqlite_work work = {0};
    pthread_mutex_lock(&q->lock);
    if (q->backlog == NULL) {
        wait_for_work(q, timeout_us);
        q->backlog = q->first;
        q->first = NULL;
        q->last = &q->first;
    }
    work.jobs = q->jobs;
    q->jobs = NULL;
    q->last_job = &q->jobs;
    work.closing = q->closing;
    pthread_mutex_unlock(&q->lock);

    size_t count = split_backlog(q, most, &work.puts);
    work.last = work.closing && count == 0 && work.jobs == NULL;
    if (count > 0) {
        pthread_mutex_lock(&q->lock);
        q->length -= count;
        metric_set(q->gauge, (int64_t)q->length);
        pthread_mutex_unlock(&q->lock);
    }
    return work;
}

void sqlite_queue_run(struct sqlite_queue *q, struct sqlite_job *jobs, void *writer)
{
    while (jobs != NULL) {
        struct sqlite_job *job = jobs;
        jobs = job->next; /* the caller may free it as soon as it is done */
        job->run(job, writer);
        pthread_mutex_lock(&q->lock);
        job->done = true;
        pthread_cond_broadcast(&q->done);
        pthread_mutex_unlock(&q->lock);
    }
}
