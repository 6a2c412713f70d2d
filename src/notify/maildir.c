/* Mails as files, a batch at a time: all files are written to tmp/ and made durable together, then
 * linked into new/, and new/ is fsynced once.
 *
 * The name in tmp/ is not removed at once but when the store has noted the batch (maildir_settled).
 * So when a mail is to be written and its name is in tmp/ already, it was in hand when a process
 * died or a batch failed, and the link count of that file says how far it came: 1, it was not
 * delivered; 2 or more, it was, and still exists, in new/, in cur/, or wherever a reader has moved
 * it. The latter is sent already. This costs no look into new/ or cur/, which may hold millions of
 * files, and holds whatever flags and folders a reader gave the mail meanwhile.
 *
 * Not covered, and then a mail may be there twice: its reader deleted or copied it between the kill
 * and the restart; the restart came more than 36 h later (the age at which maildir's rules let
 * anyone clean tmp/); the file system has no hard links, where rename() is used and only a mail
 * still in new/ is recognised. */
#include "notify/maildir.h"

#include "maildir_folders.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256, SYNC_ONE_BY_ONE = 4, NAME_SIZE = 64, TMP_AGE_S = 36 * 3600 };

static const char name_end[] = ".reviewd";

/* "1764328591.M363902R42.reviewd": when, and the outbox id. */
typedef char mail_name[NAME_SIZE];

struct maildir {
    struct mailer mailer;
    char *folder;
    const struct mail_addresses *addresses;
    mail_name unsettled[BATCH]; /* sent by the last batch: in tmp/ until it is settled */
    size_t unsettled_count;
};

static void name_of(const struct outbox_entry *entry, mail_name name)
{
    int64_t us = entry->created_us > 0 ? entry->created_us : 0;
    snprintf(name, NAME_SIZE, "%" PRId64 ".M%06" PRId64 "R%" PRIu64 "%s", us / 1000000,
             us % 1000000, entry->id, name_end);
}

static bool is_ours(const char *name)
{
    size_t len = strlen(name), end = strlen(name_end);
    return len < NAME_SIZE && len > end && name[0] >= '0' && name[0] <= '9' &&
           strcmp(name + len - end, name_end) == 0;
}

/* One line about errno, for people. */
static void explain(const struct maildir *m, const char *what, char error[OUTBOX_ERROR_SIZE])
{
    const char *remedy = errno == ENOSPC || errno == EDQUOT ? "; free space or raise the quota"
                         : errno == EACCES || errno == EPERM || errno == EROFS
                             ? "; let the service's user write there"
                             : "";
    snprintf(error, OUTBOX_ERROR_SIZE, "mail directory %.100s: cannot %s: %s%s", m->folder, what,
             strerror(errno), remedy);
}

/* A maildir's files end their lines with LF. */
static void to_file_form(struct buf *text)
{
    size_t out = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] != '\r' || i + 1 == text->len || text->data[i + 1] != '\n') {
            text->data[out++] = text->data[i];
        }
    }
    text->len = out;
}

static int write_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -1;
        }
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
    return 0;
}

/* The file for one mail in tmp/, or -1 with errno; EEXIST: that mail was delivered before. */
static int create_file(const struct maildir_folders *f, const char *name)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    int fd = openat(f->tmp_fd, name, flags, 0640);
    if (fd >= 0 || errno != EEXIST) {
        return fd;
    }
    struct stat status;
    if (fstatat(f->tmp_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_nlink > 1) {
        errno = EEXIST;
        return -1;
    }
    if (unlinkat(f->tmp_fd, name, 0) != 0 && errno != ENOENT) {
        return -1;
    }
    fd = openat(f->tmp_fd, name, flags, 0640);
    if (fd < 0 && errno == EEXIST) {
        errno = EIO; /* somebody else's doing: nothing was delivered */
    }
    return fd;
}

/* Writes one file into tmp/, and to the disk if it is to be synced alone. 0, or -1 with errno;
 * EEXIST: that mail was delivered before. */
static int write_file(const struct maildir *m, const struct maildir_folders *f,
                      const struct outbox_entry *entry, const char *name, bool sync)
{
    struct buf text = BUF_INIT;
    message_rfc5322(&text, entry, m->addresses);
    int fd = -1, saved = ENOMEM;
    if (!buf_failed(&text)) {
        to_file_form(&text);
        fd = create_file(f, name);
        saved = errno;
    }
    bool ok = fd >= 0 && write_all(fd, buf_span(&text)) == 0 && (!sync || fsync(fd) == 0);
    if (fd >= 0) {
        saved = errno;
        close(fd);
        if (!ok) {
            unlinkat(f->tmp_fd, name, 0);
        }
    }
    buf_free(&text);
    errno = saved;
    return ok ? 0 : -1;
}

