#include "support/fake.h"
#include "support/test.h"

#include <stdio.h>

static const struct net_header request_headers[] = {{"Content-Type", "text/plain"}, {"X-B", ""}};

static struct net_request request_of(const char *url)
{
    return (struct net_request){.method = "POST",
                                .url = url,
                                .headers = request_headers,
                                .header_count = 2,
                                .body = SPAN("a\0b"),
                                .timeout_ms = 1000,
                                .max_reply = 10};
}

/* What the last `done` was told. */
struct heard {
    int calls;
    struct net_reply reply;
    char body[64];
    struct fake_transport *again; /* send once more from within */
};

static void hear(void *context, const struct net_reply *reply)
{
    struct heard *h = context;
    h->calls++;
    h->reply = *reply;
    (void)snprintf(h->body, sizeof(h->body), "%.*s", (int)reply->body.len,
                   reply->body.ptr != NULL ? reply->body.ptr : "");
    struct fake_transport *again = h->again;
    h->again = NULL;
    if (again != NULL) {
        struct net_request request = request_of("http://example.com/again");
        (void)transport_send(&again->transport, &request, hear, h);
    }
}

static void test_fake_answers_by_script(void **state)
{
    (void)state;
    const struct net_header headers[] = {{"X-One", "1"}, {"x-one", "2"}};
    const struct fake_reply script[] = {
        {.status = 200,
         .body = "hello",
         .headers = headers,
         .header_count = 2,
         .reply_started = true},
        {.error = NET_TIMEOUT},
    };
    static struct fake_transport t;
    fake_transport_init(&t, script, 2);
    struct heard h = {.again = &t};
    struct net_request request = request_of("http://example.com/1");
    assert_int_not_equal(transport_send(&t.transport, &request, hear, &h), 0);
    assert_int_equal(h.calls, 0);
    fake_transport_run(&t);
    assert_int_equal(h.calls, 2);
    assert_int_equal(h.reply.error, NET_TIMEOUT);
    assert_string_equal(h.reply.detail, "timeout");
    (void)transport_send(&t.transport, &request, hear, &h);
    fake_transport_run(&t);
    assert_int_equal(h.reply.error, NET_CONNECT);
    assert_int_equal(t.sent_count, 3);
    assert_string_equal(t.sent[1].url, "http://example.com/again");
    assert_string_equal(t.sent[0].method, "POST");
    assert_string_equal(t.sent[0].headers, "Content-Type: text/plain\nX-B: \n");
    assert_int_equal(t.sent[0].body_len, 3);
    assert_memory_equal(t.sent[0].body, "a\0b", 3);
    assert_null(t.sent[0].mail);
    fake_transport_free(&t);
}

static void test_fake_limits_the_reply(void **state)
{
    (void)state;
    const struct fake_reply script[] = {{.status = 200, .body = "123456789"},
                                        {.status = 200, .body = "1234567890"},
                                        {.status = 200, .body = "12345678901"}};
    static struct fake_transport t;
    fake_transport_init(&t, script, 3);
    for (int i = 0; i < 3; i++) {
        struct heard h = {0};
        struct net_request request = request_of("http://example.com/");
        (void)transport_send(&t.transport, &request, hear, &h);
        fake_transport_run(&t);
        assert_int_equal(h.reply.error, i < 2 ? NET_OK : NET_TOO_LARGE);
        assert_int_equal(h.reply.body.len, i < 2 ? 9 + i : 0);
    }
    fake_transport_free(&t);
}

