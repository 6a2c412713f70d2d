/* The reference's answers, as tests/tools/make_golden.py took them down. */
#include "support/test.h"

#include "base/json.h"
#include "base/num.h"
#include "sentiment/sentiment.h"

#include <stdio.h>
#include <stdlib.h>

enum { GOLDEN_COUNT = 4000 };

/* Scores a copy that ends where its memory ends, so that a sanitizer sees a read past the end. */
static double polarity(struct span text)
{
    char *copy = malloc(text.len != 0 ? text.len : 1);
    assert_non_null(copy);
    if (text.len != 0) {
        memcpy(copy, text.ptr, text.len);
    }
    double result = sentiment_polarity((struct span){copy, text.len});
    free(copy);
    return result;
}

static void check_line(struct span line, size_t number)
{
    char reason[JSON_REASON_SIZE];
    char printed[NUM_SHORTEST_SIZE];
    json_t *record = json_parse(line, reason);
    assert_non_null(record);
    num_shortest(polarity(json_string_member(record, "text")), printed);
    const char *expected = json_string_member(record, "polarity").ptr;
    assert_non_null(expected);
    if (strcmp(printed, expected) != 0) {
        fail_msg("line %zu: %s, not %s: %.*s", number, printed, expected, (int)line.len, line.ptr);
    }
    json_decref(record);
}

static void test_golden(void **state)
{
    (void)state;
    FILE *file = fopen("tests/golden/polarity.ndjson", "r");
    char *line = NULL;
    size_t size = 0;
    size_t count = 0;
    assert_non_null(file);
    for (ssize_t len; (len = getline(&line, &size, file)) > 0;) {
        check_line((struct span){line, (size_t)len}, ++count);
    }
    assert_int_equal(count, GOLDEN_COUNT);
    free(line);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
