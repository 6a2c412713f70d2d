/* A checkpoint that failed loses nothing, though the disk has forgotten what was moved. */
#include "store/sqlite_wal.h"

#include "support/faulty_vfs.h"
#include "support/sqlite_help.h"
#include "support/store_help.h"
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 300, BUSY_MS = 100 };

struct fixture {
    char folder[64];
    char path[128];
    struct sqlite_db writer, other;
    struct sqlite_error error;
    int fd; /* the database's; open to the end, as its closing would drop SQLite's locks */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    test_folder_make(f->folder);
    (void)snprintf(f->path, sizeof f->path, "%s/a.db", f->folder);
    faulty_vfs_install();
    assert_int_equal(sqlite_db_open(&f->writer, f->path, SQLITE_DB_CREATE, BUSY_MS, &f->error), 0);
    assert_int_equal(sqlite_db_open(&f->other, f->path, SQLITE_DB_BESIDE, BUSY_MS, &f->error), 0);
    f->fd = open(f->path, O_RDWR | O_CLOEXEC);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    faulty_vfs_heal();
    sqlite_db_close(&f->other);
    sqlite_db_close(&f->writer);
    close(f->fd);
    faulty_vfs_remove();
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static void run(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void insert(sqlite3 *db, int from, int rows)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE c(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM c WHERE i < %d) "
                   "INSERT INTO reviews SELECT 'u' || i, i, hex(zeroblob(500)), 'a', 'b' FROM c",
                   from, from + rows - 1);
    run(db, sql);
}

static sqlite3 *open_reader(const struct fixture *f)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    run(db, "BEGIN");
    assert_int_equal(test_sqlite_number(db, "SELECT count(*) FROM reviews"), ROWS);
    return db;
}

/* What the disk has when the pages written since `size` and `content` were taken are lost. */
static void lose(const struct fixture *f, const char *content, off_t size)
{
    assert_int_equal(pwrite(f->fd, content, (size_t)size, 0), size);
    assert_int_equal(ftruncate(f->fd, size), 0);
}

