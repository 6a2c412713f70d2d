/* Mails as files: exactly one for each entry, whatever happens between two attempts. */
#include "notify/maildir.h"
#include "support/alloc.h"
#include "support/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct mail_addresses addresses;
static struct mailer *mailer;
static char top[64], folder[100];
static const _Atomic bool running = false, stopped = true;

/* Instead of the C library's: fails on command. */
static int fsync_fails_at, fsyncs, link_errno, syncfs_errno, syncfses, unlink_errno;
int guarded_syncfs(int fd) __asm__("syncfs");
int guarded_syncfs(int fd)
{
    syncfses++;
    errno = syncfs_errno;
    return syncfs_errno != 0 ? -1 : (int)syscall(SYS_syncfs, fd);
}

int guarded_fsync(int fd) __asm__("fsync");
int guarded_fsync(int fd)
{
    if (++fsyncs == fsync_fails_at) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int guarded_linkat(int old_fd, const char *old, int new_fd, const char *new,
                   int flags) __asm__("linkat");
int guarded_linkat(int old_fd, const char *old, int new_fd, const char *new, int flags)
{
    if (link_errno != 0) {
        errno = link_errno;
        return -1;
    }
    return (int)syscall(SYS_linkat, old_fd, old, new_fd, new, flags);
}

int guarded_unlinkat(int fd, const char *name, int flags) __asm__("unlinkat");
int guarded_unlinkat(int fd, const char *name, int flags)
{
    if (unlink_errno != 0) {
        errno = unlink_errno;
        return -1;
    }
    return (int)syscall(SYS_unlinkat, fd, name, flags);
}

static void open_again(void)
{
    char reason[OUTBOX_ERROR_SIZE];
    mailer_free(mailer);
    mailer = maildir_open(folder, &addresses, reason);
    if (mailer == NULL) {
        fail_msg("%s", reason);
    }
}

static int setup(void **state)
{
    (void)state;
    char reason[OUTBOX_ERROR_SIZE];
    fsync_fails_at = fsyncs = link_errno = syncfs_errno = syncfses = unlink_errno = 0;
    snprintf(top, sizeof(top), "/tmp/reviewd-test-XXXXXX");
    assert_non_null(mkdtemp(top));
    snprintf(folder, sizeof(folder), "%s/deep/mail", top);
    assert_int_equal(mail_addresses_parse(&addresses, "from@example.com", "to@example.com", reason),
                     0);
    open_again();
    fsyncs = 0;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    mailer_free(mailer);
    mailer = NULL;
    mail_addresses_free(&addresses);
    return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

enum { MAX = 256 };
static struct outbox_entry entries[MAX];
static struct mail_outcome outcomes[MAX];

static void make_entries(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        entries[i] =
            (struct outbox_entry){.id = i + 1,
                                  .created_us = 1764328591363902 + (int64_t)i,
                                  .item = {.user_name = SPAN("Ann"), .review = SPAN("good\nyes")}};
    }
}

static void send_mails(size_t count)
{
    make_entries(count);
    memset(outcomes, 0xff, sizeof(outcomes));
    mailer->ops->send(mailer, entries, count, outcomes, &running);
}

static size_t files_in(const char *part)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", folder, part);
    DIR *dir = opendir(path);
    size_t count = 0;
    for (struct dirent *d; dir != NULL && (d = readdir(dir)) != NULL;) {
        count += d->d_name[0] != '.';
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static void expect_all(size_t count, enum mail_result result)
{
    for (size_t i = 0; i < count; i++) {
        if (outcomes[i].result != result) {
            fail_msg("%zu: %d %s", i, outcomes[i].result, outcomes[i].error);
        }
    }
}

#define FIRST "1764328591.M363902R1.reviewd"

/* A reader takes the first mail and flags it. */
static void move_to(const char *part, const char *suffix)
{
    char from[200], to[250];
    snprintf(from, sizeof(from), "%s/new/%s", folder, FIRST);
    snprintf(to, sizeof(to), "%s/%s/%s%s", folder, part, FIRST, suffix);
    assert_int_equal(rename(from, to), 0);
}

static void test_files(void **state)
{
    (void)state;
    send_mails(3);
    expect_all(3, MAIL_SENT);
    assert_int_equal(files_in("new"), 3);
    mailer->ops->settled(mailer);
    assert_int_equal(files_in("tmp"), 0);
    assert_int_equal(files_in("cur"), 0);
    char path[200], text[2000] = "";
    snprintf(path, sizeof(path), "%s/new/%s", folder, FIRST);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_null(strchr(text, '\r'));
    assert_non_null(strstr(text, "\nTo: to@example.com\n"));
    assert_non_null(strstr(text, "\n\nReview: good\nyes\n"));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640 & ~umask(umask(0)));
    assert_int_equal(fsyncs, 4); /* each file, and the folder once */
}

/* A mail is as durable as the folders it lies in: each is synced into the one above. */
static void test_folders_are_durable(void **state)
{
    (void)state;
    char reason[OUTBOX_ERROR_SIZE] = "";
    open_again();
    assert_int_equal(fsyncs, 0);
    for (int n = 1; n <= 5; n++) {
        snprintf(folder, sizeof(folder), "%s/other%d/mail", top, n);
        fsyncs = 0;
        fsync_fails_at = n;
        assert_null(maildir_open(folder, &addresses, reason));
        assert_non_null(strstr(reason, "No space left on device"));
        fsyncs = fsync_fails_at = 0;
        open_again(); /* makes those that are missing */
        assert_int_equal(fsyncs, 6 - n);
    }
}

static void test_the_same_mail_is_one_file(void **state)
{
    (void)state;
    for (int crash = 0; crash < 3; crash++) {
        send_mails(2); /* and never settled */
        expect_all(2, MAIL_SENT);
        open_again();
        assert_int_equal(files_in("new"), 2);
    }
    send_mails(2);
    mailer->ops->settled(mailer);
    assert_int_equal(files_in("new"), 2);
    assert_int_equal(files_in("tmp"), 0);
}

static void test_a_mail_that_was_read_is_not_there_again(void **state)
{
    (void)state;
    send_mails(2);
    move_to("cur", ":2,S");
    open_again(); /* killed before the delivery was noted */
    send_mails(2);
    expect_all(2, MAIL_SENT);
    assert_int_equal(files_in("new"), 1);
    assert_int_equal(files_in("cur"), 1);
    mailer->ops->settled(mailer);
    assert_int_equal(files_in("tmp"), 0);
}

static void leave_in_tmp(const char *name, int age_s, bool linked)
{
    char path[200], link_path[200];
    snprintf(path, sizeof(path), "%s/tmp/%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    struct timespec times[2] = {{.tv_sec = time(NULL) - age_s}, {.tv_sec = time(NULL) - age_s}};
    futimens(fd, times);
    close(fd);
    snprintf(link_path, sizeof(link_path), "%s/cur/%s", folder, name);
    if (linked) {
        assert_int_equal(link(path, link_path), 0);
    }
}

static void test_leftovers(void **state)
{
    (void)state;
    leave_in_tmp("1764328591.M363902R1.reviewd", 0, false); /* half a mail */
    leave_in_tmp("1764328591.M000002R2.reviewd", 0, true);  /* delivered, not noted */
    leave_in_tmp("1764328591.M000003R3.reviewd", 36 * 3600 + 5, true);
    leave_in_tmp("1764328591.other.host", 0, false); /* somebody else's */
    leave_in_tmp("x.reviewd", 0, false);
    open_again();
    assert_int_equal(files_in("tmp"), 5); /* a service may have them in hand */
    mailer->ops->start(mailer, &running);
    assert_int_equal(files_in("tmp"), 3);
    leave_in_tmp(FIRST, 0, false); /* also when it was left since */
    send_mails(1);
    expect_all(1, MAIL_SENT);
    struct stat status;
    char path[200];
    snprintf(path, sizeof(path), "%s/new/%s", folder, FIRST);
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size > 100);
}

/* The disk went read-only after half a mail was written: it was not delivered, and must not count
 * as if it were. */
static void test_leftover_that_cannot_be_removed(void **state)
{
    (void)state;
    leave_in_tmp(FIRST, 0, false);
    unlink_errno = EROFS;
    send_mails(1);
    assert_int_equal(outcomes[0].result, MAIL_PAUSE);
    assert_non_null(strstr(outcomes[0].error, "Read-only file system"));
    assert_int_equal(files_in("new"), 0);
    unlink_errno = 0;
    send_mails(1);
    expect_all(1, MAIL_SENT);
    assert_int_equal(files_in("new"), 1);
}

static void test_disk_is_full(void **state)
{
    (void)state;
    size_t delivered = 0;
    for (fsync_fails_at = 1; fsync_fails_at <= 4; fsync_fails_at++) {
        fsyncs = 0;
        make_entries(3);
        for (int i = 0; i < 3 && fsync_fails_at < 4; i++) {
            entries[i].id += (uint64_t)fsync_fails_at * 10;
        }
        mailer->ops->send(mailer, entries, 3, outcomes, &running);
        /* The fourth is the folder's: then the mails are there, only not for sure. */
        int sent = fsync_fails_at == 4 ? 0 : fsync_fails_at - 1;
        for (int i = 0; i < 3; i++) {
            assert_int_equal(outcomes[i].result, i < sent ? MAIL_SENT : MAIL_PAUSE);
        }
        assert_non_null(strstr(outcomes[2].error, "No space left on device; free space"));
        mailer->ops->settled(mailer);
        delivered += fsync_fails_at == 4 ? 3 : (size_t)sent;
        assert_int_equal(files_in("new"), delivered);
        assert_int_equal(files_in("tmp"), fsync_fails_at == 4 ? 3 : 0);
    }
    move_to("cur", ":2,"); /* read though it was not settled */
    fsync_fails_at = 0;
    send_mails(3);
    expect_all(3, MAIL_SENT);
    mailer->ops->settled(mailer);
    assert_int_equal(files_in("new"), delivered - 1);
    assert_int_equal(files_in("cur"), 1);
    assert_int_equal(files_in("tmp"), 0);
}

static void test_many_are_synced_together(void **state)
{
    (void)state;
    send_mails(4);
    expect_all(4, MAIL_SENT);
    assert_int_equal(syncfses, 0);
    assert_int_equal(fsyncs, 4 + 1);
    mailer->ops->settled(mailer);
    fsyncs = 0;
    make_entries(5);
    for (size_t i = 0; i < 5; i++) {
        entries[i].id += 100;
    }
    syncfs_errno = EIO;
    mailer->ops->send(mailer, entries, 5, outcomes, &running);
    expect_all(5, MAIL_PAUSE);
    assert_non_null(strstr(outcomes[4].error, "Input/output error"));
    assert_int_equal(files_in("tmp"), 0);
    syncfs_errno = 0;
    mailer->ops->send(mailer, entries, 5, outcomes, &running);
    expect_all(5, MAIL_SENT);
    assert_int_equal(syncfses, 2);
    assert_int_equal(fsyncs, 1);
    assert_int_equal(files_in("new"), 4 + 5);
}

/* Of a batch that cannot be synced, mails that were delivered before stay so, though one was
 * read. */
static void test_delivered_mails_in_a_batch_that_fails(void **state)
{
    (void)state;
    send_mails(5);
    expect_all(5, MAIL_SENT);
    move_to("cur", ":2,S");
    open_again(); /* killed before the delivery was noted */
    syncfs_errno = EIO;
    send_mails(6);
    expect_all(6, MAIL_PAUSE);
    assert_int_equal(files_in("tmp"), 5);
    syncfs_errno = 0;
    send_mails(6);
    expect_all(6, MAIL_SENT);
    assert_int_equal(files_in("new"), 4 + 1);
    mailer->ops->settled(mailer);
    assert_int_equal(files_in("tmp"), 0);
}

static void test_no_hard_links(void **state)
{
    (void)state;
    static const int refusals[] = {EPERM, EOPNOTSUPP};
    for (size_t i = 0; i < 2; i++) {
        link_errno = refusals[i];
        send_mails(2 * (i + 1));
        expect_all(2 * (i + 1), MAIL_SENT);
        send_mails(2 * (i + 1));
        expect_all(2 * (i + 1), MAIL_SENT);
        assert_int_equal(files_in("new"), 2 * (i + 1));
        assert_int_equal(files_in("tmp"), 0);
    }
    link_errno = EIO;
    make_entries(2);
    entries[0].id = 77;
    mailer->ops->send(mailer, entries, 1, outcomes, &running);
    assert_int_equal(outcomes[0].result, MAIL_PAUSE);
    assert_int_equal(files_in("tmp"), 0);
}

static void test_folder_goes_and_comes(void **state)
{
    (void)state;
    char reason[OUTBOX_ERROR_SIZE], moved[120];
    snprintf(moved, sizeof(moved), "%s.moved", folder);
    assert_int_equal(rename(folder, moved), 0);
    send_mails(1); /* made anew */
    expect_all(1, MAIL_SENT);
    mailer->ops->settled(mailer);
    assert_int_equal(files_in("new"), 1);
    char path[200];
    snprintf(path, sizeof(path), "%s/new", folder);
    snprintf(moved, sizeof(moved), "%s/gone", folder);
    assert_int_equal(rename(path, moved), 0);
    int fd = open(path, O_CREAT | O_WRONLY, 0600); /* a file where a folder should be */
    close(fd);
    send_mails(2);
    expect_all(2, MAIL_PAUSE);
    assert_non_null(strstr(outcomes[1].error, "cannot open it: Not a directory"));
    assert_null(strstr(outcomes[1].error, "@"));
    assert_int_equal(mailer->ops->check(mailer, reason), -1);
    assert_non_null(strstr(reason, "Not a directory"));
    assert_null(maildir_open(path, &addresses, reason));
    assert_non_null(strstr(reason, "Not a directory"));
    assert_int_equal(unlink(path), 0);
    send_mails(2);
    expect_all(2, MAIL_SENT);
    assert_int_equal(mailer->ops->check(mailer, reason), 0);
    fsync_fails_at = fsyncs + 1;
    assert_int_equal(mailer->ops->check(mailer, reason), -1);
    assert_int_equal(files_in("tmp"), 2);
}

static void test_stop(void **state)
{
    (void)state;
    make_entries(2);
    mailer->ops->send(mailer, entries, 2, outcomes, &stopped);
    expect_all(2, MAIL_PAUSE);
    assert_int_equal(files_in("new"), 0);
}

static void test_full_batch(void **state)
{
    (void)state;
    assert_int_equal(mailer->ops->batch(mailer), MAX);
    send_mails(MAX);
    expect_all(MAX, MAIL_SENT);
    assert_int_equal(files_in("new"), MAX);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    char reason[OUTBOX_ERROR_SIZE];
    for (long i = 1; i <= 20; i++) {
        make_entries(1);
        alloc_fail_at(i);
        mailer->ops->send(mailer, entries, 1, outcomes, &running);
        alloc_fail_at(0);
        assert_true(outcomes[0].result == MAIL_SENT || outcomes[0].result == MAIL_PAUSE);
        if (i == 1) {
            assert_int_equal(outcomes[0].result, MAIL_PAUSE);
        }
    }
    assert_int_equal(files_in("new"), 1);
    for (long i = 1; i <= 8; i++) {
        alloc_fail_at(i);
        struct mailer *m = maildir_open(folder, &addresses, reason);
        alloc_fail_at(0);
        assert_true(m != NULL || reason[0] != '\0');
        mailer_free(m);
    }
    mailer_free(NULL);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_files),
        CASE(test_folders_are_durable),
        CASE(test_the_same_mail_is_one_file),
        CASE(test_a_mail_that_was_read_is_not_there_again),
        CASE(test_leftovers),
        CASE(test_leftover_that_cannot_be_removed),
        CASE(test_disk_is_full),
        CASE(test_many_are_synced_together),
        CASE(test_delivered_mails_in_a_batch_that_fails),
        CASE(test_no_hard_links),
        CASE(test_folder_goes_and_comes),
        CASE(test_stop),
        CASE(test_full_batch),
        CASE(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
