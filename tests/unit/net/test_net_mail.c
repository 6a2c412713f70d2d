/* SMTP: what is sent, and what each failure of the server is told as. */
#include "net_test.h"
#include "support/smtp_server.h"

#include <sys/socket.h>

static struct smtp_script script;
static struct test_server server;
static struct transport *net;
static const char *const receivers[] = {"a@example.com", "b@example.com", "bad@example.com"};

static int setup(void **state)
{
    (void)state;
    smtp_script_init(&script);
    server_start_tls(&server, smtp_serve, &script);
    net = start_net(&(struct net_config){.ca_file = server.ca_file});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    net_stop(net);
    server_stop(&server);
    smtp_script_free(&script);
    return 0;
}

static struct net_mail mail_to(size_t count)
{
    return (struct net_mail){.from = "from@example.com", .to = receivers, .to_count = count};
}

static struct net_request request(const struct net_mail *mail)
{
    static char url[64];
    snprintf(url, sizeof(url), "smtp://127.0.0.1:%d/", server.port);
    return (struct net_request){.method = "",
                                .url = url,
                                .body = SPAN("Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n"),
                                .mail = mail,
                                .timeout_ms = 10000};
}

static struct answer send_mail(const struct net_mail *mail)
{
    struct net_request r = request(mail);
    return send_and_wait(net, &r);
}

static void test_mail_is_sent(void **state)
{
    (void)state;
    struct net_mail mail = mail_to(2);
    struct answer a = send_mail(&mail);
    assert_int_equal(a.error, NET_OK);
    assert_int_equal(a.status, 250);
    assert_false(a.reused);
    assert_true(send_mail(&mail).reused);
    assert_int_equal(script.connections, 1);
    assert_int_equal(script.mails, 2);
    assert_true(smtp_log_has(&script, "FROM <from@example.com> SIZE=29\nTO <a@example.com>\nTO "
                                      "<b@example.com>\nSubject: x\n\n.dot\n..\nend\nEND\n"));
    net_stop(net);
    net = NULL;
    assert_int_equal(script.quits, 1);
}

static void test_starttls(void **state)
{
    (void)state;
    script.ehlo = "250-test\r\n250 STARTTLS";
    struct net_mail mail = mail_to(1);
    assert_int_equal(send_mail(&mail).error, NET_OK); /* it is used when it is offered */
    assert_true(script.saw_tls);
    mail.require_tls = true;
    assert_int_equal(send_mail(&mail).error, NET_OK);
    assert_int_equal(script.connections, 2); /* not the one that might have been in clear */
    assert_true(send_mail(&mail).reused);

    struct transport *trusting = net;
    net = start_net(&(struct net_config){.ca_file = NULL}); /* does not trust the certificate */
    assert_int_equal(send_mail(&mail).error, NET_TLS);
    mail.require_tls = false;
    assert_int_equal(send_mail(&mail).error, NET_TLS);
    net_stop(trusting);
}

static void test_starttls_is_required(void **state)
{
    (void)state;
    struct net_mail mail = mail_to(1);
    mail.require_tls = true;
    assert_int_equal(send_mail(&mail).error, NET_TLS); /* not offered */
    script.ehlo = "250-test\r\n250 STARTTLS";
    script.starttls = "454 not now";
    assert_int_equal(send_mail(&mail).error, NET_TLS);
    assert_int_equal(script.mails, 0);
    mail.require_tls = false;
    assert_int_equal(send_mail(&mail).error, NET_OK); /* refused, and not required */
}

static void test_smtps(void **state)
{
    (void)state;
    struct test_server secure = {.tls = true};
    server_start_tls(&secure, smtp_serve, &script);
    struct net_mail mail = mail_to(1);
    struct net_request r = request(&mail);
    char url[64];
    snprintf(url, sizeof(url), "smtps://127.0.0.1:%d/", secure.port);
    r.url = url;
    assert_int_equal(send_and_wait(net, &r).error, NET_TLS);
    struct transport *trusting = start_net(&(struct net_config){.ca_file = secure.ca_file});
    assert_int_equal(send_and_wait(trusting, &r).error, NET_OK);
    net_stop(trusting);
    server_stop(&secure);
}

