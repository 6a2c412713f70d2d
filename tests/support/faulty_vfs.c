#include "support/faulty_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { CHECKPOINT_LOCK = 1, UNDO_MAX = 65536 };

/* What SQLite gets: our methods, and behind this struct the system's file. */
struct faulty_handle {
    sqlite3_file base;
    enum faulty_file kind; /* 0: neither */
    sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct faulty_rule rule;
static bool held;
static int waiting;
static bool unsynced;
static int counts[FAULTY_OPS];
static int last_errno; /* as errno: stays until the next failure; a new rule clears it */
static int refusals;   /* of the checkpoint's lock, after the next failure */
static int refused;    /* still to come of these */

/* What the database had where it was written to since its last sync, while a rule may lose that. */
static struct undo {
    sqlite3_int64 at;
    int len;
    char *data;
} undos[UNDO_MAX];
static size_t undo_count;
static sqlite3_int64 undo_size; /* the file's, before the first of them */

/* Under the lock. */
static void forget_undos(void)
{
    while (undo_count > 0) {
        free(undos[--undo_count].data);
    }
}

void faulty_vfs_fail(struct faulty_rule new_rule)
{
    pthread_mutex_lock(&lock);
    rule = new_rule;
    last_errno = 0;
    refusals = 0;
    refused = 0;
    forget_undos();
    pthread_mutex_unlock(&lock);
}

void faulty_vfs_heal(void)
{
    faulty_vfs_fail((struct faulty_rule){0});
}

void faulty_vfs_refuse_locks(int count)
{
    pthread_mutex_lock(&lock);
    refusals = count;
    pthread_mutex_unlock(&lock);
}

void faulty_vfs_hold(bool hold)
{
    pthread_mutex_lock(&lock);
    held = hold;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void faulty_vfs_wait_held(void)
{
    pthread_mutex_lock(&lock);
    while (waiting == 0) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

bool faulty_vfs_unsynced(void)
{
    pthread_mutex_lock(&lock);
    bool result = unsynced;
    pthread_mutex_unlock(&lock);
    return result;
}

int faulty_vfs_count(enum faulty_op op)
{
    pthread_mutex_lock(&lock);
    int count = counts[op];
    pthread_mutex_unlock(&lock);
    return count;
}

/* The code that an operation is to end with, SQLITE_OK to do it really. */
static int verdict(enum faulty_op op, enum faulty_file kind, bool *torn)
{
    int code = SQLITE_OK;
    pthread_mutex_lock(&lock);
    counts[op] += kind != 0;
    if (rule.code != SQLITE_OK && rule.op == op && (rule.file & kind) != 0 && rule.count != 0 &&
        rule.after-- <= 0) {
        code = rule.code;
        last_errno = rule.system_errno;
        refused = refusals;
        *torn = rule.torn;
        rule.count -= rule.count > 0;
    }
    pthread_mutex_unlock(&lock);
    return code;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct faulty_handle *)file)->real;
}

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
    bool torn = false;
    int code = verdict(FAULTY_READ, ((struct faulty_handle *)file)->kind, &torn);
    return code != SQLITE_OK ? code : real_of(file)->pMethods->xRead(real_of(file), data, len, at);
}

/* Keeps what a write to the database is about to replace. */
static void note_undo(sqlite3_file *real, int len, sqlite3_int64 at)
{
    pthread_mutex_lock(&lock);
    if (rule.code != SQLITE_OK && rule.op == FAULTY_SYNC && rule.torn && undo_count < UNDO_MAX) {
        struct undo *undo = &undos[undo_count];
        if (undo_count == 0) {
            real->pMethods->xFileSize(real, &undo_size);
        }
        *undo = (struct undo){at, len, malloc((size_t)len)};
        if (undo->data != NULL) {
            real->pMethods->xRead(real, undo->data, len, at);
            undo_count++;
        }
    }
    pthread_mutex_unlock(&lock);
}

/* After a sync of the database: nothing can be lost any more, or all is. */
static void end_undos(sqlite3_file *real, bool lose)
{
    pthread_mutex_lock(&lock);
    for (size_t i = lose ? undo_count : 0; i > 0; i--) {
        struct undo *undo = &undos[i - 1];
        real->pMethods->xWrite(real, undo->data, undo->len, undo->at);
    }
    if (lose && undo_count > 0) {
        real->pMethods->xTruncate(real, undo_size);
    }
    forget_undos();
    pthread_mutex_unlock(&lock);
}

