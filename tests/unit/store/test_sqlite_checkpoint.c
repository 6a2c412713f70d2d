/* The WAL is moved into the database beside the writer: it stays bounded, whatever is in the way of
 * that harms no put, and afterwards it is bounded again. */
#include "store/sqlite.h"

#include "support/faulty_vfs.h"
#include "support/sqlite_help.h"
#include "support/store_help.h"
#include "support/test.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    REVIEW_BYTES = 60000, /* 15 pages */
    TOGETHER = 8,
    PAGE = 4096,
    BATCH = 16 * TOGETHER,       /* pages in the WAL for one commit, with those of the index */
    BOUND = 8000,                /* pages in the WAL when moving them begins */
    LIMIT = 3 * BOUND + BATCH,   /* and those that may come until it has ended */
    MANY = (LIMIT + BOUND) / 15, /* reviews that fill a WAL far beyond */
    WAL_FILE_MAX = 48 << 20,     /* what a WAL that grew too long is cut to */
};

static char text[REVIEW_BYTES];

struct fixture {
    char folder[64];
    char path[128];
    struct metrics *metrics;
    struct store *store;
    int64_t wall_us; /* of the next review */
};

static void open_store(struct fixture *f)
{
    char reason[STORE_ERROR_SIZE];
    struct store_config config = {.metrics = f->metrics,
                                  .clock = clock_system(),
                                  .queue_limit = TOGETHER,
                                  .put_deadline_ms = 60000};
    f->store = store_sqlite_open(f->path, &config, reason);
    assert_non_null(f->store);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    memset(text, 'a', sizeof text);
    test_folder_make(f->folder);
    (void)snprintf(f->path, sizeof f->path, "%s/reviews.db", f->folder);
    f->metrics = metrics_new();
    faulty_vfs_install();
    open_store(f);
    *state = f;
    return 0;
}

