/* Opening the embedded store: new, older, newer, foreign, damaged, locked and unwritable files. */
#include "store/sqlite.h"

#include "store/sqlite_schema.h"
#include "support/alloc.h"
#include "support/faulty_vfs.h"
#include "support/store_help.h"
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const int64_t T0 = INT64_C(1764328591363902);

struct fixture {
    char folder[64];
    char path[128];
    char reason[STORE_ERROR_SIZE];
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

static struct store *open_path(struct fixture *f, const char *path)
{
    struct store_config config = {
        .clock = clock_system(), .queue_limit = 10, .put_deadline_ms = 1000};
    return store_sqlite_open(path, &config, f->reason);
}

static void assert_opens(struct fixture *f)
{
    struct store *store = open_path(f, f->path);
    if (store == NULL) {
        fail_msg("%s", f->reason);
    }
    store_close(store);
}

static void assert_refused(struct fixture *f, const char *part_of_reason)
{
    assert_null(open_path(f, f->path));
    if (strstr(f->reason, part_of_reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", f->reason, part_of_reason);
    }
    assert_null(strchr(f->reason, '\n'));
}

/* Runs SQL on the file, and gives the text of the first column of the last row. */
static const char *sql(const char *path, const char *text)
{
    static char answer[256];
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    const char *rest = text;
    answer[0] = '\0';
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    while (rest[0] != '\0') {
        assert_int_equal(sqlite3_prepare_v2(db, rest, -1, &statement, &rest), SQLITE_OK);
        while (statement != NULL && sqlite3_step(statement) == SQLITE_ROW) {
            (void)snprintf(answer, sizeof answer, "%s",
                           (const char *)sqlite3_column_text(statement, 0));
        }
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
    return answer;
}

static void new_database_is_as_promised(void **state)
{
    struct fixture *f = *state;
    assert_opens(f);
    assert_string_equal(sql(f->path, "PRAGMA journal_mode"), "wal");
    assert_string_equal(
        sql(f->path, "SELECT group_concat(name || ' ' || type || pk, ',') FROM "
                     "pragma_table_info('reviews')"),
        "user_name TEXT0,timestamp TEXT0,review TEXT0,sentiment TEXT0,polarity_score TEXT0");
    assert_string_equal(
        sql(f->path, "SELECT count(*) FROM pragma_index_list('reviews') WHERE \"unique\""), "1");
    assert_string_equal(
        sql(f->path, "SELECT group_concat(name) FROM pragma_index_info('reviews_key')"),
        "timestamp,user_name");
}

static void claims_and_listings_use_their_indexes(void **state)
{
    struct fixture *f = *state;
    assert_opens(f);
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    char plan[512] = "";
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(
            db,
            "EXPLAIN QUERY PLAN SELECT o.id, r.review FROM outbox o LEFT JOIN reviews r "
            "ON r.user_name = o.user_name AND r.timestamp = o.timestamp "
            "WHERE o.state = 0 ORDER BY o.due_us, o.id",
            -1, &statement, NULL),
        SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        (void)strncat(plan, (const char *)sqlite3_column_text(statement, 3),
                      sizeof plan - strlen(plan) - 1);
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    assert_non_null(strstr(plan, "outbox_due"));
    assert_non_null(strstr(plan, "reviews_key"));
    assert_null(strstr(plan, "B-TREE")); /* nothing is sorted */
}

static void folders_are_made(void **state)
{
    struct fixture *f = *state;
    struct stat info;
    (void)snprintf(f->path, sizeof f->path, "%s/a//b/c/reviews.db", f->folder);
    mode_t mask = umask(022);
    assert_opens(f);
    umask(mask);
    assert_int_equal(stat(test_path(f->folder, "a/b"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0750);
}

static void folder_that_cannot_be_made(void **state)
{
    struct fixture *f = *state;
    (void)snprintf(f->path, sizeof f->path, "%s/file", f->folder);
    close(open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    (void)snprintf(f->path, sizeof f->path, "%s/file/x/reviews.db", f->folder);
    assert_refused(f, "cannot make the folder");
}

static void relative_path_without_folder(void **state)
{
    struct fixture *f = *state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f->folder), 0);
    (void)snprintf(f->path, sizeof f->path, "reviews.db");
    assert_opens(f);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(access(test_path(f->folder, "reviews.db"), F_OK), 0);
}

/* Every version that was ever released opens, keeps its reviews, and takes new ones. */
static void older_versions_are_migrated(void **state)
{
    struct fixture *f = *state;
    for (int version = 0; version < sqlite_schema_latest(); version++) {
        sqlite3 *db = NULL;
        (void)snprintf(f->path, sizeof f->path, "%s/version%d.db", f->folder, version);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite_schema_migrate(db, version), SQLITE_OK);
        sqlite3_close(db);
        if (version >= 1) {
            sql(f->path, "INSERT INTO reviews VALUES('old', '2025-11-28T11:16:31.000001', 'r', "
                         "'Neutral', '0.0')");
        }
        struct store *store = open_path(f, f->path);
        assert_non_null(store);
        assert_int_equal(test_put_now(store, "new", T0, true), STORE_OK);
        store_close(store);
        assert_string_equal(sql(f->path, "SELECT count(*) FROM reviews"), version >= 1 ? "2" : "1");
        assert_int_equal(atoi(sql(f->path, "PRAGMA user_version")), sqlite_schema_latest());
    }
}

static void newer_version_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    char text[64];
    assert_opens(f);
    (void)snprintf(text, sizeof text, "PRAGMA user_version = %d", sqlite_schema_latest() + 1);
    sql(f->path, text);
    assert_refused(f, "use a newer reviewd");
    assert_int_equal(atoi(sql(f->path, "PRAGMA user_version")), sqlite_schema_latest() + 1);
}

static void database_of_another_program_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    sql(f->path, "CREATE TABLE reviews(user_name TEXT)");
    assert_refused(f, "of another program");
    assert_string_equal(sql(f->path, "PRAGMA journal_mode"), "delete");
    sql(f->path, "PRAGMA application_id = 42; DROP TABLE reviews");
    assert_refused(f, "of another program");
}

static void file_that_is_no_database_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    char text[64] = "";
    FILE *file = fopen(f->path, "we");
    assert_non_null(file);
    for (int i = 0; i < 200; i++) {
        assert_true(fputs("these are notes, not a database\n", file) >= 0);
    }
    (void)fclose(file);
    assert_refused(f, "not a database");
    file = fopen(f->path, "re");
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    assert_string_equal(text, "these are notes, not a database\n");
}

