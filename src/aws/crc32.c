#include "crc32.h"

#include <pthread.h>

/* table[k][b]: the CRC of byte b followed by k zero bytes, so that eight bytes are taken at a time.
 */
static uint32_t table[8][256];

static void make_table(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? (crc >> 1) ^ UINT32_C(0xedb88320) : crc >> 1;
        }
        table[0][b] = crc;
    }
    for (int k = 1; k < 8; k++) {
        for (uint32_t b = 0; b < 256; b++) {
            table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 255];
        }
    }
}

uint32_t crc32_of(struct span bytes)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_table);
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    uint32_t crc = UINT32_MAX;
    size_t left = bytes.len;
    for (; left >= 8; left -= 8, p += 8) {
        uint32_t next = 0;
        for (unsigned k = 0; k < 4; k++) {
            next ^= table[7 - k][((crc >> (8 * k)) ^ p[k]) & 255] ^ table[3 - k][p[4 + k]];
        }
        crc = next;
    }
    for (; left > 0; left--, p++) {
        crc = (crc >> 8) ^ table[0][(crc ^ *p) & 255];
    }
    return ~crc;
}
