/* The embedded store when the disk, the locks or the files fail it: what was acknowledged stays,
 * what was refused is told so, readiness says why, and all goes on when the cause is gone. */
#include "store/sqlite.h"

#include "support/fake.h"
#include "support/faulty_vfs.h"
#include "support/sqlite_help.h"
#include "support/store_help.h"
#include "support/test.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_MS = 400, QUEUE_LIMIT = 4 };

static const int64_t T0 = INT64_C(1764328591363902);

struct fixture {
    char folder[64];
    char path[128];
    struct fake_clock clock;
    struct metrics *metrics;
    struct store *store;
};

static void open_store(struct fixture *f)
{
    char reason[STORE_ERROR_SIZE];
    struct store_config config = {.metrics = f->metrics,
                                  .clock = &f->clock.clock,
                                  .queue_limit = QUEUE_LIMIT,
                                  .put_deadline_ms = DEADLINE_MS};
    f->store = store_sqlite_open(f->path, &config, reason);
    assert_non_null(f->store);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    test_folder_make(f->folder);
    (void)snprintf(f->path, sizeof f->path, "%s/reviews.db", f->folder);
    fake_clock_init(&f->clock, T0);
    f->metrics = metrics_new();
    faulty_vfs_install();
    open_store(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    faulty_vfs_heal();
    faulty_vfs_hold(false);
    store_close(f->store);
    faulty_vfs_remove();
    metrics_free(f->metrics);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

/* The single number that a query gives, through a connection of its own on a sound disk; -1 when
 * none. */
static int64_t query(const char *path, const char *text)
{
    sqlite3 *db = NULL;
    int64_t result = -1;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix") == SQLITE_OK) {
        result = test_sqlite_number(db, text);
    }
    sqlite3_close(db);
    return result;
}

static int64_t stored(struct fixture *f)
{
    return query(f->path, "SELECT count(*) FROM reviews");
}

static int64_t errors(struct fixture *f, const char *kind)
{
    char labels[48];
    (void)snprintf(labels, sizeof labels, "kind=\"%s\"", kind);
    return metric_value(metrics_counter(
        f->metrics, (struct metric_name){"reviewd_store_errors_total", "", labels}));
}

static void assert_not_ready(struct fixture *f, const char *part_of_reason)
{
    char reason[STORE_ERROR_SIZE] = "";
    assert_false(store_ready(f->store, reason));
    if (strstr(reason, part_of_reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", reason, part_of_reason);
    }
}

/* Waits up to a few seconds of real time until the store's thread has made it so. */
static void assert_ready_soon(struct fixture *f, bool expected)
{
    char reason[STORE_ERROR_SIZE] = "";
    for (int i = 0; i < 500 && store_ready(f->store, reason) != expected; i++) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    assert_int_equal(store_ready(f->store, reason), expected);
}

static enum store_result put(struct fixture *f, int64_t offset)
{
    return test_put_now(f->store, "a", T0 + offset, true);
}

/* One failure of every kind that the disk knows: refused, told, counted, over again. */
static void put_through_failure(struct fixture *f, struct faulty_rule rule, const char *kind,
                                const char *reason)
{
    assert_int_equal(put(f, 1), STORE_OK);
    faulty_vfs_fail(rule);
    assert_int_equal(put(f, 2), STORE_UNAVAILABLE);
    assert_not_ready(f, reason);
    assert_int_equal(errors(f, kind), 1);

    /* 99 ms later nothing is tried, 100 ms later it is. */
    fake_clock_advance(&f->clock, 99999);
    int writes = faulty_vfs_count(rule.op);
    assert_int_equal(put(f, 3), STORE_UNAVAILABLE);
    assert_int_equal(faulty_vfs_count(rule.op), writes);
    fake_clock_advance(&f->clock, 1);
    assert_int_equal(put(f, 4), STORE_UNAVAILABLE);
    assert_int_equal(errors(f, kind), 2);

    faulty_vfs_heal();
    fake_clock_advance(&f->clock, 100000);
    assert_int_equal(put(f, 5), STORE_OK);
    assert_ready_soon(f, true);
    struct outbox_counts counts;
    assert_int_equal(store_count(f->store, &counts), 0);
    assert_int_equal(counts.pending, 2);
    store_close(f->store);
    assert_int_equal(
        query(f->path, "SELECT count(*) FROM reviews JOIN outbox USING (user_name, timestamp)"), 2);
    assert_int_equal(stored(f), 2);
    open_store(f);
}

static void full_disk(void **state)
{
    put_through_failure(
        *state, (struct faulty_rule){FAULTY_WRITE, FAULTY_BOTH, 0, -1, SQLITE_FULL, ENOSPC, true},
        "full", "free some space");
}

static void disk_that_is_full_in_the_middle_of_a_commit(void **state)
{
    put_through_failure(
        *state, (struct faulty_rule){FAULTY_WRITE, FAULTY_WAL, 0, -1, SQLITE_FULL, ENOSPC, true},
        "full", "free some space");
}

static void write_error(void **state)
{
    put_through_failure(
        *state,
        (struct faulty_rule){FAULTY_WRITE, FAULTY_BOTH, 0, -1, SQLITE_IOERR_WRITE, EIO, false},
        "io", "disk errors");
}

static void fsync_error(void **state)
{
    put_through_failure(
        *state,
        (struct faulty_rule){FAULTY_SYNC, FAULTY_BOTH, 0, -1, SQLITE_IOERR_FSYNC, EIO, false}, "io",
        "disk errors");
}

static void fsync_that_finds_the_disk_full(void **state)
{
    put_through_failure(
        *state,
        (struct faulty_rule){FAULTY_SYNC, FAULTY_BOTH, 0, -1, SQLITE_IOERR_FSYNC, ENOSPC, false},
        "full", "free some space");
}

static void quota(void **state)
{
    put_through_failure(
        *state,
        (struct faulty_rule){FAULTY_WRITE, FAULTY_WAL, 0, -1, SQLITE_IOERR_WRITE, EDQUOT, false},
        "full", "free some space");
}

static void read_only_disk(void **state)
{
    put_through_failure(
        *state,
        (struct faulty_rule){FAULTY_WRITE, FAULTY_BOTH, 0, -1, SQLITE_IOERR_WRITE, EROFS, false},
        "readonly", "writable");
}

/* The disk says no to one fsync only: the refused transaction's frames lie whole in the WAL. A kill
 * right after, here a copy of the files as they are, must not bring them back. */
static void refused_commit_does_not_come_back_after_a_kill(void **state)
{
    struct fixture *f = *state;
    char command[512];
    assert_int_equal(put(f, 1), STORE_OK);
    faulty_vfs_fail(
        (struct faulty_rule){FAULTY_SYNC, FAULTY_WAL, 0, 1, SQLITE_IOERR_FSYNC, EIO, false});
    assert_int_equal(put(f, 2), STORE_UNAVAILABLE);
    const char *copy = test_path(f->folder, "copy");
    static const char *const suffixes[] = {"", "-wal"};
    for (int i = 0; i < 2; i++) {
        char data[1 << 16];
        size_t n;
        (void)snprintf(command, sizeof command, "%s%s", f->path, suffixes[i]);
        FILE *from = fopen(command, "re");
        (void)snprintf(command, sizeof command, "%s%s", copy, suffixes[i]);
        FILE *to = fopen(command, "we");
        while ((n = fread(data, 1, sizeof data, from)) > 0) {
            assert_int_equal(fwrite(data, 1, n, to), n);
        }
        (void)fclose(from);
        (void)fclose(to);
    }
    assert_int_equal(query(copy, "SELECT count(*) FROM reviews"), 1);
}

static void recovers_without_puts(void **state)
{
    struct fixture *f = *state;
    faulty_vfs_fail(
        (struct faulty_rule){FAULTY_WRITE, FAULTY_BOTH, 0, -1, SQLITE_FULL, ENOSPC, false});
    assert_int_equal(put(f, 1), STORE_UNAVAILABLE);
    fake_clock_advance(&f->clock, 1000000);
    for (int i = 0; i < 300 && errors(f, "full") < 2; i++) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    assert_true(errors(f, "full") >= 2); /* it tried by itself */
    assert_not_ready(f, "free some space");
    faulty_vfs_heal();
    fake_clock_advance(&f->clock, 1000000);
    assert_ready_soon(f, true);
    assert_int_equal(put(f, 2), STORE_OK);
}

static void settling_fails_whole_and_can_be_repeated(void **state)
{
    struct fixture *f = *state;
    struct outbox_entry entries[2] = {0};
    struct outbox_counts counts;
    int64_t next;
    assert_int_equal(put(f, 1), STORE_OK);
    assert_int_equal(put(f, 2), STORE_OK);
    assert_int_equal(store_claim(f->store, T0 + 2, entries, 2, &next), 2);
    struct outbox_outcome outcomes[2] = {{.id = entries[0].id, .what = OUTBOX_SENT},
                                         {.id = entries[1].id, .what = OUTBOX_DEAD}};
    faulty_vfs_fail(
        (struct faulty_rule){FAULTY_SYNC, FAULTY_WAL, 0, -1, SQLITE_IOERR_FSYNC, EIO, false});
    assert_int_equal(store_settle(f->store, outcomes, 2), -1);
    assert_not_ready(f, "disk errors");
    faulty_vfs_heal();
    assert_int_equal(store_claim(f->store, T0 + 2, entries, 2, &next), 0); /* still claimed */
    assert_int_equal(store_count(f->store, &counts), 0);
    assert_int_equal(counts.pending, 2);
    fake_clock_advance(&f->clock, 100000);
    assert_int_equal(store_settle(f->store, outcomes, 2), 0);
    assert_ready_soon(f, true);
    assert_int_equal(store_count(f->store, &counts), 0);
    assert_int_equal(counts.pending, 0);
    assert_int_equal(counts.dead, 1);
    outbox_entry_free(&entries[0]);
    outbox_entry_free(&entries[1]);
}

/* Two duties have lost their reviews, and the disk fails between dropping one and the other. */
static void what_was_dropped_before_a_failure_is_counted(void **state)
{
    struct fixture *f = *state;
    struct outbox_entry entries[3] = {0};
    struct outbox_counts counts;
    int64_t next = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(put(f, i), STORE_OK);
    }
    query(f->path, "DELETE FROM reviews WHERE rowid < 3");
    assert_int_equal(store_count(f->store, &counts), 0);
    assert_int_equal(counts.pending, 3);
    faulty_vfs_fail(
        (struct faulty_rule){FAULTY_SYNC, FAULTY_WAL, 1, -1, SQLITE_IOERR_FSYNC, EIO, false});
    assert_int_equal(store_claim(f->store, T0 + 10, entries, 3, &next), 1);
    faulty_vfs_heal();
    assert_int_equal(store_count(f->store, &counts), 0);
    assert_int_equal(counts.pending, 2);
    assert_int_equal(query(f->path, "SELECT count(*) FROM outbox"), 2);
    outbox_entry_free(&entries[0]);
}

static void reading_fails(void **state)
{
    struct fixture *f = *state;
    struct outbox_entry entry = {0};
    int64_t next = 0;
    assert_int_equal(put(f, 1), STORE_OK);
    store_close(f->store);
    open_store(f); /* with a cold cache */
    faulty_vfs_fail(
        (struct faulty_rule){FAULTY_READ, FAULTY_BOTH, 0, -1, SQLITE_IOERR_READ, EIO, false});
    assert_int_equal(store_claim(f->store, T0 + 1, &entry, 1, &next), -1);
    assert_true(next == INT64_MAX);
    faulty_vfs_heal();
    assert_int_equal(store_claim(f->store, T0 + 1, &entry, 1, &next), 1);
    outbox_entry_free(&entry);
}

static void lock_of_another_program(void **state)
{
    struct fixture *f = *state;
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    int64_t start = clock_mono_us(clock_system());
    assert_int_equal(put(f, 1), STORE_UNAVAILABLE);
    assert_true(clock_mono_us(clock_system()) - start < DEADLINE_MS * 1000);
    assert_not_ready(f, "locked");
    assert_int_equal(errors(f, "busy"), 1);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    fake_clock_advance(&f->clock, 100000);
    assert_int_equal(put(f, 2), STORE_OK);
    sqlite3_close(other);
}

static void short_lock_of_another_program_is_waited_for(void **state)
{
    struct fixture *f = *state;
    struct test_put p;
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    test_put_init(&p, "a", T0, false);
    assert_int_equal(store_put(f->store, &p.put), STORE_OK);
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    assert_int_equal(test_put_calls(&p), 0);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(test_put_wait(&p), STORE_OK);
    sqlite3_close(other);
}

static void database_deleted_while_open(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, 1), STORE_OK);
    assert_int_equal(rename(f->path, test_path(f->folder, "away")), 0);
    assert_int_equal(put(f, 2), STORE_UNAVAILABLE);
    assert_not_ready(f, "deleted or replaced");
    fake_clock_advance(&f->clock, 100000);
    assert_int_equal(put(f, 3), STORE_UNAVAILABLE); /* no new one is made in its place */
    assert_not_ready(f, "its main file was deleted or replaced: put it back");
    assert_int_equal(errors(f, "moved"), 2);
    assert_int_not_equal(access(f->path, F_OK), 0);
    assert_int_equal(rename(test_path(f->folder, "away"), f->path), 0);
    fake_clock_advance(&f->clock, 100000);
    assert_int_equal(put(f, 4), STORE_OK);
    assert_int_equal(query(f->path, "SELECT count(*) FROM reviews WHERE timestamp LIKE '%363903'"),
                     1);
    assert_int_equal(query(f->path, "PRAGMA quick_check"), 0);
}

