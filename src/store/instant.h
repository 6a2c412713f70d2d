/* The time that a review's timestamp names. */
#ifndef STORE_INSTANT_H
#define STORE_INSTANT_H

#include "base/span.h"

#include <stdint.h>

/* Wall time in µs of a timestamp in clock_iso() form; `otherwise` when it has another form. Any
 * thread. */
int64_t instant_of(struct span timestamp, int64_t otherwise);

#endif