/* Ends each test: all reviews are there, and the closed database is one sound file. */
static int teardown(void **state)
{
    struct fixture *f = *state;
    char wal[160];
    struct stat info;
    sqlite3 *db = NULL;
    faulty_vfs_heal();
    store_close(f->store);
    faulty_vfs_remove();
    (void)snprintf(wal, sizeof wal, "%s-wal", f->path);
    assert_int_equal(stat(wal, &info), -1);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(test_sqlite_number(db, "SELECT count(*) FROM reviews"), f->wall_us);
    assert_int_equal(
        test_sqlite_number(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    sqlite3_close(db);
    metrics_free(f->metrics);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static int64_t wal_pages(struct fixture *f)
{
    return metric_value(
        metrics_gauge(f->metrics, (struct metric_name){"reviewd_store_wal_pages", "", NULL}));
}

static int64_t file_size(struct fixture *f, const char *suffix)
{
    char path[160];
    struct stat info = {0};
    (void)snprintf(path, sizeof path, "%s%s", f->path, suffix);
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

/* Puts `count` reviews, some at a time. Returns the longest WAL that was seen. */
static int64_t put_many(struct fixture *f, int count)
{
    int64_t longest = 0;
    for (int done = 0; done < count; done += TOGETHER) {
        struct test_put puts[TOGETHER];
        for (int i = 0; i < TOGETHER; i++) {
            test_put_init(&puts[i], "a", f->wall_us++, false);
            puts[i].put.item.review = (struct span){text, sizeof text};
            assert_int_equal(store_put(f->store, &puts[i].put), STORE_OK);
        }
        for (int i = 0; i < TOGETHER; i++) {
            assert_int_equal(test_put_wait(&puts[i]), STORE_OK);
        }
        int64_t pages = wal_pages(f);
        longest = pages > longest ? pages : longest;
    }
    return longest;
}

/* Goes on putting until the WAL has begun anew. */
static void assert_bounded_again(struct fixture *f)
{
    for (int i = 0; i < 500 && wal_pages(f) >= BOUND / 2; i++) {
        put_many(f, TOGETHER);
        sqlite3_sleep(20);
    }
    assert_true(wal_pages(f) < BOUND / 2);
}

static void wal_stays_bounded(void **state)
{
    struct fixture *f = *state;
    int64_t longest = put_many(f, MANY);
    assert_true(longest < LIMIT);
    assert_in_range(file_size(f, "-wal"), 1, (int64_t)(LIMIT + 1) * (PAGE + 24));
    /* What is in the WAL no more is in the database. */
    assert_true(file_size(f, "") > (int64_t)MANY * REVIEW_BYTES - (int64_t)LIMIT * PAGE);
}

static int64_t io_errors(struct fixture *f)
{
    return metric_value(metrics_counter(
        f->metrics, (struct metric_name){"reviewd_store_errors_total", "", "kind=\"io\""}));
}

/* Makes a step that moves some of the WAL, and whose pages the disk forgets when it is to sync
 * them. Then so many are refused the lock that it takes to begin anew. */
static void lose_a_step(struct fixture *f, int locks)
{
    sqlite3 *reader = NULL;
    put_many(f, BOUND / 2 / 15);
    assert_int_equal(sqlite3_open_v2(f->path, &reader, SQLITE_OPEN_READONLY, "unix"), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    assert_true(test_sqlite_number(reader, "SELECT count(*) FROM reviews") > 0);
    faulty_vfs_fail(
        (struct faulty_rule){FAULTY_SYNC, FAULTY_DB, 0, 1, SQLITE_IOERR_FSYNC, EIO, true});
    faulty_vfs_refuse_locks(locks);
    for (int i = 0; i < 3 * BOUND / 15 && io_errors(f) == 0; i += TOGETHER) {
        put_many(f, TOGETHER);
    }
    assert_int_equal(io_errors(f), 1);
    sqlite3_close(reader);
}

/* Another process moves the rest right afterwards: it begins where nothing was lost. */
static void a_lost_step_is_made_anew_by_whoever_comes_next(void **state)
{
    struct fixture *f = *state;
    sqlite3 *other = NULL;
    lose_a_step(f, 0);
    assert_int_equal(sqlite3_open_v2(f->path, &other, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(other);
    assert_int_equal(file_size(f, "-wal"), 0);
    put_many(f, TOGETHER);
}

/* While that cannot be marked, nothing is moved. */
static void nothing_is_moved_before_a_lost_step_is_made_anew(void **state)
{
    struct fixture *f = *state;
    lose_a_step(f, 1);
    assert_bounded_again(f);
}

static void the_wal_is_kept_while_a_lost_step_cannot_be_made_anew(void **state)
{
    struct fixture *f = *state;
    lose_a_step(f, 2);
    store_close(f->store);
    assert_true(file_size(f, "-wal") > 0);
    faulty_vfs_heal();
    open_store(f);
}

/* Somebody reads an older state for long: nothing can be moved that came later. */
static void bounded_again_after_a_long_reader(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db = NULL;
    put_many(f, TOGETHER);
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, "unix"), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(test_sqlite_number(db, "SELECT count(*) FROM reviews"), TOGETHER);
    assert_true(put_many(f, MANY) > LIMIT);
    assert_int_equal(test_sqlite_number(db, "SELECT count(*) FROM reviews"), TOGETHER);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_bounded_again(f);
    put_many(f, TOGETHER); /* cuts it */
    assert_true(file_size(f, "-wal") <= WAL_FILE_MAX);
}

static void bounded_again_after(struct fixture *f, struct faulty_rule rule)
{
    char reason[STORE_ERROR_SIZE];
    faulty_vfs_fail(rule);
    assert_true(put_many(f, MANY) > LIMIT);
    assert_true(store_ready(f->store, reason));
    faulty_vfs_heal();
    assert_bounded_again(f);
}

/* The database cannot be written, but the WAL can: nothing is refused. */
static void database_that_cannot_be_synced(void **state)
{
    bounded_again_after(
        *state, (struct faulty_rule){FAULTY_SYNC, FAULTY_DB, 0, -1, SQLITE_IOERR_FSYNC, EIO, true});
}

static void database_that_cannot_grow(void **state)
{
    bounded_again_after(
        *state, (struct faulty_rule){FAULTY_WRITE, FAULTY_DB, 0, -1, SQLITE_FULL, ENOSPC, false});
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(wal_stays_bounded),
        CASE(a_lost_step_is_made_anew_by_whoever_comes_next),
        CASE(nothing_is_moved_before_a_lost_step_is_made_anew),
        CASE(the_wal_is_kept_while_a_lost_step_cannot_be_made_anew),
        CASE(bounded_again_after_a_long_reader),
        CASE(database_that_cannot_be_synced),
        CASE(database_that_cannot_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
