/* Migrating a database with reviews in it: in bounded memory, and whole or not at all. */
#include "store/sqlite.h"

#include "store/sqlite_schema.h"
#include "support/faulty_vfs.h"
#include "support/sqlite_help.h"
#include "support/store_help.h"
#include "support/test.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FEW = 2000, MANY = 100000, MEMORY_MAX = 32 * 1000 * 1000 };

struct fixture {
    char folder[64];
    char path[128];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    test_folder_make(f->folder);
    (void)snprintf(f->path, sizeof f->path, "%s/reviews.db", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static struct store *open_store(const struct fixture *f, char reason[STORE_ERROR_SIZE])
{
    struct store_config config = {
        .clock = clock_system(), .queue_limit = 10, .put_deadline_ms = 1000};
    return store_sqlite_open(f->path, &config, reason);
}

/* Makes a database of version 2 with so many reviews, and a duty for each hundredth. */
static void make_version_2(const struct fixture *f, int reviews)
{
    char sql[512];
    sqlite3 *db = NULL;
    (void)unlink(f->path);
    assert_int_equal(
        sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix"),
        SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite_schema_migrate(db, 2), SQLITE_OK);
    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
                   "INSERT INTO reviews SELECT printf('%%0200d', i * 7919 %% 100003), "
                   "printf('t%%08d', i), 'r', 'Neutral', '0.0' FROM n;"
                   "INSERT INTO outbox(user_name, timestamp, due_us, created_us) "
                   "SELECT user_name, timestamp, 1, 1 FROM reviews WHERE rowid %% 100 = 0",
                   reviews);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Also that nothing is found by the old index. */
static void assert_migrated(const struct fixture *f, int reviews)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    assert_int_equal(test_sqlite_number(db, "PRAGMA user_version"), sqlite_schema_latest());
    assert_int_equal(test_sqlite_number(db, "SELECT count(*) FROM reviews NOT INDEXED"), reviews);
    assert_int_equal(test_sqlite_number(db, "SELECT count(*) FROM reviews JOIN outbox USING "
                                            "(user_name, timestamp)"),
                     reviews / 100);
    assert_int_equal(
        test_sqlite_number(db, "SELECT name = 'timestamp' FROM pragma_index_info('reviews_key')"),
        1);
    assert_int_equal(
        test_sqlite_number(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    sqlite3_close(db);
}

/* As much as fits into a cache and a sorter, however many reviews there are. */
static void memory_does_not_grow_with_the_reviews(void **state)
{
    struct fixture *f = *state;
    char reason[STORE_ERROR_SIZE];
    make_version_2(f, MANY); /* an index of more than 20 MB */
    sqlite3_memory_highwater(1);
    struct store *store = open_store(f, reason);
    int64_t highest = sqlite3_memory_highwater(0);
    assert_non_null(store);
    store_close(store);
    assert_true(highest < MEMORY_MAX);
    assert_migrated(f, MANY);
}

static const struct faulty_rule rules[] = {
    {FAULTY_WRITE, FAULTY_WAL, 0, -1, SQLITE_FULL, ENOSPC, true},
    {FAULTY_WRITE, FAULTY_DB, 0, -1, SQLITE_FULL, ENOSPC, true},
    {FAULTY_SYNC, FAULTY_BOTH, 0, -1, SQLITE_IOERR_FSYNC, EIO, false},
};

/* The disk fails ever later, until the migration comes through; the next start ends it each time.
 */
static void a_disk_that_fails_loses_nothing(void **state)
{
    struct fixture *f = *state;
    char reason[STORE_ERROR_SIZE];
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        bool refused = true;
        for (int after = 0; refused; after += 1 + after / 4) {
            struct faulty_rule rule = rules[i];
            rule.after = after;
            make_version_2(f, FEW);
            faulty_vfs_install();
            faulty_vfs_fail(rule);
            struct store *store = open_store(f, reason);
            refused = store == NULL;
            store_close(store);
            faulty_vfs_heal();
            store = open_store(f, reason);
            assert_non_null(store);
            store_close(store);
            faulty_vfs_remove();
            assert_migrated(f, FEW);
        }
    }
}

static bool is_longer(const char *path, int64_t size)
{
    struct stat info;
    return stat(path, &info) == 0 && info.st_size > size;
}

/* Killed in the middle: pages are in the WAL by then, and no commit. */
static void a_kill_loses_nothing(void **state)
{
    struct fixture *f = *state;
    char reason[STORE_ERROR_SIZE];
    char wal[160];
    (void)snprintf(wal, sizeof wal, "%s-wal", f->path);
    make_version_2(f, MANY);
    pid_t child = fork();
    if (child == 0) {
        (void)open_store(f, reason);
        (void)pause();
        _exit(1);
    }
    while (!is_longer(wal, 1000000)) {
        (void)usleep(1000);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    struct store *store = open_store(f, reason);
    assert_non_null(store);
    store_close(store);
    assert_migrated(f, MANY);
}

#define MIGRATE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MIGRATE_TEST(memory_does_not_grow_with_the_reviews),
        MIGRATE_TEST(a_disk_that_fails_loses_nothing),
        MIGRATE_TEST(a_kill_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