/* Makes other.db in the folder, a database of ours with `reviews` in it, each to be mailed. */
static struct fixture make_other(const struct fixture *f, int reviews)
{
    struct fixture other = *f;
    (void)snprintf(other.path, sizeof other.path, "%s/other.db", f->folder);
    open_store(&other);
    for (int i = 0; i < reviews; i++) {
        assert_int_equal(put(&other, 100 + i), STORE_OK);
    }
    store_close(other.store);
    return other;
}

/* Another database of ours takes the place: the log of the old one must not be played into it. */
static void database_replaced_while_open(void **state)
{
    struct fixture *f = *state;
    struct fixture other = make_other(f, 1);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(put(f, i), STORE_OK);
    }
    assert_int_equal(rename(other.path, f->path), 0);
    assert_int_equal(put(f, 50), STORE_UNAVAILABLE);
    fake_clock_advance(&f->clock, 100000);
    assert_int_equal(put(f, 51), STORE_OK);
    assert_int_equal(stored(f), 2);
    struct outbox_counts counts;
    assert_int_equal(store_count(f->store, &counts), 0);
    assert_int_equal(counts.pending, 2);
    store_close(f->store);
    assert_int_equal(
        query(f->path, "SELECT count(*) FROM pragma_quick_check WHERE quick_check = 'ok'"), 1);
    open_store(f);
}

