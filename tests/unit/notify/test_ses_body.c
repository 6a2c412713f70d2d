/* The JSON of SendEmail, byte for byte, and the form of tags. */
#include "notify/ses_body.h"
#include "support/alloc.h"
#include "support/test.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

static struct mail_addresses one = {
    (char *)"reviews@example.com", {(char *)"admin@example.com"}, 1};
static struct mail_addresses three = {
    (char *)"reviews@example.com",
    {(char *)"a@example.com", (char *)"b@example.org", (char *)"c@example.net"},
    3};

static struct outbox_entry entry(uint64_t id, const char *user, const char *review)
{
    return (struct outbox_entry){.id = id,
                                 .item = {.user_name = span_of(user),
                                          .timestamp = SPAN("2025-11-28T11:16:31.363902"),
                                          .review = span_of(review)}};
}

static void check(const struct ses_config *config, const struct outbox_entry *entries, size_t count,
                  const char *want)
{
    struct buf out = BUF_INIT;
    ses_body(&out, config, entries, count);
    assert_false(buf_failed(&out));
    assert_string_equal(buf_str(&out), want);
    char reason[JSON_REASON_SIZE];
    json_t *parsed = json_parse(buf_span(&out), reason);
    assert_non_null(parsed);
    json_decref(parsed);
    buf_free(&out);
}

static void test_one_review(void **state)
{
    (void)state;
    struct outbox_entry e = entry(18446744073709551615U, "Patricia Stewart", "The tool is fine.");
    check(&(struct ses_config){.addresses = &one}, &e, 1,
          "{\"FromEmailAddress\":\"reviews@example.com\","
          "\"Destination\":{\"ToAddresses\":[\"admin@example.com\"]},"
          "\"Content\":{\"Simple\":{"
          "\"Subject\":{\"Data\":\"[Positive] Review from Patricia "
          "Stewart\",\"Charset\":\"UTF-8\"},"
          "\"Body\":{\"Text\":{\"Data\":\"Review: The tool is fine.\",\"Charset\":\"UTF-8\"}},"
          "\"Headers\":[{\"Name\":\"X-Review-Id\",\"Value\":\"18446744073709551615\"}]}}}");
}

static void test_all_that_can_be_set(void **state)
{
    (void)state;
    struct outbox_entry e = entry(7, "U", "R");
    struct ses_config config = {
        .addresses = &three, .configuration_set = "set_1-A", .tags = "app=reviewd,stage=prod_1"};
    check(&config, &e, 1,
          "{\"FromEmailAddress\":\"reviews@example.com\","
          "\"Destination\":{\"ToAddresses\":[\"a@example.com\",\"b@example.org\",\"c@example.net\"]"
          "},"
          "\"Content\":{\"Simple\":{"
          "\"Subject\":{\"Data\":\"[Positive] Review from U\",\"Charset\":\"UTF-8\"},"
          "\"Body\":{\"Text\":{\"Data\":\"Review: R\",\"Charset\":\"UTF-8\"}},"
          "\"Headers\":[{\"Name\":\"X-Review-Id\",\"Value\":\"7\"}]}},"
          "\"ConfigurationSetName\":\"set_1-A\","
          "\"EmailTags\":[{\"Name\":\"app\",\"Value\":\"reviewd\"},"
          "{\"Name\":\"stage\",\"Value\":\"prod_1\"}]}");
}

/* Nothing of a review leaves its string, and no line end its subject. */
static void test_hostile_text(void **state)
{
    (void)state;
    struct outbox_entry e =
        entry(1, "a\"\\\r\nBcc: x@example.com\x7f", "\"}]}\n\r\t\x01\xff\xc3\xa4\xf0\x9f\x98\x80");
    check(&(struct ses_config){.addresses = &one}, &e, 1,
          "{\"FromEmailAddress\":\"reviews@example.com\","
          "\"Destination\":{\"ToAddresses\":[\"admin@example.com\"]},"
          "\"Content\":{\"Simple\":{"
          "\"Subject\":{\"Data\":\"[Positive] Review from "
          "a\\\"\\\\\xef\xbf\xbd\xef\xbf\xbd"
          "Bcc: x@example.com\xef\xbf\xbd\",\"Charset\":\"UTF-8\"},"
          "\"Body\":{\"Text\":{\"Data\":\"Review: \\\"}]}\\n\\r\\t\\u0001\xef\xbf\xbd\xc3\xa4"
          "\xf0\x9f\x98\x80\",\"Charset\":\"UTF-8\"}},"
          "\"Headers\":[{\"Name\":\"X-Review-Id\",\"Value\":\"1\"}]}}}");
}

