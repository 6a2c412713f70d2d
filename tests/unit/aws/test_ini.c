/* The format of ~/.aws/config and ~/.aws/credentials, and the profiles made of the two. */
#include "aws/ini.h"
#include "aws/profiles.h"
#include "support/alloc.h"
#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ini *parse(const char *text)
{
    char reason[INI_REASON_SIZE] = "";
    struct ini *ini = ini_parse(span_of(text), reason);
    if (ini == NULL) {
        fail_msg("%s", reason);
    }
    return ini;
}

static void gives(const char *text, const char *section, const char *key, const char *want)
{
    struct ini *ini = parse(text);
    const char *value = ini_get(ini, section, key);
    if (want == NULL) {
        assert_null(value);
    } else {
        assert_non_null(value);
        assert_string_equal(value, want);
    }
    ini_free(ini);
}

static void reads_values(void **state)
{
    (void)state;
    gives("[a]\nk = v\n", "a", "k", "v");
    gives("[a]\nk=v", "a", "k", "v");
    gives("[a]\r\nk = v\r\n", "a", "k", "v");
    gives("\xEF\xBB\xBF[a]\nk = v\n", "a", "k", "v");
    gives("[a]\nKey = v\n", "a", "kEY", "v");
    gives("[a]\nk = v # comment\n", "a", "k", "v");
    gives("[a]\nk = v ; comment\n", "a", "k", "v");
    gives("[a]\nk = v#1;2\n", "a", "k", "v#1;2");
    gives("[a]\n# k = no\n; k = no\nk = yes\n", "a", "k", "yes");
    gives("[a]\nk = a = b\n", "a", "k", "a = b");
    gives("[a]\nk =\n", "a", "k", "");
    gives("[a]\nk = 1\nk = 2\n", "a", "k", "2");
    gives("[a]\nk = 1\n[b]\nk = 2\n[a]\nj = 3\n", "a", "j", "3");
    gives("[a]\nk = 1\n[b]\nk = 2\n", "a", "k", "1");
    gives("[a]\nk = 1\n", "b", "k", NULL);
    gives("[a]\nk = 1\n", "a", "kk", NULL);
}

static void folds_section_names(void **state)
{
    (void)state;
    gives("[ profile   x ]\nk = v\n", "profile x", "k", "v");
    gives("[profile\tx]\nk = v\n", "profile x", "k", "v");
    gives("[profile \"my name\"]\nk = v\n", "profile my name", "k", "v");
    gives("[x] # comment\nk = v\n", "x", "k", "v");
}

static void reads_nested_settings(void **state)
{
    (void)state;
    const char *text = "[services x]\ndynamodb =\n  endpoint_url = http://a\n  other = 1\n"
                       "ses =\n\tendpoint_url = http://b\nplain = 1\n";
    gives(text, "services x", "dynamodb.endpoint_url", "http://a");
    gives(text, "services x", "dynamodb.other", "1");
    gives(text, "services x", "ses.endpoint_url", "http://b");
    gives(text, "services x", "plain", "1");
    gives(text, "services x", "endpoint_url", NULL);
    gives("[a]\nk = v\n  continued = x\n", "a", "k", "v");
    gives("[a]\nk = v\n  continued = x\n", "a", "continued", NULL);
    gives("[a]\n  k = v\n", "a", "k", "v"); /* indented from the start: no setting to belong to */
}

static void refuses(const char *text, const char *want)
{
    char reason[INI_REASON_SIZE] = "";
    assert_null(ini_parse(span_of(text), reason));
    assert_string_equal(reason, want);
    assert_int_equal(errno, EINVAL);
}

static void names_the_line_of_a_fault(void **state)
{
    (void)state;
    refuses("[a]\n[b\n", "line 2: a section without ]");
    refuses("k = v\n", "line 1: a key before any [section]");
    refuses("[a]\n\nnonsense\n", "line 3: neither [section] nor key = value");
    refuses("[a]\n = v\n", "line 2: a value without a key");
    char reason[INI_REASON_SIZE];
    assert_null(ini_parse(SPAN("[a]\0"), reason));
    assert_string_equal(reason, "it holds a NUL byte");
}

static void bounds_the_size(void **state)
{
    (void)state;
    char reason[INI_REASON_SIZE];
    char *text = malloc(INI_MAX_BYTES + 1);
    assert_non_null(text);
    memset(text, '\n', INI_MAX_BYTES + 1);
    struct ini *ini = ini_parse((struct span){text, INI_MAX_BYTES}, reason);
    assert_non_null(ini);
    ini_free(ini);
    assert_null(ini_parse((struct span){text, INI_MAX_BYTES + 1}, reason));
    assert_string_equal(reason, "it is larger than 1 MiB");
    free(text);
}

