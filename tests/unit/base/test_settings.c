#include "support/alloc.h"
#include "support/test.h"

#include "base/env_file.h"
#include "base/log.h"
#include "base/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ENVIRONMENT(...) ((const char *const[]){__VA_ARGS__, NULL})
#define EMPTY            ((const char *const[]){NULL})

static struct settings *load(const char *const *environment)
{
    char reason[SETTINGS_REASON_SIZE] = "";
    struct settings *s = settings_load(NULL, environment, reason);
    if (s == NULL) {
        print_error("%s\n", reason);
    }
    assert_non_null(s);
    return s;
}

static void check_refused(const char *const *environment, const char *expected)
{
    char reason[SETTINGS_REASON_SIZE] = "";
    assert_null(settings_load(NULL, environment, reason));
    assert_string_equal(reason, expected);
}

static void test_defaults(void **state)
{
    (void)state;
    struct settings *s = load(EMPTY);
    assert_string_equal(s->listen, "127.0.0.1:8080");
    assert_string_equal(s->stage, "prod");
    assert_int_equal(s->threads, 0);
    assert_int_equal(s->body_limit, 65536);
    assert_int_equal(s->request_timeout_ms, 29000);
    assert_int_equal(s->keepalive_ms, 75000);
    assert_int_equal(s->connection_limit, 1024);
    assert_int_equal(s->connections_per_address, 512);
    assert_int_equal(s->queue_limit, 1024);
    assert_true(s->rate_limit == 0 && s->rate_burst == 0);
    assert_int_equal(s->trusted_proxies, 0);
    assert_int_equal(s->drain_delay_ms, 1000);
    assert_int_equal(s->drain_timeout_ms, 25000);
    assert_true(s->positive_above == 0.1 && s->negative_below == -0.1);
    assert_string_equal(s->store, "sqlite:data/reviews.db");
    assert_null(s->table_name);
    assert_string_equal(s->mail, "maildir:data/mail");
    assert_string_equal(s->sender_email, "reviewd@localhost");
    assert_string_equal(s->receiver_email, "admin@localhost");
    assert_null(s->smtp_user);
    assert_null(s->smtp_password);
    assert_false(s->smtp_require_tls);
    assert_int_equal(s->smtp_concurrency, 4);
    assert_int_equal(s->smtp_timeout_ms, 30000);
    assert_int_equal(s->mail_max_age_ms, 86400000);
    assert_null(s->ca_file);
    assert_int_equal(s->log_level, LOG_LEVEL_INFO);
    assert_true(s->access_log);
    assert_int_equal(s->port, -1);
    assert_int_equal(settings_warning_count(s), 0);
    assert_null(settings_warning(s, 0));
    settings_free(s);
    settings_free(NULL);
    settings_free(load(NULL));
}

static void test_as_on_the_lambda(void **state)
{
    (void)state;
    struct settings *s = load(ENVIRONMENT("TABLE_NAME=reviews", "SENDER_EMAIL=a@example.com",
                                          "RECEIVER_EMAIL=b@example.com, c@example.com"));
    assert_string_equal(s->store, "dynamodb");
    assert_string_equal(s->table_name, "reviews");
    assert_string_equal(s->mail, "ses");
    assert_string_equal(s->receiver_email, "b@example.com, c@example.com");
    settings_free(s);
    s = load(ENVIRONMENT("TABLE_NAME=reviews", "SENDER_EMAIL=a@example.com",
                         "REVIEWD_STORE=sqlite:x", "REVIEWD_MAIL=maildir:y"));
    assert_string_equal(s->store, "sqlite:x");
    assert_string_equal(s->mail, "maildir:y");
    assert_string_equal(s->sender_email, "a@example.com");
    assert_string_equal(s->receiver_email, "admin@localhost");
    settings_free(s);
    s = load(ENVIRONMENT("REVIEWD_MAIL=none"));
    assert_null(s->sender_email);
    settings_free(s);
}