/* Makes a durable file visible in new/. 0, or -1 with errno, and then it is not in tmp/ either. */
static int deliver(const struct maildir_folders *f, const char *name)
{
    if (linkat(f->tmp_fd, name, f->new_fd, name, 0) == 0 || errno == EEXIST) {
        return 0;
    }
    if ((errno == EPERM || errno == EOPNOTSUPP) && /* no hard links here */
        renameat(f->tmp_fd, name, f->new_fd, name) == 0) {
        return 0;
    }
    int saved = errno;
    unlinkat(f->tmp_fd, name, 0);
    errno = saved;
    return -1;
}

static void pause_from(struct mail_outcome *outcomes, size_t from, size_t count, const char *error)
{
    for (size_t i = from; i < count; i++) {
        outcomes[i].result = MAIL_PAUSE;
        snprintf(outcomes[i].error, OUTBOX_ERROR_SIZE, "%s", error);
    }
}

struct batch {
    const struct outbox_entry *entries;
    struct mail_outcome *outcomes;
    size_t count;
    const _Atomic bool *stop;
    bool fresh[BATCH]; /* written now, not delivered before */
};

/* Few files are synced one by one. One syncfs() is one flush of the disk where an fsync for each
 * file is one for each, and every flush holds up the store's; but it also waits for what others
 * have written there. */
static bool synced_together(const struct batch *b)
{
    return b->count > SYNC_ONE_BY_ONE;
}

/* Writes what can be written. Returns how many entries are done; the others have their outcome. */
static size_t write_batch(const struct maildir *m, const struct maildir_folders *f, struct batch *b)
{
    char error[OUTBOX_ERROR_SIZE] = "stopped before it was sent";
    size_t i;
    for (i = 0; i < b->count && !*b->stop; i++) {
        mail_name name;
        name_of(&b->entries[i], name);
        b->fresh[i] = write_file(m, f, &b->entries[i], name, !synced_together(b)) == 0;
        if (!b->fresh[i] && errno != EEXIST) {
            explain(m, "write a mail", error);
            break;
        }
    }
    pause_from(b->outcomes, i, b->count, error);
    return i;
}

/* After a failed sync nothing says which file is whole: none stays in tmp/ as if it were. */
static void discard_batch(const struct maildir *m, const struct maildir_folders *f, struct batch *b,
                          size_t written)
{
    char error[OUTBOX_ERROR_SIZE];
    explain(m, "write mails to the disk", error);
    pause_from(b->outcomes, 0, written, error);
    for (size_t i = 0; i < written; i++) {
        mail_name name;
        name_of(&b->entries[i], name);
        if (b->fresh[i]) {
            unlinkat(f->tmp_fd, name, 0);
        }
    }
}

/* Delivers those that were written, and notes which can be told apart from new ones by their name
 * in tmp/. */
static void deliver_batch(struct maildir *m, const struct maildir_folders *f, struct batch *b,
                          size_t written)
{
    char error[OUTBOX_ERROR_SIZE];
    for (size_t i = 0; i < written; i++) {
        char *name = m->unsettled[m->unsettled_count];
        name_of(&b->entries[i], name);
        b->outcomes[i].result = MAIL_SENT;
        if (b->fresh[i] && deliver(f, name) != 0) {
            b->outcomes[i].result = MAIL_PAUSE;
            explain(m, "deliver a mail", b->outcomes[i].error);
        } else {
            m->unsettled_count++;
        }
    }
    if (fsync(f->new_fd) != 0) {
        m->unsettled_count = 0; /* what is in tmp/ tells the next attempt what was delivered */
        explain(m, "fsync new/", error);
        pause_from(b->outcomes, 0, written, error);
    }
}

/* Removes what a crash has left in tmp/, except what tells that a mail was delivered. Not when the
 * folder is opened: `reviewd check` opens it too, beside a service whose mails in hand these are.
 */
