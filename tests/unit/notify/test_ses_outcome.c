/* What SES's answers mean: every error of its API in both spellings, and what is no answer of SES.
 */
#include "notify/ses_outcome.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* As the call path sees an answer: classified by its code, retried in vain. */
static struct call_result answer(struct aws_error *error, int status, const char *code,
                                 const char *message)
{
    static const struct net_reply reply = {.error = NET_OK};
    *error = (struct aws_error){.what = errors_classify(&aws_service_ses, code, status)};
    (void)snprintf(error->code, sizeof error->code, "%s", code);
    (void)snprintf(error->message, sizeof error->message, "%s", message);
    static const enum call_outcome outcomes[AWS_ERROR_CLASSES] = {
        [AWS_ERROR_PERMANENT] = CALL_REFUSED,          [AWS_ERROR_THROTTLE] = CALL_THROTTLED,
        [AWS_ERROR_TRANSIENT] = CALL_UNAVAILABLE,      [AWS_ERROR_CLOCK] = CALL_REFUSED,
        [AWS_ERROR_CREDENTIALS] = CALL_NO_CREDENTIALS,
    };
    return (struct call_result){.outcome = outcomes[error->what],
                                .status = status,
                                .reply = &reply,
                                .error = error,
                                .detail = "ses: why of a@example.com"};
}

static const struct {
    const char *code;
    const char *message;
    int status;
    enum ses_verdict verdict;
} answers[] = {
    /* rate or quota: the message tells */
    {"TooManyRequestsException", "Too many requests", 429, SES_RATE},
    {"TooManyRequestsException", "Maximum sending rate exceeded.", 429, SES_RATE},
    {"TooManyRequestsException", "Daily message quota exceeded.", 429, SES_DAILY},
    {"Throttling", "Maximum sending rate exceeded.", 400, SES_RATE},
    {"Throttling", "Daily message quota exceeded", 400, SES_DAILY},
    {"ThrottlingException", "DAILY MESSAGE QUOTA EXCEEDED", 400, SES_DAILY},
    {"ThrottlingException", "Rate exceeded", 400, SES_RATE},
    {"Throttling", "Sending quota exceeded for the account.", 400, SES_DAILY},
    {"Throttling", "Sending rate quota exceeded.", 400, SES_RATE},
    {"", "", 429, SES_RATE},
    {"LimitExceededException", "", 400, SES_DAILY},
    {"LimitExceeded", "Daily sending quota exceeded", 400, SES_DAILY},
    {"LimitExceededException", "Maximum sending rate exceeded.", 400, SES_RATE},
    /* sending is off */
    {"AccountSuspendedException", "", 400, SES_PAUSED},
    {"AccountSuspended", "", 400, SES_PAUSED},
    {"SendingPausedException", "", 400, SES_PAUSED},
    {"SendingPaused", "", 400, SES_PAUSED},
    {"AccountSendingPausedException", "", 400, SES_PAUSED},
    {"AccountSendingPaused", "", 400, SES_PAUSED},
    {"ConfigurationSetSendingPausedException", "", 400, SES_PAUSED},
    {"ConfigurationSetSendingPaused", "", 400, SES_PAUSED},
    {"MessageRejected", "Sending paused for this account. For more information …", 400, SES_PAUSED},
    /* verification */
    {"MailFromDomainNotVerifiedException", "", 400, SES_UNVERIFIED},
    {"MailFromDomainNotVerified", "", 400, SES_UNVERIFIED},
    {"MessageRejected",
     "Email address is not verified. The following identities failed the check in region "
     "EU-WEST-1: a@example.com",
     400, SES_UNVERIFIED},
    {"MessageRejectedException", "Email address not verified a@example.com", 400, SES_UNVERIFIED},
    {"BadRequestException", "Email address is not verified.", 400, SES_UNVERIFIED},
    /* permission and configuration */
    {"NotFoundException", "Configuration set <x> does not exist.", 404, SES_DENIED},
    {"NotFound", "", 404, SES_DENIED},
    {"ConfigurationSetDoesNotExist", "", 400, SES_DENIED},
    {"ConfigurationSetDoesNotExistException", "", 400, SES_DENIED},
    {"AccessDeniedException", "User … is not authorized to perform ses:SendEmail", 403, SES_DENIED},
    {"AccessDenied", "", 403, SES_DENIED},
    {"NotAuthorized", "", 400, SES_DENIED},
    {"UnauthorizedOperation", "", 403, SES_DENIED},
    {"SignatureDoesNotMatch", "", 403, SES_DENIED},
    {"InvalidSignatureException", "", 403, SES_DENIED},
    {"MissingAuthenticationToken", "", 403, SES_DENIED},
    {"", "", 403, SES_DENIED},
    {"", "", 401, SES_DENIED},
    /* credentials */
    {"UnrecognizedClientException", "", 403, SES_CREDENTIALS},
    {"InvalidClientTokenId", "", 403, SES_CREDENTIALS},
    {"ExpiredTokenException", "", 403, SES_CREDENTIALS},
    /* the mail itself */
    {"MessageRejected", "Address is on the suppression list", 400, SES_REJECTED},
    {"MessageRejectedException", "", 400, SES_REJECTED},
    {"BadRequestException", "Local part contains non-ASCII", 400, SES_REJECTED},
    {"BadRequest", "", 400, SES_REJECTED},
    {"InvalidParameterValue", "Missing final '@domain'", 400, SES_REJECTED},
    {"SerializationException", "", 400, SES_REJECTED},
    /* faults there */
    {"InternalFailure", "", 500, SES_FAILED},
    {"InternalServerErrorException", "", 500, SES_FAILED},
    {"ServiceUnavailable", "", 503, SES_FAILED},
    {"", "", 500, SES_FAILED},
    {"", "", 502, SES_FAILED},
    {"", "", 503, SES_FAILED},
    {"", "", 504, SES_FAILED},
    {"", "", 400, SES_FAILED},
    {"RequestTimeoutException", "", 400, SES_FAILED},
    /* somebody else's answer */
    {"", "", 301, SES_STRANGE},
    {"", "", 404, SES_STRANGE},
    {"", "", 405, SES_STRANGE},
    {"Teapot", "", 418, SES_STRANGE},
    {"", "", 501, SES_STRANGE},
};