static void test_port(void **state)
{
    (void)state;
    struct settings *s = load(ENVIRONMENT("PORT=65535"));
    assert_string_equal(s->listen, "0.0.0.0:65535");
    settings_free(s);
    s = load(ENVIRONMENT("PORT=9000", "REVIEWD_LISTEN=[::1]:80"));
    assert_string_equal(s->listen, "[::1]:80");
    settings_free(s);
    check_refused(ENVIRONMENT("PORT=65536"),
                  "PORT=65536 is not allowed; it must be a whole number from 0 to 65535");
}

static void test_empty_is_not_set(void **state)
{
    (void)state;
    struct settings *s = load(
        ENVIRONMENT("REVIEWD_STAGE=", "REVIEWD_THREADS=", "TABLE_NAME=", "SENDER_EMAIL=", "PORT="));
    assert_string_equal(s->stage, "");
    assert_string_equal(s->store, "sqlite:data/reviews.db");
    assert_string_equal(s->mail, "maildir:data/mail");
    assert_string_equal(s->listen, "127.0.0.1:8080");
    settings_free(s);
}

/* Whether NAME=value is accepted. */
static bool accepts(const char *name, const char *value)
{
    char variable[2048];
    char reason[SETTINGS_REASON_SIZE] = "";
    (void)snprintf(variable, sizeof(variable), "%s=%s", name, value);
    struct settings *s = settings_load(
        NULL, ENVIRONMENT(variable, "SENDER_EMAIL=a@example.com", "RECEIVER_EMAIL=b@example.com"),
        reason);
    assert_true(s != NULL || strncmp(reason, name, strlen(name)) == 0);
    settings_free(s);
    return s != NULL;
}