static void damaged_header_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_opens(f);
    FILE *file = fopen(f->path, "r+e");
    assert_int_equal(fwrite("junkjunkjunkjunkjunk", 1, 20, file), 20);
    (void)fclose(file);
    assert_refused(f, "restore a backup");
}

static void folder_in_place_of_the_file_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_refused(f, "is a folder, not a file: name a file in it");
    assert_int_not_equal(access(test_path(f->folder, "reviews.db-lock"), F_OK), 0);
}

static void second_process_is_refused(void **state)
{
    struct fixture *f = *state;
    char expected[64];
    struct store *store = open_path(f, f->path);
    assert_non_null(store);
    (void)snprintf(expected, sizeof expected, "in use by process %ld", (long)getpid());
    assert_refused(f, expected);
    /* Another name for the same file is no way around it. */
    char saved[sizeof f->path];
    memcpy(saved, f->path, sizeof saved);
    assert_int_equal(symlink("reviews.db", test_path(f->folder, "alias.db")), 0);
    (void)snprintf(f->path, sizeof f->path, "%s/alias.db", f->folder);
    assert_refused(f, expected);
    memcpy(f->path, saved, sizeof saved);
    store_close(store);
    assert_opens(f);
}

static void others_may_read_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct store *store = open_path(f, f->path);
    assert_int_equal(test_put_now(store, "a", T0, false), STORE_OK);
    assert_string_equal(sql(f->path, "SELECT user_name FROM reviews"), "a");
    store_close(store);
}

