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
    int status;
    const char *code;
    const char *message;
    enum ses_verdict verdict;
} answers[] = {
    /* rate or quota: the message tells */
    {429, "TooManyRequestsException", "Too many requests", SES_RATE},
    {429, "TooManyRequestsException", "Maximum sending rate exceeded.", SES_RATE},
    {429, "TooManyRequestsException", "Daily message quota exceeded.", SES_DAILY},
    {400, "Throttling", "Maximum sending rate exceeded.", SES_RATE},
    {400, "Throttling", "Daily message quota exceeded", SES_DAILY},
    {400, "ThrottlingException", "DAILY MESSAGE QUOTA EXCEEDED", SES_DAILY},
    {400, "ThrottlingException", "Rate exceeded", SES_RATE},
    {400, "Throttling", "Sending quota exceeded for the account.", SES_DAILY},
    {400, "Throttling", "Sending rate quota exceeded.", SES_RATE},
    {429, "", "", SES_RATE},
    {400, "LimitExceededException", "", SES_DAILY},
    {400, "LimitExceeded", "Daily sending quota exceeded", SES_DAILY},
    {400, "LimitExceededException", "Maximum sending rate exceeded.", SES_RATE},
    /* sending is off */
    {400, "AccountSuspendedException", "", SES_PAUSED},
    {400, "AccountSuspended", "", SES_PAUSED},
    {400, "SendingPausedException", "", SES_PAUSED},
    {400, "SendingPaused", "", SES_PAUSED},
    {400, "AccountSendingPausedException", "", SES_PAUSED},
    {400, "AccountSendingPaused", "", SES_PAUSED},
    {400, "ConfigurationSetSendingPausedException", "", SES_PAUSED},
    {400, "ConfigurationSetSendingPaused", "", SES_PAUSED},
    {400, "MessageRejected", "Sending paused for this account. For more information …", SES_PAUSED},
    /* verification */
    {400, "MailFromDomainNotVerifiedException", "", SES_UNVERIFIED},
    {400, "MailFromDomainNotVerified", "", SES_UNVERIFIED},
    {400, "MessageRejected",
     "Email address is not verified. The following identities failed the check in region "
     "EU-WEST-1: a@example.com",
     SES_UNVERIFIED},
    {400, "MessageRejectedException", "Email address not verified a@example.com", SES_UNVERIFIED},
    {400, "BadRequestException", "Email address is not verified.", SES_UNVERIFIED},
    /* permission and configuration */
    {404, "NotFoundException", "Configuration set <x> does not exist.", SES_DENIED},
    {404, "NotFound", "", SES_DENIED},
    {400, "ConfigurationSetDoesNotExist", "", SES_DENIED},
    {400, "ConfigurationSetDoesNotExistException", "", SES_DENIED},
    {403, "AccessDeniedException", "User … is not authorized to perform ses:SendEmail", SES_DENIED},
    {403, "AccessDenied", "", SES_DENIED},
    {400, "NotAuthorized", "", SES_DENIED},
    {403, "UnauthorizedOperation", "", SES_DENIED},
    {403, "SignatureDoesNotMatch", "", SES_DENIED},
    {403, "InvalidSignatureException", "", SES_DENIED},
    {403, "MissingAuthenticationToken", "", SES_DENIED},
    {403, "", "", SES_DENIED},
    {401, "", "", SES_DENIED},
    /* credentials */
    {403, "UnrecognizedClientException", "", SES_CREDENTIALS},
    {403, "InvalidClientTokenId", "", SES_CREDENTIALS},
    {403, "ExpiredTokenException", "", SES_CREDENTIALS},
    /* the mail itself */
    {400, "MessageRejected", "Address is on the suppression list", SES_REJECTED},
    {400, "MessageRejectedException", "", SES_REJECTED},
    {400, "BadRequestException", "Local part contains non-ASCII", SES_REJECTED},
    {400, "BadRequest", "", SES_REJECTED},
    {400, "InvalidParameterValue", "Missing final '@domain'", SES_REJECTED},
    {400, "SerializationException", "", SES_REJECTED},
    /* faults there */
    {500, "InternalFailure", "", SES_FAILED},
    {500, "InternalServerErrorException", "", SES_FAILED},
    {503, "ServiceUnavailable", "", SES_FAILED},
    {500, "", "", SES_FAILED},
    {502, "", "", SES_FAILED},
    {503, "", "", SES_FAILED},
    {504, "", "", SES_FAILED},
    {400, "", "", SES_FAILED},
    {400, "RequestTimeoutException", "", SES_FAILED},
    /* somebody else's answer */
    {301, "", "", SES_STRANGE},
    {404, "", "", SES_STRANGE},
    {405, "", "", SES_STRANGE},
    {418, "Teapot", "", SES_STRANGE},
    {501, "", "", SES_STRANGE},
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
