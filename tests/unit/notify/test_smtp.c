/* The SMTP mailer over the real network thread, against a scripted server. */
#include "notify/smtp.h"

#include "net/net.h"
#include "notify/smtp_url.h"
#include "support/alloc.h"
#include "support/smtp_server.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MAX = 32, CONCURRENCY = 4 };

static struct smtp_script script;
static struct test_server server;
static struct transport *net;
static struct mailer *mailer;
static struct mail_addresses addresses;
static struct outbox_entry entries[MAX];
static struct mail_outcome outcomes[MAX];
static _Atomic bool stop;
static int64_t timeout_ms = 5000;

static void open_mailer(const char *login, bool require_tls)
{
    char url[128], reason[OUTBOX_ERROR_SIZE];
    snprintf(url, sizeof(url), "smtp://%s127.0.0.1:%d", login, server.port);
    mailer_free(mailer);
    mailer = smtp_open(&(struct smtp_config){.url = url,
                                             .addresses = &addresses,
                                             .require_tls = require_tls,
                                             .concurrency = CONCURRENCY,
                                             .timeout_ms = timeout_ms},
                       net, reason);
    if (mailer == NULL) {
        fail_msg("%s", reason);
    }
}

static int setup(void **state)
{
    (void)state;
    char reason[OUTBOX_ERROR_SIZE];
    stop = false;
    timeout_ms = 5000;
    smtp_script_init(&script);
    server_start_tls(&server, smtp_serve, &script);
    net = net_start(&(struct net_config){.ca_file = server.ca_file}, reason);
    mail_addresses_parse(&addresses, "from@example.com", "to@example.com,bad@example.com", reason);
    open_mailer("", false);
    for (size_t i = 0; i < MAX; i++) {
        entries[i] =
            (struct outbox_entry){.id = i + 1,
                                  .created_us = 1764328591363902,
                                  .item = {.user_name = SPAN("Ann"), .review = SPAN(".good")}};
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mailer_free(mailer);
    mailer = NULL;
    net_stop(net);
    server_stop(&server);
    smtp_script_free(&script);
    mail_addresses_free(&addresses);
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void send_mails(size_t count)
{
    memset(outcomes, 0xff, sizeof(outcomes));
    mailer->ops->send(mailer, entries, count, outcomes, &stop);
}

static void expect_all(size_t count, enum mail_result result)
{
    for (size_t i = 0; i < count; i++) {
        if (outcomes[i].result != result) {
            fail_msg("%zu: %d, %s", i, outcomes[i].result, outcomes[i].error);
        }
        assert_null(strstr(outcomes[i].error, "@"));
        assert_int_equal(outcomes[i].error[0] == '\0', result == MAIL_SENT);
    }
}

static void test_many_mails(void **state)
{
    (void)state;
    script.delay_ms = 10;
    send_mails(MAX);
    expect_all(MAX, MAIL_SENT);
    assert_int_equal(script.mails, MAX);
    assert_int_equal(script.connections, CONCURRENCY);
    assert_int_equal(script.most_active, CONCURRENCY);
    assert_int_equal(mailer->ops->batch(mailer), 2 * CONCURRENCY);
    assert_true(smtp_log_has(&script, "TO <to@example.com>\nTO <bad@example.com>\n"));
    assert_true(smtp_log_has(&script, "Message-ID: <review.32.1764328591363902@example.com>\n"));
    assert_true(smtp_log_has(&script, "\nReview: .good\nEND\n"));
}

static void test_classes_of_replies(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        enum mail_result result;
    } cases[] = {{"421 closing", MAIL_PAUSE},     {"450 busy", MAIL_TEMPORARY},
                 {"451 4.3.0 x", MAIL_TEMPORARY}, {"452 full", MAIL_TEMPORARY},
                 {"454 throttled", MAIL_PAUSE},   {"530 login", MAIL_PAUSE},
                 {"534 x", MAIL_PAUSE},           {"535 x", MAIL_PAUSE},
                 {"538 x", MAIL_PAUSE},           {"550 5.1.1 nobody", MAIL_PERMANENT},
                 {"552 x", MAIL_PERMANENT},       {"554 x", MAIL_PERMANENT},
                 {"RESET", MAIL_TEMPORARY},       {"CLOSE", MAIL_TEMPORARY}};
    const char *_Atomic *stages[] = {&script.mail, &script.rcpt, &script.data, &script.end};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t s = 0; s < 4; s++) {
            *stages[s] = cases[i].reply;
            send_mails(1);
            *stages[s] = NULL;
            bool sender = s == 0 && strncmp(cases[i].reply, "55", 2) == 0 &&
                          strncmp(cases[i].reply, "552", 3) != 0;
            if (outcomes[0].result != (sender ? MAIL_PAUSE : cases[i].result)) {
                fail_msg("%s at %zu: %d, %s", cases[i].reply, s, outcomes[0].result,
                         outcomes[0].error);
            }
            assert_string_not_equal(outcomes[0].error, "");
            assert_null(strstr(outcomes[0].error, "@"));
        }
    }
    assert_int_equal(script.mails, 0);
}

