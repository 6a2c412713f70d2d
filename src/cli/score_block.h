/* A block of lines: what goes in, what comes out. Scoring one touches nothing else, so blocks can
 * be scored side by side. A block belongs to one thread at a time. */
#ifndef CLI_SCORE_BLOCK_H
#define CLI_SCORE_BLOCK_H

#include "base/buf.h"
#include "score_json.h"
#include "sentiment/sentiment.h"

enum {
    SCORE_BLOCK_SIZE = 128 * 1024,     /* of the input; a longer line makes its block larger */
    SCORE_BLOCK_LARGE = 1024 * 1024,   /* blocks over this are handled one at a time */
    SCORE_LINE_MAX = 16 * 1024 * 1024, /* bytes of a line without its line feed */
};

struct score_options {
    bool ndjson;
    struct sentiment_thresholds thresholds;
};

/* A line that could not be scored. */
struct score_fault {
    size_t line; /* within the block, the first is 0 */
    size_t at;   /* offset within the line */
    enum score_json_error error;
};

struct score_block {
    char *in; /* in_len bytes of whole lines, each with its line feed */
    size_t in_len;
    size_t in_cap;   /* SCORE_JSON_PAD further bytes are allocated */
    bool too_long;   /* instead: the block is one line over SCORE_LINE_MAX, and in_len is 0 */
    size_t in_bytes; /* how much of the input the block stands for */

    struct buf out; /* as many lines as there are in `in`, or failed: out of memory */
    size_t lines;
    struct score_fault *faults; /* in the order of the lines */
    size_t fault_count;
    size_t fault_cap;
};

/* Makes an empty block; -1: out of memory. Free with score_block_free(). */
int score_block_init(struct score_block *b);
void score_block_free(struct score_block *b);

/* Makes room for `cap` bytes of input and keeps what is there; -1: out of memory. */
int score_block_grow(struct score_block *b, size_t cap);

/* Empties the block; the memory of a large one is given back. */
void score_block_clear(struct score_block *b);

/* Scores each line, appends to `out` and notes the faults. `json` is scratch memory, which text
 * does not use. When memory runs out, buf_failed(&b->out). */
void score_block_process(struct score_block *b, const struct score_options *options,
                         struct score_json *json);

/* Appends "polarity<TAB>sentiment" and a line feed. */
void score_write_text(struct buf *out, struct span text, const struct score_options *options);

/* Whether the text is empty but for blanks, tabs and carriage returns: such a line of NDJSON is
 * left out. */
bool score_is_blank(struct span line);

#endif
