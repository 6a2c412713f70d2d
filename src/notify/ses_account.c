#include "ses_account.h"

#include "base/json.h"

#include <pthread.h>
#include <stdio.h>

enum { REPLY_MAX = 256 * 1024 };

/* A call that is waited for. */
struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
    enum call_outcome outcome;
    int status;
    struct buf body;
    char code[96];
};

static void on_done(void *context, const struct call_result *result)
{
    struct waiting *w = context;
    pthread_mutex_lock(&w->lock);
    w->outcome = result->outcome;
    w->status = result->status;
    buf_add_span(&w->body, result->body);
    snprintf(w->code, sizeof w->code, "%s", result->error->code);
    w->done = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->lock);
}

/* GETs `path`; the answer's JSON as a new reference, or NULL with a reason. */
static json_t *get(const struct ses_config *config, const char *path, struct waiting *w,
                   char reason[OUTBOX_ERROR_SIZE])
{
    struct call_request request = {.method = "GET",
                                   .path = path,
                                   .deadline_us =
                                       clock_mono_us(config->clock) + config->timeout_ms * 1000,
                                   .max_reply = REPLY_MAX};
    *w = (struct waiting){.outcome = CALL_INVALID, .body = {.limit = REPLY_MAX}};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->ended, NULL);
    if (call_start(config->client, &request, on_done, w)) {
        pthread_mutex_lock(&w->lock);
        while (!w->done) {
            pthread_cond_wait(&w->ended, &w->lock);
        }
        pthread_mutex_unlock(&w->lock);
    }
    pthread_cond_destroy(&w->ended);
    pthread_mutex_destroy(&w->lock);
    char why[JSON_REASON_SIZE];
    json_t *answer = w->outcome == CALL_OK ? json_parse(buf_span(&w->body), why) : NULL;
    buf_free(&w->body);
    if (answer == NULL) {
        snprintf(reason, OUTBOX_ERROR_SIZE, "SES: GET %.80s: %s (%s, status %d)", path,
                 w->outcome == CALL_OK ? "not JSON" : call_outcome_name(w->outcome), w->code,
                 w->status);
    }
    return answer;
}

int ses_account_get(const struct ses_config *config, struct ses_account *out,
                    char reason[OUTBOX_ERROR_SIZE])
{
    struct waiting w;
    json_t *answer = get(config, "/v2/email/account", &w, reason);
    if (answer == NULL) {
        return -1;
    }
    const json_t *rate = json_object_get(json_object_get(answer, "SendQuota"), "MaxSendRate");
    const json_t *enabled = json_object_get(answer, "SendingEnabled");
    out->max_rate = json_number_value(rate);
    out->production = json_is_true(json_object_get(answer, "ProductionAccessEnabled"));
    out->enabled = enabled == NULL || json_is_true(enabled);
    bool good = json_is_number(rate) && out->max_rate > 0;
    json_decref(answer);
    if (!good) {
        snprintf(reason, OUTBOX_ERROR_SIZE,
                 "SES: the account's answer has no SendQuota.MaxSendRate");
    }
    return good ? 0 : -1;
}

/* Whether SES may send from or to the address: it, or its domain, is a verified identity. 1, 0, or
 * -1 when it cannot be told. */
static int is_verified(const struct ses_config *config, const char *identity,
                       char reason[OUTBOX_ERROR_SIZE])
{
    struct waiting w;
    struct buf path = BUF_INIT;
    buf_add_str(&path, "/v2/email/identities/");
    sigv4_encode(&path, span_of(identity), false);
    json_t *answer = get(config, buf_str(&path), &w, reason);
    buf_free(&path);
    if (answer == NULL) {
        return w.status == 404 ? 0 : -1;
    }
    int verified = json_is_true(json_object_get(answer, "VerifiedForSendingStatus"));
    json_decref(answer);
    return verified;
}

static int check_address(const struct ses_config *config, const char *role, const char *address,
                         char reason[OUTBOX_ERROR_SIZE])
{
    int verified = is_verified(config, address, reason);
    if (verified == 0) {
        const char *at = strrchr(address, '@');
        verified = is_verified(config, at != NULL ? at + 1 : address, reason);
    }
    if (verified > 0) {
        return 0;
    }
    if (verified == 0) {
        snprintf(reason, OUTBOX_ERROR_SIZE,
                 "SES: %s is not verified in this region: verify %.100s or its domain", role,
                 address);
    } else {
        size_t used = strlen(reason);
        snprintf(reason + used, OUTBOX_ERROR_SIZE - used,
                 "; allow ses:GetEmailIdentity for this check");
    }
    return -1;
}

int ses_account_check(const struct ses_config *config, char reason[OUTBOX_ERROR_SIZE])
{
    struct ses_account account;
    const struct mail_addresses *addresses = config->addresses;
    if (ses_account_get(config, &account, reason) != 0) {
        size_t used = strlen(reason);
        snprintf(reason + used, OUTBOX_ERROR_SIZE - used,
                 "; allow ses:GetAccount, or set REVIEWD_SES_RATE");
        return -1;
    }
    if (!account.enabled) {
        snprintf(reason, OUTBOX_ERROR_SIZE,
                 "SES: sending is paused for this account; see SES's account dashboard");
        return -1;
    }
    if (check_address(config, "SENDER_EMAIL", addresses->sender, reason) != 0) {
        return -1;
    }
    for (size_t i = 0; !account.production && i < addresses->receiver_count; i++) {
        if (check_address(config, "RECEIVER_EMAIL (the account is in the sandbox)",
                          addresses->receivers[i], reason)) {
            return -1;
        }
    }
    snprintf(reason, OUTBOX_ERROR_SIZE, "%g receivers a second%s", account.max_rate,
             account.production ? ""
                                : ", in the sandbox: 200 mails a day, to verified receivers only");
    return 0;
}
