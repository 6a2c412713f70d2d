/* Small files: tokens and profiles. Any thread. */
#ifndef AWS_FILE_H
#define AWS_FILE_H

#include "base/buf.h"

/* Appends the whole file to `out`. Returns 0, or an errno value: ENOENT, EACCES, …, EFBIG when it
 * holds more than `limit` bytes, ENOMEM. Never waits for a writer when the path is a FIFO. What was
 * read before a failure is wiped. */
int file_read(const char *path, size_t limit, struct buf *out);

/* Wipes and frees a buffer that held secrets. */
void file_wipe(struct buf *b);

#endif