static void test_fake_cancel_and_mail(void **state)
{
    (void)state;
    const struct fake_reply script[] = {{.status = 250}};
    const char *to[] = {"b@example.com", "c@example.com"};
    const struct net_mail mail = {"a@example.com", to, 2, "user", "secret", true};
    static struct fake_transport t;
    fake_transport_init(&t, script, 1);
    struct heard first = {0};
    struct heard second = {0};
    struct net_request request = request_of("smtp://example.com");
    request.mail = &mail;
    uint64_t id = transport_send(&t.transport, &request, hear, &first);
    (void)transport_send(&t.transport, &request, hear, &second);
    transport_cancel(&t.transport, id);
    transport_cancel(&t.transport, 99);
    fake_transport_run(&t);
    transport_cancel(&t.transport, id);
    assert_int_equal(first.reply.error, NET_CANCELLED);
    assert_int_equal(second.reply.error, NET_OK);
    assert_int_equal(second.reply.status, 250);
    assert_string_equal(t.sent[1].mail, "from a@example.com\nto b@example.com\nto c@example.com\n"
                                        "user user\npassword secret\nrequire_tls\n");
    fake_transport_free(&t);
}

struct rings {
    struct fake_transport *t;
    int count;
    int64_t again_us; /* 0: no more */
};

static void ring(void *context)
{
    struct rings *r = context;
    r->count++;
    if (r->again_us > 0) {
        (void)transport_after(&r->t->transport, r->again_us, ring, r);
        r->again_us = 0;
    }
}

static void check_timers(struct fake_clock *clock)
{
    static struct fake_transport t;
    fake_transport_init(&t, NULL, 0);
    t.clock = clock;
    struct rings late = {.t = &t};
    struct rings soon = {.t = &t, .again_us = 500};
    struct rings now = {.t = &t};
    assert_false(fake_transport_step(&t));
    assert_int_equal(fake_transport_due_us(&t), INT64_MAX);
    uint64_t id = transport_after(&t.transport, 9000, ring, &late);
    (void)transport_after(&t.transport, 1000, ring, &soon);
    assert_int_not_equal(transport_after(&t.transport, 0, ring, &now), 0);
    assert_int_equal(now.count, 0);
    fake_transport_run(&t);
    assert_int_equal(now.count, 1);
    assert_int_equal(soon.count, 0);
    assert_int_equal(fake_transport_due_us(&t), 1000);
    assert_true(fake_transport_step(&t));
    assert_int_equal(soon.count, 1);
    assert_int_equal(fake_transport_due_us(&t), 500);
    assert_true(fake_transport_step(&t));
    assert_int_equal(soon.count, 2);
    transport_cancel(&t.transport, id);
    fake_transport_run(&t);
    assert_int_equal(late.count, 1);
    (void)transport_after(&t.transport, 9000, ring, &late);
    assert_int_equal(t.timers[4].delay_us, 9000);
    fake_transport_free(&t);
    assert_int_equal(late.count, 2);
}

static void test_fake_timers(void **state)
{
    (void)state;
    struct fake_clock clock;
    fake_clock_init(&clock, 0);
    int64_t before = clock_mono_us(&clock.clock);
    check_timers(NULL);
    check_timers(&clock);
    assert_int_equal(clock_mono_us(&clock.clock), before + 1500);
}

static void test_fake_closes(void **state)
{
    (void)state;
    const struct fake_reply script[] = {{.status = 200}};
    static struct fake_transport t;
    fake_transport_init(&t, script, 1);
    struct heard h = {0};
    struct net_request request = request_of("http://example.com/");
    (void)transport_send(&t.transport, &request, hear, &h);
    fake_transport_free(&t);
    assert_int_equal(h.calls, 1);
    assert_int_equal(h.reply.error, NET_CANCELLED);
}

static void test_fake_clock(void **state)
{
    (void)state;
    struct fake_clock c;
    fake_clock_init(&c, 1764328591363902);
    int64_t mono = clock_mono_us(&c.clock);
    assert_int_equal(clock_wall_us(&c.clock), 1764328591363902);
    assert_int_equal(clock_wall_us(&c.clock), 1764328591363902);
    fake_clock_advance(&c, 250);
    assert_int_equal(clock_wall_us(&c.clock), 1764328591364152);
    assert_int_equal(clock_mono_us(&c.clock), mono + 250);
}

