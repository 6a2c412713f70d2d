/* The mail's text: subject, body, header lines and their encodings. */
#include "notify/message.h"
#include "notify/message_encode.h"
#include "support/alloc.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

static struct mail_addresses addresses;

static struct outbox_entry entry_of(const char *user, const char *review)
{
    return (struct outbox_entry){.id = 42,
                                 .created_us = 1764328591363902,
                                 .item = {.user_name = span_of(user),
                                          .timestamp = SPAN("2025-11-28T11:16:31.363902"),
                                          .review = span_of(review),
                                          .sentiment = SPAN("Positive"),
                                          .polarity_score = SPAN("0.25")}};
}

static int setup(void **state)
{
    (void)state;
    char reason[OUTBOX_ERROR_SIZE];
    return mail_addresses_parse(&addresses, "reviews@example.com", "a@example.com, b@example.com",
                                reason);
}

static int teardown(void **state)
{
    (void)state;
    mail_addresses_free(&addresses);
    return 0;
}

static char *message_of(const char *user, const char *review)
{
    struct buf out = BUF_INIT;
    struct outbox_entry entry = entry_of(user, review);
    message_rfc5322(&out, &entry, &addresses);
    return buf_detach(&out);
}

static void test_whole_message(void **state)
{
    (void)state;
    char *text = message_of("Patricia Stewart", "The tool is fantastic.\nYes.");
    assert_string_equal(text, "Date: Fri, 28 Nov 2025 11:16:31 +0000\r\n"
                              "From: reviews@example.com\r\n"
                              "To: a@example.com,\r\n b@example.com\r\n"
                              "Message-ID: <review.42.1764328591363902@example.com>\r\n"
                              "Subject: [Positive] Review from Patricia Stewart\r\n"
                              "Auto-Submitted: auto-generated\r\n"
                              "MIME-Version: 1.0\r\n"
                              "Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Transfer-Encoding: quoted-printable\r\n"
                              "\r\n"
                              "Review: The tool is fantastic.\r\nYes.\r\n");
    free(text);
}

static void test_subject_and_text_are_the_references(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct outbox_entry entry = entry_of("Zoë", "a\r\nb\tc");
    message_subject(&out, &entry.item);
    assert_string_equal(buf_str(&out), "[Positive] Review from Zoë");
    buf_clear(&out);
    message_text(&out, &entry.item);
    assert_string_equal(buf_str(&out), "Review: a\r\nb\tc");
    buf_free(&out);
}

static void test_nothing_can_become_a_header(void **state)
{
    (void)state;
    char *text = message_of("x\r\nBcc: evil@example.com\n\x01\x7f\xc2\x85\xe2\x80\xa8\xff y",
                            "\r\n.\r\nMAIL FROM:<>\r\n\x01");
    char *body = strstr(text, "\r\n\r\n");
    assert_non_null(body);
    *body = '\0';
    assert_null(strstr(text, "Bcc: evil"));
    for (const char *p = text; *p != '\0'; p++) {
        assert_true(*p == '\r' || *p == '\n' || (*p >= ' ' && *p <= '~'));
    }
    free(text);
    struct buf out = BUF_INIT;
    message_clean(&out, SPAN("a\nb\xff"));
    assert_string_equal(buf_str(&out), "a\xEF\xBF\xBD"
                                       "b\xEF\xBF\xBD");
    buf_free(&out);
}

static char *header_of(const char *text, size_t used)
{
    struct buf out = BUF_INIT;
    message_header_text(&out, span_of(text), used);
    return buf_detach(&out);
}

static void expect_header(const char *text, size_t used, const char *wanted)
{
    char *got = header_of(text, used);
    assert_string_equal(got, wanted);
    free(got);
}

static void test_header_forms(void **state)
{
    (void)state;
    expect_header("plain", 9, "plain");
    expect_header("ends in a blank ", 9, "=?UTF-8?B?ZW5kcyBpbiBhIGJsYW5rIA==?=");
    expect_header("a =?x", 9, "=?UTF-8?B?YSA9P3g=?=");
    expect_header("a = b?", 9, "a = b?");
    expect_header("\xc3\xa4", 9, "=?UTF-8?B?w6Q=?=");
    char text[100];
    for (size_t len = 66; len <= 68; len++) { /* 76 - 9 = 67 */
        memset(text, 'x', len);
        text[len] = '\0';
        char *got = header_of(text, 9);
        assert_int_equal(strcmp(got, text) == 0, len <= 67);
        free(got);
    }
}

/* Every line at most 76, every word at most 75, no code point split: for each length around the
 * borders. */
