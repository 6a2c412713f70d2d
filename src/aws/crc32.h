/* The CRC-32 of zlib and Ethernet, which DynamoDB puts into x-amz-crc32. */
#ifndef AWS_CRC32_H
#define AWS_CRC32_H

#include "base/span.h"

#include <stdint.h>

/* Any thread; 0 for no bytes. */
uint32_t crc32_of(struct span bytes);

#endif