static int claim_one(struct fixture *f, struct outbox_entry *entry)
{
    int64_t next = 0;
    return store_claim(f->store, T0 + 1000, entry, 1, &next);
}

/* The mail of one database is under way when another takes the place, in which another duty has the
 * same id: that one is mailed after all, whatever becomes of the first. */
static void what_is_settled_of_a_replaced_database_concerns_that_one_only(void **state)
{
    struct fixture *f = *state;
    struct outbox_counts counts;
    for (int what = OUTBOX_SENT; what <= OUTBOX_DEAD; what++) {
        struct outbox_entry old = {0};
        struct outbox_entry new = {0};
        assert_int_equal(put(f, 1), STORE_OK);
        assert_int_equal(claim_one(f, &old), 1);
        struct fixture other = make_other(f, 1);
        assert_int_equal(rename(other.path, f->path), 0);
        assert_int_equal(put(f, 50), STORE_UNAVAILABLE);
        fake_clock_advance(&f->clock, 100000);
        assert_int_equal(store_dead_requeue(f->store, 0), 0); /* connects again */
        assert_int_equal(claim_one(f, &new), 0);

        struct outbox_outcome outcome = {.id = old.id, .what = what, .due_us = T0 + 5000};
        assert_int_equal(store_settle(f->store, &outcome, 1), 0);
        assert_int_equal(store_count(f->store, &counts), 0);
        assert_int_equal(counts.pending, 1);
        assert_int_equal(counts.dead, 0);
        assert_int_equal(claim_one(f, &new), 1);
        assert_int_equal(new.id, old.id);
        assert_int_equal(new.created_us, T0 + 100);
        assert_int_equal(new.attempts, 0);
        outcome = (struct outbox_outcome){.id = new.id, .what = OUTBOX_SENT};
        assert_int_equal(store_settle(f->store, &outcome, 1), 0);
        assert_int_equal(store_count(f->store, &counts), 0);
        assert_int_equal(counts.pending, 0);
        outbox_entry_free(&old);
        outbox_entry_free(&new);
        store_close(f->store);
        assert_int_equal(unlink(f->path), 0);
        open_store(f);
    }
}

