/* The database's files: folder, lock, identity. Nothing here but sqlite_file_create() opens the
 * database file itself: closing a second descriptor of it would drop SQLite's POSIX locks.
 * Functions may be called from any thread. */
#ifndef STORE_SQLITE_FILE_H
#define STORE_SQLITE_FILE_H

#include "store/store.h"

#include <sys/types.h>

/* Which files a connection has open, to notice when one is deleted or replaced behind its back. */
enum { SQLITE_FILE_COUNT = 3 }; /* database, -wal, -shm */
struct sqlite_file_id {
    uint32_t device_major, device_minor;
    uint64_t inode;
};

struct sqlite_file_ids {
    struct sqlite_file_id file[SQLITE_FILE_COUNT];
};

/* Makes the folder that `path` lies in, with its parents (mode 0750), durably. 0, or -1 with
 * `reason`. */
int sqlite_file_make_folder(const char *path, char reason[STORE_ERROR_SIZE]);

/* Makes the folder's entry for `path` durable. 0, or -1 with `reason`. */
int sqlite_file_sync_folder(const char *path, char reason[STORE_ERROR_SIZE]);

/* Whether `path` can be a database's: a file, or nothing yet. 0, or -1 with `reason`. */
int sqlite_file_check(const char *path, char reason[STORE_ERROR_SIZE]);

/* Takes the lock file `path`-lock for this process. A descriptor to close when done (the file
 * stays), or -1 with `reason`, which names the process that holds it. */
int sqlite_file_lock(const char *path, char reason[STORE_ERROR_SIZE]);

/* Makes an empty database file that only its owner and group may read (0640; SQLite would let all
 * read, and gives its other files the same mode), unless there is one. Before SQLite has opened it.
 * What fails here fails again, with its reason, when SQLite opens the file. */
void sqlite_file_create(const char *path);

/* Whether a process has taken that lock. */
bool sqlite_file_locked(const char *path);

/* Notes the files of an open connection. 0, or -1 when one is missing. */
int sqlite_file_identify(const char *path, struct sqlite_file_ids *ids);

/* NULL when the files at `path` are still those of `ids`, else the suffix of the first that is not:
 * "" for the database, "-wal", "-shm". Three statx() calls, about a microsecond each. */
const char *sqlite_file_moved(const char *path, const struct sqlite_file_ids *ids);

#endif
