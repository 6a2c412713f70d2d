/* Folders are made with those above them, each durably or not at all. */
#include "base/folder.h"
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char top[64];

/* Instead of the C library's: notes what is synced, and fails on command. */
static struct stat synced[16];
static int syncs, sync_fails_at, sync_errno;
int guarded_fsync(int fd) __asm__("fsync");
int guarded_fsync(int fd)
{
    (void)fstat(fd, &synced[syncs++ % 16]);
    if (syncs == sync_fails_at) {
        errno = sync_errno;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(top, sizeof top, "/tmp/reviewd-test-XXXXXX");
    syncs = sync_fails_at = 0;
    return mkdtemp(top) != NULL ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    return nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", top, name);
    return path;
}

static void assert_synced(int i, const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(synced[i].st_ino, info.st_ino);
}

static void the_folder_above_each_is_synced(void **state)
{
    (void)state;
    struct stat info;
    mode_t mask = umask(022);
    assert_int_equal(folder_make(path_of("a//b/c")), 0);
    umask(mask);
    assert_int_equal(syncs, 3);
    assert_synced(0, top);
    assert_synced(1, path_of("a"));
    assert_synced(2, path_of("a/b"));
    assert_int_equal(stat(path_of("a/b/c"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0750);
    assert_int_equal(folder_make(path_of("a/b/c/")), 0);
    assert_int_equal(folder_make("/"), 0);
    assert_int_equal(syncs, 3);
}

static void what_is_not_durable_is_not_there(void **state)
{
    (void)state;
    sync_errno = EIO;
    sync_fails_at = 2;
    assert_int_equal(folder_make(path_of("a/b")), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(access(path_of("a"), F_OK), 0);
    assert_int_not_equal(access(path_of("a/b"), F_OK), 0);
    assert_int_equal(folder_make(path_of("a/b")), 0);
    assert_int_equal(syncs, 3);
    assert_synced(2, path_of("a"));
}

static void a_file_system_that_syncs_no_folders(void **state)
{
    (void)state;
    sync_errno = EINVAL;
    sync_fails_at = 1;
    assert_int_equal(folder_make(path_of("a")), 0);
    assert_int_equal(access(path_of("a"), F_OK), 0);
}

static void what_cannot_be_made(void **state)
{
    (void)state;
    char longest[PATH_MAX + 1];
    memset(longest, 'a', sizeof longest);
    longest[PATH_MAX] = '\0';
    assert_int_equal(folder_make(longest), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(folder_make(""), -1);
    assert_int_equal(errno, ENOENT);
    close(open(path_of("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(folder_make(path_of("file/x")), -1);
    assert_int_equal(errno, ENOTDIR);
}

static void the_folder_of_a_path(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a", "."}, {"/a", "/"}, {"a/b", "a"}, {"/a/b", "/a"}, {"", "."}};
    char folder[PATH_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(folder_of(cases[i][0], folder));
        assert_string_equal(folder, cases[i][1]);
    }
    static char path[PATH_MAX + 2];
    memset(path, 'a', sizeof path - 1);
    path[PATH_MAX - 1] = '/';
    assert_true(folder_of(path, folder));
    assert_int_equal(strlen(folder), PATH_MAX - 1);
    path[PATH_MAX - 1] = 'a';
    path[PATH_MAX] = '/';
    assert_false(folder_of(path, folder));
    assert_int_equal(errno, ENAMETOOLONG);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_folder_above_each_is_synced),     CASE(what_is_not_durable_is_not_there),
        CASE(a_file_system_that_syncs_no_folders), CASE(what_cannot_be_made),
        cmocka_unit_test(the_folder_of_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
