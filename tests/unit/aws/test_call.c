#include "support/alloc.h"

#include "call_scene.h"

static void test_success(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, SCRIPT({.status = 200, .body = "{\"a\":1}"}), 1);
    call(&s);
    assert_int_equal(s.outcome, CALL_OK);
    assert_int_equal(s.status, 200);
    assert_int_equal(s.attempts, 1);
    assert_false(s.maybe_done);
    assert_string_equal(s.body, "{\"a\":1}");
    assert_string_equal(s.code, "");
    assert_string_equal(s.net.sent[0].method, "POST");
    assert_string_equal(s.net.sent[0].url, "http://localhost:8000/base/");
    assert_string_equal(s.net.sent[0].body, "{\"TableName\":\"reviews\"}");
    assert_int_equal(s.net.sent[0].timeout_ms, 29000);
    assert_int_equal(s.net.sent[0].max_reply, CALL_MAX_REPLY);
    assert_true(sent_has(&s, 0, "X-Amz-Target: DynamoDB_20120810.PutItem\n"));
    assert_true(sent_has(&s, 0, "amz-sdk-request: attempt=1; max=4\n"));
    assert_true(sent_has(&s, 0, "X-Amz-Date: 20150830T123600Z\n"));
    assert_true(sent_has(&s, 0,
                         "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-type;host;"
                         "x-amz-date;x-amz-target, "));
    assert_int_equal(value(&s, "reviewd_aws_attempts_total", "service=\"dynamodb\""), 1);
    assert_int_equal(value(&s, "reviewd_aws_calls_total", "service=\"dynamodb\",outcome=\"ok\""),
                     1);
    close_scene(&s);
}

/* What is sent must be what was signed: sign the sent parts once more and compare. */
static void test_sent_as_signed(void **state)
{
    (void)state;
    struct scene s;
    struct sigv4_signature again = SIGV4_SIGNATURE_INIT;
    const struct sigv4_param params[] = {{SPAN("b"), SPAN("2 +")}, {SPAN("a"), SPAN("")}};
    struct net_header headers[16];
    char hash[SIGV4_HASH_SIZE];
    size_t count = 0;
    open_scene(&s, &aws_service_ses, SCRIPT(OK_REPLY), 1);
    s.source.now.session_token = "token";
    struct call_request request = put_item(&s);
    request.path = "/v2/a%20b";
    request.params = params;
    request.param_count = 2;
    assert_true(call_start(s.client, &request, on_done, &s));
    run(&s);
    assert_string_equal(s.net.sent[0].url, "http://localhost:8000/base/v2/a%20b?a=&b=2%20%2B");
    assert_true(sent_has(&s, 0, "X-Amz-Security-Token: token\n"));
    char *save = NULL;
    for (char *line = strtok_r(s.net.sent[0].headers, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char *colon = strstr(line, ": ");
        assert_non_null(colon);
        *colon = '\0';
        headers[count++] = (struct net_header){line, colon + 2};
    }
    assert_int_equal(count, 7); /* date, token and authorization are the last three */
    assert_true(sigv4_payload_hash(s.signer, span_of(s.net.sent[0].body), hash));
    struct sigv4_request r = {.method = s.net.sent[0].method,
                              .host = SPAN("localhost:8000"),
                              .path = SPAN("/base/v2/a%20b"),
                              .params = params,
                              .param_count = 2,
                              .headers = headers,
                              .header_count = 4,
                              .payload_hash = hash,
                              .region = "eu-west-1",
                              .service = "ses",
                              .access_key_id = "AKIDEXAMPLE",
                              .secret_access_key = "secret",
                              .session_token = "token",
                              .wall_us = INT64_C(1440938160) * SECOND_US};
    assert_int_equal(sigv4_sign(s.signer, &r, &again), SIGV4_OK);
    assert_string_equal(headers[6].value, buf_str(&again.authorization));
    sigv4_signature_free(&again);
    close_scene(&s);
}

static void test_deadline_that_has_passed(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_ses, SCRIPT(OK_REPLY), 1);
    struct call_request request = put_item(&s);
    request.deadline_us = clock_mono_us(&s.clock.clock);
    assert_true(call_start(s.client, &request, on_done, &s));
    assert_int_equal(s.done, 0);
    run(&s);
    assert_int_equal(s.outcome, CALL_DEADLINE);
    assert_int_equal(s.attempts, 0);
    assert_false(s.maybe_done);
    close_scene(&s);
}