static int file_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
    struct faulty_handle *handle = (struct faulty_handle *)file;
    bool torn = false;
    int code = verdict(FAULTY_WRITE, handle->kind, &torn);
    if (code != SQLITE_OK && torn) {
        handle->real->pMethods->xWrite(handle->real, data, len / 2, at);
    }
    if (code != SQLITE_OK) {
        return code;
    }
    if (handle->kind == FAULTY_WAL) {
        pthread_mutex_lock(&lock);
        unsynced = true;
        pthread_mutex_unlock(&lock);
    } else if (handle->kind == FAULTY_DB) {
        note_undo(handle->real, len, at);
    }
    return handle->real->pMethods->xWrite(handle->real, data, len, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct faulty_handle *handle = (struct faulty_handle *)file;
    bool torn = false;
    if (handle->kind == FAULTY_WAL) {
        pthread_mutex_lock(&lock);
        waiting++;
        pthread_cond_broadcast(&changed);
        while (held) {
            pthread_cond_wait(&changed, &lock);
        }
        waiting--;
        pthread_mutex_unlock(&lock);
    }
    int code = verdict(FAULTY_SYNC, handle->kind, &torn);
    if (code == SQLITE_OK) {
        code = handle->real->pMethods->xSync(handle->real, flags);
    }
    if (handle->kind == FAULTY_DB) {
        end_undos(handle->real, code != SQLITE_OK && torn);
    }
    if (code == SQLITE_OK && handle->kind == FAULTY_WAL) {
        pthread_mutex_lock(&lock);
        unsynced = false;
        pthread_mutex_unlock(&lock);
    }
    return code;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *result)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
    if (op == SQLITE_FCNTL_LAST_ERRNO) {
        pthread_mutex_lock(&lock);
        *(int *)argument = last_errno;
        pthread_mutex_unlock(&lock);
        return SQLITE_OK;
    }
    return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    if (offset == CHECKPOINT_LOCK && (flags & SQLITE_SHM_LOCK)) {
        pthread_mutex_lock(&lock);
        bool refuse = refused > 0;
        refused -= refuse;
        pthread_mutex_unlock(&lock);
        if (refuse) {
            return SQLITE_BUSY;
        }
    }
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shm_unmap(sqlite3_file *file, int drop)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), drop);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

static int vfs_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct faulty_handle *handle = (struct faulty_handle *)file;
    bool torn = false;
    (void)self;
    *handle = (struct faulty_handle){.real = (sqlite3_file *)(handle + 1)};
    if (flags & SQLITE_OPEN_MAIN_DB) {
        handle->kind = FAULTY_DB;
    } else if (flags & SQLITE_OPEN_WAL) {
        handle->kind = FAULTY_WAL;
    }
    int code = verdict(FAULTY_OPEN, handle->kind, &torn);
    if (code == SQLITE_OK) {
        code = real_vfs->xOpen(real_vfs, name, handle->real, flags, out_flags);
    }
    if (code == SQLITE_OK) {
        handle->base.pMethods = &methods;
    }
    return code;
}

static int vfs_last_error(sqlite3_vfs *self, int size, char *text)
{
    (void)self;
    pthread_mutex_lock(&lock);
    int result = last_errno;
    pthread_mutex_unlock(&lock);
    return result != 0 ? result : real_vfs->xGetLastError(real_vfs, size, text);
}

void faulty_vfs_install(void)
{
    sqlite3_initialize();
    real_vfs = sqlite3_vfs_find("unix");
    vfs = *real_vfs;
    vfs.zName = "faulty";
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct faulty_handle) + real_vfs->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xGetLastError = vfs_last_error;
    faulty_vfs_heal();
    faulty_vfs_hold(false);
    unsynced = false;
    memset(counts, 0, sizeof counts);
    sqlite3_vfs_register(&vfs, 1);
}

void faulty_vfs_remove(void)
{
    sqlite3_vfs_unregister(&vfs);
}
