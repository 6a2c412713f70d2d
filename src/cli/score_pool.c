/* Blocks stand in a ring and go through it by three counters that only grow:
 *
 *     written <= taken <= submitted <= written + slots
 *
 * The reader fills slot `submitted`, a worker scores slot `taken`, and slot `written` is the next
 * to be put out. Whichever worker finishes a block writes it and those behind it that are done,
 * unless another is writing already; `writing` is that right. So nobody waits for its turn, and no
 * lock is held while scoring or writing. A block belongs to the reader, a worker or the writer
 * according to where its number lies. */
#include "score_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct slot {
    struct score_block block;
    bool done; /* scored, not yet written */
};

struct score_pool {
    const struct score_options *options;
    struct score_output *output; /* used by who has `writing` */
    int stop_fd;

    pthread_mutex_t lock; /* guards all below but the blocks */
    pthread_cond_t work;  /* submitted or closing has changed: workers wait */
    pthread_cond_t room;  /* written has changed: the reader waits */
    uint64_t submitted;
    uint64_t taken;
    uint64_t written;
    bool writing;
    bool failed;
    bool closing;
    size_t slot_count;
    struct slot *slots;

    int thread_count;
    pthread_t *threads;
};

static struct slot *slot_of(struct score_pool *pool, uint64_t number)
{
    return &pool->slots[number % pool->slot_count];
}

/* Tells the reader, who may be waiting for input rather than for the lock. */
static void stop_reader(struct score_pool *pool)
{
    uint64_t one = 1;
    ssize_t n = write(pool->stop_fd, &one, sizeof one);
    (void)n; /* fails only when the counter is full, and then it is readable */
}

/* Puts out what is next and done. The lock is held at entry and return. */
static void write_done(struct score_pool *pool)
{
    if (pool->writing) {
        return;
    }
    pool->writing = true;
    while (pool->written < pool->taken && slot_of(pool, pool->written)->done) {
        struct slot *slot = slot_of(pool, pool->written);
        bool failed = pool->failed;
        pthread_mutex_unlock(&pool->lock);
        if (!failed && score_output_write(pool->output, &slot->block) != 0) {
            failed = true;
            stop_reader(pool);
        }
        score_block_clear(&slot->block);
        pthread_mutex_lock(&pool->lock);
        pool->failed = failed;
        slot->done = false;
        pool->written++;
        pthread_cond_signal(&pool->room);
    }
    pool->writing = false;
}

static void *work(void *context)
{
    struct score_pool *pool = context;
    struct score_json *json = malloc(sizeof *json);
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->taken == pool->submitted && !pool->closing) {
            pthread_cond_wait(&pool->work, &pool->lock);
        }
        if (pool->taken == pool->submitted) {
            break;
        }
        struct slot *slot = slot_of(pool, pool->taken++);
        bool failed = pool->failed;
        pthread_mutex_unlock(&pool->lock);
        if (json == NULL) {
            slot->block.out.failed = true;
        } else if (!failed) {
            score_block_process(&slot->block, pool->options, json);
        }
        pthread_mutex_lock(&pool->lock);
        slot->done = true;
        write_done(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    free(json);
    return NULL;
}

static void free_pool(struct score_pool *pool)
{
    for (size_t i = 0; i < pool->slot_count; i++) {
        score_block_free(&pool->slots[i].block);
    }
    free(pool->slots);
    free(pool->threads);
    if (pool->stop_fd >= 0) {
        close(pool->stop_fd);
    }
    pthread_cond_destroy(&pool->room);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct score_pool *score_pool_start(int threads, const struct score_options *options,
                                    struct score_output *output)
{
    struct score_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    pool->options = options;
    pool->output = output;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->room, NULL);
    pool->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->threads = calloc((size_t)threads, sizeof *pool->threads);
    pool->slots = calloc(2 * (size_t)threads + 1, sizeof *pool->slots);
    if (pool->stop_fd < 0 || pool->threads == NULL || pool->slots == NULL) {
        goto fail;
    }
    pool->slot_count = 2 * (size_t)threads + 1;
    for (size_t i = 0; i < pool->slot_count; i++) {
        if (score_block_init(&pool->slots[i].block) != 0) {
            goto fail;
        }
    }
    while (pool->thread_count < threads &&
           pthread_create(&pool->threads[pool->thread_count], NULL, work, pool) == 0) {
        pool->thread_count++;
    }
    if (pool->thread_count == 0) { /* some are enough */
        goto fail;
    }
    return pool;
fail:
    free_pool(pool);
    return NULL;
}

struct score_block *score_pool_take(struct score_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->submitted == pool->written + pool->slot_count && !pool->failed) {
        pthread_cond_wait(&pool->room, &pool->lock);
    }
    struct score_block *block = pool->failed ? NULL : &slot_of(pool, pool->submitted)->block;
    pthread_mutex_unlock(&pool->lock);
    return block;
}

void score_pool_submit(struct score_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->submitted++;
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

void score_pool_drain(struct score_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->written < pool->submitted) {
        pthread_cond_wait(&pool->room, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}

int score_pool_stop_fd(const struct score_pool *pool)
{
    return pool->stop_fd;
}

void score_pool_stop(struct score_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->thread_count; i++) {
        pthread_join(pool->threads[i], NULL);
    }
    free_pool(pool);
}
