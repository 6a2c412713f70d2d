/* A source of credentials over a scripted clock, transport and environment. */
#ifndef CREDENTIALS_FIXTURE_H
#define CREDENTIALS_FIXTURE_H

#include "aws/credentials.h"
#include "base/log.h"
#include "support/alloc.h"
#include "support/fake.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000)
#define MINUTE (60 * SECOND)
#define START  (1764328591 * SECOND) /* 2025-11-28T11:16:31Z */

/* An endpoint's answer that expires one hour after START. */
#define KEYS(id)                                                                                   \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"" id                                                  \
    "\",\"SecretAccessKey\":\"secret\",\"Token\":\"token\","                                       \
    "\"Expiration\":\"2025-11-28T12:16:31Z\"}"

struct var {
    const char *name;
    const char *value;
};

enum { FIXTURE_VARS = 12 };

struct fixture {
    struct fake_clock clock;
    struct fake_transport net;
    struct metrics *metrics;
    struct var vars[FIXTURE_VARS];
    uint64_t random; /* what the source gets */
    struct credentials_config config;
    struct credentials_source *source;
};

static inline const char *fixture_env(void *context, const char *name)
{
    const struct fixture *f = context;
    for (size_t i = 0; i < FIXTURE_VARS && f->vars[i].name != NULL; i++) {
        if (strcmp(f->vars[i].name, name) == 0) {
            return f->vars[i].value;
        }
    }
    return NULL;
}

static inline uint64_t fixture_random(void *context)
{
    return ((struct fixture *)context)->random;
}

static inline void fixture_set(struct fixture *f, const char *name, const char *value)
{
    size_t i = 0;
    while (i < FIXTURE_VARS && f->vars[i].name != NULL && strcmp(f->vars[i].name, name) != 0) {
        i++;
    }
    assert_true(i < FIXTURE_VARS);
    f->vars[i] = (struct var){name, value};
}

static inline struct fixture *fixture_new(const struct fake_reply *script, size_t count)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    log_set_level(LOG_LEVEL_ERROR); /* failures are expected here */
    fake_clock_init(&f->clock, START);
    fake_transport_init(&f->net, script, count);
    f->net.clock = &f->clock;
    f->metrics = metrics_new();
    assert_non_null(f->metrics);
    f->config = (struct credentials_config){.transport = &f->net.transport,
                                            .clock = &f->clock.clock,
                                            .metrics = f->metrics,
                                            .env = {fixture_env, f},
                                            .random = fixture_random,
                                            .random_context = f};
    return f;
}

static inline void fixture_open(struct fixture *f)
{
    f->source = credentials_open(&f->config);
    assert_non_null(f->source);
}

static inline void fixture_free(struct fixture *f)
{
    credentials_close(f->source);
    fake_transport_free(&f->net);
    metrics_free(f->metrics);
    free(f);
}

/* A waiter that keeps what it was told. */
struct asker {
    struct credentials_waiter waiter; /* first */
    unsigned told;
    struct credentials *credentials;
    char reason[CREDENTIALS_REASON_SIZE];
};

static inline void asker_ready(struct credentials_waiter *waiter, struct credentials *c,
                               const char *reason)
{
    struct asker *a = (struct asker *)waiter;
    a->told++;
    a->credentials = c;
    (void)snprintf(a->reason, sizeof(a->reason), "%s", reason);
}

/* Gets credentials, and waits for them while pauses pass in no time. NULL with the reason in `why`.
 */
static inline struct credentials *fixture_get(struct fixture *f, char why[CREDENTIALS_REASON_SIZE])
{
    struct asker a = {.waiter = {asker_ready, NULL}};
    struct credentials *c = NULL;
    why[0] = '\0';
    enum credentials_answer answer = credentials_get(f->source, &a.waiter, &c);
    if (answer == CREDENTIALS_FAILED) {
        credentials_reason(f->source, why);
        return NULL;
    }
    if (answer == CREDENTIALS_READY) {
        return c;
    }
    fake_transport_run(&f->net);
    for (int i = 0; a.told == 0; i++) {
        assert_true(i < 20000);
        if (!fake_transport_step(&f->net)) {
            const struct timespec pause = {.tv_nsec = 1000000}; /* a program runs */
            (void)nanosleep(&pause, NULL);
            fake_transport_run(&f->net);
        }
    }
    assert_int_equal(a.told, 1);
    (void)snprintf(why, CREDENTIALS_REASON_SIZE, "%s", a.reason);
    return a.credentials;
}

/* Expects credentials with this key id. */
static inline void fixture_gives(struct fixture *f, const char *key_id)
{
    char why[CREDENTIALS_REASON_SIZE];
    struct credentials *c = fixture_get(f, why);
    if (c == NULL) {
        fail_msg("no credentials: %s", why);
        return;
    }
    assert_string_equal(c->access_key_id, key_id);
    credentials_unref(c);
}

/* Expects a failure whose reason holds `part`. */
static inline void fixture_fails(struct fixture *f, const char *part)
{
    char why[CREDENTIALS_REASON_SIZE];
    struct credentials *c = fixture_get(f, why);
    assert_null(c);
    if (strstr(why, part) == NULL) {
        fail_msg("reason is \"%s\", not \"%s\"", why, part);
    }
}

/* A temporary file with `text`; unlink() and free() the path. */
static inline char *fixture_file(const char *text)
{
    char *path = strdup("/tmp/reviewd-credentials-XXXXXX");
    assert_non_null(path);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
    return path;
}

static inline void fixture_rewrite(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline void fixture_unlink(char *path)
{
    assert_int_equal(unlink(path), 0);
    free(path);
}

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#endif
