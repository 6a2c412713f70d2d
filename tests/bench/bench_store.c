/* How fast the SQLite store commits: producers in closed loop, each with one put under way.
 *
 *     make build/tests/bench/bench_store &&
 *     build/tests/bench/bench_store FOLDER [ROWS [PRODUCERS [NAMES]]]
 *
 * Every third review is to be mailed. Latencies are those of a put, from store_put() to done. At
 * the end all pages of a user are read who has no review, which is a walk along all keys. The
 * folder should lie on the disk in question; the database in it is made anew. */
#include "store/sqlite.h"

#include "base/clock.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct producer {
    struct store_put put; /* first */
    struct bench *bench;
    char user[32];
    char timestamp[CLOCK_ISO_SIZE];
    int64_t start_us;
};

struct bench {
    struct store *store;
    struct clock_stamps stamps;
    _Atomic long left; /* puts to begin */
    _Atomic long failed;
    _Atomic long count;
    int *latency_us;
    long names;
    pthread_mutex_t lock; /* guards `running` */
    pthread_cond_t ended;
    long running;
};

static void begin(struct producer *p);

static void done(struct store_put *put, enum store_result result)
{
    struct producer *p = (struct producer *)put;
    long i = p->bench->count++;
    p->bench->latency_us[i] = (int)(clock_mono_us(p->bench->stamps.clock) - p->start_us);
    p->bench->failed += result != STORE_OK;
    begin(p);
}

static void begin(struct producer *p)
{
    struct bench *b = p->bench;
    long number = b->left--;
    if (number > 0) {
        snprintf(p->user, sizeof p->user, "Customer %ld", number * 7919 % b->names);
        clock_iso(clock_stamp_us(&b->stamps), p->timestamp);
        p->put.item =
            (struct item){.user_name = span_of(p->user),
                          .timestamp = {p->timestamp, CLOCK_ISO_SIZE - 1},
                          .review = SPAN("The tool is fantastic. Far despite visit mind computer."),
                          .sentiment = SPAN("Positive"),
                          .polarity_score = SPAN("0.25")};
        p->put.notify = number % 3 == 0;
        p->start_us = clock_mono_us(b->stamps.clock);
        if (store_put(b->store, &p->put) == STORE_OK) {
            return;
        }
        b->failed++;
    }
    pthread_mutex_lock(&b->lock);
    b->running--;
    pthread_cond_signal(&b->ended);
    pthread_mutex_unlock(&b->lock);
}

/* A read of one page, and where the next one begins; "": nowhere. */
struct reader {
    struct store_read read; /* first */
    sem_t ended;
    bool failed;
    char next[128];
};

static void page_read(struct store_read *read, enum store_result result,
                      const struct store_page *page)
{
    struct reader *r = (struct reader *)read;
    r->failed = result != STORE_OK;
    snprintf(r->next, sizeof r->next, "%s", page != NULL && page->next != NULL ? page->next : "");
    sem_post(&r->ended);
}

/* Microseconds of reading all pages of nobody; -1 when it failed. */
static int64_t read_nobody(struct bench *b)
{
    struct reader r = {.read = {.user_name = SPAN("nobody"), .limit = 100, .done = page_read}};
    char cursor[sizeof r.next];
    sem_init(&r.ended, 0, 0);
    int64_t start = clock_mono_us(b->stamps.clock);
    do {
        memcpy(cursor, r.next, sizeof cursor);
        r.read.cursor = cursor[0] != '\0' ? cursor : NULL;
        if (store_read(b->store, &r.read) != STORE_OK) {
            return -1;
        }
        sem_wait(&r.ended);
    } while (!r.failed && r.next[0] != '\0');
    sem_destroy(&r.ended);
    return r.failed ? -1 : clock_mono_us(b->stamps.clock) - start;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static long resident_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return kib;
}

static struct store *open_new(const char *folder, struct clock *clock)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    char path[4096];
    char reason[STORE_ERROR_SIZE];
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/bench.db%s", folder, suffixes[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/bench.db", folder);
    struct store_config config = {.clock = clock, .queue_limit = 4096, .put_deadline_ms = 20000};
    struct store *store = store_sqlite_open(path, &config, reason);
    if (store == NULL) {
        fprintf(stderr, "%s\n", reason);
    }
    return store;
}

int main(int argc, char **argv)
{
    struct clock *clock = clock_system();
    long rows = argc > 2 ? strtol(argv[2], NULL, 10) : 1000000;
    long producers = argc > 3 ? strtol(argv[3], NULL, 10) : 64;
    static struct bench b = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    b.names = argc > 4 ? strtol(argv[4], NULL, 10) : 20000;
    b.stamps.clock = clock;
    b.left = rows;
    b.running = producers;
    b.latency_us = calloc((size_t)rows, sizeof *b.latency_us);
    struct producer *all = calloc((size_t)producers, sizeof *all);
    if (argc < 2 || b.latency_us == NULL || all == NULL ||
        (b.store = open_new(argv[1], clock)) == NULL) {
        exit(1); /* the process ends: nothing to free */
    }
    int64_t start = clock_mono_us(clock);
    for (long i = 0; i < producers; i++) {
        all[i].bench = &b;
        all[i].put.done = done;
        begin(&all[i]);
    }
    pthread_mutex_lock(&b.lock);
    while (b.running > 0) {
        pthread_cond_wait(&b.ended, &b.lock);
    }
    pthread_mutex_unlock(&b.lock);
    double seconds = (double)(clock_mono_us(clock) - start) / 1e6;
    long resident = resident_kib() - (long)((size_t)rows * sizeof *b.latency_us / 1024);
    double key_ns = (double)read_nobody(&b) * 1000 / (double)rows;
    start = clock_mono_us(clock);
    store_close(b.store);
    long close_ms = (long)((clock_mono_us(clock) - start) / 1000);
    qsort(b.latency_us, (size_t)b.count, sizeof *b.latency_us, compare);
    printf("store_rows_per_second %.0f\nstore_put_p50_us %d\nstore_put_p99_us %d\nstore_put_max_us "
           "%d\n"
           "store_resident_kib %ld\nstore_read_key_ns %.0f\nstore_close_ms %ld\nstore_failed %ld\n",
           (double)rows / seconds, b.latency_us[b.count / 2], b.latency_us[b.count * 99 / 100],
           b.latency_us[b.count - 1], resident, key_ns, close_ms, b.failed);
    free(all);
    free(b.latency_us);
    return b.failed != 0 || key_ns < 0;
}