static void test_login(void **state)
{
    (void)state;
    struct net_mail mail = mail_to(1);
    mail.user = "user";
    mail.password = "secret";
    script.ehlo = "250-test\r\n250 AUTH PLAIN";
    assert_int_equal(send_mail(&mail).error, NET_OK);
    assert_true(smtp_log_has(&script, "AHVzZXIAc2VjcmV0")); /* base64 of \0user\0secret */
    static const char *const refusals[] = {"535 5.7.8 no", "534 weak", "454 4.7.0 later",
                                           "500 what?"};
    static const int codes[] = {535, 534, 454, 500};
    for (size_t i = 0; i < 4; i++) {
        net_stop(net);
        net = start_net(&(struct net_config){.ca_file = server.ca_file});
        script.auth = refusals[i];
        struct answer a = send_mail(&mail);
        assert_int_equal(a.error, NET_LOGIN);
        if (a.status != codes[i]) {
            fail_msg("%zu: %d", i, a.status);
        }
    }
    script.auth = NULL;
    script.ehlo = "250-test\r\n250 AUTH UNHEARD-OF";
    assert_int_equal(send_mail(&mail).error, NET_LOGIN);
    assert_int_equal(script.mails, 1);
}

static void test_refusals(void **state)
{
    (void)state;
    const struct {
        const char *_Atomic *stage;
        const char *reply;
        enum net_error error;
        int status;
        const char *detail;
    } cases[] = {
        {&script.greeting, "554 no service", NET_CONNECT, 554, ""},
        {&script.greeting, "421 later", NET_CONNECT, 421, ""},
        {&script.greeting, "CLOSE", NET_BROKEN, 0, ""},
        {&script.ehlo, "550 no", NET_CONNECT, 550, ""},
        {&script.ehlo, "RESET", NET_BROKEN, 220, ""},
        {&script.mail, "421 closing", NET_REFUSED, 421, ""},
        {&script.mail, "451 4.3.0 later", NET_REFUSED, 451, "4.3.0"},
        {&script.mail, "550 5.1.8 no", NET_REFUSED, 550, "(5.1.8)"},
        {&script.mail, "530 5.7.0 login first", NET_REFUSED, 530, ""},
        {&script.mail, "CLOSE", NET_BROKEN, 250, ""},
        {&script.mail, "RESET", NET_BROKEN, 250, ""},
        {&script.rcpt, "450 busy", NET_REFUSED, 450, ""},
        {&script.rcpt, "550 5.1.1 bad@example.com is not here", NET_REFUSED, 550, "(5.1.1)"},
        {&script.data, "451 later", NET_REFUSED, 451, ""},
        {&script.data, "554 no", NET_REFUSED, 554, ""},
        {&script.data, "RESET", NET_BROKEN, 250, ""},
        {&script.end, "451 later", NET_REFUSED, 451, ""},
        {&script.end, "550 5.7.1 spam", NET_REFUSED, 550, "(5.7.1)"},
        {&script.end, "552-two\r\n552 5.3.4 lines", NET_REFUSED, 552, "(5.3.4)"},
        {&script.end, "CLOSE", NET_BROKEN, 354, ""},
        {&script.end, "RESET", NET_BROKEN, 354, ""},
    };
    struct net_mail mail = mail_to(3);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        *cases[i].stage = cases[i].reply;
        struct answer a = send_mail(&mail);
        *cases[i].stage = NULL;
        bool as_wanted = a.error == cases[i].error && a.status == cases[i].status &&
                         strstr(a.detail, cases[i].detail) != NULL &&
                         strstr(a.detail, "@") == NULL && a.detail[0] != '\0';
        if (!as_wanted) {
            fail_msg("%zu, %s: %s, %d, %s", i, cases[i].reply, net_error_name(a.error), a.status,
                     a.detail);
        }
    }
    assert_int_equal(script.mails, 0);
    assert_int_equal(send_mail(&mail).error, NET_OK);
}

static void test_hanging_server(void **state)
{
    (void)state;
    const char *_Atomic *stages[] = {&script.greeting, &script.ehlo, &script.mail,
                                     &script.rcpt,     &script.data, &script.end};
    struct net_mail mail = mail_to(3);
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
        *stages[i] = i % 2 == 0 ? "HANG" : "garbage without a code";
        struct net_request r = request(&mail);
        r.timeout_ms = 150;
        int64_t start = now_ms();
        struct answer a = send_and_wait(net, &r);
        *stages[i] = NULL;
        assert_int_equal(a.error, NET_TIMEOUT);
        assert_string_equal(a.detail, "no answer within 150 ms");
        static const int codes[] = {0, 220, 250, 250, 250, 354};
        if (a.status != codes[i]) {
            fail_msg("%zu: %d", i, a.status);
        }
        assert_in_range(now_ms() - start, 140, 3000);
    }
    assert_int_equal(script.mails, 0);
}

/* A mail that is ended while its body is sent must not be ended with a dot. */
static void slow_reader(struct test_conn *c)
{
    char line[128];
    conn_say(c, "220 slow\r\n");
    for (int i = 0; i < 4 && conn_line(c, line, sizeof(line)); i++) {
        conn_say(c, i < 3 ? "250 ok\r\n" : "354 go on\r\n");
    }
    struct smtp_script *s = c->server->context;
    static char big[1 << 20];
    for (ssize_t n; (n = recv(c->fd, big, sizeof(big), 0)) > 0;) {
        if (memmem(big, (size_t)n, "\r\n.\r\n", 5) != NULL) {
            s->mails++;
        }
        if (s->noops++ == 0) { /* the first bytes of the body are here, most are not */
            pause_ms(300);
        }
    }
}

