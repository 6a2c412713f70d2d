#include "support/alloc.h"
#include "support/sigv4_case.h"
#include "support/test.h"

#include "aws/sigv4_keys.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t SUITE_TIME_US = INT64_C(1440938160) * 1000000; /* 2015-08-30T12:36:00Z */

static struct sigv4_request plain_request(void)
{
    return (struct sigv4_request){
        .method = "GET",
        .host = SPAN("example.amazonaws.com"),
        .path = SPAN("/"),
        .payload_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        .region = "us-east-1",
        .service = "service",
        .access_key_id = "AKIDEXAMPLE",
        .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        .wall_us = SUITE_TIME_US,
    };
}

static const char *signature_of(const struct sigv4_signature *s)
{
    const char *found = strstr(buf_str(&s->authorization), "Signature=");
    return found != NULL ? found + strlen("Signature=") : "";
}

/* AWS's general reference, "Examples of how to derive a signing key". */
static void test_documented_signing_key(void **state)
{
    (void)state;
    struct sigv4_hash hash;
    struct sigv4_keys keys;
    unsigned char key[SIGV4_DIGEST_SIZE];
    char hex[SIGV4_HASH_SIZE];
    struct sigv4_scope scope = {"20150830", "us-east-1", "iam",
                                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
    assert_true(sigv4_hash_init(&hash));
    sigv4_keys_init(&keys);
    for (int cached = 0; cached < 2; cached++) {
        assert_true(sigv4_keys_get(&keys, &hash, &scope, key));
        sigv4_hash_hex(key, hex);
        assert_string_equal(hex,
                            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }
    sigv4_keys_free(&keys);
    sigv4_hash_free(&hash);
}

/* RFC 4231, test cases 1 and 6 (a key longer than a block). */
static void test_hmac(void **state)
{
    (void)state;
    struct sigv4_hash hash;
    unsigned char out[SIGV4_DIGEST_SIZE];
    char hex[SIGV4_HASH_SIZE];
    char key[131];
    assert_true(sigv4_hash_init(&hash));
    memset(key, 0x0b, 20);
    assert_true(sigv4_hash_hmac(&hash, (struct span){key, 20}, SPAN("Hi There"), out));
    sigv4_hash_hex(out, hex);
    assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    memset(key, 0xaa, sizeof key);
    struct span text = SPAN("Test Using Larger Than Block-Size Key - Hash Key First");
    assert_true(sigv4_hash_hmac(&hash, (struct span){key, sizeof key}, text, out));
    sigv4_hash_hex(out, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    sigv4_hash_free(&hash);
}

/* The worked example of AWS's general reference: IAM ListUsers. */
static void test_documented_iam_request(void **state)
{
    (void)state;
    struct sigv4_signer *signer = sigv4_signer_new();
    struct sigv4_signature s = SIGV4_SIGNATURE_INIT;
    struct sigv4_request r = plain_request();
    const struct sigv4_param params[] = {{SPAN("Version"), SPAN("2010-05-08")},
                                         {SPAN("Action"), SPAN("ListUsers")}};
    const struct net_header headers[] = {
        {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
    r.host = SPAN("iam.amazonaws.com");
    r.service = "iam";
    r.params = params;
    r.param_count = 2;
    r.headers = headers;
    r.header_count = 1;
    assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_OK);
    assert_string_equal(buf_str(&s.query), "Action=ListUsers&Version=2010-05-08");
    assert_string_equal(signature_of(&s),
                        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    sigv4_signature_free(&s);
    sigv4_signer_free(signer);
}

/* The worked example of S3's reference: GET Object with a range. */
static void test_documented_s3_request(void **state)
{
    (void)state;
    struct sigv4_signer *signer = sigv4_signer_new();
    struct sigv4_signature s = SIGV4_SIGNATURE_INIT;
    struct sigv4_request r = plain_request();
    const struct net_header headers[] = {{"Range", "bytes=0-9"}};
    r.host = SPAN("examplebucket.s3.amazonaws.com");
    r.path = SPAN("/test.txt");
    r.service = "s3";
    r.style = SIGV4_S3;
    r.access_key_id = "AKIAIOSFODNN7EXAMPLE";
    r.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    r.wall_us = INT64_C(1369353600) * 1000000;
    r.headers = headers;
    r.header_count = 1;
    assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_OK);
    assert_string_equal(
        buf_str(&s.authorization),
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    sigv4_signature_free(&s);
    sigv4_signer_free(signer);
}

static void check_golden(const json_t *c, const struct sigv4_signature *s)
{
    const json_t *expected = json_object_get(c, "expected");
    print_message("%s\n", json_string_value(json_object_get(c, "name")));
    assert_string_equal(buf_str(&s->canonical_request),
                        json_string_value(json_object_get(expected, "canonical_request")));
    assert_string_equal(buf_str(&s->string_to_sign),
                        json_string_value(json_object_get(expected, "string_to_sign")));
    assert_string_equal(buf_str(&s->authorization),
                        json_string_value(json_object_get(expected, "authorization")));
    assert_string_equal(buf_str(&s->query), json_string_value(json_object_get(expected, "query")));
}

static void test_known_answers(void **state)
{
    (void)state;
    struct sigv4_signer *signer = sigv4_signer_new();
    struct sigv4_signature s = SIGV4_SIGNATURE_INIT;
    FILE *f = fopen("tests/unit/aws/sigv4_golden.ndjson", "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    size_t count = 0;
    assert_non_null(f);
    while ((len = getline(&line, &size, f)) > 0) {
        enum sigv4_result result = SIGV4_FAILED;
        json_t *c = sigv4_case_sign(signer, (struct span){line, (size_t)len}, &s, &result);
        assert_non_null(c);
        assert_int_equal(result, SIGV4_OK);
        check_golden(c, &s);
        json_decref(c);
        count++;
    }
    assert_int_equal(count, 42);
    free(line);
    fclose(f);
    sigv4_signature_free(&s);
    sigv4_signer_free(signer);
}

static const char *added(const struct sigv4_signature *s, const char *name)
{
    for (size_t i = 0; i < s->added_count; i++) {
        if (strcmp(s->added[i].name, name) == 0) {
            return s->added[i].value;
        }
    }
    return NULL;
}

static void test_headers_to_send(void **state)
{
    (void)state;
    struct sigv4_signer *signer = sigv4_signer_new();
    struct sigv4_signature s = SIGV4_SIGNATURE_INIT;
    struct sigv4_request r = plain_request();
    assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_OK);
    assert_int_equal(s.added_count, 2);
    assert_string_equal(added(&s, "X-Amz-Date"), "20150830T123600Z");
    assert_string_equal(added(&s, "Authorization"), buf_str(&s.authorization));
    r.session_token = "";
    assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_OK);
    assert_int_equal(s.added_count, 2);
    r.session_token = "token";
    r.style = SIGV4_S3;
    assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_OK);
    assert_int_equal(s.added_count, 4);
    assert_string_equal(added(&s, "X-Amz-Security-Token"), "token");
    assert_string_equal(added(&s, "X-Amz-Content-Sha256"), r.payload_hash);
    r.style = SIGV4_STANDARD;
    r.payload_hash = SIGV4_UNSIGNED_PAYLOAD;
    assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_OK);
    assert_string_equal(added(&s, "X-Amz-Content-Sha256"), "UNSIGNED-PAYLOAD");
    sigv4_signature_free(&s);
    sigv4_signer_free(signer);
}

static enum sigv4_result sign_header(struct sigv4_signer *signer, const char *name)
{
    struct sigv4_signature s = SIGV4_SIGNATURE_INIT;
    struct sigv4_request r = plain_request();
    const struct net_header header = {name, "value"};
    r.headers = &header;
    r.header_count = 1;
    enum sigv4_result result = sigv4_sign(signer, &r, &s);
    sigv4_signature_free(&s);
    return result;
}

static void test_refuses_what_cannot_be_sent_as_signed(void **state)
{
    (void)state;
    struct sigv4_signer *signer = sigv4_signer_new();
    struct sigv4_signature s = SIGV4_SIGNATURE_INIT;
    static const char *const bad[] = {"Host",
                                      "authorization",
                                      "X-Amz-Date",
                                      "x-amz-security-token",
                                      "a b",
                                      "a:b",
                                      "",
                                      "a\n",
                                      "X-AMZ-CONTENT-SHA256",
                                      "\xc3\xa9",
                                      "x\x7f",
                                      "(x)"};
    assert_int_equal(sign_header(signer, "X-Fine_1"), SIGV4_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(sign_header(signer, bad[i]), SIGV4_INVALID);
    }
    static const struct span controls[] = {{"a\r\nb", 4}, {"a\0b", 3}, {"a\x7f", 2}};
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        struct sigv4_request r = plain_request();
        r.host = controls[i];
        assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_INVALID);
        r = plain_request();
        r.path = controls[i];
        assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_INVALID);
    }
    struct sigv4_request r = plain_request();
    r.session_token = "token\n";
    assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_INVALID);
    r = plain_request();
    r.access_key_id = "AKID\r\nX: y";
    assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_INVALID);
    assert_int_equal(s.added_count, 0);
    sigv4_signature_free(&s);
    sigv4_signer_free(signer);
}

