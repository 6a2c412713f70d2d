#include "cli/score_pool.h"

#include "fake_scorer.h"
#include "support/alloc.h"
#include "support/fake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct score_options ndjson = {true, {0.1, -0.1}};
static const struct score_options plain = {false, {0.1, -0.1}};

static int make_file(void)
{
    int fd = memfd_create("output", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* What was written to the file; the caller frees it. */
static char *content(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    return text;
}

static void check_content(int fd, const char *expected)
{
    char *text = content(fd);
    assert_string_equal(text, expected);
    free(text);
}

static void open_output(struct score_output *out, struct clock *clock)
{
    score_output_init(out, -1, clock);
    out->out_fd = make_file();
    out->error_fd = make_file();
}

static void close_output(struct score_output *out)
{
    score_output_free(out);
    close(out->out_fd);
    close(out->error_fd);
}

static bool submit(struct score_pool *pool, struct span lines)
{
    struct score_block *block = score_pool_take(pool);
    if (block == NULL) {
        return false;
    }
    assert_int_equal(block->in_len, 0);
    assert_int_equal(block->fault_count, 0);
    assert_true(lines.len <= block->in_cap);
    memcpy(block->in, lines.ptr, lines.len);
    block->in_len = lines.len;
    score_pool_submit(pool);
    return true;
}

enum { BLOCKS = 2000 };

/* Blocks of very different sizes end out of order; they must not come out so. Each has one bad line
 * at its end, whose number counts all lines before it. */
static void keeps_the_order(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 7};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        struct score_output out;
        struct buf expected = BUF_INIT;
        struct buf errors = BUF_INIT;
        uint64_t lines = 0;
        open_output(&out, clock_system());
        struct score_pool *pool = score_pool_start(threads[i], &ndjson, &out);
        assert_non_null(pool);
        for (size_t n = 0; n < BLOCKS; n++) {
            struct buf text = BUF_INIT;
            for (size_t j = n * 37 % 100; j > 0; j--) {
                buf_addf(&text, "{\"id\":%zu,\"review\":\"p=0.5\"}\n", n);
                buf_addf(&expected,
                         "{\"id\":%zu,\"review\":\"p=0.5\", \"sentiment\": \"Positive\", "
                         "\"polarity_score\": \"0.5\"}\n",
                         n);
                lines++;
            }
            buf_add_str(&text, "bad\n");
            buf_add_str(&expected, "\n");
            buf_addf(&errors, "reviewd: line %zu, byte 1: not a JSON object\n", (size_t)++lines);
            assert_true(submit(pool, buf_span(&text)));
            buf_free(&text);
        }
        score_pool_drain(pool);
        assert_int_equal(out.lines, lines);
        score_pool_stop(pool);
        assert_true(out.faulty);
        assert_false(out.failed);
        check_content(out.out_fd, buf_str(&expected));
        check_content(out.error_fd, buf_str(&errors));
        close_output(&out);
        buf_free(&expected);
        buf_free(&errors);
    }
}

static void writes_all_before_it_stops(void **state)
{
    (void)state;
    struct score_output out;
    open_output(&out, clock_system());
    struct score_pool *pool = score_pool_start(3, &plain, &out);
    assert_non_null(pool);
    assert_true(submit(pool, SPAN("p=1\n")));
    assert_true(submit(pool, SPAN("p=-1\nx\n")));
    score_pool_stop(pool);
    check_content(out.out_fd, "1.0\tPositive\n-1.0\tNegative\n0.0\tNeutral\n");
    close_output(&out);
    score_pool_stop(NULL);
}

static bool readable(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, 0) > 0;
}

/* When the output fails, it is said once, the reader is woken, and nothing hangs. */
static void gives_up_when_it_cannot_write(void **state)
{
    (void)state;
    struct score_output out;
    open_output(&out, clock_system());
    close(out.out_fd);
    out.out_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct score_pool *pool = score_pool_start(3, &plain, &out);
    assert_non_null(pool);
    assert_false(readable(score_pool_stop_fd(pool)));
    while (submit(pool, SPAN("p=1\n"))) {
    }
    assert_true(readable(score_pool_stop_fd(pool)));
    score_pool_drain(pool);
    assert_null(score_pool_take(pool));
    score_pool_stop(pool);
    assert_true(out.failed);
    check_content(out.error_fd,
                  "reviewd: cannot write to standard output: No space left on device\n");
    close_output(&out);
}