static void test_half_a_mail_is_never_delivered(void **state)
{
    (void)state;
    server.handler = slow_reader;
    struct net_mail mail = mail_to(1);
    struct net_request r = request(&mail);
    size_t len = 64 << 20;
    char *text = malloc(len);
    memset(text, 'x', len);
    r.body = (struct span){text, len};
    static struct answer a;
    answer_init(&a);
    uint64_t id = transport_send(net, &r, answer_take, &a);
    while (script.noops == 0) {
        pause_ms(1);
    }
    transport_cancel(net, id);
    answer_wait(&a);
    assert_int_equal(a.error, NET_CANCELLED);
    net_stop(net);
    net = NULL;
    server_stop(&server);
    server_start(&server, smtp_serve, &script); /* for the teardown */
    assert_int_equal(script.mails, 0);
    free(text);
}

static void test_side_by_side(void **state)
{
    (void)state;
    static struct answer answers[8];
    struct net_mail mail = mail_to(1);
    struct net_request r = request(&mail);
    script.delay_ms = 200;
    int64_t start = now_ms();
    for (int i = 0; i < 8; i++) {
        answer_init(&answers[i]);
        transport_send(net, &r, answer_take, &answers[i]);
    }
    for (int i = 0; i < 8; i++) {
        answer_wait(&answers[i]);
        assert_int_equal(answers[i].error, NET_OK);
    }
    assert_true(now_ms() - start < 1400); /* one after the other would take 1600 */
    assert_int_equal(script.most_active, 8);
    script.delay_ms = 0;
    assert_true(send_mail(&mail).reused);
    assert_int_equal(script.connections, 8);
}

static void test_cancel_and_stop(void **state)
{
    (void)state;
    static struct answer answers[3];
    struct net_mail mail = mail_to(1);
    struct net_request r = request(&mail);
    script.end = "HANG";
    uint64_t ids[3];
    for (int i = 0; i < 3; i++) {
        answer_init(&answers[i]);
        ids[i] = transport_send(net, &r, answer_take, &answers[i]);
    }
    pause_ms(100);
    transport_cancel(net, ids[0]);
    answer_wait(&answers[0]);
    assert_int_equal(answers[0].error, NET_CANCELLED);
    int64_t start = now_ms();
    net_stop(net);
    net = NULL;
    assert_true(now_ms() - start < 1500);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(answers[i].calls, 1);
        assert_int_equal(answers[i].error, NET_CANCELLED);
    }
}

static void test_quit_that_hangs(void **state)
{
    (void)state;
    script.quit = "HANG";
    struct net_mail mail = mail_to(1);
    assert_int_equal(send_mail(&mail).error, NET_OK);
    int64_t start = now_ms();
    net_stop(net);
    net = NULL;
    assert_in_range(now_ms() - start, 1000, 4000);
}

static void test_login_alone(void **state)
{
    (void)state;
    struct net_mail mail = mail_to(0);
    assert_int_equal(send_mail(&mail).error, NET_OK);
    assert_int_equal(script.noops, 1);
    assert_int_equal(script.mails, 0);
    mail = mail_to(1); /* nothing is left of it for the next */
    assert_int_equal(send_mail(&mail).error, NET_OK);
    assert_int_equal(script.mails, 1);
    mail = mail_to(0);
    assert_int_equal(send_mail(&mail).error, NET_OK);
    assert_int_equal(script.mails, 1);
}

static void test_invalid(void **state)
{
    (void)state;
    struct net_request r = request(NULL);
    assert_int_equal(send_and_wait(net, &r).error, NET_INVALID);
    struct net_mail mail = mail_to(1);
    r = request(&mail);
    r.url = "smtp://";
    assert_int_equal(send_and_wait(net, &r).error, NET_INVALID);
    r.url = "smtp://127.0.0.1:1/";
    assert_int_equal(send_and_wait(net, &r).error, NET_CONNECT);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_mail_is_sent),
        CASE(test_starttls),
        CASE(test_starttls_is_required),
        CASE(test_smtps),
        CASE(test_login),
        CASE(test_refusals),
        CASE(test_hanging_server),
        CASE(test_half_a_mail_is_never_delivered),
        CASE(test_side_by_side),
        CASE(test_cancel_and_stop),
        CASE(test_quit_that_hangs),
        CASE(test_login_alone),
        CASE(test_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
