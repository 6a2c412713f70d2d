/* Random identifiers. Any thread. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/span.h"

enum { UUID_SIZE = 37 };

/* Writes a random (version 4) UUID in lower case, from the kernel's random numbers. */
void uuid_make(char out[UUID_SIZE]);

/* Whether the text is a UUID: 8-4-4-4-12 hexadecimal digits, of any version and case. */
bool uuid_valid(struct span text);

#endif
