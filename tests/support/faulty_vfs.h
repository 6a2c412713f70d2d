/* A disk that fails on command: a SQLite VFS around the system's, which all connections of the
 * process use between faulty_vfs_install() and faulty_vfs_remove(). Any thread. */
#ifndef SUPPORT_FAULTY_VFS_H
#define SUPPORT_FAULTY_VFS_H

#include <stdbool.h>

enum faulty_op { FAULTY_WRITE, FAULTY_SYNC, FAULTY_READ, FAULTY_OPEN, FAULTY_OPS };
enum faulty_file { FAULTY_DB = 1, FAULTY_WAL = 2, FAULTY_BOTH = 3 };

struct faulty_rule {
    enum faulty_op op;
    enum faulty_file file;
    int after; /* so many operations still go well */
    int count; /* so many fail then; -1: all */
    int code;  /* SQLite's result, SQLITE_FULL say */
    int system_errno;
    bool torn; /* a write leaves its first half on the disk; a sync of the database leaves nothing
                  of what was written to it since the last one (and the rule's making) */
};

void faulty_vfs_install(void);
void faulty_vfs_remove(void);

/* One rule at a time; it replaces the one before. */
void faulty_vfs_fail(struct faulty_rule rule);
void faulty_vfs_heal(void);

/* After the rule's next failure, so many are refused the lock that a checkpoint takes. Until the
 * next rule. */
void faulty_vfs_refuse_locks(int count);

/* While held, whoever syncs a WAL waits. faulty_vfs_wait_held() returns when somebody does. */
void faulty_vfs_hold(bool held);
void faulty_vfs_wait_held(void);

/* Whether something was written to a WAL that was not synced since. */
bool faulty_vfs_unsynced(void);

/* How often an operation was asked for on a database or WAL since the installation. */
int faulty_vfs_count(enum faulty_op op);

#endif