static void log_deleted_while_open(void **state)
{
    struct fixture *f = *state;
    char wal[160];
    (void)snprintf(wal, sizeof wal, "%s-wal", f->path);
    assert_int_equal(put(f, 1), STORE_OK);
    assert_int_equal(unlink(wal), 0);
    assert_int_equal(put(f, 2), STORE_UNAVAILABLE);
    assert_not_ready(f, "-wal");
    fake_clock_advance(&f->clock, 100000);
    assert_int_equal(put(f, 3), STORE_OK);
    store_close(f->store);
    /* What was acknowledged is there; of the refused one, that may be said or not. */
    assert_int_equal(
        query(f->path, "SELECT count(*) FROM reviews WHERE substr(timestamp, -1) IN ('3', '5')"),
        2);
    open_store(f);
}

static void overwrite(const char *path, long at, size_t len)
{
    char junk[4096];
    memset(junk, 0xa5, sizeof junk);
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(junk, 1, len, file), len);
    (void)fclose(file);
}

static void damaged_page(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, 1), STORE_OK);
    store_close(f->store);
    int64_t page = query(f->path, "SELECT rootpage FROM sqlite_schema WHERE name = 'reviews_key'");
    overwrite(f->path, (long)(page - 1) * 4096, 4096);
    open_store(f);
    assert_int_equal(put(f, 2), STORE_UNAVAILABLE);
    assert_not_ready(f, "restore a backup");
    assert_true(errors(f, "corrupt") >= 1);
    fake_clock_advance(&f->clock, 1000000);
    nanosleep(&(struct timespec){1, 200000000}, NULL);
    assert_not_ready(f, "restore a backup"); /* that a page can be written proves nothing here */
    assert_int_equal(query(f->path, "SELECT count(*) FROM reviews NOT INDEXED"), 1);
}

