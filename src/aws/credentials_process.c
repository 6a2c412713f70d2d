/* Credentials that a program writes: a profile's credential_process.
 *
 * The program runs under a thread of its own, which hands its output back to the transport's
 * thread. Its output never grows the buffer, so no copy of a secret is left behind. */
#include "file.h"
#include "process.h"
#include "provider.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_MS = 60000, MAX_OUTPUT = 65536 };

struct process_provider {
    struct provider provider;
    const struct credentials_config *config;
    char *command;
    /* Of the run that is under way: */
    pthread_t thread;
    bool joined;
    int cancel_fd;
    char **argv;
    provider_done *done;
    void *context;
    /* Written by the thread, read after it was joined: */
    struct buf output;
    bool good;
    char reason[PROCESS_REASON_SIZE];
};

static void finish(struct process_provider *p, struct credentials *c, const char *reason)
{
    file_wipe(&p->output);
    if (p->cancel_fd >= 0) {
        (void)close(p->cancel_fd);
        p->cancel_fd = -1;
    }
    free(p->argv);
    p->argv = NULL;
    p->done(p->context, c, reason);
}

static void fail(struct process_provider *p, const char *why)
{
    char reason[CREDENTIALS_REASON_SIZE];
    provider_reason(reason, "credential_process: %s", why);
    finish(p, NULL, reason);
}

static struct credentials *read_output(struct process_provider *p,
                                       char reason[CREDENTIALS_REASON_SIZE])
{
    static const struct credentials_format format = {.token_key = "SessionToken",
                                                     .versioned = true};
    struct credentials parts;
    json_t *json = NULL;
    if (!credentials_from_json(buf_span(&p->output), &format, &parts, &json, reason)) {
        return NULL;
    }
    struct credentials *c = credentials_checked(&parts, reason);
    json_decref(json);
    return c;
}

static void join(struct process_provider *p)
{
    if (!p->joined) {
        (void)pthread_join(p->thread, NULL);
        p->joined = true;
    }
}

/* On the transport's thread: the program has ended, its thread is about to. */
static void ended(void *context)
{
    struct process_provider *p = context;
    join(p);
    if (!p->good) {
        fail(p, p->reason);
        return;
    }
    char reason[CREDENTIALS_REASON_SIZE] = "";
    struct credentials *c = read_output(p, reason);
    if (c == NULL) {
        fail(p, reason);
        return;
    }
    finish(p, c, "");
}

static void *run(void *context)
{
    struct process_provider *p = context;
    struct process_bounds bounds = {
        .max_output = MAX_OUTPUT, .timeout_ms = TIMEOUT_MS, .cancel_fd = p->cancel_fd};
    p->good = process_run(p->argv, &bounds, &p->output, p->reason);
    while (transport_after(p->config->transport, 0, ended, p) == 0) {
        const struct timespec pause = {.tv_nsec =
                                           10000000}; /* no memory: it must be told some day */
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static void process_fetch(struct provider *provider, provider_done *done, void *context)
{
    struct process_provider *p = (struct process_provider *)provider;
    p->done = done;
    p->context = context;
    p->argv = process_split(p->command, p->reason);
    if (p->argv == NULL) {
        fail(p, p->reason);
        return;
    }
    p->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->cancel_fd < 0 || !buf_reserve(&p->output, MAX_OUTPUT)) {
        fail(p, p->cancel_fd < 0 ? strerrordesc_np(errno) : "out of memory");
        return;
    }
    p->joined = false;
    int error = pthread_create(&p->thread, NULL, run, p);
    if (error != 0) {
        p->joined = true;
        fail(p, strerrordesc_np(error));
    }
}

/* The transport may be freed right after this, so the thread must have handed its end over already.
 */
static void process_cancel(struct provider *provider)
{
    struct process_provider *p = (struct process_provider *)provider;
    const uint64_t one = 1;
    if (!p->joined && write(p->cancel_fd, &one, sizeof(one)) == (ssize_t)sizeof(one)) {
        join(p);
    }
}

static void process_free(struct provider *provider)
{
    struct process_provider *p = (struct process_provider *)provider;
    file_wipe(&p->output);
    free(p->command);
    free(p);
}

struct provider *credentials_process_new(const struct credentials_config *config,
                                         const char *command)
{
    static const struct provider_ops ops = {
        .fetch = process_fetch, .cancel = process_cancel, .free = process_free};
    struct process_provider *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    p->provider.ops = &ops;
    p->config = config;
    p->joined = true;
    p->cancel_fd = -1;
    p->command = strdup(command);
    if (p->command == NULL) {
        free(p);
        return NULL;
    }
    return &p->provider;
}
