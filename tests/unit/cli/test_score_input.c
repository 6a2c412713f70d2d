#include "cli/score_input.h"

#include "fake_scorer.h"
#include "support/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct score_block block;
static int grown; /* how often before_growing was called */

static void count_growing(void *context)
{
    (void)context;
    grown++;
}

static int make_block(void **state)
{
    (void)state;
    return score_block_init(&block);
}

static int free_block(void **state)
{
    (void)state;
    score_block_free(&block);
    return 0;
}

static enum score_input_result next(struct score_input *in)
{
    score_block_clear(&block);
    return score_input_next(in, &block);
}

static void check_next(struct score_input *in, const char *expected)
{
    assert_int_equal(next(in), SCORE_INPUT_BLOCK);
    assert_false(block.too_long);
    assert_true(span_equal((struct span){block.in, block.in_len}, span_of(expected)));
}

static void feed(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void answers_what_is_there(void **state)
{
    (void)state;
    int fds[2];
    struct score_input in;
    assert_int_equal(pipe(fds), 0);
    score_input_init(&in, fds[0]);
    feed(fds[1], "one\ntw");
    check_next(&in, "one\n");
    assert_int_equal(block.in_bytes, 4);
    feed(fds[1], "o\n\nthree\n");
    check_next(&in, "two\n\nthree\n");
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0); /* makes no difference */
    feed(fds[1], "four");
    close(fds[1]);
    check_next(&in, "four\n");
    assert_int_equal(block.in_bytes, 4);
    assert_int_equal(next(&in), SCORE_INPUT_END);
    assert_int_equal(next(&in), SCORE_INPUT_END);
    score_input_free(&in);
    close(fds[0]);
}

static int make_file(void)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void fill(int fd, size_t size, char c)
{
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, c, size);
    assert_int_equal(write(fd, text, size), size);
    free(text);
}

/* A line at the limit is a line; one byte more and it is reported, and those around it are not
 * harmed. */
static void limits_lines(void **state)
{
    (void)state;
    for (size_t size = SCORE_LINE_MAX - 1; size <= SCORE_LINE_MAX + 1; size++) {
        for (int ends = 0; ends < 2; ends++) {
            int fd = make_file();
            struct score_input in;
            feed(fd, "first\n");
            fill(fd, size, 'x');
            if (ends) {
                feed(fd, "\nlast");
            }
            lseek(fd, 0, SEEK_SET);
            score_input_init(&in, fd);
            check_next(&in, "first\n");
            assert_int_equal(next(&in), SCORE_INPUT_BLOCK);
            assert_int_equal(block.too_long, size > SCORE_LINE_MAX);
            if (block.too_long) {
                assert_int_equal(block.in_len, 0);
            } else {
                assert_true(block.in_len >= size + 1 && block.in[size] == '\n' &&
                            block.in[0] == 'x');
            }
            if (ends) {
                check_next(&in, "last\n");
            }
            assert_int_equal(next(&in), SCORE_INPUT_END);
            score_input_free(&in);
            close(fd);
        }
    }
}

static void asks_before_it_grows(void **state)
{
    (void)state;
    static const size_t sizes[] = {SCORE_BLOCK_SIZE - 1,  SCORE_BLOCK_SIZE,  SCORE_BLOCK_SIZE + 1,
                                   SCORE_BLOCK_LARGE - 1, SCORE_BLOCK_LARGE, SCORE_BLOCK_LARGE + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int fd = make_file();
        struct score_input in;
        fill(fd, sizes[i] - 1, 'x'); /* with its line feed the size */
        feed(fd, "\n");
        lseek(fd, 0, SEEK_SET);
        score_input_init(&in, fd);
        in.before_growing = count_growing;
        grown = 0;
        assert_int_equal(next(&in), SCORE_INPUT_BLOCK);
        assert_int_equal(block.in_len, sizes[i]);
        assert_int_equal(grown, sizes[i] > SCORE_BLOCK_LARGE);
        assert_int_equal(next(&in), SCORE_INPUT_END);
        score_input_free(&in);
        close(fd);
    }
}

/* However lines lie over the blocks' edges, all come through, whole and in order. */
static void keeps_all_lines(void **state)
{
    (void)state;
    int fd = make_file();
    struct score_input in;
    struct buf all = BUF_INIT;
    for (size_t i = 0; i < 3000; i++) {
        size_t size = i * 7919 % 1000 + (i % 500 == 499 ? 200000 : 0);
        for (size_t j = 0; j < size; j++) {
            buf_add_char(&all, (char)('a' + i % 26));
        }
        buf_add_char(&all, '\n');
    }
    assert_int_equal(write(fd, all.data, all.len), all.len);
    lseek(fd, 0, SEEK_SET);
    score_input_init(&in, fd);
    size_t at = 0;
    size_t bytes = 0;
    while (next(&in) == SCORE_INPUT_BLOCK) {
        assert_true(block.in_len > 0 && block.in[block.in_len - 1] == '\n');
        assert_true(at + block.in_len <= all.len);
        assert_memory_equal(all.data + at, block.in, block.in_len);
        at += block.in_len;
        bytes += block.in_bytes;
    }
    assert_int_equal(at, all.len);
    assert_int_equal(bytes, all.len);
    score_input_free(&in);
    buf_free(&all);
    close(fd);
}

static void stops_when_told(void **state)
{
    (void)state;
    int fds[2];
    struct score_input in;
    assert_int_equal(pipe(fds), 0);
    score_input_init(&in, fds[0]);
    in.stop_fd = eventfd(1, EFD_CLOEXEC);
    assert_int_equal(next(&in), SCORE_INPUT_STOPPED);
    feed(fds[1], "line\n");
    assert_int_equal(next(&in), SCORE_INPUT_STOPPED);
    close(in.stop_fd);
    close(fds[0]);
    close(fds[1]);
    score_input_free(&in);
}

static void says_why_it_cannot_read(void **state)
{
    (void)state;
    struct score_input in;
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    score_input_init(&in, folder);
    assert_int_equal(next(&in), SCORE_INPUT_ERROR);
    assert_int_equal(errno, EISDIR);
    score_input_free(&in);
    close(folder);
    score_input_init(&in, folder);
    assert_int_equal(next(&in), SCORE_INPUT_ERROR);
    assert_int_equal(errno, EBADF);
    score_input_free(&in);
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    int fd = make_file();
    fill(fd, SCORE_BLOCK_SIZE, 'x');
    feed(fd, "\nrest");
    for (long n = 1;; n++) {
        struct score_input in;
        lseek(fd, 0, SEEK_SET);
        score_input_init(&in, fd);
        score_block_free(&block);
        assert_int_equal(score_block_init(&block), 0);
        alloc_fail_at(n);
        enum score_input_result result = score_input_next(&in, &block);
        int error = errno;
        bool happened = alloc_count() >= n;
        alloc_fail_at(0);
        score_input_free(&in);
        if (!happened) {
            break;
        }
        assert_int_equal(result, SCORE_INPUT_ERROR);
        assert_int_equal(error, ENOMEM);
        assert_true(n < 100);
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_what_is_there),   cmocka_unit_test(limits_lines),
        cmocka_unit_test(asks_before_it_grows),    cmocka_unit_test(keeps_all_lines),
        cmocka_unit_test(stops_when_told),         cmocka_unit_test(says_why_it_cannot_read),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, make_block, free_block);
}
