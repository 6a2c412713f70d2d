/* Writes to the WAL are gathered; what is read, committed or lost is as without that. */
#include "store/sqlite_wal_vfs.h"

#include "support/faulty_vfs.h"
#include "support/sqlite_help.h"
#include "support/store_help.h"
#include "support/test.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES = 12, PAGES_GATHERED = 29 /* of 4,120 bytes in 120 KiB */ };

struct fixture {
    char folder[64];
    char path[128];
    sqlite3 *db;
};

static void run(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static sqlite3 *open_with(const char *path, const char *vfs)
{
    sqlite3 *db = NULL;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
    assert_int_equal(sqlite3_open_v2(path, &db, flags, vfs), SQLITE_OK);
    run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
            "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, b BLOB)");
    return db;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    test_folder_make(f->folder);
    (void)snprintf(f->path, sizeof f->path, "%s/a.db", f->folder);
    faulty_vfs_install();
    f->db = open_with(f->path, sqlite_wal_vfs());
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    faulty_vfs_heal();
    sqlite3_close(f->db);
    faulty_vfs_remove();
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

/* One row a page. */
static int insert(sqlite3 *db, int rows)
{
    char sql[200];
    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %d) "
                   "INSERT INTO t(b) SELECT zeroblob(3000) FROM c",
                   rows);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* As a process would find it that reads the same files with SQLite alone. */
