/* Profiles: keys, chains of roles, programs, and what is wrong with each. */
#include "aws/sigv4.h"
#include "credentials_fixture.h"

#include <sys/wait.h>

#define ROLE(id)                                                                                   \
    {                                                                                              \
        .status = 200,                                                                             \
        .body = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>" id              \
                "</AccessKeyId><SecretAccessKey>s-" id "</SecretAccessKey><SessionToken>t-" id     \
                "</SessionToken><Expiration>2025-11-28T12:16:31Z</Expiration></Credentials>"       \
                "</AssumeRoleResult></AssumeRoleResponse>"                                         \
    }

static char *config_path;
static char *keys_path;

static int make_files(void **state)
{
    (void)state;
    config_path = fixture_file("");
    keys_path = fixture_file("");
    return 0;
}

static int drop_files(void **state)
{
    (void)state;
    fixture_unlink(config_path);
    fixture_unlink(keys_path);
    return 0;
}

struct files {
    const char *profile;
    const char *config;
    const char *keys;
};

static struct fixture *with(const struct files *files, const struct fake_reply *script,
                            size_t count)
{
    fixture_rewrite(config_path, files->config != NULL ? files->config : "");
    fixture_rewrite(keys_path, files->keys != NULL ? files->keys : "");
    struct fixture *f = fixture_new(script, count);
    fixture_set(f, "AWS_CONFIG_FILE", config_path);
    fixture_set(f, "AWS_SHARED_CREDENTIALS_FILE", keys_path);
    fixture_set(f, "AWS_PROFILE", files->profile);
    fixture_set(f, "AWS_REGION", "eu-west-1");
    return f;
}

static void keys_are_read(void **state)
{
    (void)state;
    const struct files files = {
        NULL, NULL,
        "[default]\naws_access_key_id = AKIA1\naws_secret_access_key = s\naws_session_token = t\n"};
    struct fixture *f = with(&files, NULL, 0);
    fixture_open(f);
    assert_string_equal(credentials_source_name(f->source), "profile");
    char why[CREDENTIALS_REASON_SIZE];
    struct credentials *c = fixture_get(f, why);
    assert_non_null(c);
    assert_string_equal(c->access_key_id, "AKIA1");
    assert_string_equal(c->secret_access_key, "s");
    assert_string_equal(c->session_token, "t");
    assert_int_equal(c->expires_us, INT64_MAX);
    /* Rotated by hand: a forced refresh reads the file again. */
    fixture_rewrite(keys_path, "[default]\naws_access_key_id = AKIA2\naws_secret_access_key = s\n");
    fake_clock_advance(&f->clock, MINUTE);
    fixture_gives(f, "AKIA1");
    assert_true(credentials_invalidate(f->source, c));
    fixture_gives(f, "AKIA2");
    credentials_unref(c);
    fixture_free(f);
}

/* The Authorization header that the request must have had. */
static void is_signed_by(const struct fake_sent *sent, struct credentials c, int64_t wall_us)
{
    struct sigv4_signer *signer = sigv4_signer_new();
    struct sigv4_signature signature = SIGV4_SIGNATURE_INIT;
    struct net_header headers[] = {
        {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
        {"Accept", "application/xml"}};
    char hash[SIGV4_HASH_SIZE];
    assert_true(sigv4_payload_hash(signer, (struct span){sent->body, sent->body_len}, hash));
    struct sigv4_request request = {.method = "POST",
                                    .host = SPAN("sts.eu-west-1.amazonaws.com"),
                                    .path = SPAN("/"),
                                    .headers = headers,
                                    .header_count = 2,
                                    .payload_hash = hash,
                                    .region = "eu-west-1",
                                    .service = "sts",
                                    .access_key_id = c.access_key_id,
                                    .secret_access_key = c.secret_access_key,
                                    .session_token = c.session_token,
                                    .wall_us = wall_us};
    assert_int_equal(sigv4_sign(signer, &request, &signature), SIGV4_OK);
    struct buf line = BUF_INIT;
    buf_addf(&line, "Authorization: %s\n", buf_str(&signature.authorization));
    if (strstr(sent->headers, buf_str(&line)) == NULL) {
        fail_msg("not signed as %s", buf_str(&line));
    }
    buf_free(&line);
    sigv4_signature_free(&signature);
    sigv4_signer_free(signer);
}

static void roles_are_assumed_one_after_the_other(void **state)
{
    (void)state;
    const struct files files = {
        "top",
        "[profile top]\nrole_arn = arn:top\nsource_profile = middle\n"
        "external_id = e&x\nduration_seconds = 900\nrole_session_name = me\n"
        "[profile middle]\nrole_arn = arn:middle\nsource_profile = bottom\n",
        "[bottom]\naws_access_key_id = AKIA0\naws_secret_access_key = s0\n"};
    static const struct fake_reply script[] = {ROLE("ASIA1"), ROLE("ASIA2")};
    struct fixture *f = with(&files, script, COUNT(script));
    fixture_open(f);
    fixture_gives(f, "ASIA2");
    assert_int_equal(f->net.sent_count, 2);
    const struct fake_sent *sent = f->net.sent;
    assert_string_equal(sent[0].url, "https://sts.eu-west-1.amazonaws.com/");
    assert_string_equal(sent[0].body, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Amiddle"
                                      "&RoleSessionName=reviewd-1764328591000");
    is_signed_by(&sent[0], (struct credentials){"AKIA0", "s0", NULL, 0}, START);
    assert_string_equal(sent[1].body, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Atop"
                                      "&RoleSessionName=me&DurationSeconds=900&ExternalId=e%26x");
    is_signed_by(&sent[1], (struct credentials){"ASIA1", "s-ASIA1", "t-ASIA1", 0}, START);
    assert_non_null(strstr(sent[1].headers, "X-Amz-Security-Token: t-ASIA1\n"));
    fixture_free(f);
}

#define STS_REFUSAL(its_status, its_code)                                                          \
    .status = (its_status),                                                                        \
    .body = "<ErrorResponse><Error><Code>" its_code "</Code></Error></ErrorResponse>"

static const struct files one_role = {
    "p", "[profile p]\nrole_arn = arn:r\nsource_profile = p\n",
    "[p]\naws_access_key_id = AKIA0\naws_secret_access_key = s\n"};

/* The first question is signed with our time, the second with AWS's, at once. */
static void a_wrong_clock_is_corrected_once(void **state)
{
    (void)state;
    static const struct net_header later[] = {{"Date", "Fri, 28 Nov 2025 13:16:31 GMT"}};
    static const struct fake_reply wrong = {STS_REFUSAL(403, "SignatureDoesNotMatch"),
                                            .headers = later, .header_count = 1};
    const struct credentials base = {"AKIA0", "s", NULL, 0};
    const struct fake_reply heals[] = {wrong, {.status = 503}, {.status = 503}, ROLE("ASIA1")};
    struct fixture *f = with(&one_role, heals, COUNT(heals));
    fixture_open(f);
    fixture_gives(f, "ASIA1"); /* the correction was outside the limit of 3 */
    is_signed_by(&f->net.sent[0], base, START);
    is_signed_by(&f->net.sent[1], base, START + 120 * MINUTE);
    fixture_free(f);
    const struct fake_reply stays[] = {wrong, wrong, ROLE("ASIA1")};
    f = with(&one_role, stays, COUNT(stays));
    fixture_open(f);
    fixture_fails(f, "SignatureDoesNotMatch");
    assert_int_equal(f->net.sent_count, 2);
    fixture_free(f);
    const struct fake_reply right[] = {{STS_REFUSAL(403, "SignatureDoesNotMatch")}, ROLE("ASIA1")};
    f = with(&one_role, right, COUNT(right)); /* without a Date there is nothing to learn */
    fixture_open(f);
    fixture_fails(f, "SignatureDoesNotMatch");
    assert_int_equal(f->net.sent_count, 1);
    fixture_free(f);
}

/* Each attempt is signed anew: the time has moved. */
static void a_throttled_role_is_asked_for_again(void **state)
{
    (void)state;
    static const struct net_header after[] = {{"x-amz-retry-after", "3000"}};
    const struct fake_reply script[] = {
        {STS_REFUSAL(400, "RequestLimitExceeded"), .headers = after, .header_count = 1},
        ROLE("ASIA1")};
    struct fixture *f = with(&one_role, script, COUNT(script));
    fixture_open(f);
    fixture_gives(f, "ASIA1");
    is_signed_by(&f->net.sent[1], (struct credentials){"AKIA0", "s", NULL, 0}, START + 3 * SECOND);
    fixture_free(f);
}

static void assumes_with(const char *config, const char *keys, const struct fake_reply *script,
                         size_t count)
{
    const struct files files = {"p", config, keys};
    struct fixture *f = with(&files, script, count);
    fixture_set(f, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/task");
    fixture_open(f);
    fixture_gives(f, "ASIA9");
    assert_int_equal(f->net.sent_count, count);
    fixture_free(f);
}

static void sources_may_be_named(void **state)
{
    (void)state;
    static const struct fake_reply own[] = {ROLE("ASIA9")};
    assumes_with("[profile p]\nrole_arn = arn:r\nsource_profile = p\n",
                 "[p]\naws_access_key_id = AKIA0\naws_secret_access_key = s\n", own, 1);
    static const struct fake_reply task[] = {{.status = 200, .body = KEYS("ASIA1")}, ROLE("ASIA9")};
    assumes_with("[profile p]\nrole_arn = arn:r\ncredential_source = EcsContainer\n", NULL, task,
                 2);
    static const struct fake_reply instance[] = {{.status = 200, .body = "token"},
                                                 {.status = 200, .body = "role"},
                                                 {.status = 200, .body = KEYS("ASIA1")},
                                                 ROLE("ASIA9")};
    assumes_with("[profile p]\nrole_arn = arn:r\ncredential_source = Ec2InstanceMetadata\n", NULL,
                 instance, 4);
    static const struct fake_reply web[] = {
        {.status = 200,
         .body = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
                 "<AccessKeyId>ASIA9</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                 "<SessionToken>t</SessionToken><Expiration>2025-11-28T12:16:31Z</Expiration>"
                 "</Credentials></AssumeRoleWithWebIdentityResult>"
                 "</AssumeRoleWithWebIdentityResponse>"}};
    char *token = fixture_file("token");
    char config[200];
    (void)snprintf(config, sizeof(config),
                   "[profile p]\nrole_arn = arn:r\nweb_identity_token_file = %s\n", token);
    assumes_with(config, NULL, web, 1);
    fixture_unlink(token);
    /* Environment: the keys there would be chosen before the profile, so they can only be half set.
     */
    const struct files files = {
        "p", "[profile p]\nrole_arn = arn:r\ncredential_source = Environment\n", NULL};
    struct fixture *f = with(&files, NULL, 0);
    fixture_open(f);
    fixture_fails(f, "profile: profile \"p\": AWS_ACCESS_KEY_ID is not set");
    fixture_free(f);
}

static void fails_with(const char *config, const char *keys, const char *reason)
{
    const struct files files = {"p", config, keys};
    static const struct fake_reply script[] = {
        {.status = 403,
         .body = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"}};
    struct fixture *f = with(&files, script, COUNT(script));
    fixture_set(f, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/task"); /* must not be asked */
    fixture_open(f);
    assert_string_equal(credentials_source_name(f->source), "profile");
    fixture_fails(f, reason);
    for (size_t i = 0; i < f->net.sent_count; i++) {
        assert_non_null(strstr(f->net.sent[i].url, "https://sts."));
    }
    fixture_free(f);
}

#define KEYS_OF(name) "[" name "]\naws_access_key_id = AKIA0\naws_secret_access_key = s\n"

static void faults_are_named(void **state)
{
    (void)state;
    fails_with("[profile q]\n", NULL, "there is no profile \"p\"");
    fails_with("[profile p\n", NULL, "line 1: a section without ]");
    fails_with(NULL, "[p]\naws_access_key_id = A\n", "\"p\" has only one of aws_access_key_id");
    fails_with(NULL, "[p]\naws_access_key_id = A B\naws_secret_access_key = s\n", "holds a blank");
    fails_with("[profile p]\nrole_arn = a\n", NULL, "neither of source_profile");
    fails_with("[profile p]\nrole_arn = a\nsource_profile = q\ncredential_source = Environment\n",
               NULL, "both of source_profile");
    fails_with("[profile p]\nrole_arn = a\nsource_profile = q\n", NULL,
               "there is no profile \"q\"");
    fails_with("[profile p]\nrole_arn = a\ncredential_source = environment\n", NULL,
               "credential_source is \"environment\"");
    fails_with("[profile p]\nrole_arn = a\nsource_profile = q\nmfa_serial = m\n", KEYS_OF("q"),
               "has mfa_serial");
    fails_with("[profile p]\nrole_arn = a\nsource_profile = q\n", "[q]\nregion = x\n",
               "\"q\" holds no credentials");
    fails_with("[profile p]\nsso_session = x\n", NULL, "uses SSO, which is not supported");
    fails_with("[profile p]\nrole_arn = a\nsource_profile = q\n", KEYS_OF("q"), "AccessDenied");
    fails_with("[profile p]\nrole_arn = a\nsource_profile = p\n", NULL,
               "\"p\" holds no credentials");
}

static void circles_are_found(void **state)
{
    (void)state;
    fails_with("[profile p]\nrole_arn = a\nsource_profile = q\n[profile q]\nrole_arn = b\n"
               "source_profile = p\n",
               KEYS_OF("p"), "leads in a circle back to \"p\"");
    fails_with("[profile p]\nrole_arn = a\nsource_profile = q\n[profile q]\nrole_arn = b\n"
               "source_profile = r\n[profile r]\nrole_arn = c\nsource_profile = q\n",
               NULL, "leads in a circle back to \"q\"");
}

/* A chain of `length` roles over keys. */
static void chain_of(size_t length, bool good)
{
    struct buf config = BUF_INIT;
    for (size_t i = 0; i < length; i++) {
        buf_addf(&config, "[profile p%zu]\nrole_arn = a\nsource_profile = p%zu\n", i, i + 1);
    }
    buf_addf(&config, "[profile p%zu]\naws_access_key_id = A\naws_secret_access_key = s\n", length);
    static const struct fake_reply script[] = {ROLE("R1"), ROLE("R2"), ROLE("R3"), ROLE("R4"),
                                               ROLE("R5"), ROLE("R6"), ROLE("R7"), ROLE("R8")};
    const struct files files = {"p0", buf_str(&config), NULL};
    struct fixture *f = with(&files, script, COUNT(script));
    fixture_open(f);
    if (good) {
        char id[8];
        (void)snprintf(id, sizeof(id), "R%zu", length);
        fixture_gives(f, id);
    } else {
        fixture_fails(f, "more than 8 roles");
    }
    fixture_free(f);
    buf_free(&config);
}

static void chains_are_bounded(void **state)
{
    (void)state;
    chain_of(7, true);
    chain_of(8, true);
    chain_of(9, false);
}

/* Only a profile that says something about credentials, or one that was asked for, is chosen. */
static void chosen(const char *profile, const char *config, const char *name)
{
    const struct files files = {profile, config, NULL};
    struct fixture *f = with(&files, NULL, 0);
    fixture_set(f, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/task");
    fixture_open(f);
    assert_string_equal(credentials_source_name(f->source), name);
    fixture_free(f);
}

static void choice_follows_the_configuration(void **state)
{
    (void)state;
    chosen(NULL, "", "container");
    chosen(NULL, "[default]\nregion = x\n", "container");
    chosen(NULL, "[profile p]\ncredential_process = x\n", "container");
    chosen(NULL, "[default]\ncredential_process = x\n", "profile");
    chosen(NULL, "[default]\nrole_arn = x\n", "profile");
    chosen("p", "[profile p]\nregion = x\n", "container");
    chosen("p", "[default]\nregion = x\n",
           "profile"); /* misspelt: an error, not another identity */
    chosen(NULL, "[default\n", "profile");
}

/* --- programs ------------------------------------------------------------------------------- */

static void program(const char *output, const char *key_id, const char *reason)
{
    char *path = fixture_file(output);
    char config[256];
    (void)snprintf(config, sizeof(config), "[profile p]\ncredential_process = cat '%s'\n", path);
    const struct files files = {"p", config, NULL};
    struct fixture *f = with(&files, NULL, 0);
    fixture_open(f);
    if (key_id != NULL) {
        fixture_gives(f, key_id);
    } else {
        fixture_fails(f, reason);
    }
    fixture_free(f);
    fixture_unlink(path);
}

static void programs_give_credentials(void **state)
{
    (void)state;
    program("{\"Version\":1,\"AccessKeyId\":\"A1\",\"SecretAccessKey\":\"s\"}\n", "A1", NULL);
    program(
        "{\"Version\":1,\"AccessKeyId\":\"A1\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\","
        "\"Expiration\":\"2025-11-28T12:16:31+00:00\"}",
        "A1", NULL);
    program("{\"AccessKeyId\":\"A1\",\"SecretAccessKey\":\"s\"}", NULL, "Version is not 1");
    program("{\"Version\":2,\"AccessKeyId\":\"A1\",\"SecretAccessKey\":\"s\"}", NULL,
            "Version is not 1");
    program("{\"Version\":1,\"AccessKeyId\":\"A1\"}", NULL, "the answer holds no SecretAccessKey");
    program("my-secret", NULL,
            "profile: profile \"p\": credential_process: the answer is not JSON");
    program("", NULL, "the answer is not JSON");
    program("{\"Version\":1,\"AccessKeyId\":\"A1\",\"SecretAccessKey\":\"s\","
            "\"Expiration\":\"2025-11-28T11:16:31Z\"}",
            NULL, "had expired already");
}

static void command_fails(const char *command, const char *reason)
{
    char config[256];
    (void)snprintf(config, sizeof(config), "[profile p]\ncredential_process = %s\n", command);
    const struct files files = {"p", config, NULL};
    struct fixture *f = with(&files, NULL, 0);
    fixture_open(f);
    fixture_fails(f, reason);
    fixture_free(f);
}

static void programs_may_fail(void **state)
{
    (void)state;
    command_fails("/nonexistent/helper --x", "/nonexistent/helper: No such file or directory");
    command_fails("false", "credential_process: ended with status 1");
    command_fails("sh -c 'echo token expired >&2; exit 2'", "ended with status 2: token expired");
    command_fails("echo 'x", "a quote is not closed");
    command_fails("yes", "it wrote too much");
}

/* Closing does not wait for a program that takes its time. */
static void closing_stops_a_program(void **state)
{
    (void)state;
    const struct files files = {"p", "[profile p]\ncredential_process = sleep 50\n", NULL};
    struct fixture *f = with(&files, NULL, 0);
    fixture_open(f);
    fake_transport_run(&f->net);
    for (int i = 0; waitpid(-1, NULL, WNOHANG) != 0; i++) { /* 0: it runs */
        assert_true(i < 10000);
        const struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL);
    }
    time_t start = time(NULL);
    credentials_close(f->source);
    f->source = NULL;
    fake_transport_run(&f->net);
    assert_true(time(NULL) - start < 10);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* it was ended and reaped */
    fixture_free(f);
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    const struct files files = {"top",
                                "[profile top]\nrole_arn = a\nsource_profile = middle\n"
                                "external_id = e\nduration_seconds = 900\n"
                                "[profile middle]\nrole_arn = b\nsource_profile = bottom\n"
                                "[profile bottom]\ncredential_process = printf '{\"Version\":1,"
                                "\"AccessKeyId\":\"A1\",\"SecretAccessKey\":\"s\"}'\n",
                                NULL};
    static const struct fake_reply script[] = {ROLE("ASIA1"), ROLE("ASIA2")};
    bool good = false;
    for (long n = 1; !good; n++) {
        assert_true(n < 500);
        struct fixture *f = with(&files, script, COUNT(script));
        alloc_fail_at(n);
        f->source = credentials_open(&f->config);
        char why[CREDENTIALS_REASON_SIZE] = "";
        struct credentials *c = f->source != NULL ? fixture_get(f, why) : NULL;
        good = alloc_count() < n;
        alloc_fail_at(0);
        assert_true(c != NULL || f->source == NULL || why[0] != '\0');
        assert_true(!good || c != NULL);
        credentials_unref(c);
        fixture_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_read),
        cmocka_unit_test(roles_are_assumed_one_after_the_other),
        cmocka_unit_test(a_wrong_clock_is_corrected_once),
        cmocka_unit_test(a_throttled_role_is_asked_for_again),
        cmocka_unit_test(sources_may_be_named),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(circles_are_found),
        cmocka_unit_test(chains_are_bounded),
        cmocka_unit_test(choice_follows_the_configuration),
        cmocka_unit_test(programs_give_credentials),
        cmocka_unit_test(programs_may_fail),
        cmocka_unit_test(closing_stops_a_program),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, make_files, drop_files);
}
