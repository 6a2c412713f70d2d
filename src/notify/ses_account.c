#include "ses_account.h"

#include "base/json.h"
#include "ses_body.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum {
    REPLY_MAX = 256 * 1024,
    ASK_MS = 5000, /* mails wait for the answer */
    LOOK_MS = 50   /* how often a wait looks whether the service ends */
};

/* A call that is waited for; on the stack of him who waits. */
struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t ended; /* CLOCK_MONOTONIC */
    bool done;
    enum call_outcome outcome;
    int status;
    struct buf body;
    char why[160]; /* the answer's code; without an answer, what this machine says */
};

static void on_done(void *context, const struct call_result *result)
{
    struct waiting *w = context;
    pthread_mutex_lock(&w->lock);
    w->outcome = result->outcome;
    w->status = result->status;
    buf_add_span(&w->body, result->body);
    snprintf(w->why, sizeof w->why, "%s",
             result->status != 0 ? result->error->code : result->detail);
    w->done = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->lock);
}

/* Until the call ends or the service does. Under the lock. */
static void wait_or_stop(struct waiting *w, const _Atomic bool *stop)
{
    while (!w->done && !atomic_load(stop)) {
        struct timespec until = clock_after((int64_t)LOOK_MS * 1000);
        pthread_cond_clockwait(&w->ended, &w->lock, CLOCK_MONOTONIC, &until);
    }
}