static void queue_limit(void **state)
{
    struct fixture *f = *state;
    static struct test_put puts[QUEUE_LIMIT + 2];
    for (int i = 0; i < QUEUE_LIMIT + 2; i++) {
        test_put_init(&puts[i], "a", T0 + i, false);
    }
    faulty_vfs_hold(true);
    assert_int_equal(store_put(f->store, &puts[0].put), STORE_OK);
    faulty_vfs_wait_held(); /* the first is in the writer's hand, the rest waits */
    for (int i = 1; i <= QUEUE_LIMIT; i++) {
        assert_int_equal(store_put(f->store, &puts[i].put), STORE_OK);
    }
    struct metric *length =
        metrics_gauge(f->metrics, (struct metric_name){"reviewd_store_queue_length", "", NULL});
    assert_int_equal(metric_value(length), QUEUE_LIMIT);
    assert_int_equal(store_put(f->store, &puts[QUEUE_LIMIT + 1].put), STORE_BUSY);
    faulty_vfs_hold(false);
    for (int i = 0; i <= QUEUE_LIMIT; i++) {
        assert_int_equal(test_put_wait(&puts[i]), STORE_OK);
    }
    assert_int_equal(test_put_calls(&puts[QUEUE_LIMIT + 1]), 0);
    assert_int_equal(store_put(f->store, &puts[QUEUE_LIMIT + 1].put), STORE_OK);
    assert_int_equal(test_put_wait(&puts[QUEUE_LIMIT + 1]), STORE_OK);
    assert_int_equal(metric_value(length), 0);
}