static void test_limits(void **state)
{
    (void)state;
    struct sigv4_signer *signer = sigv4_signer_new();
    struct sigv4_signature s = SIGV4_SIGNATURE_INIT;
    struct sigv4_request r = plain_request();
    struct net_header headers[SIGV4_MAX_HEADERS + 1];
    struct sigv4_param params[SIGV4_MAX_PARAMS + 1];
    char host[257];
    for (size_t i = 0; i <= SIGV4_MAX_HEADERS; i++) {
        headers[i] = (struct net_header){"X-Same", "v"};
    }
    for (size_t i = 0; i <= SIGV4_MAX_PARAMS; i++) {
        params[i] = (struct sigv4_param){SPAN("p"), SPAN("v")};
    }
    memset(host, 'h', sizeof host);
    r.headers = headers;
    r.params = params;
    r.session_token = "token"; /* all headers that can be added are */
    r.style = SIGV4_S3;
    for (int past = -1; past <= 1; past++) {
        enum sigv4_result expected = past > 0 ? SIGV4_INVALID : SIGV4_OK;
        r.host = SPAN("h");
        r.header_count = (size_t)SIGV4_MAX_HEADERS + (size_t)past;
        r.param_count = 0;
        assert_int_equal(sigv4_sign(signer, &r, &s), expected);
        r.header_count = 0;
        r.param_count = (size_t)SIGV4_MAX_PARAMS + (size_t)past;
        assert_int_equal(sigv4_sign(signer, &r, &s), expected);
        r.param_count = 0;
        r.host = (struct span){host, (size_t)(255 + past)};
        assert_int_equal(sigv4_sign(signer, &r, &s), expected);
    }
    r.host.len = 0;
    assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_INVALID);
    sigv4_signature_free(&s);
    sigv4_signer_free(signer);
}