/* The codes that the server gave, and none of its words. */
static void test_a_refusal_says_the_codes(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        const char *error;
    } cases[] = {{"554 5.7.1 no thanks", "SMTP, refused by the server with 554 5.7.1"},
                 {"554 no thanks", "SMTP, refused by the server with 554"},
                 {"451 4.3.0 to@example.com: later", "SMTP, refused by the server with 451 4.3.0"},
                 {"421 closing", "SMTP, refused by the server with 421"}};
    const char *_Atomic *stages[] = {&script.rcpt, &script.data, &script.end};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t s = 0; s < 3; s++) {
            *stages[s] = cases[i].reply;
            send_mails(1);
            *stages[s] = NULL;
            assert_string_equal(outcomes[0].error, cases[i].error);
        }
    }
    script.mail = "550 5.1.8 from@example.com is bad";
    send_mails(1);
    assert_string_equal(outcomes[0].error, "SMTP, the sender is refused: 550 5.1.8");
}

static void test_a_refused_sender_pauses(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        enum mail_result result;
    } cases[] = {{"550 5.1.8 bad sender", MAIL_PAUSE},
                 {"550-5.7.1 two\r\n550 5.7.1 lines", MAIL_PAUSE},
                 {"553 5.1.7 from@example.com: no such sender", MAIL_PAUSE},
                 {"501 what?", MAIL_PAUSE},
                 {"554 5.3.0 no", MAIL_PAUSE},
                 {"554 5.6.7 no UTF-8 here", MAIL_PERMANENT},
                 {"552 5.3.4 too large", MAIL_PERMANENT},
                 {"554 5.3.4 too large", MAIL_PERMANENT},
                 {"550 5.2.3 too large", MAIL_PERMANENT},
                 {"550 5.2.30 odd", MAIL_PAUSE},
                 {"450 4.1.8 later", MAIL_TEMPORARY}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        script.mail = cases[i].reply;
        send_mails(1);
        if (outcomes[0].result != cases[i].result) {
            fail_msg("%s: %d, %s", cases[i].reply, outcomes[0].result, outcomes[0].error);
        }
        bool says = strstr(outcomes[0].error, "SMTP, the sender is refused: ") != NULL;
        assert_int_equal(says, cases[i].result == MAIL_PAUSE);
        assert_null(strstr(outcomes[0].error, "@"));
    }
    script.mail = "550 5.1.8 bad sender";
    send_mails(MAX); /* most are not even tried */
    expect_all(MAX, MAIL_PAUSE);
    assert_true(script.connections <= (int)(sizeof(cases) / sizeof(cases[0])) + CONCURRENCY);
    script.mail = NULL;
    send_mails(MAX);
    expect_all(MAX, MAIL_SENT);
}

static void test_what_concerns_all_pauses(void **state)
{
    (void)state;
    script.greeting = "554 no service here";
    send_mails(MAX);
    expect_all(MAX, MAIL_PAUSE);
    assert_true(script.connections <= CONCURRENCY); /* the rest was not tried */
    script.greeting = "CLOSE";
    send_mails(1);
    expect_all(1, MAIL_PAUSE);
    script.greeting = NULL;
    open_mailer("", true);
    send_mails(3); /* TLS is required and not offered */
    expect_all(3, MAIL_PAUSE);
    assert_non_null(strstr(outcomes[0].error, "SMTP, tls: "));
    open_mailer("user:pass@", false);
    send_mails(3); /* and so it is with a login */
    expect_all(3, MAIL_PAUSE);
    script.ehlo = "250-test\r\n250-AUTH PLAIN\r\n250 STARTTLS";
    script.auth = "535 5.7.8 wrong";
    send_mails(3);
    expect_all(3, MAIL_PAUSE);
    assert_string_equal(outcomes[0].error, "SMTP, login: Login denied (5.7.8)");
    assert_int_equal(script.mails, 0);
    script.auth = NULL;
    send_mails(3);
    expect_all(3, MAIL_SENT);
    assert_true(script.saw_tls);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    server_stop(&server);
    send_mails(MAX);
    expect_all(MAX, MAIL_PAUSE);
    server_start(&server, smtp_serve, &script);
}

static void test_one_bad_mail_does_not_stop_the_others(void **state)
{
    (void)state;
    send_mails(2);
    script.rcpt = "550 5.1.1 nobody";
    send_mails(8);
    expect_all(8, MAIL_PERMANENT);
    script.rcpt = NULL;
    send_mails(8);
    expect_all(8, MAIL_SENT);
}