static void knows_its_sections(void **state)
{
    (void)state;
    struct ini *ini = parse("[empty]\n[b]\nk = v\n");
    assert_true(ini_has(ini, "empty"));
    assert_true(ini_has(ini, "b"));
    assert_false(ini_has(ini, "c"));
    ini_free(ini);
    ini_free(NULL);
    ini = parse("");
    assert_false(ini_has(ini, ""));
    ini_free(ini);
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    char reason[INI_REASON_SIZE];
    for (long n = 1; n < 10; n++) {
        alloc_fail_at(n);
        struct ini *ini = ini_parse(SPAN("[a]\nk = v\n"), reason);
        alloc_fail_at(0);
        if (ini != NULL) {
            assert_true(n > 2);
            ini_free(ini);
            return;
        }
        assert_int_equal(errno, ENOMEM);
        assert_string_equal(reason, "out of memory");
    }
    fail();
}

/* --- profiles ------------------------------------------------------------------------------- */

struct var {
    const char *name;
    const char *value;
};

static const char *get(void *context, const char *name)
{
    for (const struct var *v = context; v->name != NULL; v++) {
        if (strcmp(v->name, name) == 0) {
            return v->value;
        }
    }
    return NULL;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void merges_both_files(void **state)
{
    (void)state;
    char home[] = "/tmp/reviewd-ini-XXXXXX";
    assert_non_null(mkdtemp(home));
    char dir[64];
    char credentials[80];
    char config[80];
    (void)snprintf(dir, sizeof(dir), "%s/.aws", home);
    (void)snprintf(credentials, sizeof(credentials), "%s/credentials", dir);
    (void)snprintf(config, sizeof(config), "%s/config", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    put(credentials, "[default]\nregion = from-credentials\n[only]\nk = 1\n");
    put(config, "[default]\nregion = from-config\noutput = json\n[profile p]\nregion = r\nempty =\n"
                "[services s]\nses =\n  endpoint_url = u\n");
    struct var vars[] = {{"HOME", home}, {"AWS_CONFIG_FILE", "~/.aws/config"}, {NULL, NULL}};
    struct profiles p;
    char reason[PROFILES_REASON_SIZE];
    assert_true(profiles_load((struct aws_env){get, vars}, &p, reason));
    assert_string_equal(profiles_get(&p, "default", "region"), "from-credentials");
    assert_string_equal(profiles_get(&p, "default", "output"), "json");
    assert_string_equal(profiles_get(&p, "p", "region"), "r");
    assert_null(profiles_get(&p, "p", "empty"));
    assert_null(profiles_get(&p, "p", "none"));
    assert_string_equal(profiles_service(&p, "s", "ses.endpoint_url"), "u");
    assert_null(profiles_service(&p, "t", "ses.endpoint_url"));
    assert_true(profiles_has(&p, "default") && profiles_has(&p, "only") && profiles_has(&p, "p"));
    assert_false(profiles_has(&p, "services s"));
    assert_false(profiles_has(&p, "profile p"));
    char longest[600];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(profiles_has(&p, longest));
    profiles_free(&p);
    put(config, "[default\n");
    assert_false(profiles_load((struct aws_env){get, vars}, &p, reason));
    assert_non_null(strstr(reason, "/.aws/config: line 1: a section without ]"));
    assert_int_equal(unlink(config), 0);
    assert_int_equal(unlink(credentials), 0);
    assert_true(profiles_load((struct aws_env){get, vars}, &p, reason));
    assert_false(profiles_has(&p, "default"));
    profiles_free(&p);
    /* A file that was named and is a directory cannot be read: that is a fault, not an absence. */
    struct var named[] = {{"AWS_CONFIG_FILE", dir}, {NULL, NULL}};
    assert_false(profiles_load((struct aws_env){get, named}, &p, reason));
    assert_int_equal(errno, EISDIR);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(rmdir(home), 0);
}

static void names_the_profile(void **state)
{
    (void)state;
    struct var none[] = {{NULL, NULL}};
    struct var older[] = {{"AWS_PROFILE", ""}, {"AWS_DEFAULT_PROFILE", "b"}, {NULL, NULL}};
    struct var both[] = {{"AWS_DEFAULT_PROFILE", "b"}, {"AWS_PROFILE", "a"}, {NULL, NULL}};
    assert_string_equal(profiles_name((struct aws_env){get, none}), "default");
    assert_string_equal(profiles_name((struct aws_env){get, older}), "b");
    assert_string_equal(profiles_name((struct aws_env){get, both}), "a");
    struct profiles p;
    char reason[PROFILES_REASON_SIZE];
    assert_true(profiles_load((struct aws_env){get, none}, &p, reason)); /* no HOME: no files */
    assert_null(p.config);
    profiles_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values),
        cmocka_unit_test(folds_section_names),
        cmocka_unit_test(reads_nested_settings),
        cmocka_unit_test(names_the_line_of_a_fault),
        cmocka_unit_test(bounds_the_size),
        cmocka_unit_test(knows_its_sections),
        cmocka_unit_test(survives_lack_of_memory),
        cmocka_unit_test(merges_both_files),
        cmocka_unit_test(names_the_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