static void assert_sound(const struct fixture *f, int64_t rows)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    assert_int_equal(test_sqlite_number(db, "SELECT count(*) FROM reviews"), rows);
    assert_int_equal(
        test_sqlite_number(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    sqlite3_close(db);
}

/* Makes a checkpoint of some of the WAL whose fsync fails and whose pages are lost. */
static sqlite3 *fail_and_lose(struct fixture *f)
{
    struct stat info;
    bool complete = true;
    insert(f->writer.handle, 1, ROWS);
    sqlite3 *reader = open_reader(f);
    insert(f->writer.handle, ROWS + 1, ROWS);
    assert_int_equal(fstat(f->fd, &info), 0);
    char *content = calloc(1, (size_t)info.st_size + 1);
    assert_int_equal(pread(f->fd, content, (size_t)info.st_size, 0), info.st_size);
    faulty_vfs_fail(
        (struct faulty_rule){FAULTY_SYNC, FAULTY_DB, 0, 1, SQLITE_IOERR_FSYNC, EIO, false});
    assert_int_equal(sqlite_wal_checkpoint(&f->other, &complete, &f->error), -1);
    assert_false(complete);
    assert_int_equal(f->error.kind, SQLITE_KIND_IO);
    assert_non_null(strstr(f->error.reason, f->path));
    lose(f, content, info.st_size);
    free(content);
    return reader;
}

static void a_failed_checkpoint_is_made_anew(void **state)
{
    struct fixture *f = *state;
    bool complete = false;
    sqlite3 *reader = fail_and_lose(f);
    assert_true(sqlite_wal_anew(&f->other));
    sqlite3_close(reader);
    assert_int_equal(sqlite_wal_checkpoint(&f->writer, &complete, &f->error), 0);
    assert_true(complete);
    insert(f->writer.handle, 2 * ROWS + 1, 1); /* overwrites the WAL's start */
    assert_int_equal(sqlite_wal_checkpoint(&f->other, &complete, &f->error), 0);
    assert_sound(f, 2 * ROWS + 1);
}

/* Somebody else is checkpointing: not now, but later. */
static void not_while_another_process_is_at_it(void **state)
{
    struct fixture *f = *state;
    sqlite3_file *file = NULL;
    sqlite3 *reader = fail_and_lose(f);
    assert_int_equal(sqlite3_file_control(reader, "main", SQLITE_FCNTL_FILE_POINTER, &file), 0);
    const int lock = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
    assert_int_equal(file->pMethods->xShmLock(file, 1, 1, lock), SQLITE_OK);
    assert_false(sqlite_wal_anew(&f->other));
    const int unlock = SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE;
    assert_int_equal(file->pMethods->xShmLock(file, 1, 1, unlock), SQLITE_OK);
    assert_true(sqlite_wal_anew(&f->other));
    sqlite3_close(reader);
}

/* Nor does the last connection move anything then: the next start reads the whole WAL. */
static void a_kept_wal_is_recovered_from(void **state)
{
    struct fixture *f = *state;
    sqlite3 *reader = fail_and_lose(f);
    sqlite3_close(reader);
    sqlite_wal_keep(&f->writer);
    sqlite_db_close(&f->other);
    sqlite_db_close(&f->writer);
    assert_sound(f, 2 * ROWS);
}

static void an_incomplete_checkpoint_is_synced(void **state)
{
    struct fixture *f = *state;
    bool complete = true;
    insert(f->writer.handle, 1, ROWS);
    sqlite3 *reader = open_reader(f);
    insert(f->writer.handle, ROWS + 1, ROWS);
    int syncs = faulty_vfs_count(FAULTY_SYNC);
    assert_int_equal(sqlite_wal_checkpoint(&f->other, &complete, &f->error), 0);
    assert_false(complete);
    assert_true(faulty_vfs_count(FAULTY_SYNC) >= syncs + 2); /* the WAL, the database */
    sqlite3_close(reader);
}

/* All was moved and SQLite content; then our own sync fails: it does not count as moved. */
static void a_checkpoint_that_is_not_synced_is_not_complete(void **state)
{
    struct fixture *f = *state;
    bool complete = true;
    insert(f->writer.handle, 1, ROWS);
    int pages = f->writer.wal_pages;
    faulty_vfs_fail(
        (struct faulty_rule){FAULTY_SYNC, FAULTY_DB, 1, 1, SQLITE_IOERR_FSYNC, EIO, false});
    assert_int_equal(sqlite_wal_checkpoint(&f->writer, &complete, &f->error), -1);
    assert_false(complete);
    assert_int_equal(f->writer.wal_pages, pages);
    assert_true(sqlite_wal_anew(&f->writer));
    assert_int_equal(sqlite_wal_checkpoint(&f->writer, &complete, &f->error), 0);
    assert_true(complete);
    assert_int_equal(f->writer.wal_pages, 0);
    assert_sound(f, ROWS);
}

/* What a transaction gathers for the WAL and then rolls back must not lie about anywhere. */
static void nothing_is_written_before_a_commit(void **state)
{
    struct fixture *f = *state;
    insert(f->writer.handle, 1, 1);
    int writes = faulty_vfs_count(FAULTY_WRITE);
    run(f->writer.handle, "BEGIN IMMEDIATE");
    insert(f->writer.handle, 2, 20000); /* 20 MB: far more than its cache */
    assert_int_equal(faulty_vfs_count(FAULTY_WRITE), writes);
    run(f->writer.handle, "ROLLBACK");
    insert(f->other.handle, 2, 10);
    insert(f->writer.handle, 12, 10);
    assert_sound(f, 21);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_failed_checkpoint_is_made_anew),
        CASE(not_while_another_process_is_at_it),
        CASE(a_kept_wal_is_recovered_from),
        CASE(an_incomplete_checkpoint_is_synced),
        CASE(nothing_is_written_before_a_commit),
        CASE(a_checkpoint_that_is_not_synced_is_not_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
