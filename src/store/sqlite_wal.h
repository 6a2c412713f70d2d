/* Moving what was committed from the WAL into the database, as far as one connection does it. */
#ifndef STORE_SQLITE_WAL_H
#define STORE_SQLITE_WAL_H

#include "sqlite_db.h"

/* Moves what it can without waiting for anybody, and makes it durable. `complete` tells whether
 * that was all there was when it began; it is not while another connection checkpoints or reads an
 * older state. 0; or -1 with `error`, and then no checkpoint may follow before sqlite_wal_anew()
 * was true. Harmless to the commits either way. */
int sqlite_wal_checkpoint(struct sqlite_db *db, bool *complete, struct sqlite_error *error);

/* After a checkpoint that failed: makes the next one, of whichever connection, begin at the WAL's
 * start again.
 *
 * Otherwise reviews would be lost. SQLite counts pages as moved before they are durable, unless it
 * moved all; after a failed fsync Linux takes the pages in question for clean and tells of it only
 * once; so the fsync of the next checkpoint would go well, and the WAL, which has the only good
 * copy, be overwritten.
 *
 * False when another process is checkpointing just now: to be tried again. */
bool sqlite_wal_anew(struct sqlite_db *db);

/* Lets sqlite_db_close() leave the WAL as it is, for the next start to recover from. */
void sqlite_wal_keep(struct sqlite_db *db);

#endif
