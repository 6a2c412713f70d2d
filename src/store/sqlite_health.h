/* Whether the store can write, since when not and why, and when to try again. */
#ifndef STORE_SQLITE_HEALTH_H
#define STORE_SQLITE_HEALTH_H

#include "sqlite_db.h"

#include <pthread.h>

enum {
    SQLITE_HEALTH_RETRY_PUT_US =
        100 * 1000, /* a put is tried when the last failure is so long ago */
    SQLITE_HEALTH_RETRY_IDLE_US = 1000 * 1000, /* and without puts the thread tries by itself */
};

struct sqlite_health {
    pthread_mutex_t
        lock; /* guards `failing` and `error`, which others read through sqlite_health_ready() */
    bool failing;
    struct sqlite_error error;
    /* The rest is the writer thread's alone. */
    int64_t since_us;
    int64_t tried_us;
    uint64_t refused;
    bool reopen; /* the connection is of no more use */
    struct metric *errors[SQLITE_KIND_COUNT];
    struct metric *deadline;
};

/* 0, or -1 when the system gives no lock. */
int sqlite_health_init(struct sqlite_health *h, struct metrics *metrics);
void sqlite_health_destroy(struct sqlite_health *h);

/* As store_ready(). Any thread. */
bool sqlite_health_ready(struct sqlite_health *h, char reason[STORE_ERROR_SIZE]);

/* Notes that writing failed, or went well; logs the change. */
void sqlite_health_failed(struct sqlite_health *h, const struct sqlite_error *error,
                          int64_t now_us);
void sqlite_health_recovered(struct sqlite_health *h, int64_t now_us);

/* Counts an error that says nothing about the next write. */
void sqlite_health_count(struct sqlite_health *h, const struct sqlite_error *error);

/* Whether a write that somebody asks for is tried now. */
bool sqlite_health_may_try(const struct sqlite_health *h, int64_t now_us);

#endif
