/* Scores blocks on several threads and writes them in the order in which they were submitted. */
#ifndef CLI_SCORE_POOL_H
#define CLI_SCORE_POOL_H

#include "score_output.h"

struct score_pool;

/* Starts `threads` workers (1 or more). From here to score_pool_stop() the output is the pool's.
 * `options` must stay until then. NULL: out of memory, or no thread can be made. */
struct score_pool *score_pool_start(int threads, const struct score_options *options,
                                    struct score_output *output);

/* All further functions: from the thread that started the pool only. */

/* Waits for an empty block and returns it, to be filled and submitted; NULL when the output has
 * failed. A block that was taken and not submitted is simply taken again. */
struct score_block *score_pool_take(struct score_pool *pool);
void score_pool_submit(struct score_pool *pool);

/* Waits until all that was submitted is written. */
void score_pool_drain(struct score_pool *pool);

/* Becomes readable when the output fails. */
int score_pool_stop_fd(const struct score_pool *pool);

/* Drains, ends the workers and frees the pool. NULL: nothing. */
void score_pool_stop(struct score_pool *pool);

#endif