static void check_range(const char *name, const char *const values[4])
{
    assert_false(accepts(name, values[0])); /* just below */
    assert_true(accepts(name, values[1]));
    assert_true(accepts(name, values[2]));
    assert_false(accepts(name, values[3])); /* just above */
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *values[4];
    } cases[] = {
        {"REVIEWD_THREADS", {"-1", "0", "64", "65"}},
        {"REVIEWD_BODY_LIMIT", {"0", "1", "393216", "393217"}},
        {"REVIEWD_REQUEST_TIMEOUT", {"999ms", "1s", "15m", "900001ms"}},
        {"REVIEWD_KEEPALIVE", {"999ms", "1000ms", "1h", "3601"}},
        {"REVIEWD_CONNECTION_LIMIT", {"0", "1", "65536", "65537"}},
        {"REVIEWD_CONNECTIONS_PER_ADDRESS", {"-1", "0", "65536", "65537"}},
        {"REVIEWD_QUEUE_LIMIT", {"0", "1", "1000000", "1000001"}},
        {"REVIEWD_RATE_LIMIT", {"-0.1", "0", "1000000", "1000000.5"}},
        {"REVIEWD_RATE_BURST", {"-0.1", "0", "1000000", "1000000.5"}},
        {"REVIEWD_TRUSTED_PROXIES", {"-1", "0", "8", "9"}},
        {"REVIEWD_DRAIN_DELAY", {"-1s", "0", "25s", "25001ms"}}, /* or up to 60 s, see below */
        {"REVIEWD_DRAIN_TIMEOUT", {"0", "1", "10m", "601"}},
        {"REVIEWD_POSITIVE_ABOVE", {"-1.5", "-0.1", "1", "1.0001"}},
        {"REVIEWD_NEGATIVE_BELOW", {"-1.0001", "-1", "0.1", "0.1001"}},
        {"REVIEWD_SMTP_CONCURRENCY", {"0", "1", "64", "65"}},
        {"REVIEWD_SMTP_TIMEOUT", {"999ms", "1s", "10m", "601s"}},
        {"REVIEWD_SES_RATE", {"-0.1", "0", "100000", "100000.5"}},
        {"REVIEWD_SES_TIMEOUT", {"999ms", "1s", "1m", "60001ms"}},
        {"REVIEWD_MAIL_DIGEST_AFTER", {"-1s", "0", "720h", "2592001"}},
        {"REVIEWD_MAIL_MAX_AGE", {"59s", "60s", "720h", "2592001"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_range(cases[i].name, cases[i].values);
    }
}

static void check_all(const char *name, const char *const *values, bool accepted)
{
    for (; *values != NULL; values++) {
        if (accepts(name, *values) != accepted) {
            fail_msg("%s=%s", name, *values);
        }
    }
}

static void test_forms(void **state)
{
    (void)state;
    char long_stage[130] = "";
    memset(long_stage, 's', 128);
    assert_true(accepts("REVIEWD_STAGE", long_stage));
    long_stage[128] = 's';
    assert_false(accepts("REVIEWD_STAGE", long_stage));
    check_all("REVIEWD_STAGE", ENVIRONMENT("a", "v1_2-Z"), true);
    check_all("REVIEWD_STAGE", ENVIRONMENT("a/b", "a b", "\xc3\xa4", "."), false);
    check_all(
        "REVIEWD_LISTEN",
        ENVIRONMENT("127.0.0.1:0", "0.0.0.0:65535", "localhost:80", "[::]:8080", "[fe80::1]:1"),
        true);
    check_all("REVIEWD_LISTEN",
              ENVIRONMENT(":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                          "a b:1", "[::]", "[::]8080", "[::1:80", "[x]:80", "[]:80", "::1:80",
                          "h:80x"),
              false);
    check_all("REVIEWD_STORE", ENVIRONMENT("sqlite:x", "sqlite:/a b/c"), true);
    check_all("REVIEWD_STORE", ENVIRONMENT("sqlite:", "sqlite", "postgres:x", "sqlite:a\nb"),
              false);
    check_all(
        "REVIEWD_MAIL",
        ENVIRONMENT("ses", "none", "maildir:x", "smtp://h", "smtps://h:465", "smtp://u:p@h:25"),
        true);
    check_all("REVIEWD_MAIL",
              ENVIRONMENT("maildir:", "smtp://", "smtp://u@", "smtps://:25", "http://h", "SES",
                          "smtp://h x", "smtp://h:0", "smtp://h:65536", "smtp://u:pw@h:xx",
                          "smtp://h/x?y", "smtp://h/x", "smtp://:p@h", "smtp://u:%4@h",
                          "smtp://u:%0a@h", "smtp://[::1", "smtps://"),
              false);
    check_all("REVIEWD_MAIL",
              ENVIRONMENT("smtp://h:1", "smtp://h:65535/", "smtps://u%40x:p%25@[::1]:465"), true);
    check_all("TABLE_NAME", ENVIRONMENT("reviews", "arn:aws:dynamodb:eu-west-1:1:table/a_b-c.d"),
              true);
    check_all("TABLE_NAME", ENVIRONMENT("a b", "a\"b"), false);
    long_stage[64] = '\0';
    assert_true(accepts("REVIEWD_SES_CONFIGURATION_SET", long_stage));
    long_stage[64] = 's';
    assert_false(accepts("REVIEWD_SES_CONFIGURATION_SET", long_stage));
    check_all("REVIEWD_SES_CONFIGURATION_SET", ENVIRONMENT("a", "v1_2-Z"), true);
    check_all("REVIEWD_SES_CONFIGURATION_SET", ENVIRONMENT("a b", "a.b", "\xc3\xa4"), false);
    check_all("REVIEWD_ACCESS_LOG",
              ENVIRONMENT("on", "true", "1", "yes", "off", "false", "0", "no"), true);
    check_all("REVIEWD_ACCESS_LOG", ENVIRONMENT("ON", "2", "y", "enabled"), false);
    check_all("REVIEWD_LOG_LEVEL", ENVIRONMENT("debug", "info", "warn", "error"), true);
    check_all("REVIEWD_LOG_LEVEL", ENVIRONMENT("trace", "INFO", "in"), false);
    check_all("REVIEWD_KEEPALIVE", ENVIRONMENT("5", "5s", "5m", "5000ms", "1h"), true);
    check_all("REVIEWD_KEEPALIVE",
              ENVIRONMENT("5 s", "s", "5x", "1.5s", "+5", "-5", "5sm", "99999999999999999999",
                          "9223372036854775807h", "0x5"),
              false);
    check_all("REVIEWD_THREADS", ENVIRONMENT("1 ", "one", "0x1", "1.0"), false);
    check_all("REVIEWD_RATE_LIMIT", ENVIRONMENT("nan", "inf", "1,5"), false);
}

static void test_forms_of_addresses(void **state)
{
    (void)state;
    check_all("SENDER_EMAIL", ENVIRONMENT("a@b", " o'b+x=1@mail-1.example.com "), true);
    check_all("SENDER_EMAIL", ENVIRONMENT("foo", "@", "a@", "@b", "a@b,c@d", "A <a@b>", "a@b\r"),
              false);
    check_all("RECEIVER_EMAIL", ENVIRONMENT("a@b", "a@b,c@d", " a@b , c@d "), true);
    check_all("RECEIVER_EMAIL",
              ENVIRONMENT("a@b,,c", "a@b,,c@d", ",", "@", ",a@b", "a@b,", "a@b,c"), false);
    for (size_t count = 49; count <= 51; count++) {
        struct buf list = BUF_INIT;
        for (size_t i = 0; i < count; i++) {
            buf_addf(&list, "%sr%zu@b", i > 0 ? "," : "", i);
        }
        assert_int_equal(accepts("RECEIVER_EMAIL", buf_str(&list)), count <= 50);
        buf_free(&list);
    }
}

static void test_switches_and_levels(void **state)
{
    (void)state;
    struct settings *s = load(ENVIRONMENT("REVIEWD_ACCESS_LOG=no", "REVIEWD_SMTP_REQUIRE_TLS=1",
                                          "REVIEWD_LOG_LEVEL=error", "REVIEWD_RATE_LIMIT=0.5",
                                          "REVIEWD_CA_FILE=/ca.pem", "REVIEWD_KEEPALIVE=500s"));
    assert_false(s->access_log);
    assert_true(s->smtp_require_tls);
    assert_int_equal(s->log_level, LOG_LEVEL_ERROR);
    assert_true(s->rate_limit == 0.5);
    assert_string_equal(s->ca_file, "/ca.pem");
    assert_int_equal(s->keepalive_ms, 500000);
    settings_free(s);
}

static void test_refusals_say_what_and_mask(void **state)
{
    (void)state;
    check_refused(ENVIRONMENT("REVIEWD_THREADS=many"),
                  "REVIEWD_THREADS=many is not allowed; it must be a whole number from 0 to 64");
    check_refused(
        ENVIRONMENT("REVIEWD_DRAIN_DELAY=2m"),
        "REVIEWD_DRAIN_DELAY=2m is not allowed; it must be a time from 0s to 1m (as 500ms, "
        "29s, 15m, 24h; a plain number is seconds)");
    check_refused(ENVIRONMENT("REVIEWD_LOG_LEVEL=loud"),
                  "REVIEWD_LOG_LEVEL=loud is not allowed; it must be debug, info, warn or error");
    check_refused(
        ENVIRONMENT("REVIEWD_STAGE=a\nb\x7f"),
        "REVIEWD_STAGE=a?b? is not allowed; it must be up to 128 letters, digits, _ and -, or "
        "empty for no prefix");
    check_refused(ENVIRONMENT("REVIEWD_MAIL=smpt://joe:se/cr@t@h"),
                  "REVIEWD_MAIL=smpt://joe:********@h is not allowed; it must be maildir:DIR, "
                  "smtp://[USER:PASSWORD@]HOST[:PORT], the same with smtps:, ses or none");
    check_refused(ENVIRONMENT("REVIEWD_MAIL=smtp://u:pw@h:xx"),
                  "REVIEWD_MAIL=smtp://u:********@h:xx is not allowed; it must be maildir:DIR, "
                  "smtp://[USER:PASSWORD@]HOST[:PORT], the same with smtps:, ses or none");
    check_refused(ENVIRONMENT("SENDER_EMAIL=foo"),
                  "SENDER_EMAIL=foo is not allowed; it must be an address of the form "
                  "local@domain, in ASCII");
    check_refused(ENVIRONMENT("RECEIVER_EMAIL=a@b,,c"),
                  "RECEIVER_EMAIL=a@b,,c is not allowed; it must be 1 to 50 addresses of the form "
                  "local@domain, in ASCII, separated by commas");
    check_refused(ENVIRONMENT("REVIEWD_SMTP_PASSWORD=se\ncret"),
                  "REVIEWD_SMTP_PASSWORD=******** is not allowed; it must be text without control "
                  "characters");
}

static void test_settings_that_depend_on_others(void **state)
{
    (void)state;
    check_refused(ENVIRONMENT("REVIEWD_POSITIVE_ABOVE=-0.2"),
                  "REVIEWD_NEGATIVE_BELOW=-0.1 is above REVIEWD_POSITIVE_ABOVE=-0.2; it must not "
                  "be greater");
    check_refused(ENVIRONMENT("REVIEWD_DRAIN_DELAY=25001ms"),
                  "REVIEWD_DRAIN_DELAY=25001ms is longer than REVIEWD_DRAIN_TIMEOUT=25s, of which "
                  "it is a part");
    check_refused(ENVIRONMENT("REVIEWD_DRAIN_TIMEOUT=10m", "REVIEWD_DRAIN_DELAY=60001ms"),
                  "REVIEWD_DRAIN_DELAY=60001ms is not allowed; it must be a time from 0s to 1m (as "
                  "500ms, 29s, 15m, 24h; a plain number is seconds)");
    settings_free(load(ENVIRONMENT("REVIEWD_DRAIN_TIMEOUT=10m", "REVIEWD_DRAIN_DELAY=60s")));
    check_refused(ENVIRONMENT("REVIEWD_STORE=dynamodb"),
                  "TABLE_NAME is not set; REVIEWD_STORE=dynamodb needs it");
    check_refused(ENVIRONMENT("REVIEWD_MAIL=ses"),
                  "SENDER_EMAIL is not set; REVIEWD_MAIL needs it for ses and SMTP");
    check_refused(ENVIRONMENT("SENDER_EMAIL=a@example.com"),
                  "RECEIVER_EMAIL is not set; REVIEWD_MAIL needs it for ses and SMTP");
    check_refused(ENVIRONMENT("REVIEWD_MAIL=smtps://h", "SENDER_EMAIL=a@example.com"),
                  "RECEIVER_EMAIL is not set; REVIEWD_MAIL needs it for ses and SMTP");
    check_refused(ENVIRONMENT("REVIEWD_SMTP_USER=u"),
                  "REVIEWD_SMTP_PASSWORD is not set; REVIEWD_SMTP_USER needs it");
    check_refused(ENVIRONMENT("REVIEWD_SMTP_PASSWORD=p"),
                  "REVIEWD_SMTP_USER is not set; REVIEWD_SMTP_PASSWORD needs it");
    settings_free(load(ENVIRONMENT("REVIEWD_POSITIVE_ABOVE=-0.1")));
}

static void make_file(char path[64], const char *text)
{
    (void)snprintf(path, 64, "/tmp/test_settings.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

static void test_environment_wins_over_file(void **state)
{
    (void)state;
    char path[64];
    char reason[SETTINGS_REASON_SIZE] = "";
    make_file(path, "REVIEWD_STAGE=file\nREVIEWD_THREADS='3'\nAWS_REGION=eu-west-1\nX=1\n");
    struct settings *s =
        settings_load(path, ENVIRONMENT("REVIEWD_STAGE=environment", "X=2", "XY=3"), reason);
    assert_non_null(s);
    assert_string_equal(s->stage, "environment");
    assert_int_equal(s->threads, 3);
    assert_string_equal(settings_variable(s, "AWS_REGION"), "eu-west-1");
    assert_string_equal(settings_variable(s, "X"), "2");
    assert_null(settings_variable(s, "Y"));
    struct buf b = BUF_INIT;
    settings_write(s, &b);
    char expected[128];
    (void)snprintf(expected, sizeof(expected), "# file %s, line 2\nREVIEWD_THREADS=3\n", path);
    assert_non_null(strstr(buf_str(&b), expected));
    assert_non_null(strstr(buf_str(&b), "# environment\nREVIEWD_STAGE=environment\n"));
    assert_non_null(strstr(buf_str(&b), "# default\nREVIEWD_KEEPALIVE=75s\n"));
    assert_non_null(strstr(buf_str(&b), "# default: not set\nTABLE_NAME=\n"));
    buf_free(&b);
    settings_free(s);
    (void)unlink(path);
}

static void test_errors_name_the_file(void **state)
{
    (void)state;
    char path[64];
    char reason[SETTINGS_REASON_SIZE] = "";
    char expected[SETTINGS_REASON_SIZE];
    make_file(path, "\nREVIEWD_THREADS=x\n");
    assert_null(settings_load(path, EMPTY, reason));
    (void)snprintf(
        expected, sizeof(expected),
        "%s, line 2: REVIEWD_THREADS=x is not allowed; it must be a whole number from 0 to 64",
        path);
    assert_string_equal(reason, expected);
    (void)unlink(path);
    assert_null(settings_load("/nowhere/x.env", EMPTY, reason));
    assert_string_equal(reason, "cannot read /nowhere/x.env: No such file or directory");
}

static void test_warnings(void **state)
{
    (void)state;
    char path[64];
    char reason[SETTINGS_REASON_SIZE] = "";
    char expected[256];
    make_file(path, "\nREVIEWD_STAGES=x\nreviewd_x=1\n");
    struct settings *s = settings_load(path,
                                       ENVIRONMENT("REVIEWD_QEUE_LIMIT=3", "REVIEWD_=1", "REVIEW=1",
                                                   "REVIEWD_ENTIRELY_DIFFERENT=1", "HOME=/"),
                                       reason);
    (void)unlink(path);
    assert_int_equal(settings_warning_count(s), 4);
    assert_string_equal(settings_warning(s, 0),
                        "REVIEWD_QEUE_LIMIT is no setting; did you mean REVIEWD_QUEUE_LIMIT?");
    assert_string_equal(settings_warning(s, 1), "REVIEWD_ is no setting");
    assert_string_equal(settings_warning(s, 2), "REVIEWD_ENTIRELY_DIFFERENT is no setting");
    (void)snprintf(expected, sizeof(expected),
                   "%s, line 2: REVIEWD_STAGES is no setting; did you mean REVIEWD_STAGE?", path);
    assert_string_equal(settings_warning(s, 3), expected);
    settings_free(s);
}

/* What `reviewd config` prints is a file that gives the same settings again. */
static void test_written_settings_load_again(void **state)
{
    (void)state;
    struct settings *s =
        load(ENVIRONMENT("REVIEWD_MAIL=maildir:/a b\\c '", "REVIEWD_STAGE=", "PORT=81",
                         "REVIEWD_RATE_LIMIT=2.5", "REVIEWD_KEEPALIVE=7m"));
    struct buf first = BUF_INIT;
    settings_write(s, &first);
    settings_free(s);
    char path[64];
    char reason[SETTINGS_REASON_SIZE] = "";
    make_file(path, buf_str(&first));
    s = settings_load(path, EMPTY, reason);
    (void)unlink(path);
    assert_string_equal(reason, "");
    assert_string_equal(s->mail, "maildir:/a b\\c '");
    assert_string_equal(s->stage, "");
    assert_string_equal(s->listen, "0.0.0.0:81");
    assert_true(s->rate_limit == 2.5);
    assert_int_equal(s->keepalive_ms, 420000);
    settings_free(s);
    buf_free(&first);
}

static void test_written_settings_mask_secrets(void **state)
{
    (void)state;
    struct settings *s = load(ENVIRONMENT(
        "REVIEWD_MAIL=smtp://joe:hidden1@mail.example.com", "SENDER_EMAIL=a@example.com",
        "RECEIVER_EMAIL=b@example.com", "REVIEWD_SMTP_USER=joe", "REVIEWD_SMTP_PASSWORD=hidden2"));
    struct buf b = BUF_INIT;
    settings_write(s, &b);
    assert_null(strstr(buf_str(&b), "hidden"));
    assert_non_null(strstr(buf_str(&b), "REVIEWD_MAIL=smtp://joe:********@mail.example.com\n"));
    assert_non_null(strstr(buf_str(&b), "REVIEWD_SMTP_PASSWORD=********\n"));
    assert_string_equal(s->smtp_password, "hidden2");
    buf_free(&b);
    settings_free(s);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct settings *s = NULL;
    long n = 1;
    for (; s == NULL; n++) {
        char reason[SETTINGS_REASON_SIZE] = "";
        alloc_fail_at(n);
        s = settings_load(NULL, ENVIRONMENT("REVIEWD_X=1", "REVIEWD_STAGE=a"), reason);
        alloc_fail_at(0);
        assert_string_equal(reason, s != NULL ? "" : "out of memory");
    }
    settings_free(s);
    assert_in_range(n, 6, 20);
}

static struct buf read_file(const char *path)
{
    struct buf b = BUF_INIT;
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        fail_msg("%s: run from the top of the repository", path);
    }
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        buf_add(&b, chunk, n);
    }
    (void)fclose(f);
    return b;
}

/* `reviewd config --template > config/reviewd.env` mends it. */
static void test_template_is_committed(void **state)
{
    (void)state;
    struct buf expected = BUF_INIT;
    settings_write_template(&expected);
    struct buf committed = read_file("config/reviewd.env");
    assert_string_equal(buf_str(&committed), buf_str(&expected));
    buf_free(&committed);
    char reason[SETTINGS_REASON_SIZE] = "";
    struct settings *s = settings_load("config/reviewd.env", EMPTY, reason);
    assert_non_null(s);
    assert_null(settings_variable(s, "REVIEWD_STAGE"));
    settings_free(s);
    buf_free(&expected);
}

/* With all its lines in force the template gives the defaults. */
static void test_template_says_the_defaults(void **state)
{
    (void)state;
    struct buf template = BUF_INIT;
    struct buf active = BUF_INIT;
    settings_write_template(&template);
    for (const char *line = buf_str(&template); *line != '\0';) {
        size_t len = strcspn(line, "\n") + 1;
        buf_add(&active, line + (line[0] == '#' && line[1] != ' '),
                len - (line[0] == '#' && line[1] != ' '));
        line += len;
    }
    char path[64];
    char reason[SETTINGS_REASON_SIZE] = "";
    make_file(path, buf_str(&active));
    struct env_file file;
    assert_int_equal(env_file_read(&file, path, reason), 0);
    assert_int_equal(file.count, settings_count());
    env_file_free(&file);
    struct settings *s = settings_load(path, EMPTY, reason);
    (void)unlink(path);
    assert_string_equal(reason, "");
    assert_int_equal(s->request_timeout_ms, 29000);
    assert_string_equal(s->sender_email, "reviewd@localhost");
    settings_free(s);
    buf_free(&template);
    buf_free(&active);
}

/* docs/SETTINGS.md has each row of the table, word for word; a missing one is printed. */
static void test_documented(void **state)
{
    (void)state;
    struct buf docs = read_file("docs/SETTINGS.md");
    bool missing = false;
    for (size_t i = 0; i < settings_count(); i++) {
        struct setting_info info = settings_info(i);
        struct buf row = BUF_INIT;
        buf_addf(&row, "| `%s` | ", info.name);
        if (info.fallback[0] != '\0') {
            buf_addf(&row, "`%s`", info.fallback);
        }
        if (info.fallback_why != NULL) {
            buf_addf(&row, "%s%s", info.fallback[0] != '\0' ? "; " : "", info.fallback_why);
        }
        buf_addf(&row, " | %s | %s |\n", info.allowed, info.help);
        if (strstr(buf_str(&docs), buf_str(&row)) == NULL) {
            print_error("%s", buf_str(&row));
            missing = true;
        }
        buf_free(&row);
    }
    buf_free(&docs);
    assert_false(missing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_as_on_the_lambda),
        cmocka_unit_test(test_port),
        cmocka_unit_test(test_empty_is_not_set),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_forms_of_addresses),
        cmocka_unit_test(test_switches_and_levels),
        cmocka_unit_test(test_refusals_say_what_and_mask),
        cmocka_unit_test(test_settings_that_depend_on_others),
        cmocka_unit_test(test_environment_wins_over_file),
        cmocka_unit_test(test_errors_name_the_file),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_written_settings_load_again),
        cmocka_unit_test(test_written_settings_mask_secrets),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_template_is_committed),
        cmocka_unit_test(test_template_says_the_defaults),
        cmocka_unit_test(test_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
