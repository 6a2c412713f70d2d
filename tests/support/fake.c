#include "support/fake.h"

#include <stdio.h>
#include <stdlib.h>

/* Past the allocator that fails on command: its failures are meant for the code under test. */
void *__real_malloc(size_t size);

static int64_t fake_wall_us(struct clock *clock)
{
    return ((struct fake_clock *)clock)->wall;
}

static int64_t fake_mono_us(struct clock *clock)
{
    return ((struct fake_clock *)clock)->mono;
}

void fake_clock_init(struct fake_clock *c, int64_t wall_us)
{
    c->clock = (struct clock){fake_wall_us, fake_mono_us};
    c->wall = wall_us;
    c->mono = 1000000;
}

void fake_clock_advance(struct fake_clock *c, int64_t us)
{
    c->wall += us;
    c->mono += us;
}

static void die(const char *why)
{
    (void)fprintf(stderr, "fake transport: %s\n", why);
    abort();
}

static char *keep(struct span text)
{
    char *copy = __real_malloc(text.len + 1);
    if (copy == NULL) {
        die("out of memory");
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    return copy;
}

/* Appends `label`, `value` and a newline to `text`. */
static char *append(char *text, const char *label, const char *value)
{
    size_t size = strlen(text) + strlen(label) + strlen(value) + 2;
    char *longer = __real_malloc(size);
    if (longer == NULL) {
        die("out of memory");
    }
    (void)snprintf(longer, size, "%s%s%s\n", text, label, value);
    free(text);
    return longer;
}

static char *keep_headers(const struct net_request *request)
{
    char *text = keep(SPAN(""));
    for (size_t i = 0; i < request->header_count; i++) {
        char label[256];
        (void)snprintf(label, sizeof(label), "%s: ", request->headers[i].name);
        text = append(text, label, request->headers[i].value);
    }
    return text;
}

static char *keep_mail(const struct net_mail *mail)
{
    if (mail == NULL) {
        return NULL;
    }
    char *text = append(keep(SPAN("")), "from ", mail->from);
    for (size_t i = 0; i < mail->to_count; i++) {
        text = append(text, "to ", mail->to[i]);
    }
    if (mail->user != NULL) {
        text = append(text, "user ", mail->user);
        text = append(text, "password ", mail->password != NULL ? mail->password : "");
    }
    return mail->require_tls ? append(text, "require_tls", "") : text;
}

static struct fake_sent keep_request(const struct net_request *request)
{
    return (struct fake_sent){
        .method = keep(span_of(request->method)),
        .url = keep(span_of(request->url)),
        .body = keep(request->body),
        .body_len = request->body.len,
        .headers = keep_headers(request),
        .mail = keep_mail(request->mail),
        .timeout_ms = request->timeout_ms,
        .max_reply = request->max_reply,
    };
}

/* Under the lock: the reply to request number `i`. */
static struct net_reply next_reply(struct fake_transport *t, size_t i)
{
    static const struct fake_reply beyond = {.error = NET_CONNECT};
    struct net_reply reply = {.error = NET_CANCELLED};
    if (!t->waiting[i].cancelled && !t->closing) {
        const struct fake_reply *r = t->next < t->script_len ? &t->script[t->next++] : &beyond;
        size_t len = r->body_len > 0 || r->body == NULL ? r->body_len : strlen(r->body);
        reply = (struct net_reply){.error = r->error,
                                   .status = r->status,
                                   .headers = r->headers,
                                   .header_count = r->header_count,
                                   .body = {r->body, len},
                                   .reused_connection = r->reused_connection,
                                   .reply_started = r->reply_started};
    }
    if (reply.body.len > t->sent[i].max_reply) {
        reply.error = NET_TOO_LARGE;
        reply.body = (struct span){NULL, 0};
    }
    if (reply.error != NET_OK) {
        (void)snprintf(reply.detail, sizeof(reply.detail), "%s", net_error_name(reply.error));
    }
    return reply;
}

static void answer(struct fake_transport *t, size_t i)
{
    (void)pthread_mutex_lock(&t->lock);
    struct net_reply reply = next_reply(t, i);
    net_done *done = t->waiting[i].done;
    void *context = t->waiting[i].context;
    (void)pthread_mutex_unlock(&t->lock);
    done(context, &reply);
}

static void fire(struct fake_transport *t, size_t i)
{
    (void)pthread_mutex_lock(&t->lock);
    void (*call)(void *context) = t->timers[i].fire;
    void *context = t->timers[i].context;
    t->timers[i].fired = true;
    (void)pthread_mutex_unlock(&t->lock);
    call(context);
}

struct job {
    void (*run)(struct fake_transport *t, size_t i);
    struct fake_transport *t;
    size_t i;
};

static void *run_job(void *context)
{
    struct job job = *(struct job *)context;
    free(context);
    job.run(job.t, job.i);
    return NULL;
}

static pthread_t start_job(struct job job)
{
    struct job *copy = __real_malloc(sizeof(*copy));
    pthread_t thread;
    if (copy == NULL) {
        die("out of memory");
    }
    *copy = job;
    if (pthread_create(&thread, NULL, run_job, copy) != 0) {
        die("no thread");
    }
    return thread;
}

static uint64_t fake_send(struct transport *transport, const struct net_request *request,
                          net_done *done, void *context)
{
    struct fake_transport *t = (struct fake_transport *)transport;
    struct fake_sent sent = keep_request(request);
    (void)pthread_mutex_lock(&t->lock);
    size_t i = t->sent_count;
    if (i >= FAKE_SENT_MAX) {
        die("more requests than FAKE_SENT_MAX");
    }
    t->sent_count++;
    t->sent[i] = sent;
    t->waiting[i].done = done;
    t->waiting[i].context = context;
    t->waiting[i].id = i + 1;
    if (t->immediate) {
        t->waiting[i].thread = start_job((struct job){answer, t, i});
        t->waiting[i].answering = true;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return i + 1;
}

/* Timers have the ids behind those of the requests. */
static void fake_cancel(struct transport *transport, uint64_t id)
{
    struct fake_transport *t = (struct fake_transport *)transport;
    (void)pthread_mutex_lock(&t->lock);
    if (id >= 1 && id <= t->sent_count) {
        t->waiting[id - 1].cancelled = true;
    } else if (id > FAKE_SENT_MAX && id <= FAKE_SENT_MAX + t->timer_count) {
        t->timers[id - FAKE_SENT_MAX - 1].due_us = INT64_MIN;
    }
    (void)pthread_mutex_unlock(&t->lock);
}

static int64_t now_us(struct fake_transport *t)
{
    return t->clock != NULL ? clock_mono_us(&t->clock->clock) : t->now_us;
}

static uint64_t fake_after(struct transport *transport, int64_t delay_us,
                           void (*call)(void *context), void *context)
{
    struct fake_transport *t = (struct fake_transport *)transport;
    (void)pthread_mutex_lock(&t->lock);
    size_t i = t->timer_count;
    if (i >= FAKE_SENT_MAX) {
        die("more timers than FAKE_SENT_MAX");
    }
    t->timer_count++;
    t->timers[i].fire = call;
    t->timers[i].context = context;
    t->timers[i].delay_us = delay_us;
    t->timers[i].due_us = now_us(t) + delay_us;
    if (t->immediate && delay_us <= t->immediate_us) {
        t->timers[i].thread = start_job((struct job){fire, t, i});
        t->timers[i].answering = true;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return FAKE_SENT_MAX + i + 1;
}

void fake_transport_init(struct fake_transport *t, const struct fake_reply *script,
                         size_t script_len)
{
    static const struct transport_ops ops = {fake_send, fake_cancel, fake_after};
    memset(t, 0, sizeof(*t));
    t->transport.ops = &ops;
    t->script = script;
    t->script_len = script_len;
    (void)pthread_mutex_init(&t->lock, NULL);
}

/* Under the lock: the timer that is due first, timer_count when none waits. */
static size_t first_timer(const struct fake_transport *t)
{
    size_t first = t->timer_count;
    for (size_t i = 0; i < t->timer_count; i++) {
        bool waits = !t->timers[i].fired && !t->timers[i].answering;
        if (waits && (first == t->timer_count || t->timers[i].due_us < t->timers[first].due_us)) {
            first = i;
        }
    }
    return first;
}

/* Takes one thing to do; false when there is none. */
static bool next_job(struct fake_transport *t, struct job *job)
{
    (void)pthread_mutex_lock(&t->lock);
    *job = (struct job){NULL, t, 0};
    size_t timer = first_timer(t);
    while (t->waiting_first < t->sent_count && t->waiting[t->waiting_first].answering) {
        t->waiting_first++; /* by a thread of its own, while `immediate` was set */
    }
    if (!t->immediate && t->waiting_first < t->sent_count) {
        *job = (struct job){answer, t, t->waiting_first++};
    } else if (timer < t->timer_count && (t->closing || t->timers[timer].due_us <= now_us(t))) {
        *job = (struct job){fire, t, timer};
    }
    (void)pthread_mutex_unlock(&t->lock);
    return job->run != NULL;
}

void fake_transport_run(struct fake_transport *t)
{
    struct job job;
    while (next_job(t, &job)) {
        job.run(t, job.i);
    }
}

int64_t fake_transport_due_us(struct fake_transport *t)
{
    (void)pthread_mutex_lock(&t->lock);
    size_t timer = first_timer(t);
    int64_t due_us = timer < t->timer_count ? t->timers[timer].due_us : INT64_MAX;
    int64_t now = now_us(t);
    (void)pthread_mutex_unlock(&t->lock);
    if (due_us == INT64_MAX) {
        return INT64_MAX;
    }
    return due_us > now ? due_us - now : 0;
}

bool fake_transport_step(struct fake_transport *t)
{
    int64_t wait_us = fake_transport_due_us(t);
    if (wait_us == INT64_MAX) {
        return false;
    }
    if (t->clock != NULL) {
        fake_clock_advance(t->clock, wait_us);
    } else {
        t->now_us += wait_us;
    }
    fake_transport_run(t);
    return true;
}

/* Threads that answer may start further ones. */
static void join_all(struct fake_transport *t)
{
    for (size_t i = 0; i < FAKE_SENT_MAX; i++) {
        if (t->waiting[i].answering) {
            (void)pthread_join(t->waiting[i].thread, NULL);
        }
        if (t->timers[i].answering) {
            (void)pthread_join(t->timers[i].thread, NULL);
        }
    }
}

void fake_transport_free(struct fake_transport *t)
{
    (void)pthread_mutex_lock(&t->lock);
    t->closing = true;
    (void)pthread_mutex_unlock(&t->lock);
    fake_transport_run(t);
    join_all(t);
    for (size_t i = 0; i < t->sent_count; i++) {
        struct fake_sent *sent = &t->sent[i];
        free(sent->method);
        free(sent->url);
        free(sent->body);
        free(sent->headers);
        free(sent->mail);
    }
    (void)pthread_mutex_destroy(&t->lock);
    memset(t, 0, sizeof(*t));
}
