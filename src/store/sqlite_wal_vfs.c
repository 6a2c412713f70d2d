#include "sqlite_wal_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* About 30 pages. SQLite's own VFS cannot take 128 KiB in one call (os_unix.c masks the length). */
enum { GATHER_MAX = 120 * 1024 };

/* What SQLite gets for a WAL; the system's file is behind it. One connection's, so one thread's at
 * a time. */
struct wal_file {
    sqlite3_file file; /* first */
    sqlite3_file *system;
    char *gathered; /* GATHER_MAX bytes, from the first write on */
    int len;
    sqlite3_int64 at; /* where they belong */
    bool direct;      /* writes go through at once */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the two below */
static sqlite3_vfs *below;
static sqlite3_vfs vfs = {.zName = "reviewd-wal"};

static struct wal_file *wal_of(sqlite3_file *file)
{
    return (struct wal_file *)file;
}

/* Writes what was gathered. */
static int put_out(struct wal_file *w)
{
    int len = w->len;
    w->len = 0;
    return len > 0 ? w->system->pMethods->xWrite(w->system, w->gathered, len, w->at) : SQLITE_OK;
}

/* The system's file, with everything written; NULL and the result in `rc` when that failed. */
static sqlite3_file *written(sqlite3_file *file, int *rc)
{
    *rc = put_out(wal_of(file));
    return *rc == SQLITE_OK ? wal_of(file)->system : NULL;
}

static int wal_close(sqlite3_file *file)
{
    struct wal_file *w = wal_of(file);
    int written_rc = put_out(w);
    int rc = w->system->pMethods->xClose(w->system);
    free(w->gathered);
    w->gathered = NULL;
    return written_rc != SQLITE_OK ? written_rc : rc;
}

static int wal_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
    int rc;
    sqlite3_file *system = written(file, &rc);
    return system != NULL ? system->pMethods->xRead(system, data, len, at) : rc;
}

static bool gathers(struct wal_file *w)
{
    if (w->gathered == NULL && !w->direct) {
        w->gathered = malloc(GATHER_MAX);
        w->direct = w->gathered == NULL;
    }
    return !w->direct;
}

static int wal_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
    struct wal_file *w = wal_of(file);
    bool fits = w->len == 0 || (at == w->at + w->len && len <= GATHER_MAX - w->len);
    int rc = fits ? SQLITE_OK : put_out(w);
    if (rc != SQLITE_OK) {
        return rc;
    }
    if (len > GATHER_MAX || !gathers(w)) {
        return w->system->pMethods->xWrite(w->system, data, len, at);
    }
    if (w->len == 0) {
        w->at = at;
    }
    memcpy(w->gathered + w->len, data, (size_t)len);
    w->len += len;
    return SQLITE_OK;
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc;
    sqlite3_file *system = written(file, &rc);
    return system != NULL ? system->pMethods->xTruncate(system, size) : rc;
}

static int wal_sync(sqlite3_file *file, int flags)
{
    int rc;
    sqlite3_file *system = written(file, &rc);
    return system != NULL ? system->pMethods->xSync(system, flags) : rc;
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *size)
{
    int rc;
    sqlite3_file *system = written(file, &rc);
    return system != NULL ? system->pMethods->xFileSize(system, size) : rc;
}

static int wal_lock(sqlite3_file *file, int level)
{
    sqlite3_file *system = wal_of(file)->system;
    return system->pMethods->xLock(system, level);
}

static int wal_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *system = wal_of(file)->system;
    return system->pMethods->xUnlock(system, level);
}

static int wal_check_lock(sqlite3_file *file, int *result)
{
    sqlite3_file *system = wal_of(file)->system;
    return system->pMethods->xCheckReservedLock(system, result);
}

static int wal_control(sqlite3_file *file, int operation, void *argument)
{
    sqlite3_file *system = wal_of(file)->system;
    return system->pMethods->xFileControl(system, operation, argument);
}

static int wal_sector_size(sqlite3_file *file)
{
    sqlite3_file *system = wal_of(file)->system;
    return system->pMethods->xSectorSize(system);
}

static int wal_characteristics(sqlite3_file *file)
{
    sqlite3_file *system = wal_of(file)->system;
    return system->pMethods->xDeviceCharacteristics(system);
}

static const sqlite3_io_methods wal_methods = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_check_lock,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = wal_characteristics,
};

/* SQLite asks the database's file, not the WAL. */
static bool overwrites_are_safe(const char *wal_name)
{
    sqlite3_file *database = sqlite3_database_file_object(wal_name);
    return (database->pMethods->xDeviceCharacteristics(database) &
            SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0;
}

/* Only a WAL is wrapped; any other file is the system's own. */
static int open_file(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
                     int *out_flags)
{
    sqlite3_vfs *system = self->pAppData;
    if (!(flags & SQLITE_OPEN_WAL)) {
        return system->xOpen(system, name, file, flags, out_flags);
    }
    struct wal_file *w = wal_of(file);
    *w = (struct wal_file){.system = (sqlite3_file *)(w + 1)};
    w->system->pMethods = NULL;
    int rc = system->xOpen(system, name, w->system, flags, out_flags);
    if (w->system->pMethods == NULL) {
        return rc;
    }
    w->file.pMethods = &wal_methods;
    w->direct = !overwrites_are_safe(name);
    return rc;
}

static bool put_over(sqlite3_vfs *system)
{
    const char *name = vfs.zName;
    vfs = *system;
    vfs.zName = name;
    vfs.pNext = NULL;
    vfs.pAppData = system;
    vfs.szOsFile = (int)sizeof(struct wal_file) + system->szOsFile;
    vfs.xOpen = open_file;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
}

const char *sqlite_wal_vfs(void)
{
    pthread_mutex_lock(&lock);
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);
    if (below == NULL || system != below) {
        sqlite3_vfs_unregister(&vfs); /* which else may be found as the default */
        system = sqlite3_vfs_find(NULL);
        below = system != NULL && put_over(system) ? system : NULL;
    }
    const char *name = below != NULL ? vfs.zName : NULL;
    pthread_mutex_unlock(&lock);
    return name;
}
