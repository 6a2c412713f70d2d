#include "support/test.h"

#include "base/uuid.h"

static void test_made_ones_are_valid_and_differ(void **state)
{
    (void)state;
    char last[UUID_SIZE] = "";
    for (int i = 0; i < 1000; i++) {
        char id[UUID_SIZE];
        uuid_make(id);
        assert_true(uuid_valid(span_of(id)));
        assert_int_equal(id[14], '4');
        assert_non_null(strchr("89ab", id[19]));
        assert_string_not_equal(id, last);
        memcpy(last, id, sizeof id);
    }
}

static void test_valid(void **state)
{
    (void)state;
    assert_true(uuid_valid(SPAN("00000000-0000-0000-0000-000000000000")));
    assert_true(uuid_valid(SPAN("F47AC10B-58CC-1372-8567-0E02B2C3D479")));
    assert_false(uuid_valid(SPAN("")));
    assert_false(uuid_valid(SPAN("f47ac10b-58cc-4372-a567-0e02b2c3d47")));
    assert_false(uuid_valid(SPAN("f47ac10b-58cc-4372-a567-0e02b2c3d4790")));
    assert_false(uuid_valid(SPAN("f47ac10b058cc-4372-a567-0e02b2c3d479")));
    assert_false(uuid_valid(SPAN("g47ac10b-58cc-4372-a567-0e02b2c3d479")));
    assert_false(uuid_valid(SPAN("f47ac10b-58cc-4372-a567-0e02b2c3d47\0")));
    assert_false(uuid_valid((struct span){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_ones_are_valid_and_differ),
        cmocka_unit_test(test_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
