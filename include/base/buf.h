/* A growing byte buffer with a sticky error.
 *
 * Appending never fails visibly: when memory runs out or `limit` would be passed, the buffer is
 * marked failed, keeps what it had and ignores all further appends. The caller checks buf_failed()
 * once, at the end. A buffer belongs to one thread at a time. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/span.h"

#include <stdarg.h>

struct buf {
    char *data;   /* NULL or NUL-terminated at data[len] */
    size_t len;   /* bytes used, without the NUL */
    size_t cap;   /* bytes allocated */
    size_t limit; /* largest len allowed; 0 = no limit */
    bool failed;
    bool secret; /* set before the first append: all memory is wiped before it goes back */
};

#define BUF_INIT ((struct buf){0})

/* Appends `len` bytes. */
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_span(struct buf *b, struct span s);
void buf_add_str(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);

/* Appends as printf would. */
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Makes room for `more` further bytes; false (and failed) when that is not possible. */
bool buf_reserve(struct buf *b, size_t more);

/* Empties the buffer and its error, and keeps the memory; a secret is wiped. */
void buf_clear(struct buf *b);

/* Frees the memory; the buffer is as after BUF_INIT, but keeps `limit` and `secret`. */
void buf_free(struct buf *b);

static inline bool buf_failed(const struct buf *b)
{
    return b->failed;
}

/* What is in it: valid until the next append or free. */
static inline struct span buf_span(const struct buf *b)
{
    return (struct span){b->data, b->len};
}

/* The content as a NUL-terminated string, "" when empty; valid as buf_span(). */
const char *buf_str(const struct buf *b);

/* Hands the memory over: the caller frees the returned NUL-terminated string. NULL when the buffer
 * has failed or memory runs out (the buffer is freed then too). */
char *buf_detach(struct buf *b);

#endif