/* The server gave up the kept connection between two mails. */
static void test_stale_connection(void **state)
{
    (void)state;
    send_mails(1);
    expect_all(1, MAIL_SENT);
    int connections = script.connections;
    script.mail = "421 4.4.2 idle for too long"; /* what the kept connection says */
    send_mails(1);                               /* and the fresh one says it again */
    expect_all(1, MAIL_PAUSE);
    assert_int_equal(script.connections, connections + 1);
    script.mail = "RESET";
    send_mails(1);
    assert_int_equal(outcomes[0].result, MAIL_TEMPORARY);
    script.mail = NULL;
    send_mails(1);
    expect_all(1, MAIL_SENT);
    assert_int_equal(script.mails, 2);
}

/* The kept connection has died, and a fresh one works: nobody notices. */
static void test_stale_connection_is_replaced(void **state)
{
    (void)state;
    static const char *const ends[] = {"421 4.4.2 idle for too long", "RESET", "CLOSE"};
    for (int i = 0; i < 3; i++) {
        script.kept = NULL;
        send_mails(1);
        expect_all(1, MAIL_SENT);
        int connections = script.connections;
        script.kept = ends[i];
        send_mails(1);
        expect_all(1, MAIL_SENT);
        assert_int_equal(script.connections, connections + 1);
        assert_int_equal(script.mails, 2 * (i + 1));
    }
}

/* The server may have taken a mail whose answer did not come: it is not sent again at once, though
 * the connection had been kept. */
static void test_a_mail_under_way_is_not_repeated(void **state)
{
    (void)state;
    static const char *const ends[] = {"RESET", "CLOSE"};
    for (size_t i = 0; i < 2; i++) {
        send_mails(1);
        expect_all(1, MAIL_SENT);
        int connections = script.connections;
        script.end = ends[i];
        send_mails(1);
        expect_all(1, MAIL_TEMPORARY);
        assert_int_equal(script.connections, connections);
        script.end = NULL;
    }
}

/* Nor is it when a connection dies that was not kept: that was no accident of its age. */
static void test_a_fresh_connection_is_not_repeated(void **state)
{
    (void)state;
    static const char *const ends[] = {"RESET", "CLOSE", "421 4.4.2 not now"};
    for (int i = 0; i < 3; i++) {
        script.mail = ends[i];
        send_mails(1);
        assert_int_not_equal(outcomes[0].result, MAIL_SENT);
        assert_int_equal(script.connections, i + 1);
    }
}

static void test_hanging_server(void **state)
{
    (void)state;
    timeout_ms = 150;
    open_mailer("", false);
    script.end = "HANG";
    send_mails(CONCURRENCY);
    expect_all(CONCURRENCY, MAIL_TEMPORARY);
    script.end = NULL;
    script.greeting = "HANG";
    send_mails(MAX);
    expect_all(MAX, MAIL_PAUSE);
}

/* Once so many mails have come as `context` says, and none of them was answered. */
static void *stop_after(void *context)
{
    const int *count = context;
    while (script.dots < *count) {
        usleep(1000);
    }
    stop = true;
    return NULL;
}

static void test_stop_during_a_send(void **state)
{
    (void)state;
    script.delay_ms = 600;
    pthread_t thread;
    int count = CONCURRENCY;
    pthread_create(&thread, NULL, stop_after, &count);
    int64_t start = now_ms();
    send_mails(MAX);
    pthread_join(thread, NULL);
    assert_true(now_ms() - start < 3000);
    expect_all(CONCURRENCY, MAIL_SENT); /* what was in hand is finished */
    for (size_t i = CONCURRENCY; i < MAX; i++) {
        assert_int_equal(outcomes[i].result, MAIL_PAUSE);
    }
    assert_int_equal(script.mails, CONCURRENCY);
    send_mails(2);
    expect_all(2, MAIL_PAUSE);
}

static void test_stop_while_the_server_hangs(void **state)
{
    (void)state;
    timeout_ms = 60000;
    open_mailer("", false);
    script.end = "HANG";
    pthread_t thread;
    int count = 2;
    pthread_create(&thread, NULL, stop_after, &count);
    int64_t start = now_ms();
    send_mails(2);
    pthread_join(thread, NULL);
    assert_in_range(now_ms() - start, 4500, 8000);
    expect_all(2, MAIL_PAUSE);
}

