#include "base/uuid.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/random.h>

enum { UUID_BYTES = 16, POOL_UUIDS = 64 };

/* One system call serves many identifiers; each thread has a pool of its own. */
static void random_bytes(unsigned char out[UUID_BYTES])
{
    static _Thread_local unsigned char pool[POOL_UUIDS * UUID_BYTES];
    static _Thread_local size_t left;
    if (left == 0) {
        /* A signal may cut short what is longer than 256 bytes (getrandom(2)). */
        for (size_t got = 0; got < sizeof pool;) {
            ssize_t n = getrandom(pool + got, sizeof pool - got, 0);
            got += n > 0 ? (size_t)n : 0;
        }
        left = sizeof pool;
    }
    left -= UUID_BYTES;
    memcpy(out, pool + left, UUID_BYTES);
}

void uuid_make(char out[UUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[UUID_BYTES];
    random_bytes(bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    char *p = out;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }
        *p++ = digits[bytes[i] >> 4];
        *p++ = digits[bytes[i] & 15];
    }
    *p = '\0';
}

bool uuid_valid(struct span text)
{
    if (text.len != UUID_SIZE - 1) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.ptr[i] != '-' : !isxdigit((unsigned char)text.ptr[i])) {
            return false;
        }
    }
    return true;
}
