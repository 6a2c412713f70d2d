/* How much the writer takes at a time. */
#include "store/sqlite_queue.h"

#include "support/store_help.h"
#include "support/test.h"

enum { PUTS = 10, REVIEW = 100 };

static size_t taken(struct sqlite_queue *q, size_t rows, size_t bytes)
{
    struct sqlite_work work = sqlite_queue_take(q, (struct sqlite_batch){rows, bytes}, 0);
    size_t count = 0;
    for (struct store_put *put = work.puts; put != NULL; put = put->next) {
        count++;
    }
    return count;
}

/* Takes a full queue within the limits, then the rest. */
static void assert_taken(size_t rows, size_t bytes, size_t expected)
{
    static char text[REVIEW];
    struct sqlite_queue q;
    struct store_put puts[PUTS] = {0};
    assert_int_equal(sqlite_queue_init(&q, PUTS, NULL), 0);
    for (size_t i = 0; i < PUTS; i++) {
        puts[i].item.review = (struct span){text, sizeof text};
        assert_int_equal(sqlite_queue_put(&q, &puts[i]), STORE_OK);
    }
    struct store_put more = {0};
    assert_int_equal(sqlite_queue_put(&q, &more), STORE_BUSY);
    assert_int_equal(taken(&q, rows, bytes), expected);
    assert_int_equal(taken(&q, PUTS, SIZE_MAX), PUTS - expected);
    sqlite_queue_destroy(&q);
}

static void the_put_that_reaches_a_limit_is_the_last(void **state)
{
    (void)state;
    assert_taken(4, SIZE_MAX, 4);
    assert_taken(PUTS, (size_t)3 * REVIEW - 1, 3);
    assert_taken(PUTS, (size_t)3 * REVIEW, 3);
    assert_taken(PUTS, (size_t)3 * REVIEW + 1, 4);
    assert_taken(PUTS, 1, 1);
    assert_taken(PUTS, SIZE_MAX, PUTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_put_that_reaches_a_limit_is_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
