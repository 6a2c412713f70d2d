#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Reads to the end; the buffer has room for one byte more than `limit`, and never grows (growing
 * would leave a copy of secrets behind in freed memory). */
static int read_all(int fd, size_t limit, struct buf *out)
{
    if (!buf_reserve(out, limit + 1)) {
        return ENOMEM;
    }
    size_t start = out->len;
    for (;;) {
        ssize_t n = read(fd, out->data + out->len, limit + 1 - (out->len - start));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno;
        }
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        if (out->len - start > limit) {
            return EFBIG;
        }
        if (n == 0) {
            return 0;
        }
    }
}

int file_read(const char *path, size_t limit, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return errno;
    }
    int error = read_all(fd, limit, out);
    (void)close(fd);
    if (error != 0) {
        file_wipe(out);
    }
    return error;
}

void file_wipe(struct buf *b)
{
    b->secret = true;
    buf_free(b);
}