static void test_long_headers_are_folded(void **state)
{
    (void)state;
    for (size_t n = 1; n < 200; n++) {
        struct buf text = BUF_INIT;
        for (size_t i = 0; i < n; i++) {
            buf_add_str(&text, i % 3 == 0 ? "\xf0\x9f\x98\x80" : i % 3 == 1 ? "\xe2\x82\xac" : "x");
        }
        char *got = header_of(buf_str(&text), 9);
        size_t used = 9;
        for (char *line = got; line != NULL;) {
            char *end = strstr(line, "\r\n");
            size_t len = end != NULL ? (size_t)(end - line) : strlen(line);
            assert_true(used + len <= 76);
            assert_true(len - (line[0] == ' ') <= 75);
            assert_memory_equal(line + (line[0] == ' '), "=?UTF-8?B?", 10);
            assert_memory_equal(line + len - 2, "?=", 2);
            line = end != NULL ? end + 2 : NULL;
            assert_true(line == NULL || *line == ' ');
            used = 0;
        }
        free(got);
        buf_free(&text);
    }
}

static void expect_quoted(const char *text, const char *wanted)
{
    struct buf out = BUF_INIT;
    message_quoted_printable(&out, span_of(text));
    assert_string_equal(buf_str(&out), wanted);
    buf_free(&out);
}

static void test_quoted_printable(void **state)
{
    (void)state;
    expect_quoted("", "");
    expect_quoted("a=b\xc3\xa4", "a=3Db=C3=A4");
    expect_quoted("end \r\nend\t\r\n ", "end=20\r\nend=09\r\n=20");
    expect_quoted("a b\tc", "a b\tc");
    expect_quoted("lone\rcr lone\nlf\r", "lone=0Dcr lone=0Alf=0D");
    char text[100], wanted[110];
    for (size_t len = 75; len <= 77; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        if (len <= 76) {
            snprintf(wanted, sizeof(wanted), "%s", text);
        } else {
            snprintf(wanted, sizeof(wanted), "%.75s=\r\n%s", text, text + 75);
        }
        expect_quoted(text, wanted);
        strncat(text, "\r\n", 3);
        strncat(wanted, "\r\n", 3);
        expect_quoted(text, wanted);
    }
}

static void test_line_ends(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    message_crlf(&out, SPAN("\na\r\nb\rc\n\rd\r\r\n\n"));
    assert_string_equal(buf_str(&out), "\r\na\r\nb\r\nc\r\n\r\nd\r\n\r\n\r\n");
    buf_free(&out);
}

static void test_base64(void **state)
{
    (void)state;
    static const char *const wanted[] = {"", "AA==", "AP8=", "AP9h", "AP9hYg=="};
    for (size_t n = 0; n < 5; n++) {
        struct buf out = BUF_INIT;
        message_base64(&out, (struct span){"\0\xff"
                                           "ab",
                                           n});
        assert_string_equal(buf_str(&out), wanted[n]);
        buf_free(&out);
    }
    char text[58];
    memset(text, 'x', sizeof(text));
    for (size_t n = 56; n <= 58; n++) {
        struct buf out = BUF_INIT;
        message_base64_lines(&out, (struct span){text, n});
        assert_int_equal(strcspn(out.data, "\r"), 76);
        assert_int_equal(out.len, n <= 57 ? 78 : 78 + 6);
        buf_free(&out);
    }
}

