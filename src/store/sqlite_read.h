/* Reading pages: a thread with a read-only connection of its own, so that readers never wait for
 * the writer nor the writer for them. Both are made at the first read. When the database's files
 * are others, the connection is given up, within a second if nobody reads, and made anew. A read
 * that could not begin for as long as a put may wait ends with STORE_UNAVAILABLE. */
#ifndef STORE_SQLITE_READ_H
#define STORE_SQLITE_READ_H

#include "sqlite_file.h"

#include <pthread.h>
#include <sqlite3.h>

enum { SQLITE_READ_WAITING_MAX = 256 };

struct sqlite_read {
    const char *path;                  /* the owner's */
    const struct store_config *config; /* the owner's */
    pthread_mutex_t lock;              /* guards what follows up to `thread` */
    pthread_cond_t changed;
    struct store_read *first;
    struct store_read **last;
    size_t waiting;
    bool started;
    bool stop;
    pthread_t thread;
    /* The thread's. */
    sqlite3 *db;                /* NULL: closed */
    struct sqlite_file_ids ids; /* the files it has open */
};

/* `path` and `config` must stay until sqlite_read_stop(). */
void sqlite_read_init(struct sqlite_read *r, const char *path, const struct store_config *config);

/* Queues a read, as store_read(). */
enum store_result sqlite_read_queue(struct sqlite_read *r, struct store_read *read);

/* Ends the thread; what waits ends with STORE_CLOSED. */
void sqlite_read_stop(struct sqlite_read *r);

#endif