static const struct {
    const char *name;
    enum mail_result result;
    int64_t pause_ms;
} meanings[SES_VERDICTS] = {
    [SES_SENT] = {"sent", MAIL_SENT, 0},
    [SES_RATE] = {"rate", MAIL_PAUSE, 1000},
    [SES_DAILY] = {"daily", MAIL_PAUSE, 600000},
    [SES_PAUSED] = {"paused", MAIL_PAUSE, 0},
    [SES_UNVERIFIED] = {"unverified", MAIL_PAUSE, 0},
    [SES_DENIED] = {"denied", MAIL_PAUSE, 0},
    [SES_CREDENTIALS] = {"credentials", MAIL_PAUSE, 0},
    [SES_REJECTED] = {"rejected", MAIL_PERMANENT, 0},
    [SES_STRANGE] = {"strange", MAIL_PAUSE, 0},
    [SES_UNREACHABLE] = {"unreachable", MAIL_PAUSE, 0},
    [SES_STOPPED] = {"stopped", MAIL_PAUSE, 0},
    [SES_FAILED] = {"failed", MAIL_TEMPORARY, 0},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct aws_error error;
        struct call_result result =
            answer(&error, answers[i].status, answers[i].code, answers[i].message);
        enum ses_verdict got = ses_verdict(&result);
        if (got != answers[i].verdict) {
            fail_msg("%d %s %s: %s", answers[i].status, answers[i].code, answers[i].message,
                     ses_verdict_name(got));
        }
        struct mail_outcome outcome;
        char status[16];
        ses_outcome(&outcome, got, &result);
        (void)snprintf(status, sizeof status, "status %d", answers[i].status);
        assert_non_null(strstr(outcome.error, status));
        assert_non_null(strstr(outcome.error, answers[i].code));
        assert_null(strstr(outcome.error, "example.com"));
    }
}