static void test_which_statuses_are_good(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum call_outcome outcome;
    } cases[] = {{199, CALL_REFUSED}, {200, CALL_OK},      {204, CALL_OK},
                 {299, CALL_OK},      {300, CALL_REFUSED}, {307, CALL_REFUSED},
                 {404, CALL_REFUSED}, {501, CALL_REFUSED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s;
        open_scene(&s, &aws_service_ses, SCRIPT({.status = cases[i].status}), 1);
        call(&s);
        assert_int_equal(s.outcome, cases[i].outcome);
        assert_int_equal(s.attempts, 1);
        close_scene(&s);
    }
}

/* An error of exactly the allowed size is read; beyond it, its status is all that is known. */
static void test_reply_size(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum call_outcome fits, too_large;
        unsigned attempts_fits, attempts_too_large;
        bool maybe_done; /* when too large */
    } cases[] = {
        {200, CALL_OK, CALL_REFUSED, 1, 1, true},
        {400, CALL_OK, CALL_REFUSED, 2, 1, false}, /* the code says: throttled */
        {429, CALL_OK, CALL_OK, 2, 2, false},
        {500, CALL_OK, CALL_OK, 2, 2, false},
    };
    char body[102];
    memset(body, ' ', sizeof body);
    memcpy(body, "{\"__type\":\"SlowDown\"}", 21);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t len = 99; len <= 101; len++) {
            struct scene s;
            bool fits = len <= 100;
            open_scene(&s, &aws_service_dynamodb,
                       SCRIPT({.status = cases[i].status, .body = body, .body_len = len}, OK_REPLY),
                       2);
            struct call_request request = put_item(&s);
            request.max_reply = 100;
            assert_true(call_start(s.client, &request, on_done, &s));
            run(&s);
            assert_int_equal(s.outcome, fits ? cases[i].fits : cases[i].too_large);
            assert_int_equal(s.attempts,
                             fits ? cases[i].attempts_fits : cases[i].attempts_too_large);
            assert_int_equal(s.maybe_done, !fits && cases[i].maybe_done);
            close_scene(&s);
        }
    }
}

static void test_stop_ends_each_state(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, SCRIPT(OK_REPLY), 1); /* being sent */
    assert_true(start(&s));
    call_client_stop(s.client);
    fake_transport_run(&s.net);
    assert_int_equal(s.outcome, CALL_CANCELLED);
    assert_true(s.maybe_done);
    s.done = 0;
    call(&s); /* and all that comes later */
    assert_int_equal(s.outcome, CALL_CANCELLED);
    assert_int_equal(s.attempts, 0);
    close_scene(&s);
    open_scene(&s, &aws_service_dynamodb, SCRIPT(ERROR_REPLY(400, "SlowDown"), OK_REPLY),
               2); /* backing off */
    assert_true(start(&s));
    fake_transport_run(&s.net);
    assert_int_equal(s.done, 0);
    call_client_stop(s.client);
    fake_transport_run(&s.net);
    assert_int_equal(s.outcome, CALL_CANCELLED);
    assert_int_equal(s.attempts, 1);
    close_scene(&s);
    open_scene(&s, &aws_service_dynamodb, SCRIPT(OK_REPLY), 1); /* awaiting credentials */
    s.source.answer = CREDENTIALS_WAITING;
    assert_true(start(&s));
    call_client_stop(s.client);
    fake_transport_run(&s.net);
    assert_int_equal(s.done, 1);
    assert_int_equal(s.outcome, CALL_CANCELLED);
    assert_null(s.source.waiter);
    close_scene(&s);
    call_client_stop(NULL);
    call_client_free(NULL);
}

