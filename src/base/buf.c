#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

/* A buffer that doubles costs each byte about one copy, however it is filled. */
static size_t grown_capacity(const struct buf *b, size_t need)
{
    size_t cap = b->cap > 0 ? b->cap : FIRST_CAPACITY;
    while (cap < need) {
        cap = cap > PTRDIFF_MAX / 2 ? need : cap * 2;
    }
    if (b->limit > 0 && cap > b->limit && need <= b->limit + 1) {
        cap = b->limit + 1;
    }
    return cap;
}

/* All of the memory, as what was cut off the end may be secret, too. */
static void wipe(struct buf *b)
{
    if (b->secret && b->data != NULL) {
        explicit_bzero(b->data, b->cap);
    }
}

/* As realloc(), which may leave a copy behind. */
static char *grow(struct buf *b, size_t cap)
{
    if (!b->secret) {
        return realloc(b->data, cap);
    }
    char *data = malloc(cap);
    if (data != NULL && b->data != NULL) {
        memcpy(data, b->data, b->len);
        wipe(b);
        free(b->data);
    }
    return data;
}

/* As after BUF_INIT, but for what the owner chose. */
static void forget(struct buf *b)
{
    *b = (struct buf){.limit = b->limit, .secret = b->secret};
}

bool buf_reserve(struct buf *b, size_t more)
{
    if (b->failed) {
        return false;
    }
    size_t most = b->limit > 0 && b->limit < PTRDIFF_MAX ? b->limit : PTRDIFF_MAX - 1;
    if (b->len > most || more > most - b->len) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + more + 1;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = grown_capacity(b, need);
    char *data = grow(b, cap);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    b->data[b->len] = '\0';
    return true;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (!buf_reserve(b, len)) {
        return;
    }
    if (len > 0) {
        memcpy(b->data + b->len, bytes, len);
    }
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_add_span(struct buf *b, struct span s)
{
    buf_add(b, s.ptr, s.len);
}

void buf_add_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_addv(b, format, args);
    va_end(args);
}

void buf_addv(struct buf *b, const char *format, va_list args)
{
    if (b->failed) {
        return;
    }
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len < 0) {
        b->failed = true;
    } else if (buf_reserve(b, (size_t)len)) {
        (void)vsnprintf(b->data + b->len, (size_t)len + 1, format, again);
        b->len += (size_t)len;
    }
    va_end(again);
}

void buf_clear(struct buf *b)
{
    wipe(b);
    b->len = 0;
    b->failed = false;
    if (b->data != NULL) {
        b->data[0] = '\0';
    }
}

void buf_free(struct buf *b)
{
    wipe(b);
    free(b->data);
    forget(b);
}

const char *buf_str(const struct buf *b)
{
    return b->data != NULL ? b->data : "";
}

char *buf_detach(struct buf *b)
{
    if (!buf_reserve(b, 0)) {
        buf_free(b);
        return NULL;
    }
    char *data = b->data;
    forget(b);
    return data;
}