static void says_when_it_cannot_start(void **state)
{
    (void)state;
    struct score_output out;
    open_output(&out, clock_system());
    for (long n = 1; n <= 6; n++) { /* the pool, its threads, its slots, three blocks */
        alloc_fail_at(n);
        assert_null(score_pool_start(1, &plain, &out));
        alloc_fail_at(0);
    }
    close_output(&out);
}

static void reports_lack_of_memory(void **state)
{
    (void)state;
    struct score_output out;
    struct score_block block = {.out = {.failed = true}};
    open_output(&out, clock_system());
    assert_int_equal(score_output_write(&out, &block), -1);
    assert_int_equal(score_output_write(&out, &block), -1);
    check_content(out.error_fd, "reviewd: out of memory\n");
    close_output(&out);
}

static void shows_progress(void **state)
{
    (void)state;
    struct fake_clock clock;
    struct score_output out;
    struct score_block block = {.lines = 1000, .in_bytes = 250000};
    fake_clock_init(&clock, 0);
    open_output(&out, &clock.clock);
    out.progress = true;
    out.total = 1000000;
    assert_int_equal(score_output_write(&out, &block), 0);
    fake_clock_advance(&clock, 499999);
    assert_int_equal(score_output_write(&out, &block), 0);
    check_content(out.error_fd, "");
    fake_clock_advance(&clock, 1500001);
    assert_int_equal(score_output_write(&out, &block), 0);
    check_content(out.error_fd, "\r\033[K3000 lines, 1 MB, 1500 lines/s, 75 %, 1 s left");
    assert_int_equal(score_output_write(&out, &block), 0); /* too soon for another */
    check_content(out.error_fd, "\r\033[K3000 lines, 1 MB, 1500 lines/s, 75 %, 1 s left");
    struct score_fault fault = {0, 0, SCORE_JSON_ENDS_EARLY};
    block.faults = &fault;
    block.fault_count = 1;
    assert_int_equal(score_output_write(&out, &block), 0); /* an error line stands alone */
    check_content(out.error_fd, "\r\033[K3000 lines, 1 MB, 1500 lines/s, 75 %, 1 s left\r\033[K"
                                "reviewd: line 4001, byte 1: the line ends too early\n");
    close_output(&out);
}

static void shows_no_progress_for_a_small_pipe(void **state)
{
    (void)state;
    struct fake_clock clock;
    struct score_output out;
    struct score_block block = {.lines = 1, .in_bytes = 16 * 1024 * 1024 - 1};
    fake_clock_init(&clock, 0);
    open_output(&out, &clock.clock);
    out.progress = true;
    fake_clock_advance(&clock, 1000000);
    assert_int_equal(score_output_write(&out, &block), 0);
    check_content(out.error_fd, "");
    block.in_bytes = 1;
    assert_int_equal(score_output_write(&out, &block), 0);
    check_content(out.error_fd, "\r\033[K2 lines, 17 MB, 2 lines/s");
    score_output_free(&out);
    check_content(out.error_fd, "\r\033[K2 lines, 17 MB, 2 lines/s\r\033[K");
    close(out.out_fd);
    close(out.error_fd);
}

/* A pipe that is non-blocking and full must be waited for, not be an error. */
static void waits_for_a_full_pipe(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    static char text[300000];
    memset(text, 'x', sizeof text);
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        _exit(score_write_all(fds[1], (struct span){text, sizeof text}) == 0 ? 0 : 1);
    }
    close(fds[1]);
    size_t got = 0;
    for (;;) {
        struct pollfd p = {fds[0], POLLIN, 0};
        assert_int_equal(poll(&p, 1, 10000), 1);
        static char part[10000];
        ssize_t n = read(fds[0], part, sizeof part);
        if (n == 0) {
            break;
        }
        assert_true(n > 0);
        got += (size_t)n;
    }
    assert_int_equal(got, sizeof text);
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order),
        cmocka_unit_test(writes_all_before_it_stops),
        cmocka_unit_test(gives_up_when_it_cannot_write),
        cmocka_unit_test(says_when_it_cannot_start),
        cmocka_unit_test(reports_lack_of_memory),
        cmocka_unit_test(shows_progress),
        cmocka_unit_test(shows_no_progress_for_a_small_pipe),
        cmocka_unit_test(waits_for_a_full_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
