/* A claim brings a bounded number of bytes into memory, whatever the reviews' lengths. */
#include "store/sqlite.h"

#include "support/store_help.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum {
    BOUND = 4 * 1024 * 1024, /* of one claim */
    LONG = 64 * 1024,
    MAX = 256
};

static struct store *open_in(const char *folder)
{
    char reason[STORE_ERROR_SIZE];
    struct store_config config = {
        .clock = clock_system(), .queue_limit = MAX, .put_deadline_ms = 60000};
    struct store *store = store_sqlite_open(test_path(folder, "reviews.db"), &config, reason);
    assert_non_null(store);
    return store;
}

static void put_long(struct store *store, int number, size_t len)
{
    static char text[LONG + 1];
    struct test_put put;
    memset(text, 'a', sizeof text);
    test_put_init(&put, "a", number, true);
    put.put.item.review = (struct span){text, len};
    assert_int_equal(store_put(store, &put.put), STORE_OK);
    assert_int_equal(test_put_wait(&put), STORE_OK);
}

static int claim(struct store *store, int64_t *next_due_us)
{
    static struct outbox_entry entries[MAX];
    int count = store_claim(store, clock_wall_us(clock_system()), entries, MAX, next_due_us);
    for (int i = 0; i < count; i++) {
        outbox_entry_free(&entries[i]);
    }
    return count;
}

/* `less` bytes short of the bound with all but the last: it is taken too, unless that is nothing.
 */
static void assert_claimed(size_t less, int first, int second)
{
    char folder[64];
    int64_t next_due_us = 0;
    test_folder_make(folder);
    struct store *store = open_in(folder);
    const int whole = BOUND / LONG;
    for (int i = 0; i < whole; i++) {
        put_long(store, i + 1, LONG - (i == 0 ? less : 0));
    }
    put_long(store, whole + 1, LONG);
    assert_int_equal(claim(store, &next_due_us), first);
    assert_true((next_due_us == INT64_MAX) == (second == 0));
    assert_true(second == 0 || next_due_us <= clock_wall_us(clock_system()));
    assert_int_equal(claim(store, &next_due_us), second);
    assert_int_equal(next_due_us, INT64_MAX);
    store_close(store);
    test_folder_remove(folder);
}

static void a_claim_ends_with_the_review_that_reaches_the_bound(void **state)
{
    (void)state;
    assert_claimed(1, BOUND / LONG + 1, 0);
    assert_claimed(0, BOUND / LONG, 1);
    assert_claimed((size_t)-1, BOUND / LONG, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_ends_with_the_review_that_reaches_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
