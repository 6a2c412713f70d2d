/* Fewer and larger writes to the WAL.
 *
 * SQLite writes each page of a transaction to the WAL in two calls, 24 bytes and the page, none of
 * them aligned; for a commit of many reviews that is most of its processor time. Through this VFS
 * the calls are gathered, and written at once when SQLite syncs the WAL, reads from it, or does
 * anything else with it.
 *
 * Sound because nobody looks at those bytes sooner: a commit with synchronous=FULL syncs the WAL
 * before it tells other connections of the frames (sqlite.org/walformat.html, "The WAL-Index File
 * Format": readers stop at mxFrame, which is raised afterwards), and this connection's own reads
 * come through here. It takes a file system that does not tear neighbouring bytes
 * (SQLITE_IOCAP_POWERSAFE_OVERWRITE, SQLite's default), as without it SQLite adds frames after the
 * sync; there, and without memory, every write goes through at once.
 *
 * It takes cache_spill off, too, so that nothing is written but by a commit: what a transaction
 * that rolls back had gathered could else be written later, over what another process committed
 * there meanwhile.
 *
 * A write that fails is told by the call that carries it out, most often the sync. What was
 * gathered is then forgotten: the transaction rolls back, and the next one overwrites the same
 * place. */
#ifndef STORE_SQLITE_WAL_VFS_H
#define STORE_SQLITE_WAL_VFS_H

/* The name to open a connection with. Registered on the first call, over the process's default VFS;
 * NULL, which names that default, when it cannot be. Any thread. */
const char *sqlite_wal_vfs(void);

#endif
