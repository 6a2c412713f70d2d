/* A credentials source that a test drives by hand, linked in the place of the real one. */
#ifndef FAKE_CREDENTIALS_H
#define FAKE_CREDENTIALS_H

#include "aws/credentials.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct credentials_source {
    enum credentials_answer answer;
    struct credentials_waiter *waiter;
    struct credentials now;  /* handed out */
    struct credentials next; /* takes its place when invalidated, if it has a key */
    _Atomic int references;  /* handed out and not given back */
    int invalidated;
    bool wait_after_invalidation;
};

static struct credentials_source *fake_source; /* credentials_unref() gets no source */

struct credentials *credentials_ref(struct credentials *c)
{
    fake_source->references++;
    return c;
}

void credentials_unref(struct credentials *c)
{
    if (c != NULL) {
        fake_source->references--;
    }
}

enum credentials_answer credentials_get(struct credentials_source *s,
                                        struct credentials_waiter *waiter, struct credentials **out)
{
    if (s->answer == CREDENTIALS_READY) {
        *out = credentials_ref(&s->now);
    } else if (s->answer == CREDENTIALS_WAITING) {
        s->waiter = waiter;
    }
    return s->answer;
}

bool credentials_unwait(struct credentials_source *s, struct credentials_waiter *waiter)
{
    bool found = s->waiter == waiter && waiter != NULL;
    s->waiter = found ? NULL : s->waiter;
    return found;
}

bool credentials_invalidate(struct credentials_source *s, const struct credentials *used)
{
    (void)used;
    s->invalidated++;
    if (s->next.access_key_id == NULL) {
        return false;
    }
    s->now = s->next;
    s->answer = s->wait_after_invalidation ? CREDENTIALS_WAITING : CREDENTIALS_READY;
    return true;
}

void credentials_reason(struct credentials_source *s, char out[CREDENTIALS_REASON_SIZE])
{
    (void)s;
    (void)snprintf(out, CREDENTIALS_REASON_SIZE, "no provider has any");
}

/* Tells the one that waits. */
static inline void fake_credentials_arrive(struct credentials_source *s)
{
    struct credentials_waiter *waiter = s->waiter;
    s->waiter = NULL;
    s->answer = CREDENTIALS_READY;
    waiter->ready(waiter, credentials_ref(&s->now), NULL);
}

static inline void fake_credentials_fail(struct credentials_source *s)
{
    struct credentials_waiter *waiter = s->waiter;
    s->waiter = NULL;
    waiter->ready(waiter, NULL, "the container says 403");
}

#endif