static void test_reply_header(void **state)
{
    (void)state;
    const struct net_header headers[] = {{"x-amzn-RequestId", "one"}, {"X-AMZN-REQUESTID", "two"}};
    struct net_reply reply = {.headers = headers, .header_count = 2};
    assert_string_equal(net_reply_header(&reply, "X-Amzn-Requestid"), "one");
    assert_null(net_reply_header(&reply, "x-amzn"));
    assert_null(net_reply_header(&(struct net_reply){0}, "x-amzn-RequestId"));
}

static void test_error_names(void **state)
{
    (void)state;
    assert_string_equal(net_error_name(NET_OK), "ok");
    assert_string_equal(net_error_name(NET_NO_MEMORY), "no_memory");
    for (int i = NET_OK; i <= NET_NO_MEMORY; i++) {
        assert_non_null(net_error_name((enum net_error)i));
        for (int k = NET_OK; k < i; k++) {
            assert_string_not_equal(net_error_name((enum net_error)i),
                                    net_error_name((enum net_error)k));
        }
    }
    assert_string_equal(net_error_name((enum net_error)99), "unknown");
}

static void test_wait(void **state)
{
    (void)state;
    const struct fake_reply script[] = {{.status = 201, .body = "made"}, {.error = NET_TLS}};
    static struct fake_transport t;
    fake_transport_init(&t, script, 2);
    t.immediate = true;
    struct buf body = BUF_INIT;
    struct net_request request = request_of("https://example.com/");
    struct net_result result = transport_wait(&t.transport, &request, &body);
    assert_int_equal(result.error, NET_OK);
    assert_int_equal(result.status, 201);
    assert_string_equal(result.detail, "");
    assert_string_equal(buf_str(&body), "made");
    result = transport_wait(&t.transport, &request, NULL);
    assert_int_equal(result.error, NET_TLS);
    assert_string_equal(result.detail, "tls");
    buf_free(&body);
    fake_transport_free(&t);
}

static void test_wait_without_room_for_the_answer(void **state)
{
    (void)state;
    const struct fake_reply script[] = {{.status = 200, .body = "four"},
                                        {.status = 200, .body = "three"}};
    static struct fake_transport t;
    fake_transport_init(&t, script, 2);
    t.immediate = true;
    struct net_request request = request_of("https://example.com/");
    for (int i = 0; i < 2; i++) {
        struct buf body = {.limit = 4};
        struct net_result result = transport_wait(&t.transport, &request, &body);
        assert_int_equal(result.error, i == 0 ? NET_OK : NET_NO_MEMORY);
        assert_int_equal(result.detail[0] != '\0', i == 1);
        buf_free(&body);
    }
    fake_transport_free(&t);
}

static uint64_t send_nothing(struct transport *t, const struct net_request *request, net_done *done,
                             void *context)
{
    (void)t, (void)request, (void)done, (void)context;
    return 0;
}

/* Nobody would ever end the wait. */
static void test_wait_without_memory_to_send(void **state)
{
    (void)state;
    static const struct transport_ops operations = {.send = send_nothing};
    struct transport t = {&operations};
    struct net_request request = request_of("https://example.com/");
    struct net_result result = transport_wait(&t, &request, NULL);
    assert_int_equal(result.error, NET_NO_MEMORY);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.detail, "out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fake_answers_by_script),
        cmocka_unit_test(test_fake_limits_the_reply),
        cmocka_unit_test(test_fake_cancel_and_mail),
        cmocka_unit_test(test_fake_timers),
        cmocka_unit_test(test_fake_closes),
        cmocka_unit_test(test_fake_clock),
        cmocka_unit_test(test_reply_header),
        cmocka_unit_test(test_error_names),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_wait_without_room_for_the_answer),
        cmocka_unit_test(test_wait_without_memory_to_send),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