/* Until the call has ended; `stop` ends it. */
static void wait_for(struct waiting *w, struct call_client *client, const _Atomic bool *stop)
{
    pthread_mutex_lock(&w->lock);
    if (stop != NULL) {
        wait_or_stop(w, stop);
    }
    if (stop != NULL && !w->done) {
        pthread_mutex_unlock(&w->lock);
        call_client_stop(client);
        pthread_mutex_lock(&w->lock);
    }
    while (!w->done) {
        pthread_cond_wait(&w->ended, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

static void explain(const struct waiting *w, const struct call_request *request,
                    char reason[OUTBOX_ERROR_SIZE])
{
    const char *what =
        w->outcome == CALL_OK ? "the answer is not JSON" : call_outcome_name(w->outcome);
    snprintf(reason, OUTBOX_ERROR_SIZE, "SES: %s %.40s: %s%s%.130s", request->method, request->path,
             what, w->why[0] != '\0' ? ", " : "", w->why);
}

static void init_wait(struct waiting *w)
{
    *w = (struct waiting){.outcome = CALL_INVALID, .body = {.limit = REPLY_MAX}};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->ended, NULL);
}

/* Makes the call, whose deadline and limit are filled in here. The answer's JSON as a new
 * reference, or NULL with a reason; *w says how it ended, its body is freed. */
static json_t *ask(const struct ses_config *config, struct call_request request,
                   const _Atomic bool *stop, struct waiting *w, char reason[OUTBOX_ERROR_SIZE])
{
    int64_t most_ms = config->timeout_ms < ASK_MS ? config->timeout_ms : ASK_MS;
    request.deadline_us = clock_mono_us(config->clock) + most_ms * 1000;
    request.max_reply = REPLY_MAX;
    init_wait(w);
    if (call_start(config->client, &request, on_done, w)) {
        wait_for(w, config->client, stop);
    }
    pthread_cond_destroy(&w->ended);
    pthread_mutex_destroy(&w->lock);
    char why[JSON_REASON_SIZE];
    json_t *answer = w->outcome == CALL_OK ? json_parse(buf_span(&w->body), why) : NULL;
    buf_free(&w->body);
    if (answer == NULL) {
        explain(w, &request, reason);
    }
    return answer;
}

static json_t *get(const struct ses_config *config, const char *path, const _Atomic bool *stop,
                   struct waiting *w, char reason[OUTBOX_ERROR_SIZE])
{
    return ask(config, (struct call_request){.method = "GET", .path = path}, stop, w, reason);
}

enum ses_account_result ses_account_get(const struct ses_config *config, struct ses_account *out,
                                        const _Atomic bool *stop, char reason[OUTBOX_ERROR_SIZE])
{
    struct waiting w;
    json_t *answer = get(config, "/v2/email/account", stop, &w, reason);
    if (answer == NULL) {
        return w.outcome == CALL_REFUSED ? SES_ACCOUNT_DENIED : SES_ACCOUNT_UNKNOWN;
    }
    const json_t *rate = json_object_get(json_object_get(answer, "SendQuota"), "MaxSendRate");
    const json_t *enabled = json_object_get(answer, "SendingEnabled");
    out->max_rate = json_number_value(rate);
    out->production = json_is_true(json_object_get(answer, "ProductionAccessEnabled"));
    out->enabled = enabled == NULL || json_is_true(enabled);
    json_decref(answer);
    if (!(out->max_rate > 0)) {
        snprintf(reason, OUTBOX_ERROR_SIZE,
                 "SES: GET /v2/email/account: the answer has no SendQuota.MaxSendRate");
        return SES_ACCOUNT_DENIED;
    }
    return SES_ACCOUNT_OK;
}

enum verified { VERIFIED, NOT_VERIFIED, NOT_TOLD };

static enum verified ask_identity(const struct ses_config *config, const char *identity,
                                  char reason[OUTBOX_ERROR_SIZE])
{
    struct waiting w;
    struct buf path = BUF_INIT;
    buf_add_str(&path, "/v2/email/identities/");
    sigv4_encode(&path, span_of(identity), false);
    if (buf_failed(&path)) {
        buf_free(&path);
        snprintf(reason, OUTBOX_ERROR_SIZE, "SES: out of memory");
        return NOT_TOLD;
    }
    json_t *answer = get(config, buf_str(&path), NULL, &w, reason);
    buf_free(&path);
    if (answer == NULL) {
        return w.status == 404 ? NOT_VERIFIED : NOT_TOLD;
    }
    bool verified = json_is_true(json_object_get(answer, "VerifiedForSendingStatus"));
    json_decref(answer);
    return verified ? VERIFIED : NOT_VERIFIED;
}

/* An address is verified when it is an identity itself, or its domain is. */
static enum verified ask_address(const struct ses_config *config, const char *address,
                                 char reason[OUTBOX_ERROR_SIZE])
{
    const char *at = strrchr(address, '@');
    enum verified verified = ask_identity(config, address, reason);
    if (verified == NOT_VERIFIED && at != NULL) {
        verified = ask_identity(config, at + 1, reason);
    }
    return verified;
}

/* -1 when the address is known not to be verified. What cannot be told is no fault: sending needs
 * no right to ask; it is noted in `untold`. */
static int check_address(const struct ses_config *config, const char *role, const char *address,
                         bool *untold, char reason[OUTBOX_ERROR_SIZE])
{
    enum verified verified = ask_address(config, address, reason);
    *untold |= verified == NOT_TOLD;
    if (verified != NOT_VERIFIED) {
        return 0;
    }
    snprintf(reason, OUTBOX_ERROR_SIZE,
             "SES: %s is not verified in this region: verify %.100s or its domain", role, address);
    return -1;
}

static void append(char reason[OUTBOX_ERROR_SIZE], const char *text)
{
    size_t used = strlen(reason);
    snprintf(reason + used, OUTBOX_ERROR_SIZE - used, "%s", text);
}

/* The account; where it may not be asked but the rate is set, it is taken for a good one. */
static int check_account(const struct ses_config *config, struct ses_account *account,
                         char reason[OUTBOX_ERROR_SIZE])
{
    enum ses_account_result result = ses_account_get(config, account, NULL, reason);
    if (result == SES_ACCOUNT_DENIED && config->rate > 0) {
        *account = (struct ses_account){.production = true, .enabled = true};
        result = SES_ACCOUNT_OK;
    }
    if (result == SES_ACCOUNT_DENIED) {
        append(reason, "; allow ses:GetAccount, or set REVIEWD_SES_RATE");
    } else if (result == SES_ACCOUNT_UNKNOWN) {
        append(reason, "; check credentials, region and network");
    } else if (!account->enabled) {
        snprintf(reason, OUTBOX_ERROR_SIZE,
                 "SES: sending is paused for this account; see SES's account dashboard");
    }
    return result == SES_ACCOUNT_OK && account->enabled ? 0 : -1;
}

/* Tries a mail to nobody. SES takes it in no case, but tells a role that may not send that it may
 * not. What else it says of such a mail means nothing: -1 only for AccessDenied. */
static int check_sending(const struct ses_config *config, char reason[OUTBOX_ERROR_SIZE])
{
    struct waiting w;
    struct buf body = BUF_INIT;
    struct mail_addresses nobody = {.sender = config->addresses->sender};
    struct ses_config to_nobody = *config;
    struct outbox_entry entry = {
        .item = {.user_name = SPAN("reviewd check"), .review = SPAN("reviewd check")}};
    to_nobody.addresses = &nobody;
    ses_body(&body, &to_nobody, &entry, 1);
    if (buf_failed(&body)) {
        buf_free(&body);
        snprintf(reason, OUTBOX_ERROR_SIZE, "SES: out of memory");
        return -1;
    }
    json_decref(ask(config, ses_request(buf_span(&body)), NULL, &w, reason));
    buf_free(&body);
    if (w.outcome != CALL_REFUSED || !errors_same_code(w.why, "AccessDenied")) {
        return 0;
    }
    snprintf(reason, OUTBOX_ERROR_SIZE,
             "SES: sending is denied; allow ses:SendEmail in the role's policy, on the identity of "
             "SENDER_EMAIL and on the configuration set if one is named");
    return -1;
}

static void describe(const struct ses_config *config, const struct ses_account *account,
                     bool untold, char reason[OUTBOX_ERROR_SIZE])
{
    double rate = account->max_rate > 0 ? account->max_rate : config->rate;
    snprintf(reason, OUTBOX_ERROR_SIZE, "SES: %g receivers a second%s%s", rate,
             account->production
                 ? ""
                 : "; in the sandbox: 200 mails a day, to verified receivers only; ask AWS for "
                   "production access (Get set up, in the console of SES)",
             untold ? "; allow ses:GetEmailIdentity to check the addresses" : "");
}

int ses_account_check(const struct ses_config *config, char reason[OUTBOX_ERROR_SIZE])
{
    struct ses_account account;
    const struct mail_addresses *addresses = config->addresses;
    bool untold = false;
    if (check_account(config, &account, reason) != 0 ||
        check_address(config, "SENDER_EMAIL", addresses->sender, &untold, reason) != 0) {
        return -1;
    }
    for (size_t i = 0; !account.production && i < addresses->receiver_count; i++) {
        if (check_address(config, "RECEIVER_EMAIL (the account is in the sandbox)",
                          addresses->receivers[i], &untold, reason) != 0) {
            return -1;
        }
    }
    if (check_sending(config, reason) != 0) {
        return -1;
    }
    describe(config, &account, untold, reason);
    return account.production ? 0 : 1;
}
