/* A mailer over SES with all below it scripted: answers in the order in which requests are sent,
 * and a time that a thread moves on, a millisecond at each of its rounds. */
#ifndef SES_SCENE_H
#define SES_SCENE_H

#include "support/alloc.h"
#include "support/fake.h"
#include "support/test.h"

#include "unit/aws/fake_credentials.h"

#include "notify/ses.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { ENTRIES = 200, SECOND_US = 1000000 };

struct ses_scene {
    struct fake_transport net;
    struct fake_clock clock;
    struct credentials_source source;
    struct sigv4_signer *signer;
    struct metrics *metrics;
    struct endpoint endpoint;
    struct call_client *client;
    struct mail_addresses addresses;
    struct ses_config config;
    struct mailer *mailer;
    struct outbox_entry entries[ENTRIES];
    struct mail_outcome outcomes[ENTRIES];
    _Atomic bool stop;  /* the mailer's */
    _Atomic bool hold;  /* the time goes on, but nothing is answered */
    _Atomic bool ended; /* the thread's */
    pthread_t thread;
};

/* Of what waits for an answer, whether the first is cancelled: that is told in any case. */
static inline bool first_is_cancelled(struct ses_scene *s)
{
    struct fake_transport *t = &s->net;
    (void)pthread_mutex_lock(&t->lock);
    bool cancelled = t->waiting_first < t->sent_count && t->waiting[t->waiting_first].cancelled;
    (void)pthread_mutex_unlock(&t->lock);
    return cancelled;
}

/* The network's thread. */
static inline void *pump(void *context)
{
    struct ses_scene *s = context;
    while (!atomic_load(&s->ended)) {
        if (!atomic_load(&s->hold) || first_is_cancelled(s)) {
            fake_transport_run(&s->net);
        }
        fake_clock_advance(&s->clock, 1000);
        nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    }
    return NULL;
}

static inline void make_entries(struct ses_scene *s)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        s->entries[i] = (struct outbox_entry){.id = i + 1,
                                              .item = {.user_name = SPAN("Ann"),
                                                       .timestamp = SPAN("2025-11-28T11:16:31.1"),
                                                       .review = SPAN("Good.")}};
    }
}

/* Opens all; the mailer with `config`, whose lower parts are filled in here. */
static inline void open_ses(struct ses_scene *s, struct ses_config config,
                            const struct fake_reply *script, size_t script_len)
{
    char reason[OUTBOX_ERROR_SIZE];
    memset(s, 0, sizeof *s);
    fake_transport_init(&s->net, script, script_len);
    fake_clock_init(&s->clock, INT64_C(1440938160) * SECOND_US);
    s->net.clock = &s->clock;
    s->source.now = (struct credentials){"AKIDEXAMPLE", "secret", NULL, INT64_MAX};
    fake_source = &s->source;
    s->signer = sigv4_signer_new();
    s->metrics = metrics_new();
    s->endpoint = (struct endpoint){
        .region = "eu-west-1", .host = "localhost:8000", .url = "http://localhost:8000"};
    struct call_config call = {.service = &aws_service_ses,
                               .endpoint = &s->endpoint,
                               .transport = &s->net.transport,
                               .clock = &s->clock.clock,
                               .credentials = &s->source,
                               .signer = s->signer,
                               .metrics = s->metrics,
                               .seed = 1};
    s->client = call_client_new(&call);
    assert_non_null(s->client);
    assert_int_equal(
        mail_addresses_parse(&s->addresses, "reviews@example.com", "admin@example.com", reason), 0);
    make_entries(s);
    s->config = config;
    s->config.client = s->client;
    s->config.addresses = &s->addresses;
    s->config.clock = &s->clock.clock;
    s->config.metrics = s->metrics;
    s->config.timeout_ms = config.timeout_ms != 0 ? config.timeout_ms : 20000;
    s->mailer = ses_open(&s->config, reason);
    assert_non_null(s->mailer);
    assert_int_equal(pthread_create(&s->thread, NULL, pump, s), 0);
}

static inline void close_ses(struct ses_scene *s)
{
    atomic_store(&s->hold, false);
    call_client_stop(s->client);
    call_client_free(s->client);
    atomic_store(&s->ended, true);
    (void)pthread_join(s->thread, NULL);
    mailer_free(s->mailer);
    assert_int_equal(s->source.references, 0);
    fake_transport_free(&s->net);
    mail_addresses_free(&s->addresses);
    sigv4_signer_free(s->signer);
    metrics_free(s->metrics);
}

/* Sends the first `count` entries. Outcomes are preset to something that no send gives. */
static inline void send_entries(struct ses_scene *s, size_t count)
{
    memset(s->outcomes, 0x7f, sizeof s->outcomes);
    s->mailer->ops->send(s->mailer, s->entries, count, s->outcomes, &s->stop);
}

static inline int64_t answers(struct ses_scene *s, const char *verdict)
{
    char labels[64];
    (void)snprintf(labels, sizeof labels, "verdict=\"%s\"", verdict);
    return metric_value(
        metrics_counter(s->metrics, (struct metric_name){"reviewd_ses_answers_total", "", labels}));
}

#define SCRIPT(...)                                                                                \
    ((const struct fake_reply[]){__VA_ARGS__}),                                                    \
        sizeof((const struct fake_reply[]){__VA_ARGS__}) / sizeof(struct fake_reply)
#define SENT                                                                                       \
    {                                                                                              \
        .status = 200, .body = "{\"MessageId\":\"1\"}"                                             \
    }
#define REFUSED(number, code)                                                                      \
    {                                                                                              \
        .status = (number), .body = "{\"__type\":\"" code "\",\"message\":\"of a@example.com\"}"   \
    }
#define ACCOUNT(rate)                                                                              \
    {                                                                                              \
        .status = 200, .body = "{\"SendQuota\":{\"MaxSendRate\":" #rate                            \
                               "},\"SendingEnabled\":true,\"ProductionAccessEnabled\":true}"       \
    }

#endif
