/* A look at the database, or at the place for one: says what is there, and changes nothing. */
#include "store/sqlite.h"

#include "store/sqlite_schema.h"
#include "support/store_help.h"
#include "support/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char folder[64];
    char path[128];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    test_folder_make(f->folder);
    (void)snprintf(f->path, sizeof f->path, "%s/odd%%3f?#.db", f->folder);
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

/* The files' names, sizes and times, in the order in which the folder has them; without the time of
 * the WAL's index, which a reader makes anew. */
static void list(const char *folder, char out[2048])
{
    DIR *dir = opendir(folder);
    size_t len = 0;
    assert_non_null(dir);
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        struct stat info;
        assert_int_equal(fstatat(dirfd(dir), d->d_name, &info, 0), 0);
        if (strstr(d->d_name, "-shm") != NULL) {
            info.st_mtim = (struct timespec){0};
        }
        if (strcmp(d->d_name, "..") != 0) {
            len += (size_t)snprintf(out + len, 2048 - len, "%s %lld %lld.%09ld\n", d->d_name,
                                    (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                                    info.st_mtim.tv_nsec);
        }
    }
    (void)closedir(dir);
}

static void assert_says(struct fixture *f, bool good, const char *part)
{
    char text[STORE_ERROR_SIZE] = "";
    char before[2048];
    char after[2048];
    list(f->folder, before);
    bool result = store_sqlite_check(f->path, text);
    list(f->folder, after);
    if (result != good || strstr(text, part) == NULL) {
        fail_msg("%d \"%s\" does not say \"%s\"", result, text, part);
    }
    assert_null(strchr(text, '\n'));
    assert_string_equal(after, before);
}

static void make(struct fixture *f, int version, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite_schema_migrate(db, version), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void nothing_is_there_yet(void **state)
{
    struct fixture *f = *state;
    assert_says(f, true, "not there yet, the service will make it");
    (void)snprintf(f->path, sizeof f->path, "%s/a/b/c.db", f->folder);
    assert_says(f, true, "not there yet, the service will make it");
}

static void what_is_there(void **state)
{
    struct fixture *f = *state;
    close(open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0640));
    assert_says(f, true, "empty, the service will begin it");
    make(f, 2, "");
    assert_says(f, true, "schema 2, the service will migrate it");
    make(f, sqlite_schema_latest(), "");
    assert_says(f, true, "schema 3");
    make(f, sqlite_schema_latest(), "PRAGMA user_version = 4");
    assert_says(f, false, "use a newer reviewd");
}

static void what_is_not_ours(void **state)
{
    struct fixture *f = *state;
    make(f, 0, "CREATE TABLE reviews(user_name TEXT)");
    assert_says(f, false, "of another program");
    FILE *file = fopen(f->path, "we");
    for (int i = 0; i < 100; i++) {
        assert_true(fputs("these are notes, not a database\n", file) >= 0);
    }
    (void)fclose(file);
    assert_says(f, false, "not a database");
}

/* The service was killed before anything was moved out of the WAL. */
static void what_a_kill_has_left(void **state)
{
    struct fixture *f = *state;
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db = NULL;
        sqlite3_open(f->path, &db);
        sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        _exit(sqlite_schema_migrate(db, 2));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_says(f, true, "schema 2, the service will migrate it");
}

static void a_folder_where_a_file_should_be_and_the_reverse(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_says(f, false, "is a folder, not a file");
    assert_int_equal(rmdir(f->path), 0);
    close(open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700));
    (void)strncat(f->path, "/reviews.db", sizeof f->path - strlen(f->path) - 1);
    assert_says(f, false, "Not a directory");
}

static void a_path_that_is_too_long(void **state)
{
    (void)state;
    char text[STORE_ERROR_SIZE];
    char path[5000];
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_false(store_sqlite_check(path, text));
    assert_non_null(strstr(text, "too long (4999 bytes)"));
}

/* Root may write anywhere, so this looks as nobody, in a process of its own. */
static bool refused_to_nobody(struct fixture *f, const char *part)
{
    pid_t child = fork();
    if (child == 0) {
        char text[STORE_ERROR_SIZE] = "";
        if (setgid(65534) != 0 || setuid(65534) != 0) {
            _exit(2);
        }
        bool refused = !store_sqlite_check(f->path, text) && strstr(text, part) != NULL &&
                       strstr(text, "must be writable for the service's user") != NULL;
        _exit(refused ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0;
}

static void what_cannot_be_written(void **state)
{
    struct fixture *f = *state;
    if (geteuid() != 0) {
        skip();
    }
    make(f, sqlite_schema_latest(), "");
    assert_int_equal(chmod(f->path, 0666), 0);
    assert_int_equal(chmod(f->folder, 0755), 0);
    assert_true(refused_to_nobody(f, f->folder));
    assert_int_equal(chmod(f->folder, 0777), 0);
    assert_false(refused_to_nobody(f, ""));
    char lock[160];
    (void)snprintf(lock, sizeof lock, "%s-lock", f->path);
    close(open(lock, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_true(refused_to_nobody(f, lock));
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(chmod(f->path, 0444), 0);
    assert_true(refused_to_nobody(f, f->path));
    assert_int_equal(chmod(f->folder, 0755), 0);
    (void)snprintf(f->path, sizeof f->path, "%s/a/b.db", f->folder);
    assert_true(refused_to_nobody(f, f->folder));
}

#define CHECK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK_TEST(nothing_is_there_yet),
        CHECK_TEST(what_is_there),
        CHECK_TEST(what_is_not_ours),
        CHECK_TEST(what_a_kill_has_left),
        CHECK_TEST(a_folder_where_a_file_should_be_and_the_reverse),
        cmocka_unit_test(a_path_that_is_too_long),
        CHECK_TEST(what_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
