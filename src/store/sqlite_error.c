#include "sqlite_error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What each kind of error is called, and its remedy. */
static const struct {
    const char *name;
    const char *remedy;
} kinds[SQLITE_KIND_COUNT] = {
    [SQLITE_KIND_FULL] = {"full", "free some space"},
    [SQLITE_KIND_READONLY] = {"readonly", "make the file and its folder writable for this user"},
    [SQLITE_KIND_BUSY] = {"busy", "close the other program that has it locked"},
    [SQLITE_KIND_CORRUPT] = {"corrupt",
                             "stop the service and restore a backup, or try sqlite3's .recover"},
    [SQLITE_KIND_IO] = {"io", "look for disk errors in the system's log"},
    [SQLITE_KIND_MOVED] = {"moved",
                           "put it back, or restart the service to begin with what is there"},
    [SQLITE_KIND_MEMORY] = {"memory", "give the service more memory"},
    [SQLITE_KIND_OTHER] = {"other", "see the message"},
};

const char *sqlite_error_name(enum sqlite_kind kind)
{
    return kinds[kind].name;
}

const char *sqlite_error_remedy(enum sqlite_kind kind)
{
    return kinds[kind].remedy;
}

/* SQLite tells a full disk apart only for write(); a failed fsync or a quota are input/output
 * errors to it. */
static enum sqlite_kind kind_of_system(int system_errno)
{
    switch (system_errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return SQLITE_KIND_FULL;
    case EROFS:
    case EACCES:
    case EPERM:
        return SQLITE_KIND_READONLY;
    case ENOMEM:
        return SQLITE_KIND_MEMORY;
    default:
        return SQLITE_KIND_IO;
    }
}

enum sqlite_kind sqlite_error_kind(int code, int system_errno)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return SQLITE_KIND_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return SQLITE_KIND_READONLY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return SQLITE_KIND_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return SQLITE_KIND_CORRUPT;
    case SQLITE_NOMEM:
        return SQLITE_KIND_MEMORY;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return kind_of_system(system_errno);
    default:
        return SQLITE_KIND_OTHER;
    }
}

/* The system's own error. A failed COMMIT leaves it only in the file that failed, most often the
 * WAL. */
static int system_errno_of(sqlite3 *handle, int code)
{
    sqlite3_file *wal = NULL;
    int result = 0;
    if ((code & 0xff) == SQLITE_CANTOPEN) {
        return sqlite3_system_errno(handle);
    }
    if ((code & 0xff) != SQLITE_IOERR) {
        return 0;
    }
    sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&wal);
    if (wal != NULL && wal->pMethods != NULL) {
        wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &result);
    }
    if (result == 0) {
        sqlite3_file_control(handle, "main", SQLITE_FCNTL_LAST_ERRNO, &result);
    }
    return result != 0 ? result : sqlite3_system_errno(handle);
}

int sqlite_error_from(struct sqlite_error *error, sqlite3 *handle, const char *path, int code)
{
    int system_errno = handle != NULL ? system_errno_of(handle, code) : 0;
    error->kind = sqlite_error_kind(code, system_errno);
    snprintf(error->reason, sizeof error->reason, "database %.100s: %s%s%s: %s", path,
             sqlite3_errstr(code), system_errno != 0 ? ": " : "",
             system_errno != 0 ? strerror(system_errno) : "", kinds[error->kind].remedy);
    return -1;
}

int sqlite_error_set(struct sqlite_error *error, enum sqlite_kind kind, const char *path,
                     const char *why)
{
    error->kind = kind;
    snprintf(error->reason, sizeof error->reason, "database %.80s: %.160s", path, why);
    return -1;
}
