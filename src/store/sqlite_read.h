/* Reading pages: a thread with a read-only connection of its own, so that readers never wait for
 * the writer nor the writer for them. Both are made at the first read. */
#ifndef STORE_SQLITE_READ_H
#define STORE_SQLITE_READ_H

#include "store/store.h"

#include <pthread.h>
#include <sqlite3.h>

enum { SQLITE_READ_WAITING_MAX = 256 };

struct sqlite_read {
    const char *path;     /* the owner's */
    pthread_mutex_t lock; /* guards what follows up to `thread` */
    pthread_cond_t changed;
    struct store_read *first;
    struct store_read **last;
    size_t waiting;
    bool started;
    bool stop;
    pthread_t thread;
    sqlite3 *db; /* the thread's; NULL: closed */
};

/* `path` must stay until sqlite_read_stop(). */
void sqlite_read_init(struct sqlite_read *r, const char *path);

/* Queues a read, as store_read(). */
enum store_result sqlite_read_queue(struct sqlite_read *r, struct store_read *read);

/* Ends the thread; what waits ends with STORE_CLOSED. */
void sqlite_read_stop(struct sqlite_read *r);

#endif
