/* Makes up reviews. Review number `index` of `seed` is always the same, whatever was made before
 * it, and of any three from a multiple of three on, one is positive, one neutral and one negative.
 *
 * Pure but for the buffers; a buffer belongs to one thread at a time. */
#ifndef GENERATOR_MAKER_H
#define GENERATOR_MAKER_H

#include "base/buf.h"

#include <stdint.h>

/* Appends a user's name: first and last, UTF-8, no control characters. */
void maker_name(struct buf *out, uint64_t seed, uint64_t index);

/* Appends one to three English sentences. */
void maker_text(struct buf *out, uint64_t seed, uint64_t index);

/* Appends {"user_name":…,"review":…}, the body that the service takes. `scratch` is emptied and
 * used, so that a caller who keeps both buffers allocates nothing from the second review on. Check
 * buf_failed(out). */
void maker_body(struct buf *out, struct buf *scratch, uint64_t seed, uint64_t index);

#endif