static void test_encode(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    sigv4_encode(&b, SPAN("a/b c+~\xc3\xa9\0%"), false);
    assert_string_equal(buf_str(&b), "a%2Fb%20c%2B~%C3%A9%00%25");
    buf_clear(&b);
    sigv4_encode(&b, SPAN("/a/b&c"), true);
    assert_string_equal(buf_str(&b), "/a/b%26c");
    buf_clear(&b);
    sigv4_encode(&b, (struct span){NULL, 0}, true);
    assert_string_equal(buf_str(&b), "");
    buf_free(&b);
}

/* A key must never be taken for another day, region, service or secret, also when they do not fit
 * the cache. */
static void test_keys_are_told_apart(void **state)
{
    (void)state;
    struct sigv4_hash hash;
    struct sigv4_keys keys;
    struct sigv4_keys fresh;
    char longest[3][SIGV4_KEYS_SECRET + 1];
    assert_true(sigv4_hash_init(&hash));
    sigv4_keys_init(&keys);
    for (int past = -1; past <= 1; past++) {
        memset(longest[past + 1], 's', sizeof longest[0]);
        longest[past + 1][SIGV4_KEYS_SECRET - 1 + past] = '\0';
    }
    const char *const days[] = {"20150830", "20150831"};
    const char *const names[] = {"us-east-1", "iam"};
    const char *const secrets[] = {"a", "b", longest[0], longest[1], longest[2]};
    for (int i = 0; i < 3 * 40; i++) { /* more than the cache holds, each several times */
        struct sigv4_scope scope = {days[i % 2], names[i / 2 % 2], names[i / 4 % 2],
                                    secrets[i / 8 % 5]};
        unsigned char got[SIGV4_DIGEST_SIZE];
        unsigned char want[SIGV4_DIGEST_SIZE];
        sigv4_keys_init(&fresh);
        assert_true(sigv4_keys_get(&keys, &hash, &scope, got));
        assert_true(sigv4_keys_get(&keys, &hash, &scope, got));
        assert_true(sigv4_keys_get(&fresh, &hash, &scope, want));
        assert_memory_equal(got, want, sizeof want);
        sigv4_keys_free(&fresh);
    }
    size_t kept = 0;
    for (size_t i = 0; i < SIGV4_KEYS_KEPT; i++) {
        kept += keys.kept[i].used != 0;
    }
    assert_int_equal(kept, SIGV4_KEYS_KEPT);
    sigv4_keys_free(&keys);
    sigv4_hash_free(&hash);
}

