#include "http/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* In a process of its own: what files_make_room() says under these limits, and which soft limit it
 * leaves. */
static unsigned room(rlim_t soft, rlim_t hard, unsigned connections, rlim_t *left)
{
    unsigned answer[2] = {0, 0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {soft, hard};
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
            answer[0] = files_make_room(connections, 2);
            getrlimit(RLIMIT_NOFILE, &limit);
            answer[1] = (unsigned)limit.rlim_cur;
        }
        _exit(write(ends[1], answer, sizeof answer) == sizeof answer ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(read(ends[0], answer, sizeof answer), sizeof answer);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(ends[1]);
    *left = answer[1];
    return answer[0];
}

enum { BESIDE = 128 + 2 * 4 };

static void check(rlim_t soft, rlim_t hard, unsigned expected, rlim_t expected_soft)
{
    rlim_t left = 0;
    assert_int_equal(room(soft, hard, 100, &left), expected);
    assert_int_equal(left, expected_soft);
}

static void test_enough_is_left_alone(void **state)
{
    (void)state;
    check(100 + BESIDE, 1000, 100, 100 + BESIDE);
    check(100 + BESIDE + 1, 1000, 100, 100 + BESIDE + 1);
}

static void test_soft_limit_is_raised_as_far_as_needed(void **state)
{
    (void)state;
    check(100 + BESIDE - 1, 1000, 100, 100 + BESIDE);
    check(20, 1000, 100, 100 + BESIDE);
    check(20, 100 + BESIDE, 100, 100 + BESIDE);
}

static void test_hard_limit_costs_connections_and_not_the_others(void **state)
{
    (void)state;
    rlim_t left = 0;
    assert_int_equal(room(20, 1000 + BESIDE, 1000, &left), 1000);
    assert_int_equal(room(20, 1000 + BESIDE - 1, 1000, &left), 1000 - 1);
    check(20, 200, 100, 200);
    check(20, 198, 99, 198);
    check(64, 64, 32, 64);
    check(7, 7, 4, 7);
    check(1, 1, 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enough_is_left_alone),
        cmocka_unit_test(test_soft_limit_is_raised_as_far_as_needed),
        cmocka_unit_test(test_hard_limit_costs_connections_and_not_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
