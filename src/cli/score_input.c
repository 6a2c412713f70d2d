#include "score_input.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

void score_input_init(struct score_input *in, int fd)
{
    struct stat st;
    *in = (struct score_input){.fd = fd, .stop_fd = -1};
    in->always_ready = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

void score_input_free(struct score_input *in)
{
    buf_free(&in->rest);
}

static bool ready_now(const struct score_input *in)
{
    struct pollfd fd = {in->fd, POLLIN, 0};
    return in->always_ready || poll(&fd, 1, 0) > 0;
}

/* Waits until there is something to read, or until asked to stop: false. */
static bool wait_ready(const struct score_input *in)
{
    struct pollfd fds[2] = {{in->fd, POLLIN, 0}, {in->stop_fd, POLLIN, 0}};
    if (in->always_ready) {
        return in->stop_fd < 0 || poll(&fds[1], 1, 0) <= 0;
    }
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    return fds[1].revents == 0;
}

/* Reads once into the block's free room. END is noted in in->ended. */
static enum score_input_result read_more(struct score_input *in, struct score_block *b)
{
    for (;;) {
        if (!wait_ready(in)) {
            return SCORE_INPUT_STOPPED;
        }
        ssize_t n = read(in->fd, b->in + b->in_len, b->in_cap - b->in_len);
        if (n >= 0) {
            in->ended = n == 0;
            b->in_len += (size_t)n;
            return SCORE_INPUT_BLOCK;
        }
        if (errno != EINTR && errno != EAGAIN) {
            return SCORE_INPUT_ERROR;
        }
    }
}

static int grow(struct score_input *in, struct score_block *b)
{
    size_t most = SCORE_LINE_MAX + 1;
    size_t cap = b->in_cap < most / 2 ? b->in_cap * 2 : most;
    if (cap > SCORE_BLOCK_LARGE && in->before_growing != NULL) {
        in->before_growing(in->context);
    }
    if (score_block_grow(b, cap) == 0) {
        return 0;
    }
    errno = ENOMEM;
    return -1;
}

/* Drops what is left of a line that is too long. What follows it stays in the block. */
static enum score_input_result skip_line(struct score_input *in, struct score_block *b)
{
    while (in->skipping && !in->ended) {
        const char *feed = memchr(b->in, '\n', b->in_len);
        if (feed != NULL) {
            size_t dropped = (size_t)(feed + 1 - b->in);
            memmove(b->in, feed + 1, b->in_len - dropped);
            b->in_len -= dropped;
            in->skipped += dropped;
            in->skipping = false;
            return SCORE_INPUT_BLOCK;
        }
        in->skipped += b->in_len;
        b->in_len = 0;
        enum score_input_result result = read_more(in, b);
        if (result != SCORE_INPUT_BLOCK) {
            return result;
        }
    }
    return SCORE_INPUT_BLOCK;
}

/* Keeps what stands behind the last line feed for the next block. */
static enum score_input_result keep_rest(struct score_input *in, struct score_block *b,
                                         size_t lines)
{
    buf_add(&in->rest, b->in + lines, b->in_len - lines);
    if (buf_failed(&in->rest)) {
        errno = ENOMEM;
        return SCORE_INPUT_ERROR;
    }
    b->in_len = lines;
    b->in_bytes = lines + in->skipped;
    in->skipped = 0;
    return SCORE_INPUT_BLOCK;
}

/* What the last block left, at most a block's size unless that one was large. */
static int take_rest(struct score_input *in, struct score_block *b)
{
    if (in->rest.len > b->in_cap && score_block_grow(b, in->rest.len) != 0) {
        errno = ENOMEM;
        return -1;
    }
    if (in->rest.len > 0) {
        memcpy(b->in, in->rest.data, in->rest.len);
    }
    b->in_len = in->rest.len;
    buf_clear(&in->rest);
    if (in->rest.cap > SCORE_BLOCK_LARGE) {
        buf_free(&in->rest);
    }
    return 0;
}

/* The input has ended: all that is there are lines. */
static enum score_input_result finish(struct score_input *in, struct score_block *b)
{
    if (b->in_len == 0) {
        return SCORE_INPUT_END;
    }
    size_t bytes = b->in_len;
    if (b->in[b->in_len - 1] != '\n') {
        b->in[b->in_len++] =
            '\n'; /* there is room: a full block is handled before it is read into */
    }
    enum score_input_result result = keep_rest(in, b, b->in_len);
    b->in_bytes -= b->in_len - bytes;
    return result;
}

enum score_input_result score_input_next(struct score_input *in, struct score_block *b)
{
    if (take_rest(in, b) != 0) {
        return SCORE_INPUT_ERROR;
    }
    enum score_input_result result = skip_line(in, b);
    size_t searched = 0; /* there is no line feed before */
    while (result == SCORE_INPUT_BLOCK && !in->ended) {
        const char *feed = memrchr(b->in + searched, '\n', b->in_len - searched);
        if (feed != NULL && (b->in_len == b->in_cap || !ready_now(in))) {
            return keep_rest(in, b, (size_t)(feed + 1 - b->in));
        }
        if (feed == NULL) {
            searched = b->in_len;
        }
        if (b->in_len > SCORE_LINE_MAX) {
            in->skipping = b->too_long = true;
            in->skipped += b->in_len;
            b->in_len = 0;
            return SCORE_INPUT_BLOCK;
        }
        if (b->in_len == b->in_cap && grow(in, b) != 0) {
            return SCORE_INPUT_ERROR;
        }
        result = read_more(in, b);
    }
    return result == SCORE_INPUT_BLOCK ? finish(in, b) : result;
}