static void maildir_start(struct mailer *mailer, const _Atomic bool *stop)
{
    (void)stop;
    struct maildir *m = (struct maildir *)mailer;
    int tmp_fd = maildir_folders_part(m->folder, "tmp");
    DIR *dir = tmp_fd >= 0 ? fdopendir(tmp_fd) : NULL;
    if (dir == NULL) {
        if (tmp_fd >= 0) {
            close(tmp_fd);
        }
        return;
    }
    time_t old = time(NULL) - TMP_AGE_S;
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        struct stat status;
        if (is_ours(d->d_name) && fstatat(tmp_fd, d->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            (status.st_nlink < 2 || status.st_mtime < old)) {
            unlinkat(tmp_fd, d->d_name, 0);
        }
    }
    closedir(dir);
}

static void maildir_send(struct mailer *mailer, const struct outbox_entry *entries, size_t count,
                         struct mail_outcome *outcomes, const _Atomic bool *stop)
{
    struct maildir *m = (struct maildir *)mailer;
    struct batch b = {.entries = entries, .outcomes = outcomes, .count = count, .stop = stop};
    struct maildir_folders f;
    assert(count <= BATCH);
    m->unsettled_count = 0;
    if (maildir_folders_open(m->folder, &f) != 0) {
        char error[OUTBOX_ERROR_SIZE];
        explain(m, "open it", error);
        pause_from(outcomes, 0, count, error);
        return;
    }
    size_t written = write_batch(m, &f, &b);
    /* syncfs() tells of failed writes since Linux 5.8, of those since the folder was opened. */
    if (!synced_together(&b) || syncfs(f.tmp_fd) == 0) {
        deliver_batch(m, &f, &b, written);
    } else {
        discard_batch(m, &f, &b, written);
    }
    maildir_folders_close(&f);
}

static void maildir_settled(struct mailer *mailer)
{
    struct maildir *m = (struct maildir *)mailer;
    int tmp_fd = maildir_folders_part(m->folder, "tmp");
    for (size_t i = 0; tmp_fd >= 0 && i < m->unsettled_count; i++) {
        unlinkat(tmp_fd, m->unsettled[i], 0);
    }
    if (tmp_fd >= 0) {
        close(tmp_fd);
    }
    m->unsettled_count = 0;
}

static size_t maildir_batch(struct mailer *mailer)
{
    (void)mailer;
    return BATCH;
}

static int maildir_check(struct mailer *mailer, char reason[OUTBOX_ERROR_SIZE])
{
    struct maildir *m = (struct maildir *)mailer;
    static const char probe[] = "0.check.reviewd";
    struct maildir_folders f;
    if (maildir_folders_open(m->folder, &f) != 0) {
        explain(m, "open it", reason);
        return -1;
    }
    unlinkat(f.tmp_fd, probe, 0);
    int fd = openat(f.tmp_fd, probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    bool ok = fd >= 0 && write_all(fd, SPAN("check\n")) == 0 && fsync(fd) == 0 &&
              faccessat(f.new_fd, ".", W_OK | X_OK, 0) == 0;
    if (!ok) {
        explain(m, "write to it", reason);
    }
    if (fd >= 0) {
        close(fd);
    }
    unlinkat(f.tmp_fd, probe, 0);
    maildir_folders_close(&f);
    return ok ? 0 : -1;
}

static void maildir_free(struct mailer *mailer)
{
    struct maildir *m = (struct maildir *)mailer;
    free(m->folder);
    free(m);
}

struct mailer *maildir_open(const char *folder, const struct mail_addresses *addresses,
                            char reason[OUTBOX_ERROR_SIZE])
{
    static const struct mailer_ops operations = {.start = maildir_start,
                                                 .send = maildir_send,
                                                 .settled = maildir_settled,
                                                 .batch = maildir_batch,
                                                 .check = maildir_check,
                                                 .free = maildir_free};
    struct maildir *m = calloc(1, sizeof(*m));
    if (m == NULL || (m->folder = strdup(folder)) == NULL) {
        snprintf(reason, OUTBOX_ERROR_SIZE, "mail directory: out of memory");
        free(m);
        return NULL;
    }
    m->mailer.ops = &operations;
    m->addresses = addresses;
    struct maildir_folders f;
    if (maildir_folders_make(folder) != 0 || maildir_folders_open(m->folder, &f) != 0) {
        explain(m, "open it", reason);
        maildir_free(&m->mailer);
        return NULL;
    }
    maildir_folders_close(&f);
    return &m->mailer;
}