static void test_requests_that_cannot_be_sent(void **state)
{
    (void)state;
    struct scene s;
    struct net_header many[CALL_MAX_HEADERS + 1];
    for (size_t i = 0; i <= CALL_MAX_HEADERS; i++) {
        many[i] = (struct net_header){"X-A", "v"};
    }
    const struct fake_reply script[] = {OK_REPLY, OK_REPLY, {.error = NET_INVALID}};
    open_scene(&s, &aws_service_dynamodb, script, 3);
    for (size_t count = CALL_MAX_HEADERS - 1; count <= CALL_MAX_HEADERS + 1; count++) {
        struct call_request request = put_item(&s);
        request.headers = many;
        request.header_count = count;
        s.done = 0;
        assert_true(call_start(s.client, &request, on_done, &s));
        run(&s);
        assert_int_equal(s.outcome, count <= CALL_MAX_HEADERS ? CALL_OK : CALL_INVALID);
    }
    const struct net_header own = {"Host", "evil.example"};
    struct call_request request = put_item(&s);
    request.headers = &own;
    request.header_count = 1;
    s.done = 0;
    assert_true(call_start(s.client, &request, on_done, &s));
    run(&s);
    assert_int_equal(s.outcome, CALL_INVALID);
    assert_int_equal(s.attempts, 0);
    s.done = 0;
    call(&s); /* the transport finds it invalid */
    assert_int_equal(s.outcome, CALL_INVALID);
    assert_int_equal(s.attempts, 1);
    close_scene(&s);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    bool reached = true;
    for (long n = 1; reached; n++) {
        struct scene s;
        open_scene(&s, &aws_service_dynamodb, SCRIPT({.status = 500}, OK_REPLY), 2);
        alloc_fail_at(n);
        bool started = start(&s);
        if (started) {
            run(&s);
        }
        reached = alloc_count() >= n;
        alloc_fail_at(0);
        assert_int_equal(s.done, started);
        assert_true(!started || s.outcome == CALL_OK || s.outcome == CALL_INVALID);
        assert_true(reached || s.outcome == CALL_OK);
        s.done = 0;
        s.net.next = 1;
        call(&s);
        assert_int_equal(s.outcome, CALL_OK);
        close_scene(&s);
    }
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, NULL, 0);
    alloc_fail_at(1);
    struct call_config config = {
        .service = &aws_service_dynamodb, .endpoint = &s.endpoint, .clock = &s.clock.clock};
    assert_null(call_client_new(&config));
    alloc_fail_at(0);
    close_scene(&s);
}

static const char *one_variable(void *context, const char *name)
{
    return strcmp(name, "AWS_MAX_ATTEMPTS") == 0 ? context : NULL;
}

static void test_max_attempts_of_the_environment(void **state)
{
    (void)state;
    unsigned n = 7;
    char reason[CALL_REASON_SIZE];
    assert_true(call_max_attempts((struct aws_env){one_variable, NULL}, &n, reason));
    assert_int_equal(n, 0);
    assert_true(call_max_attempts((struct aws_env){one_variable, (void *)"1"}, &n, reason));
    assert_int_equal(n, 1);
    assert_true(call_max_attempts((struct aws_env){one_variable, (void *)"100"}, &n, reason));
    assert_int_equal(n, 100);
    static const char *const bad[] = {"0", "101", "-1", "3x", "three"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(call_max_attempts((struct aws_env){one_variable, (void *)bad[i]}, &n, reason));
        assert_non_null(strstr(reason, "AWS_MAX_ATTEMPTS is \""));
        assert_int_equal(n, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_sent_as_signed),
        cmocka_unit_test(test_deadline_that_has_passed),
        cmocka_unit_test(test_which_statuses_are_good),
        cmocka_unit_test(test_reply_size),
        cmocka_unit_test(test_stop_ends_each_state),
        cmocka_unit_test(test_requests_that_cannot_be_sent),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_max_attempts_of_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