/* A name cannot make up another review's heading. */
static void test_digest(void **state)
{
    (void)state;
    struct outbox_entry e[] = {entry(5, "Ann\n2025 [Positive] Review from Eve", "Good."),
                               entry(6, "Bob", "Fine.\n")};
    check(&(struct ses_config){.addresses = &one}, e, 2,
          "{\"FromEmailAddress\":\"reviews@example.com\","
          "\"Destination\":{\"ToAddresses\":[\"admin@example.com\"]},"
          "\"Content\":{\"Simple\":{"
          "\"Subject\":{\"Data\":\"[Positive] 2 reviews\",\"Charset\":\"UTF-8\"},"
          "\"Body\":{\"Text\":{\"Data\":\""
          "2025-11-28T11:16:31.363902 [Positive] Review from "
          "Ann\xef\xbf\xbd"
          "2025 [Positive] Review from Eve\\nReview: Good.\\n\\n"
          "2025-11-28T11:16:31.363902 [Positive] Review from Bob\\nReview: Fine.\\n"
          "\",\"Charset\":\"UTF-8\"}},"
          "\"Headers\":[{\"Name\":\"X-Review-Id\",\"Value\":\"5\"}]}}}");
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct outbox_entry e[] = {entry(5, "Ann", "Good."), entry(6, "Bob", "Fine.")};
    struct ses_config config = {
        .addresses = &three, .configuration_set = "set", .tags = "app=reviewd"};
    for (size_t count = 1; count <= 2; count++) {
        long n = 0;
        bool failed = true;
        while (failed) {
            struct buf out = BUF_INIT;
            alloc_fail_at(++n);
            ses_body(&out, &config, e, count);
            failed = buf_failed(&out);
            assert_true(failed || alloc_count() < n);
            alloc_fail_at(0);
            buf_free(&out);
        }
        assert_true(n > 3);
    }
}

static void test_tags(void **state)
{
    (void)state;
    static const char *const good[] = {"a=b", "a=b,c=d", "A_-9=z", "a=b,a=b"};
    static const char *const bad[] = {"",      "a",        "a=",         "=b",      "a=b,",
                                      ",a=b",  "a=b,,c=d", "a=b=c",      "a=b;c=d", "a b=c",
                                      "a=b c", "a=b, c=d", "a=\xc3\xa4", "ses:a=b", "a=b\n"};
    assert_true(ses_tags_valid(NULL));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(ses_tags_valid(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (ses_tags_valid(bad[i])) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void test_tags_at_their_limits(void **state)
{
    (void)state;
    char part[258] = "";
    char tags[600];
    for (size_t len = 255; len <= 257; len++) {
        memset(part, 'a', len);
        (void)snprintf(tags, sizeof tags, "%s=v", part);
        assert_int_equal(ses_tags_valid(tags), len <= 256);
        (void)snprintf(tags, sizeof tags, "n=%s", part);
        assert_int_equal(ses_tags_valid(tags), len <= 256);
    }
    for (size_t count = 49; count <= 51; count++) {
        struct buf many = BUF_INIT;
        for (size_t i = 0; i < count; i++) {
            buf_add_str(&many, i == 0 ? "a=b" : ",a=b");
        }
        assert_int_equal(ses_tags_valid(buf_str(&many)), count <= 50);
        buf_free(&many);
    }
}

static void test_how_many_fit(void **state)
{
    (void)state;
    struct outbox_entry *e = calloc(SES_DIGEST_MAX + 1, sizeof *e);
    for (size_t i = 0; i <= SES_DIGEST_MAX; i++) {
        e[i] = entry(i, "U", "R");
    }
    assert_int_equal(ses_digest_fits(e, 1), 1);
    assert_int_equal(ses_digest_fits(e, SES_DIGEST_MAX - 1), SES_DIGEST_MAX - 1);
    assert_int_equal(ses_digest_fits(e, SES_DIGEST_MAX), SES_DIGEST_MAX);
    assert_int_equal(ses_digest_fits(e, SES_DIGEST_MAX + 1), SES_DIGEST_MAX);
    e[3].attempts = 1; /* it goes alone */
    assert_int_equal(ses_digest_fits(e, SES_DIGEST_MAX), 3);
    assert_int_equal(ses_digest_fits(e + 3, SES_DIGEST_MAX - 3), 1);
    free(e);
}

static void test_bytes_that_fit(void **state)
{
    (void)state;
    enum { EACH = SES_DIGEST_BYTES / 2 - 64 - 1 /* the name */ };
    char *text = malloc(SES_DIGEST_BYTES + 2);
    memset(text, 'r', SES_DIGEST_BYTES + 1);
    struct outbox_entry e[] = {entry(1, "U", ""), entry(2, "U", "")};
    e[0].item.review = (struct span){text, EACH};
    for (int more = -1; more <= 1; more++) {
        e[1].item.review = (struct span){text, (size_t)(EACH + more)};
        assert_int_equal(ses_digest_fits(e, 2), more <= 0 ? 2 : 1);
    }
    e[0].item.review = (struct span){text, SES_DIGEST_BYTES + 1};
    assert_int_equal(ses_digest_fits(e, 2), 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_review),           cmocka_unit_test(test_all_that_can_be_set),
        cmocka_unit_test(test_hostile_text),         cmocka_unit_test(test_digest),
        cmocka_unit_test(test_out_of_memory),        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_tags_at_their_limits), cmocka_unit_test(test_how_many_fit),
        cmocka_unit_test(test_bytes_that_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