static void test_shorter_encoding_is_taken(void **state)
{
    (void)state;
    struct buf cyrillic = BUF_INIT;
    for (int i = 0; i < 100; i++) {
        buf_add_str(&cyrillic, "\xd0\xb6");
    }
    char *text = message_of("x", buf_str(&cyrillic));
    assert_non_null(strstr(text, "Content-Transfer-Encoding: base64\r\n\r\nUmV2aWV3OiDQ"));
    free(text);
    buf_free(&cyrillic);
    text = message_of("x", "mostly ASCII, and one \xc3\xa4");
    assert_non_null(
        strstr(text, "quoted-printable\r\n\r\nReview: mostly ASCII, and one =C3=A4\r\n"));
    free(text);
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {{0, "Thu, 01 Jan 1970 00:00:00 +0000"},
                 {-1, "Wed, 31 Dec 1969 23:59:59 +0000"},
                 {951782399999999, "Mon, 28 Feb 2000 23:59:59 +0000"},
                 {951782400000000, "Tue, 29 Feb 2000 00:00:00 +0000"},
                 {4102444800000000, "Fri, 01 Jan 2100 00:00:00 +0000"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = BUF_INIT;
        message_date(&out, cases[i].us);
        assert_string_equal(buf_str(&out), cases[i].text);
        buf_free(&out);
    }
}

static void refuse(const char *sender, const char *receivers, const char *part)
{
    struct mail_addresses a;
    char reason[OUTBOX_ERROR_SIZE] = "";
    assert_int_equal(mail_addresses_parse(&a, sender, receivers, reason), -1);
    if (strstr(reason, part) == NULL) {
        fail_msg("%s, %s: %s", sender, receivers, reason);
    }
    assert_null(strpbrk(reason, "\r\n"));
}

static void test_addresses(void **state)
{
    (void)state;
    assert_string_equal(addresses.sender, "reviews@example.com");
    assert_int_equal(addresses.receiver_count, 2);
    assert_string_equal(addresses.receivers[1], "b@example.com");
    static const char *const bad[] = {
        "",           " ",          "a",    "@b",       "a@",      "a@b@c",
        "a b@c",      "<a@b>",      "a@b>", "a\r\nb@c", "a@b\n",   "a@b c",
        "\xc3\xa4@b", "a@\xc3\xa4", "a@-b", "a@b-",     "a@.b",    "a@b..c",
        "a@b.",       ".a@b",       "a.@b", "a..b@c",   "\"a\"@b", "a@[127.0.0.1]",
        "a;b@c",      "a@b_c"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        refuse(bad[i], "a@b", "SENDER_EMAIL");
        refuse("a@b", bad[i], "RECEIVER_EMAIL");
    }
    refuse("a@b", "a@b,", "RECEIVER_EMAIL");
    refuse("a@b", ",a@b", "RECEIVER_EMAIL");
    refuse("a@b", NULL, "RECEIVER_EMAIL");
    refuse(NULL, "a@b", "SENDER_EMAIL");
    struct mail_addresses a;
    char reason[OUTBOX_ERROR_SIZE];
    assert_int_equal(
        mail_addresses_parse(&a, " o'b+x=1@mail-1.example.com\t", "x@localhost", reason), 0);
    assert_string_equal(a.sender, "o'b+x=1@mail-1.example.com");
    mail_addresses_free(&a);
    mail_addresses_free(&a);
}

static void test_address_limits(void **state)
{
    (void)state;
    char address[400], reason[OUTBOX_ERROR_SIZE];
    struct mail_addresses a;
    for (int local = 63; local <= 65; local++) {
        snprintf(address, sizeof(address), "%0*d@example.com", local, 1);
        int result = mail_addresses_parse(&a, address, "x@y", reason);
        assert_int_equal(result, local <= 64 ? 0 : -1);
        mail_addresses_free(&a);
    }
    for (int domain = 251; domain <= 253; domain++) { /* with "a@": 253, 254, 255 */
        snprintf(address, sizeof(address), "a@%0*d", domain, 1);
        int result = mail_addresses_parse(&a, address, "x@y", reason);
        assert_int_equal(result, domain <= 252 ? 0 : -1);
        mail_addresses_free(&a);
    }
    for (size_t count = 49; count <= 51; count++) {
        struct buf list = BUF_INIT;
        for (size_t i = 0; i < count; i++) {
            buf_addf(&list, "%sr%zu@example.com", i > 0 ? "," : "", i);
        }
        int result = mail_addresses_parse(&a, "a@b", buf_str(&list), reason);
        assert_int_equal(result, count <= 50 ? 0 : -1);
        if (result == 0) {
            assert_int_equal(a.receiver_count, count);
        }
        mail_addresses_free(&a);
        buf_free(&list);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct outbox_entry entry = entry_of("Zoë", "long enough to need memory: ää");
    long total;
    struct buf out = BUF_INIT;
    alloc_fail_at(0);
    message_rfc5322(&out, &entry, &addresses);
    total = alloc_count();
    assert_false(buf_failed(&out));
    buf_free(&out);
    assert_true(total >= 5);
    for (long i = 1; i <= total; i++) {
        alloc_fail_at(i);
        message_rfc5322(&out, &entry, &addresses);
        alloc_fail_at(0);
        assert_true(buf_failed(&out));
        buf_free(&out);
        buf_clear(&out);
    }
    for (long i = 1; i <= 3; i++) {
        struct mail_addresses a;
        char reason[OUTBOX_ERROR_SIZE];
        alloc_fail_at(i);
        assert_int_equal(mail_addresses_parse(&a, "a@b", "c@d,e@f", reason), -1);
        alloc_fail_at(0);
        assert_non_null(strstr(reason, "out of memory"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_message),
        cmocka_unit_test(test_subject_and_text_are_the_references),
        cmocka_unit_test(test_nothing_can_become_a_header),
        cmocka_unit_test(test_header_forms),
        cmocka_unit_test(test_long_headers_are_folded),
        cmocka_unit_test(test_quoted_printable),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_shorter_encoding_is_taken),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_address_limits),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