/* Puts that wait behind a slow disk for one microsecond less than, exactly as long as, and longer
 * than allowed. */
static void put_deadline(void **state)
{
    struct fixture *f = *state;
    static struct test_put first;
    static struct test_put puts[3];
    test_put_init(&first, "a", T0, false);
    faulty_vfs_hold(true);
    assert_int_equal(store_put(f->store, &first.put), STORE_OK);
    faulty_vfs_wait_held();
    for (int i = 0; i < 3; i++) {
        test_put_init(&puts[i], "b", T0 + i, false);
        assert_int_equal(store_put(f->store, &puts[i].put), STORE_OK);
        fake_clock_advance(&f->clock, 1);
    }
    fake_clock_advance(&f->clock, DEADLINE_MS * 1000 - 2);
    faulty_vfs_hold(false);
    assert_int_equal(test_put_wait(&puts[0]), STORE_UNAVAILABLE);
    assert_int_equal(test_put_wait(&puts[1]), STORE_OK);
    assert_int_equal(test_put_wait(&puts[2]), STORE_OK);
    assert_int_equal(test_put_wait(&first), STORE_OK); /* it was in hand, not waiting */
    store_close(f->store);
    open_store(f);
    assert_int_equal(errors(f, "deadline"), 1);
    assert_int_equal(stored(f), 3);
}

static void nothing_is_acknowledged_before_its_fsync(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(put(f, i), STORE_OK);
        assert_false(faulty_vfs_unsynced());
    }
    assert_true(faulty_vfs_count(FAULTY_SYNC) >= 50);
}

static void what_cannot_be_written_at_the_close_is_told_so(void **state)
{
    struct fixture *f = *state;
    struct test_put puts[3];
    faulty_vfs_hold(true);
    for (int i = 0; i < 3; i++) {
        test_put_init(&puts[i], "a", T0 + i, false);
        assert_int_equal(store_put(f->store, &puts[i].put), STORE_OK);
    }
    faulty_vfs_wait_held();
    faulty_vfs_fail(
        (struct faulty_rule){FAULTY_SYNC, FAULTY_WAL, 0, -1, SQLITE_IOERR_FSYNC, EIO, false});
    faulty_vfs_hold(false);
    store_close(f->store);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(test_put_calls(&puts[i]), 1);
        assert_true(puts[i].result == STORE_CLOSED || puts[i].result == STORE_UNAVAILABLE);
    }
    faulty_vfs_heal();
    open_store(f);
}

#define FAILURE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAILURE_TEST(full_disk),
        FAILURE_TEST(disk_that_is_full_in_the_middle_of_a_commit),
        FAILURE_TEST(write_error),
        FAILURE_TEST(fsync_error),
        FAILURE_TEST(fsync_that_finds_the_disk_full),
        FAILURE_TEST(quota),
        FAILURE_TEST(read_only_disk),
        FAILURE_TEST(refused_commit_does_not_come_back_after_a_kill),
        FAILURE_TEST(recovers_without_puts),
        FAILURE_TEST(settling_fails_whole_and_can_be_repeated),
        FAILURE_TEST(what_was_dropped_before_a_failure_is_counted),
        FAILURE_TEST(reading_fails),
        FAILURE_TEST(lock_of_another_program),
        FAILURE_TEST(short_lock_of_another_program_is_waited_for),
        FAILURE_TEST(database_deleted_while_open),
        FAILURE_TEST(database_replaced_while_open),
        FAILURE_TEST(what_is_settled_of_a_replaced_database_concerns_that_one_only),
        FAILURE_TEST(log_deleted_while_open),
        FAILURE_TEST(damaged_page),
        FAILURE_TEST(queue_limit),
        FAILURE_TEST(put_deadline),
        FAILURE_TEST(nothing_is_acknowledged_before_its_fsync),
        FAILURE_TEST(what_cannot_be_written_at_the_close_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
