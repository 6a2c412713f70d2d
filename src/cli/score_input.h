/* Reads a file or pipe as blocks of whole lines. A block is handed out when it is full, or when
 * nothing more can be read right now, so that a line typed into a pipe is answered at once. One
 * thread. */
#ifndef CLI_SCORE_INPUT_H
#define CLI_SCORE_INPUT_H

#include "score_block.h"

struct score_input {
    int fd;
    int stop_fd;       /* readable: give up; -1: nobody stops it */
    bool always_ready; /* a regular file */
    bool ended;
    bool skipping;   /* inside a line that is too long */
    size_t skipped;  /* bytes of it, not yet in a block's in_bytes */
    struct buf rest; /* the beginning of a line whose end has not been read */
    /* Called before a block is made larger than SCORE_BLOCK_LARGE; may be NULL. */
    void (*before_growing)(void *context);
    void *context;
};

enum score_input_result {
    SCORE_INPUT_BLOCK,
    SCORE_INPUT_END,
    SCORE_INPUT_STOPPED,
    SCORE_INPUT_ERROR
};

/* `fd` stays the caller's. */
void score_input_init(struct score_input *in, int fd);
void score_input_free(struct score_input *in);

/* Waits for input and fills the empty block `b` with at least one line, or marks it too_long. A
 * last line without line feed is given one. SCORE_INPUT_ERROR: errno says why. */
enum score_input_result score_input_next(struct score_input *in, struct score_block *b);

#endif
