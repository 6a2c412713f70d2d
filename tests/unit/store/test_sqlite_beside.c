/* The tools' view of the embedded store, beside the process that serves it. */
#include "store/sqlite.h"

#include "support/alloc.h"
#include "support/fake.h"
#include "support/store_help.h"
#include "support/test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const int64_t T0 = INT64_C(1764328591363902);

struct fixture {
    char folder[64];
    char path[128];
    struct fake_clock clock;
    struct metrics *metrics;
    struct store *store;  /* the service's */
    struct store *beside; /* the tool's */
    _Atomic int pending_calls;
};

static void on_pending(void *context)
{
    ((struct fixture *)context)->pending_calls++;
}

/* With one dead letter, id 1, and one that waits, id 2. */
static int setup(void **state)
{
    char reason[STORE_ERROR_SIZE];
    struct fixture *f = calloc(1, sizeof *f);
    struct outbox_entry entry = {0};
    int64_t next = 0;
    test_folder_make(f->folder);
    (void)snprintf(f->path, sizeof f->path, "%s/reviews.db", f->folder);
    fake_clock_init(&f->clock, T0);
    f->metrics = metrics_new();
    struct store_config config = {.metrics = f->metrics,
                                  .clock = &f->clock.clock,
                                  .queue_limit = 10,
                                  .put_deadline_ms = 1000,
                                  .pending = on_pending,
                                  .pending_context = f};
    f->store = store_sqlite_open(f->path, &config, reason);
    assert_non_null(f->store);
    assert_int_equal(test_put_now(f->store, "a", T0, true), STORE_OK);
    assert_int_equal(store_claim(f->store, T0, &entry, 1, &next), 1);
    struct outbox_outcome outcome = {.id = entry.id, .what = OUTBOX_DEAD};
    outbox_entry_free(&entry);
    assert_int_equal(store_settle(f->store, &outcome, 1), 0);
    assert_int_equal(test_put_now(f->store, "b", T0 + 1, true), STORE_OK);
    f->beside = store_sqlite_open_beside(f->path, &f->clock.clock, reason);
    assert_non_null(f->beside);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->beside);
    store_close(f->store);
    metrics_free(f->metrics);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static void counts_and_lists(void **state)
{
    struct fixture *f = *state;
    struct outbox_counts counts;
    struct outbox_entry entry = {0};
    assert_int_equal(store_count(f->beside, &counts), 0);
    assert_int_equal(counts.pending, 1);
    assert_int_equal(counts.dead, 1);
    assert_int_equal(store_dead_list(f->beside, 0, &entry, 1), 1);
    assert_memory_equal(entry.item.user_name.ptr, "a", 1);
    outbox_entry_free(&entry);
}

static void service_notices_what_was_requeued(void **state)
{
    struct fixture *f = *state;
    struct outbox_counts counts;
    struct outbox_entry entries[2] = {0};
    int64_t next = 0;
    assert_int_equal(store_dead_requeue(f->beside, 1), 1);
    int before = f->pending_calls;
    fake_clock_advance(&f->clock, 5000000 - 1);
    assert_int_equal(store_dead_list(f->store, 0, entries, 2), 0);
    assert_int_equal(store_dead_list(f->store, 0, entries, 2),
                     0); /* the round of the first is over */
    assert_int_equal(f->pending_calls, before);
    fake_clock_advance(&f->clock, 1);
    assert_int_equal(store_dead_list(f->store, 0, entries, 2), 0);
    assert_int_equal(store_dead_list(f->store, 0, entries, 2), 0);
    assert_int_equal(f->pending_calls, before + 1);
    struct metric *pending =
        metrics_gauge(f->metrics, (struct metric_name){"reviewd_outbox_pending", "", NULL});
    assert_int_equal(metric_value(pending), 2);
    assert_int_equal(store_count(f->store, &counts), 0);
    assert_int_equal(counts.dead, 0);
    assert_int_equal(store_claim(f->store, T0 + 6000000, entries, 2, &next), 2);
    outbox_entry_free(&entries[0]);
    outbox_entry_free(&entries[1]);
}

static void service_counts_what_was_dropped(void **state)
{
    struct fixture *f = *state;
    struct outbox_counts counts;
    assert_int_equal(store_dead_drop(f->beside, 1), 1);
    assert_int_equal(store_dead_drop(f->beside, 2), 0); /* it waits, and is not the tool's */
    assert_int_equal(store_count(f->store, &counts), 0);
    assert_int_equal(counts.dead, 0);
    assert_int_equal(counts.pending, 1);
}

static void what_belongs_to_the_service_is_refused(void **state)
{
    struct fixture *f = *state;
    struct outbox_entry entry = {0};
    struct outbox_outcome outcome = {.id = 2, .what = OUTBOX_SENT};
    int64_t next = 0;
    assert_int_equal(test_put_now(f->beside, "c", T0 + 2, true), STORE_UNAVAILABLE);
    assert_int_equal(store_claim(f->beside, T0 + 9, &entry, 1, &next), -1);
    assert_true(next == INT64_MAX);
    assert_int_equal(store_settle(f->beside, &outcome, 1), -1);
}

static void says_why_a_call_failed(void **state)
{
    struct fixture *f = *state;
    char reason[STORE_ERROR_SIZE] = "";
    assert_true(store_ready(f->beside, reason));
    assert_int_equal(rename(f->path, test_path(f->folder, "away")), 0);
    assert_int_equal(store_dead_drop(f->beside, 1), -1);
    assert_false(store_ready(f->beside, reason));
    assert_non_null(strstr(reason, "deleted or replaced"));
    assert_int_equal(rename(test_path(f->folder, "away"), f->path), 0);
    assert_int_equal(store_dead_drop(f->beside, 1), 1);
    assert_true(store_ready(f->beside, reason));
}

static void makes_and_migrates_nothing(void **state)
{
    struct fixture *f = *state;
    char reason[STORE_ERROR_SIZE] = "";
    sqlite3 *db = NULL;
    const char *path = test_path(f->folder, "none.db");
    assert_null(store_sqlite_open_beside(path, &f->clock.clock, reason));
    assert_non_null(strstr(reason, "No such file"));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 1", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_null(store_sqlite_open_beside(f->path, &f->clock.clock, reason));
    assert_non_null(strstr(reason, "start the service once"));
}

static void memory_that_runs_out(void **state)
{
    struct fixture *f = *state;
    char reason[STORE_ERROR_SIZE] = "";
    alloc_fail_at(1);
    struct store *store = store_sqlite_open_beside(f->path, &f->clock.clock, reason);
    alloc_fail_at(0);
    assert_null(store);
    assert_non_null(strstr(reason, "memory"));
}

#define BESIDE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BESIDE_TEST(counts_and_lists),
        BESIDE_TEST(service_notices_what_was_requeued),
        BESIDE_TEST(service_counts_what_was_dropped),
        BESIDE_TEST(what_belongs_to_the_service_is_refused),
        BESIDE_TEST(says_why_a_call_failed),
        BESIDE_TEST(makes_and_migrates_nothing),
        BESIDE_TEST(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
