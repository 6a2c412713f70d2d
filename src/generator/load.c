#include "load.h"

#include "maker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TICK_US = 100000, REPLY_MAX = 64 * 1024 };

/* One request at a time. It is on the idle list (owned under the lock), or under way (owned by
 * whoever starts it, then by the transport until load_done). */
struct slot {
    struct load *load;
    struct slot *next_idle;
    struct buf body;
    struct buf scratch;
    struct net_request request;
    int64_t due_us;
};

struct load {
    struct load_config config;
    int64_t start_us;
    int wake_fd; /* load_done tells load_run that something it waits for has happened */
    struct slot *slots;
    pthread_mutex_t lock; /* guards what follows */
    struct slot *idle;
    size_t under_way;
    uint64_t next; /* index of the next review */
    bool stopped;
    bool starved; /* load_run wants a slot and none is idle */
    struct tally tally;
};

static const struct net_header headers[] = {
    {"Content-Type", "application/json"},
    {"Accept", "application/json"},
};

struct load *load_new(const struct load_config *config)
{
    struct load *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    l->config = *config;
    l->slots = calloc(config->concurrency, sizeof *l->slots);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->slots == NULL || l->wake_fd < 0 || pthread_mutex_init(&l->lock, NULL) != 0) {
        goto fail;
    }
    for (size_t i = 0; i < config->concurrency; i++) {
        l->slots[i].load = l;
        l->slots[i].next_idle = l->idle;
        l->idle = &l->slots[i];
    }
    return l;
fail:
    if (l->wake_fd >= 0) {
        close(l->wake_fd);
    }
    free(l->slots);
    free(l);
    return NULL;
}

void load_free(struct load *l)
{
    if (l == NULL) {
        return;
    }
    for (size_t i = 0; i < l->config.concurrency; i++) {
        buf_free(&l->slots[i].body);
        buf_free(&l->slots[i].scratch);
    }
    pthread_mutex_destroy(&l->lock);
    close(l->wake_fd);
    free(l->slots);
    free(l);
}

/* When review `index` is due; without a rate, at once. */
static int64_t due_us(const struct load *l, uint64_t index)
{
    return l->config.rate > 0 ? l->start_us + (int64_t)((double)index * 1e6 / l->config.rate) : 0;
}

static void load_done(void *context, const struct net_reply *reply);

static void start(struct slot *s, uint64_t index)
{
    struct load *l = s->load;
    buf_clear(&s->body);
    maker_body(&s->body, &s->scratch, l->config.seed, index);
    s->due_us = l->config.rate > 0 ? due_us(l, index) : clock_mono_us(l->config.clock);
    s->request = (struct net_request){
        .method = "POST",
        .url = l->config.url,
        .headers = headers,
        .header_count = sizeof headers / sizeof headers[0],
        .body = buf_span(&s->body),
        .timeout_ms = l->config.timeout_ms,
        .max_reply = REPLY_MAX,
    };
    if (buf_failed(&s->body) ||
        transport_send(l->config.transport, &s->request, load_done, s) == 0) {
        load_done(s, &(struct net_reply){.error = NET_NO_MEMORY, .detail = "out of memory"});
    }
}

/* Counts the answer; then the slot goes on with the next review, or becomes idle. */
static void load_done(void *context, const struct net_reply *reply)
{
    struct slot *s = context;
    struct load *l = s->load;
    int64_t took_us = clock_mono_us(l->config.clock) - s->due_us;
    uint64_t index = 0;
    bool tell = false;
    pthread_mutex_lock(&l->lock);
    tally_add(&l->tally, reply, took_us);
    bool goes_on = l->config.rate == 0 && !l->stopped && l->next < l->config.count &&
                   reply->error != NET_CANCELLED && reply->error != NET_NO_MEMORY;
    if (goes_on) {
        index = l->next++;
    } else {
        s->next_idle = l->idle;
        l->idle = s;
        l->under_way--;
        tell = l->starved || l->under_way == 0;
    }
    pthread_mutex_unlock(&l->lock);
    if (goes_on) {
        start(s, index);
    } else if (tell) {
        eventfd_write(l->wake_fd, 1);
    }
}

/* Takes an idle slot for the next review that is due; NULL when there is none of either. */
static struct slot *take(struct load *l, uint64_t *index)
{
    struct slot *s = NULL;
    int64_t now_us = clock_mono_us(l->config.clock);
    pthread_mutex_lock(&l->lock);
    bool due = !l->stopped && l->next < l->config.count && due_us(l, l->next) <= now_us;
    l->starved = due && l->idle == NULL;
    if (due && l->idle != NULL) {
        s = l->idle;
        l->idle = s->next_idle;
        l->under_way++;
        *index = l->next++;
    }
    pthread_mutex_unlock(&l->lock);
    return s;
}

/* Where the run stands; `wait_us` becomes the time until the next review is due. False when all is
 * done. */
static bool look(struct load *l, struct load_progress *p, int64_t *wait_us)
{
    int64_t now_us = clock_mono_us(l->config.clock);
    pthread_mutex_lock(&l->lock);
    p->count = l->config.count;
    p->done = l->tally.answered + l->tally.failed;
    p->failed = l->tally.failed;
    p->elapsed_us = now_us - l->start_us;
    bool more = l->next < l->config.count;
    int64_t until_due_us = more && l->idle != NULL ? due_us(l, l->next) - now_us : TICK_US;
    bool running = more || l->under_way > 0;
    pthread_mutex_unlock(&l->lock);
    *wait_us = until_due_us < 0 ? 0 : until_due_us < TICK_US ? until_due_us : TICK_US;
    return running;
}

/* Sleeps until a slot is wanted and idle, all is done, the stop, or the time. 1 at the stop, 0, or
 * -1. */
static int sleep_for(struct load *l, int64_t us)
{
    struct pollfd fds[] = {{.fd = l->wake_fd, .events = POLLIN},
                           {.fd = l->config.stop_fd, .events = POLLIN}};
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    if (ppoll(fds, 2, &time, NULL) < 0 && errno != EINTR) {
        return -1;
    }
    eventfd_t ignored;
    if (fds[0].revents != 0 && eventfd_read(l->wake_fd, &ignored) != 0 && errno != EAGAIN) {
        return -1;
    }
    return fds[1].revents != 0 ? 1 : 0;
}

int load_run(struct load *l, void (*progress)(void *context, const struct load_progress *p),
             void *context)
{
    struct load_progress p;
    int64_t wait_us;
    int64_t told_us = -TICK_US;
    int end = 0;
    l->start_us = clock_mono_us(l->config.clock);
    while (end == 0 && look(l, &p, &wait_us)) {
        uint64_t index;
        struct slot *s;
        while ((s = take(l, &index)) != NULL) {
            start(s, index);
        }
        if (p.elapsed_us - told_us >= TICK_US) {
            told_us = p.elapsed_us;
            progress(context, &p);
        }
        end = sleep_for(l, wait_us);
    }
    pthread_mutex_lock(&l->lock);
    l->stopped = true;
    pthread_mutex_unlock(&l->lock);
    look(l, &p, &wait_us);
    progress(context, &p);
    return end;
}

const struct tally *load_tally(const struct load *l)
{
    return &l->tally;
}