static int64_t rows_seen_by_others(const char *path)
{
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open_v2(path, &other, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    int64_t rows = test_sqlite_number(other, "SELECT count(*) FROM t");
    assert_int_equal(
        test_sqlite_number(other, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    sqlite3_close(other);
    return rows;
}

static int writes_of(sqlite3 *db, int rows)
{
    int before = faulty_vfs_count(FAULTY_WRITE);
    assert_int_equal(insert(db, rows), SQLITE_OK);
    return faulty_vfs_count(FAULTY_WRITE) - before;
}

static void a_commit_is_one_write(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(writes_of(f->db, PAGES), 1);
    assert_int_equal(rows_seen_by_others(f->path), PAGES);
}

static void without_it_each_page_is_two(void **state)
{
    struct fixture *f = *state;
    sqlite3 *plain = open_with(f->path, NULL);
    assert_true(writes_of(plain, PAGES) >= 2 * PAGES);
    sqlite3_close(plain);
}

/* Around what is gathered at most; then in parts. */
static void long_commits(void **state)
{
    struct fixture *f = *state;
    int64_t rows = 0;
    insert(f->db, 1);
    rows++;
    for (int pages = PAGES_GATHERED - 2; pages <= PAGES_GATHERED + 2; pages++) {
        int parts = writes_of(f->db, pages);
        rows += pages;
        assert_in_range(parts, 1, 2);
        assert_int_equal(rows_seen_by_others(f->path), rows);
    }
    assert_in_range(writes_of(f->db, 20 * PAGES_GATHERED), 20, 24);
    assert_int_equal(rows_seen_by_others(f->path), rows + 20 * PAGES_GATHERED);
}

/* A cache that is too small for the transaction writes pages before the commit, and reads them
 * again. */
static void a_transaction_reads_what_it_wrote(void **state)
{
    struct fixture *f = *state;
    run(f->db, "PRAGMA cache_size = 5; PRAGMA cache_spill = 1; BEGIN");
    insert(f->db, 200);
    assert_int_equal(test_sqlite_number(f->db, "SELECT sum(length(b)) FROM t"), 200 * 3000);
    run(f->db, "UPDATE t SET b = zeroblob(2999) WHERE n % 7 = 0");
    assert_int_equal(test_sqlite_number(f->db, "SELECT sum(length(b)) FROM t"),
                     200 * 3000 - 200 / 7);
    assert_int_equal(rows_seen_by_others(f->path), 0);
    run(f->db, "COMMIT");
    assert_int_equal(rows_seen_by_others(f->path), 200);
}

static void a_rollback_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    run(f->db, "PRAGMA cache_size = 5; PRAGMA cache_spill = 1; BEGIN");
    insert(f->db, 200);
    run(f->db, "ROLLBACK");
    insert(f->db, PAGES);
    assert_int_equal(rows_seen_by_others(f->path), PAGES);
}

static void checkpoints_begin_the_wal_anew(void **state)
{
    struct fixture *f = *state;
    for (int round = 1; round <= 3; round++) {
        insert(f->db, PAGES);
        assert_int_equal(rows_seen_by_others(f->path), (int64_t)round * PAGES);
        run(f->db, round == 2 ? "PRAGMA wal_checkpoint(TRUNCATE)" : "PRAGMA wal_checkpoint");
    }
    assert_int_equal(rows_seen_by_others(f->path), 3 * PAGES);
}

/* The write happens late, in the sync: the commit fails all the same, and the next one does not
 * bring the lost one back. */
static void a_failed_write_fails_the_commit(void **state)
{
    struct fixture *f = *state;
    static const bool torn[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        faulty_vfs_fail(
            (struct faulty_rule){FAULTY_WRITE, FAULTY_WAL, 0, 1, SQLITE_FULL, ENOSPC, torn[i]});
        assert_int_equal(insert(f->db, PAGES), SQLITE_FULL);
        assert_int_equal(test_sqlite_number(f->db, "SELECT count(*) FROM t"), i);
        assert_int_equal(insert(f->db, 1), SQLITE_OK);
        assert_int_equal(rows_seen_by_others(f->path), (int64_t)i + 1);
    }
}

static void a_failed_write_in_the_middle_fails_the_commit(void **state)
{
    struct fixture *f = *state;
    faulty_vfs_fail(
        (struct faulty_rule){FAULTY_WRITE, FAULTY_WAL, 1, 1, SQLITE_IOERR_WRITE, EIO, false});
    assert_int_equal(insert(f->db, 3 * PAGES_GATHERED), SQLITE_IOERR);
    assert_int_equal(insert(f->db, 1), SQLITE_OK);
    assert_int_equal(rows_seen_by_others(f->path), 1);
}

/* Where neighbouring bytes may be torn, SQLite adds frames after the sync: they are not held back.
 */
static void no_gathering_without_safe_overwrites(void **state)
{
    struct fixture *f = *state;
    char uri[160];
    (void)snprintf(uri, sizeof uri, "file:%s?psow=0", f->path);
    sqlite3 *db = open_with(uri, sqlite_wal_vfs());
    assert_true(writes_of(db, PAGES) >= 2 * PAGES);
    assert_int_equal(rows_seen_by_others(f->path), PAGES);
    sqlite3_close(db);
}

/* As SQLite may write, though it seldom does: not one after the other. */
static void writes_at_any_place(void **state)
{
    struct fixture *f = *state;
    enum { AREA = 100000, STEPS = 3000, LEN_MAX = 5000 };
    sqlite3_file *wal = NULL;
    unsigned seed = 1;
    insert(f->db, 1); /* opens it */
    assert_int_equal(sqlite3_file_control(f->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal), 0);
    char *expected = calloc(1, AREA);
    char *found = calloc(1, AREA);
    assert_int_equal(wal->pMethods->xWrite(wal, expected, AREA, 0), SQLITE_OK);
    int at = 0;
    for (int i = 0; i < STEPS; i++) {
        int len = 1 + rand_r(&seed) % LEN_MAX;
        if (rand_r(&seed) % 20 == 0 || at + len > AREA) {
            at = rand_r(&seed) % (AREA - LEN_MAX);
        }
        memset(expected + at, i, (size_t)len);
        assert_int_equal(wal->pMethods->xWrite(wal, expected + at, len, at), SQLITE_OK);
        at += len;
    }
    assert_int_equal(wal->pMethods->xRead(wal, found, AREA, 0), SQLITE_OK);
    assert_memory_equal(found, expected, AREA);
    free(expected);
    free(found);
}

/* The last write of a connection is its checkpoint. */
static void closing_leaves_one_sound_file(void **state)
{
    struct fixture *f = *state;
    insert(f->db, PAGES);
    sqlite3_close(f->db);
    f->db = NULL;
    assert_int_equal(rows_seen_by_others(f->path), PAGES);
}

static void *name_of(void *unused)
{
    (void)unused;
    return (void *)sqlite_wal_vfs();
}

static void any_thread_gets_the_same(void **state)
{
    (void)state;
    pthread_t threads[8];
    const char *name = sqlite_wal_vfs();
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, name_of, NULL), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        void *theirs = NULL;
        pthread_join(threads[i], &theirs);
        assert_string_equal(theirs, name);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_commit_is_one_write),
        CASE(without_it_each_page_is_two),
        CASE(long_commits),
        CASE(a_transaction_reads_what_it_wrote),
        CASE(a_rollback_leaves_nothing),
        CASE(checkpoints_begin_the_wal_anew),
        CASE(a_failed_write_fails_the_commit),
        CASE(a_failed_write_in_the_middle_fails_the_commit),
        CASE(no_gathering_without_safe_overwrites),
        CASE(writes_at_any_place),
        CASE(closing_leaves_one_sound_file),
        CASE(any_thread_gets_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
