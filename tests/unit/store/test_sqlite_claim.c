/* A claim brings a bounded number of bytes into memory, whatever the reviews' lengths, and a clock
 * that is set back holds no mail up. */
#include "store/sqlite.h"

#include "support/fake.h"
#include "support/store_help.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum {
    BOUND = 4 * 1024 * 1024, /* of one claim */
    LONG = 64 * 1024,
    MAX = 256
};

static const int64_t T0 = INT64_C(1764328591363902);
static const int64_t HOUR_US = INT64_C(3600000000);

static struct store *open_in(const char *folder, struct clock *clock)
{
    char reason[STORE_ERROR_SIZE];
    struct store_config config = {.clock = clock, .queue_limit = MAX, .put_deadline_ms = 60000};
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
    struct store *store = open_in(folder, clock_system());
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

struct fixture {
    char folder[64];
    struct fake_clock clock;
    struct store *store;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    test_folder_make(f->folder);
    fake_clock_init(&f->clock, T0);
    f->store = open_in(f->folder, &f->clock.clock);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

/* Claims one at `now_us`: the microseconds of its review after T0, or -1 when none is due. */
static int64_t claim_at(struct fixture *f, int64_t now_us, int64_t *next_due_us)
{
    struct outbox_entry entry = {0};
    int count = store_claim(f->store, now_us, &entry, 1, next_due_us);
    int64_t created_us = entry.created_us;
    outbox_entry_free(&entry);
    return count == 1 ? created_us - T0 : -1;
}

/* Stamps go on increasing from before the clock was set back. */
static void a_stamp_ahead_of_the_clock_is_due_at_once(void **state)
{
    struct fixture *f = *state;
    int64_t next = 0;
    assert_int_equal(test_put_now(f->store, "a", T0 + HOUR_US / 2, true), STORE_OK);
    assert_int_equal(claim_at(f, T0 - 1, &next), -1);
    assert_int_equal(next, T0);
    assert_int_equal(claim_at(f, T0, &next), HOUR_US / 2);
}

/* Puts reviews 1 and 2, and puts their mails off until these times. */
static void put_off(struct fixture *f, int64_t first_due_us, int64_t second_due_us)
{
    int64_t next = 0;
    struct outbox_entry entries[2] = {0};
    fake_clock_advance(&f->clock, 2);
    assert_int_equal(test_put_now(f->store, "a", T0 + 1, true), STORE_OK);
    assert_int_equal(test_put_now(f->store, "a", T0 + 2, true), STORE_OK);
    assert_int_equal(store_claim(f->store, T0 + 2, entries, 2, &next), 2);
    struct outbox_outcome outcomes[2] = {
        {.id = entries[0].id, .what = OUTBOX_RETRY, .due_us = first_due_us},
        {.id = entries[1].id, .what = OUTBOX_DEFER, .due_us = second_due_us}};
    assert_int_equal(store_settle(f->store, outcomes, 2), 0);
    outbox_entry_free(&entries[0]);
    outbox_entry_free(&entries[1]);
}

/* Two that wait, one for as long as it may, one a microsecond longer: before the clock was set
 * back, that was less. */
static void what_would_wait_for_too_long_is_due(void **state)
{
    struct fixture *f = *state;
    int64_t next = 0;
    put_off(f, T0 + 3 + HOUR_US, T0 + 3 + HOUR_US + 1);
    assert_int_equal(claim_at(f, T0 + 3, &next), 2);
    assert_int_equal(next, T0 + 3 + HOUR_US);
    assert_int_equal(claim_at(f, T0 + 3, &next), -1);
    assert_int_equal(next, T0 + 3 + HOUR_US);
    assert_int_equal(claim_at(f, T0 + 2, &next), 1);
    assert_true(next == INT64_MAX);
}

/* More of those than fit into the claim: the rest is told to be due now. */
static void the_next_of_them_is_due_now(void **state)
{
    struct fixture *f = *state;
    int64_t next = 0;
    put_off(f, T0 + 3 * HOUR_US, T0 + 4 * HOUR_US);
    assert_int_equal(claim_at(f, T0 + 3, &next), 1);
    assert_int_equal(next, T0 + 3);
    assert_int_equal(claim_at(f, T0 + 3, &next), 2);
    assert_true(next == INT64_MAX);
}

#define CLOCK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_ends_with_the_review_that_reaches_the_bound),
        CLOCK_TEST(a_stamp_ahead_of_the_clock_is_due_at_once),
        CLOCK_TEST(what_would_wait_for_too_long_is_due),
        CLOCK_TEST(the_next_of_them_is_due_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