static void test_keys_keep_the_used_ones_and_wipe(void **state)
{
    (void)state;
    static const struct sigv4_keys zero;
    struct sigv4_hash hash;
    struct sigv4_keys keys;
    unsigned char key[SIGV4_DIGEST_SIZE];
    char secret[] = "s0";
    assert_true(sigv4_hash_init(&hash));
    sigv4_keys_init(&keys);
    struct sigv4_scope often = {"20150830", "r", "often", "secret"};
    struct sigv4_scope other = {"20150830", "r", "other", secret};
    for (int c = 0; c < 2 * SIGV4_KEYS_KEPT; c++) {
        secret[1] = (char)('0' + c);
        assert_true(sigv4_keys_get(&keys, &hash, &often, key));
        assert_true(sigv4_keys_get(&keys, &hash, &other, key));
    }
    long before = (long)keys.uses;
    assert_true(sigv4_keys_get(&keys, &hash, &often, key));
    size_t found = 0;
    for (size_t i = 0; i < SIGV4_KEYS_KEPT; i++) {
        found += strcmp(keys.kept[i].service, "often") == 0;
    }
    assert_int_equal(found, 1);
    assert_int_equal(keys.uses, before + 1);
    sigv4_keys_free(&keys);
    assert_memory_equal(keys.kept, zero.kept, sizeof zero.kept);
    sigv4_hash_free(&hash);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    const struct net_header headers[] = {{"Content-Type", "application/x-amz-json-1.0"}};
    const struct sigv4_param params[] = {{SPAN("a"), SPAN("b")}};
    struct sigv4_request r = plain_request();
    r.headers = headers;
    r.header_count = 1;
    r.params = params;
    r.param_count = 1;
    alloc_fail_at(1);
    assert_null(sigv4_signer_new());
    alloc_fail_at(0);
    int failures = 0;
    for (long n = 1;; n++) {
        struct sigv4_signer *signer = sigv4_signer_new();
        struct sigv4_signature s = SIGV4_SIGNATURE_INIT;
        assert_non_null(signer);
        alloc_fail_at(n);
        enum sigv4_result result = sigv4_sign(signer, &r, &s);
        bool reached = alloc_count() >= n;
        alloc_fail_at(0);
        assert_int_equal(result, reached ? SIGV4_FAILED : SIGV4_OK);
        assert_int_equal(sigv4_sign(signer, &r, &s), SIGV4_OK); /* it can be used again */
        sigv4_signature_free(&s);
        sigv4_signer_free(signer);
        if (!reached) {
            break;
        }
        failures++;
    }
    assert_true(failures >= 5);
    sigv4_signer_free(NULL);
}

static void *sign_many(void *context)
{
    struct sigv4_signer *signer = context;
    struct sigv4_signature s = SIGV4_SIGNATURE_INIT;
    struct sigv4_request r = plain_request();
    size_t wrong = 0;
    for (int i = 0; i < 2000; i++) {
        static const char *const services[] = {"service", "b", "c", "d", "e",
                                               "f",       "g", "h", "i", "j"};
        r.service = services[i % 10];
        wrong += sigv4_sign(signer, &r, &s) != SIGV4_OK;
        wrong += i % 10 == 0 &&
                 strcmp(signature_of(&s),
                        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31") != 0;
    }
    sigv4_signature_free(&s);
    return wrong == 0 ? signer : NULL;
}

static void test_many_threads_sign_with_one_signer(void **state)
{
    (void)state;
    struct sigv4_signer *signer = sigv4_signer_new();
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, signer), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, signer);
    }
    sigv4_signer_free(signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documented_signing_key),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_documented_iam_request),
        cmocka_unit_test(test_documented_s3_request),
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_headers_to_send),
        cmocka_unit_test(test_refuses_what_cannot_be_sent_as_signed),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_keys_are_told_apart),
        cmocka_unit_test(test_keys_keep_the_used_ones_and_wipe),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_many_threads_sign_with_one_signer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
