#include "sqlite_file.h"

#include "base/folder.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0640 };

static const char *const suffixes[SQLITE_FILE_COUNT] = {"", "-wal", "-shm"};

int sqlite_file_sync_folder(const char *path, char reason[STORE_ERROR_SIZE])
{
    char folder[PATH_MAX];
    if (folder_of(path, folder) && folder_sync(folder) == 0) {
        return 0;
    }
    snprintf(reason, STORE_ERROR_SIZE, "cannot sync the folder of %.140s: %s", path,
             strerror(errno));
    return -1;
}

int sqlite_file_make_folder(const char *path, char reason[STORE_ERROR_SIZE])
{
    char folder[PATH_MAX];
    if (folder_of(path, folder) && folder_make(folder) == 0) {
        return 0;
    }
    snprintf(reason, STORE_ERROR_SIZE, "cannot make the folder of the database %.140s: %s", path,
             strerror(errno));
    return -1;
}

int sqlite_file_check(const char *path, char reason[STORE_ERROR_SIZE])
{
    struct stat info;
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode)) {
        return 0;
    }
    snprintf(reason, STORE_ERROR_SIZE, "the database %.140s is %s, not a file: name a file%s", path,
             S_ISDIR(info.st_mode) ? "a folder" : "a device or the like",
             S_ISDIR(info.st_mode) ? " in it" : "");
    return -1;
}

/* Who holds the lock, as far as the file tells; 0 when it does not. */
static long lock_holder(int fd)
{
    char text[24] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

int sqlite_file_lock(const char *path, char reason[STORE_ERROR_SIZE])
{
    char name[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s-lock", path);
    if (n < 0 || (size_t)n >= sizeof name) {
        snprintf(reason, STORE_ERROR_SIZE, "the database's path is too long (%zu bytes)",
                 strlen(path));
        return -1;
    }
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        snprintf(reason, STORE_ERROR_SIZE,
                 "cannot open the lock file %.140s: %s: make its folder writable", name,
                 strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            snprintf(reason, STORE_ERROR_SIZE,
                     "the database %.140s is in use by process %ld: stop that one, or choose "
                     "another file",
                     path, lock_holder(fd));
        } else {
            snprintf(reason, STORE_ERROR_SIZE, "cannot lock %.140s: %s", name, strerror(errno));
        }
        close(fd);
        return -1;
    }
    /* The number is for people only; a full disk must not keep the service from starting. */
    char pid[24];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    bool named = ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)len, 0) == len;
    if (!named) {
        log_warn("store cannot name itself in its lock file", LOG_STR("path", name));
    }
    return fd;
}

/* Which file bears the database's name with the given suffix.
 *
 * Asks for nothing but the inode. Since Linux 6.13 a file whose times were asked for gets a new one
 * with the next write, at the clock's full resolution (multigrain timestamps), and an inode that
 * changes with each write costs each fdatasync() a second write to the disk. */
static int identify(const char *path, const char *suffix, struct sqlite_file_id *id)
{
    char name[PATH_MAX];
    struct statx info;
    int len = snprintf(name, sizeof name, "%s%s", path, suffix);
    if (len < 0 || (size_t)len >= sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (statx(AT_FDCWD, name, 0, STATX_INO, &info) != 0) {
        return -1;
    }
    *id = (struct sqlite_file_id){info.stx_dev_major, info.stx_dev_minor, info.stx_ino};
    return 0;
}

int sqlite_file_identify(const char *path, struct sqlite_file_ids *ids)
{
    for (size_t i = 0; i < SQLITE_FILE_COUNT; i++) {
        if (identify(path, suffixes[i], &ids->file[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

static bool same(const struct sqlite_file_id *a, const struct sqlite_file_id *b)
{
    return a->inode == b->inode && a->device_minor == b->device_minor &&
           a->device_major == b->device_major;
}

const char *sqlite_file_moved(const char *path, const struct sqlite_file_ids *ids)
{
    struct sqlite_file_id now;
    for (size_t i = 0; i < SQLITE_FILE_COUNT; i++) {
        if (identify(path, suffixes[i], &now) != 0 || !same(&now, &ids->file[i])) {
            return suffixes[i];
        }
    }
    return NULL;
}

void sqlite_file_create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd >= 0) {
        close(fd);
    }
}

bool sqlite_file_locked(const char *path)
{
    char name[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s-lock", path);
    int fd = n > 0 && (size_t)n < sizeof name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return false;
    }
    bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}