/* Root may write anywhere, so the attempt is made as nobody, in a process of its own. */
static void unwritable_file_is_refused(void **state)
{
    struct fixture *f = *state;
    if (geteuid() != 0) {
        skip();
    }
    assert_opens(f);
    assert_int_equal(chmod(f->folder, 0777), 0);
    assert_int_equal(chmod(test_path(f->folder, "reviews.db-lock"), 0666), 0);
    assert_int_equal(chmod(f->path, 0444), 0);
    pid_t child = fork();
    if (child == 0) {
        if (setegid(65534) != 0 || seteuid(65534) != 0) {
            _exit(2);
        }
        struct store *store = open_path(f, f->path);
        _exit(store == NULL && strstr(f->reason, "writable for this user") != NULL ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void disk_that_fails_while_opening(void **state)
{
    struct fixture *f = *state;
    static const struct faulty_rule rules[] = {
        {FAULTY_WRITE, FAULTY_BOTH, 0, -1, SQLITE_FULL, ENOSPC, true},
        {FAULTY_SYNC, FAULTY_BOTH, 0, -1, SQLITE_IOERR_FSYNC, EIO, false},
        {FAULTY_OPEN, FAULTY_BOTH, 0, -1, SQLITE_CANTOPEN, EACCES, false},
        {FAULTY_OPEN, FAULTY_WAL, 0, -1, SQLITE_CANTOPEN, EMFILE, false},
    };
    faulty_vfs_install();
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        for (int after = 0; after < 4; after++) {
            struct faulty_rule rule = rules[i];
            rule.after = after;
            faulty_vfs_fail(rule);
            struct store *store = open_path(f, f->path);
            if (store == NULL) {
                assert_non_null(strstr(f->reason, f->path));
            }
            store_close(store);
            faulty_vfs_heal();
            assert_opens(f); /* whatever was left half made */
            assert_int_equal(unlink(f->path), 0);
        }
    }
    faulty_vfs_remove();
}

static void memory_that_runs_out_while_opening(void **state)
{
    struct fixture *f = *state;
    struct store *store = NULL;
    long n = 0;
    do {
        alloc_fail_at(++n);
        store = open_path(f, f->path);
        alloc_fail_at(0);
    } while (store == NULL && strstr(f->reason, "out of memory") != NULL && n < 100);
    assert_non_null(store);
    assert_true(n > 1);
    store_close(store);
}

static void memory_that_runs_out_while_claiming(void **state)
{
    struct fixture *f = *state;
    struct outbox_entry entries[3] = {0};
    int64_t next = 0;
    struct store *store = open_path(f, f->path);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(test_put_now(store, "a", T0 + i, true), STORE_OK);
    }
    alloc_fail_at(1); /* the list of claims */
    assert_int_equal(store_claim(store, T0 + 10, entries, 3, &next), -1);
    alloc_fail_at(2); /* the first entry */
    assert_int_equal(store_claim(store, T0 + 10, entries, 3, &next), -1);
    alloc_fail_at(2); /* the second one; the list is there by now */
    assert_int_equal(store_claim(store, T0 + 10, entries, 3, &next), 1);
    assert_int_equal(next, T0 + 1);
    outbox_entry_free(&entries[0]);
    alloc_fail_at(0);
    assert_int_equal(store_claim(store, T0 + 10, entries, 3, &next), 2);
    struct outbox_outcome outcomes[2] = {{.id = entries[0].id, .what = OUTBOX_DEAD},
                                         {.id = entries[1].id, .what = OUTBOX_DEAD}};
    outbox_entry_free(&entries[0]);
    outbox_entry_free(&entries[1]);
    assert_int_equal(store_settle(store, outcomes, 2), 0);
    alloc_fail_at(2);
    assert_int_equal(store_dead_list(store, 0, entries, 3), -1);
    alloc_fail_at(0);
    assert_int_equal(store_dead_list(store, 0, entries, 3), 2);
    outbox_entry_free(&entries[0]);
    outbox_entry_free(&entries[1]);
    store_close(store);
}

static void duty_without_its_review_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct outbox_entry entry = {0};
    struct outbox_counts counts;
    int64_t next = 0;
    struct store *store = open_path(f, f->path);
    assert_int_equal(test_put_now(store, "a", T0, true), STORE_OK);
    assert_int_equal(test_put_now(store, "b", T0 + 1, true), STORE_OK);
    sql(f->path, "DELETE FROM reviews WHERE user_name = 'a'");
    assert_int_equal(store_claim(store, T0 + 5, &entry, 1, &next), 1);
    assert_memory_equal(entry.item.user_name.ptr, "b", 1);
    assert_true(next == INT64_MAX);
    outbox_entry_free(&entry);
    assert_int_equal(store_count(store, &counts), 0);
    assert_int_equal(counts.pending, 1);
    store_close(store);
}

#define OPEN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPEN_TEST(new_database_is_as_promised),
        OPEN_TEST(claims_and_listings_use_their_indexes),
        OPEN_TEST(folders_are_made),
        OPEN_TEST(folder_that_cannot_be_made),
        OPEN_TEST(relative_path_without_folder),
        OPEN_TEST(older_versions_are_migrated),
        OPEN_TEST(newer_version_is_refused_and_left_alone),
        OPEN_TEST(database_of_another_program_is_refused_and_left_alone),
        OPEN_TEST(file_that_is_no_database_is_refused_and_left_alone),
        OPEN_TEST(damaged_header_is_refused),
        OPEN_TEST(folder_in_place_of_the_file_is_refused),
        OPEN_TEST(second_process_is_refused),
        OPEN_TEST(others_may_read_meanwhile),
        OPEN_TEST(unwritable_file_is_refused),
        OPEN_TEST(disk_that_fails_while_opening),
        OPEN_TEST(memory_that_runs_out_while_opening),
        OPEN_TEST(memory_that_runs_out_while_claiming),
        OPEN_TEST(duty_without_its_review_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