static void test_meanings(void **state)
{
    (void)state;
    for (int i = 0; i < SES_VERDICTS; i++) {
        struct aws_error error;
        struct call_result result = answer(&error, 400, "Code", "message");
        struct mail_outcome outcome;
        ses_outcome(&outcome, (enum ses_verdict)i, &result);
        assert_string_equal(ses_verdict_name((enum ses_verdict)i), meanings[i].name);
        assert_int_equal(outcome.result, meanings[i].result);
        assert_int_equal(outcome.pause_ms, meanings[i].pause_ms);
        assert_int_equal(outcome.error[0] == '\0', i == SES_SENT);
    }
}

static enum ses_verdict verdict_of(struct call_result result)
{
    static const struct aws_error none = {.what = AWS_ERROR_PERMANENT};
    result.error = &none;
    result.detail = "ses: it is dark";
    return ses_verdict(&result);
}

/* A receipt is a JSON object: what a proxy shows instead is none. */
static void test_receipts(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum ses_verdict verdict;
    } bodies[] = {
        {"{\"MessageId\":\"0102018e\"}", SES_SENT},
        {"{}", SES_SENT},
        {"", SES_STRANGE},
        {"[]", SES_STRANGE},
        {"\"ok\"", SES_STRANGE},
        {"{\"MessageId\":\"01", SES_STRANGE},
        {"<html>Please log in</html>", SES_STRANGE},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct call_result result = {
            .outcome = CALL_OK, .status = 200, .body = span_of(bodies[i].body)};
        assert_int_equal(verdict_of(result), bodies[i].verdict);
    }
}

static void test_no_answer(void **state)
{
    (void)state;
    static const struct net_reply broken = {.error = NET_BROKEN};
    static const struct {
        struct call_result result;
        enum ses_verdict verdict;
    } cases[] = {
        {{.outcome = CALL_UNAVAILABLE, .reply = &broken}, SES_UNREACHABLE},
        {{.outcome = CALL_UNAVAILABLE, .reply = &broken, .status = 200}, SES_FAILED},
        {{.outcome = CALL_DEADLINE}, SES_UNREACHABLE},
        {{.outcome = CALL_DEADLINE, .status = 500}, SES_FAILED},
        {{.outcome = CALL_NO_CREDENTIALS}, SES_CREDENTIALS},
        {{.outcome = CALL_CANCELLED}, SES_STOPPED},
        {{.outcome = CALL_INVALID}, SES_UNREACHABLE},
        /* the answer was too large: the mail may have been sent */
        {{.outcome = CALL_REFUSED, .status = 200}, SES_FAILED},
        {{.outcome = CALL_REFUSED, .status = 0}, SES_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(verdict_of(cases[i].result), cases[i].verdict);
    }
}

/* What this machine found out itself is said. */
static void test_the_reason_of_no_answer(void **state)
{
    (void)state;
    static const struct aws_error none = {.what = AWS_ERROR_PERMANENT};
    struct call_result result = {
        .outcome = CALL_NO_CREDENTIALS, .error = &none, .detail = "ses: the container says 403"};
    struct mail_outcome outcome;
    ses_outcome(&outcome, SES_CREDENTIALS, &result);
    assert_string_equal(outcome.error,
                        "SES: no credentials that AWS knows: ses: the container says 403");
    ses_outcome(&outcome, SES_STOPPED, &result);
    assert_string_equal(outcome.error, "not sent: the service ends");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_the_reason_of_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
