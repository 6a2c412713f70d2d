#include "sqlite_wal.h"

/* The WAL-index, shared by all connections: its first block, the place in it where the number of
 * frames stands that were moved (nBackfill), and the lock that a checkpoint holds. Source:
 * sqlite.org/walformat.html, "The WAL-Index File Format" and "WAL Locks". */
enum { BLOCK_SIZE = 32768, BACKFILL_AT = 96, CHECKPOINT_LOCK = 1 };

static sqlite3_file *file_of(struct sqlite_db *db)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_FILE_POINTER, (void *)&file);
    return rc == SQLITE_OK && file->pMethods != NULL ? file : NULL;
}

int sqlite_wal_checkpoint(struct sqlite_db *db, bool *complete, struct sqlite_error *error)
{
    int total = 0;
    int moved = 0;
    int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &total, &moved);
    *complete = false;
    if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED) {
        return 0;
    }
    /* SQLite syncs the database only when it has moved all, those that were committed meanwhile
     * included. */
    sqlite3_file *file = rc == SQLITE_OK ? file_of(db) : NULL;
    if (file != NULL) {
        rc = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    }
    if (rc != SQLITE_OK) {
        return sqlite_db_fail_code(db, rc, error);
    }
    *complete = moved >= total;
    if (*complete) {
        db->wal_pages = 0; /* the next commit begins at the WAL's start again */
    }
    return 0;
}

bool sqlite_wal_anew(struct sqlite_db *db)
{
    sqlite3_file *file = file_of(db);
    void volatile *index = NULL;
    if (file == NULL || file->pMethods->iVersion < 2) {
        return false;
    }
    const sqlite3_io_methods *methods = file->pMethods;
    if (methods->xShmLock(file, CHECKPOINT_LOCK, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE) !=
        SQLITE_OK) {
        return false;
    }
    bool mapped = methods->xShmMap(file, 0, BLOCK_SIZE, 0, &index) == SQLITE_OK && index != NULL;
    if (mapped) {
        *(uint32_t volatile *)((char volatile *)index + BACKFILL_AT) = 0;
    }
    methods->xShmLock(file, CHECKPOINT_LOCK, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    return mapped;
}

void sqlite_wal_keep(struct sqlite_db *db)
{
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}
