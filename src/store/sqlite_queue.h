/* What waits for the writer thread: puts, which nobody waits for, and jobs, whose callers do. */
#ifndef STORE_SQLITE_QUEUE_H
#define STORE_SQLITE_QUEUE_H

#include "store/store.h"

#include <pthread.h>

/* Work that runs on the writer thread. The caller of sqlite_queue_call() owns it. */
struct sqlite_job {
    void (*run)(struct sqlite_job *job, void *writer);
    bool done;
    struct sqlite_job *next;
};

struct sqlite_queue {
    pthread_mutex_t lock; /* guards all below but `backlog` */
    pthread_cond_t wake;  /* the writer waits for work */
    pthread_cond_t done;  /* callers wait for their job */
    struct store_put *first;
    struct store_put **last;
    struct sqlite_job *jobs;
    struct sqlite_job **last_job;
    size_t length; /* puts in the list and the backlog */
    size_t limit;
    bool asleep; /* the writer waits: only then is a signal needed */
    bool closing;
    struct metric *gauge;
    struct store_put *backlog; /* the writer's: taken from the list, not yet given out */
};

/* What the writer is given at once. */
struct sqlite_work {
    struct store_put *puts; /* at most `max`, in the order of their coming */
    struct sqlite_job *jobs;
    bool closing;
    bool last; /* closing, and nothing was left */
};

/* Whether what was queued at that mono time has waited for longer than it may. */
bool sqlite_queue_overdue(const struct store_config *config, int64_t queued_us);

/* 0, or -1 when the system gives no lock. `gauge` shows the length. */
int sqlite_queue_init(struct sqlite_queue *q, size_t limit, struct metric *gauge);
void sqlite_queue_destroy(struct sqlite_queue *q);

/* Adds a put; STORE_OK, STORE_BUSY or STORE_CLOSED. Any thread, takes well under a microsecond. */
enum store_result sqlite_queue_put(struct sqlite_queue *q, struct store_put *put);

/* Runs a job on the writer thread and returns when it is done. Not after sqlite_queue_close(). */
void sqlite_queue_call(struct sqlite_queue *q, struct sqlite_job *job);

/* Lets no more puts in, and makes the writer see that. */
void sqlite_queue_close(struct sqlite_queue *q);

/* How much of the queue is taken at a time; the put that reaches one of both is the last. */
struct sqlite_batch {
    size_t rows;
    size_t bytes; /* of their reviews */
};

/* For the writer: waits until there is work, or `timeout_us` of real time passed, and takes it. */
struct sqlite_work sqlite_queue_take(struct sqlite_queue *q, struct sqlite_batch most,
                                     int64_t timeout_us);

/* For the writer: runs jobs that it took and wakes their callers. */
void sqlite_queue_run(struct sqlite_queue *q, struct sqlite_job *jobs, void *writer);

#endif