static void test_check(void **state)
{
    (void)state;
    char reason[OUTBOX_ERROR_SIZE];
    assert_int_equal(mailer->ops->check(mailer, reason), 0);
    assert_int_equal(script.noops, 1);
    script.ehlo = "250-test\r\n250-AUTH PLAIN\r\n250 STARTTLS";
    open_mailer("user:p%40ss@", false);
    assert_int_equal(mailer->ops->check(mailer, reason), 0);
    assert_true(smtp_log_has(&script, "AHVzZXIAcEBzcw==")); /* \0user\0p@ss */
    assert_int_equal(script.logins, 1);
    script.auth = "535 no";
    open_mailer("user:other@", false);
    assert_int_equal(mailer->ops->check(mailer, reason), -1);
    assert_non_null(strstr(reason, "check user and password"));
    open_mailer("", false);
    server_stop(&server);
    assert_int_equal(mailer->ops->check(mailer, reason), -1);
    assert_non_null(strstr(reason, "the SMTP server cannot be used: "));
    server_start(&server, smtp_serve, &script);
    assert_int_equal(script.mails, 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    char reason[OUTBOX_ERROR_SIZE];
    server_stop(&server); /* its threads allocate as well */
    for (long i = 1; i <= 8; i++) {
        alloc_fail_at(i);
        send_mails(1);
        alloc_fail_at(0);
        expect_all(1, MAIL_PAUSE);
    }
    server_start(&server, smtp_serve, &script);
    for (long i = 1; i <= 4; i++) {
        struct smtp_config config = {
            .url = "smtp://user:pass@example.com", .addresses = &addresses, .concurrency = 1};
        alloc_fail_at(i);
        assert_null(smtp_open(&config, net, reason));
        alloc_fail_at(0);
        assert_string_not_equal(reason, "");
    }
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *text, *url, *user, *password;
        bool tls;
    } good[] = {
        {"smtp://mail.example.com", "smtp://mail.example.com/", NULL, NULL, false},
        {"SMTPS://mail.example.com:465/", "smtps://mail.example.com:465/", NULL, NULL, true},
        {"smtp://u:p@h:1", "smtp://h:1/", "u", "p", false},
        {"smtp://u@h:65535", "smtp://h:65535/", "u", "", false},
        {"smtp://a%40b:p%3a%2F%25@h", "smtp://h/", "a@b", "p:/%", false},
        {"smtp://u:p:q@r@h", "smtp://h/", "u", "p:q@r", false},
        {"smtp://[::1]:2525", "smtp://[::1]:2525/", NULL, NULL, false},
        {"smtps://[fd00:ec2::254]", "smtps://[fd00:ec2::254]/", NULL, NULL, true},
    };
    char reason[OUTBOX_ERROR_SIZE];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct smtp_url url;
        if (smtp_url_parse(&url, good[i].text, reason) != 0) {
            fail_msg("%s: %s", good[i].text, reason);
        }
        assert_string_equal(url.url, good[i].url);
        assert_int_equal(url.tls, good[i].tls);
        assert_int_equal(url.user == NULL, good[i].user == NULL);
        if (url.user != NULL) {
            assert_string_equal(url.user, good[i].user);
            assert_string_equal(url.password, good[i].password);
        }
        smtp_url_free(&url);
    }
    static const char *const bad[] = {"",
                                      "smtp:",
                                      "smtp://",
                                      "smtp:///",
                                      "http://h",
                                      "smtp://h:0",
                                      "smtp://h:65536",
                                      "smtp://h:",
                                      "smtp://h:x",
                                      "smtp://h/path",
                                      "smtp://h h",
                                      "smtp://h\r\n",
                                      "smtp://:secret@h",
                                      "smtp://u:secret%@h",
                                      "smtp://u:secret%4@h",
                                      "smtp://u:secret%zz@h",
                                      "smtp://u:secret%0a@h",
                                      "smtp://u:secret\n@h",
                                      "smtp://u:secret@",
                                      "smtp://[::1",
                                      "smtp://[::1]x",
                                      "smtp://[]",
                                      "smtp://h?secret"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct smtp_url url;
        if (smtp_url_parse(&url, bad[i], reason) != -1) {
            fail_msg("%s was taken", bad[i]);
        }
        assert_null(strstr(reason, "secret"));
    }
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_many_mails),
        CASE(test_classes_of_replies),
        CASE(test_a_refusal_says_the_codes),
        CASE(test_a_refused_sender_pauses),
        CASE(test_what_concerns_all_pauses),
        CASE(test_nobody_listens),
        CASE(test_one_bad_mail_does_not_stop_the_others),
        CASE(test_stale_connection),
        CASE(test_stale_connection_is_replaced),
        CASE(test_a_mail_under_way_is_not_repeated),
        CASE(test_a_fresh_connection_is_not_repeated),
        CASE(test_hanging_server),
        CASE(test_stop_during_a_send),
        CASE(test_stop_while_the_server_hangs),
        CASE(test_check),
        CASE(test_out_of_memory),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
