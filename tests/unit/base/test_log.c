#include "support/alloc.h"
#include "support/test.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RING = 64 * 1024, FOREVER_MS = 60000 };

struct ends {
    int read;
    int write;
};

static struct ends make_pipe(void)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    return (struct ends){fds[0], fds[1]};
}

/* All that comes until the other end is closed. */
static void *read_all(void *context)
{
    const struct ends *p = context;
    struct buf *b = calloc(1, sizeof(*b));
    char chunk[4096];
    ssize_t n;
    while ((n = read(p->read, chunk, sizeof(chunk))) > 0) {
        buf_add(b, chunk, (size_t)n);
    }
    return b;
}

static struct buf read_to_end(struct ends p)
{
    (void)close(p.write);
    struct buf *b = read_all(&p);
    (void)close(p.read);
    struct buf all = *b;
    free(b);
    return all;
}

/* Each line is a JSON object; gives what the caller counts of each. */
struct tally {
    size_t lines; /* without the log's own */
    int64_t told; /* sum of the counts of "log lines dropped" */
    json_t *last;
};

static struct tally check_lines(struct buf *b)
{
    struct tally t = {0};
    char reason[JSON_REASON_SIZE];
    char *line = b->data;
    for (char *end; line != NULL && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        json_decref(t.last);
        t.last = json_parse((struct span){line, (size_t)(end - line)}, reason);
        assert_non_null(t.last);
        if (span_equal(json_string_member(t.last, "message"), SPAN("log lines dropped"))) {
            t.told += json_integer_value(json_object_get(t.last, "count"));
        } else {
            t.lines++;
        }
    }
    assert_true(line == NULL || *line == '\0');
    return t;
}

/* The one line that `write` makes, without its time; the caller frees it. */
static char *one_line(void (*write)(void))
{
    struct ends p = make_pipe();
    assert_int_equal(log_start(p.write, RING), 0);
    write();
    log_stop(FOREVER_MS);
    struct buf b = read_to_end(p);
    char *text = buf_detach(&b);
    const size_t prefix = strlen("{\"time\":\"2025-11-28T11:16:31.363902Z\",");
    if (strlen(text) > prefix) {
        assert_memory_equal(text, "{\"time\":\"20", 11);
        assert_memory_equal(text + prefix - 3, "Z\",", 3);
        memmove(text, text + prefix, strlen(text + prefix) + 1);
    }
    return text;
}

static void check_line(void (*write)(void), const char *expected)
{
    char *text = one_line(write);
    assert_string_equal(text, expected);
    free(text);
}

static void write_fields(void)
{
    log_warn("mail \"sent\"", LOG_STR("to", "x\ny\xff"), LOG_INT("n", INT64_MIN),
             LOG_SPAN("span", SPAN("a\0b")), LOG_STR("none", NULL));
}

static void write_nothing(void)
{
    log_debug("hidden");
}

static void write_plain(void)
{
    log_error("bare");
}

static void test_format(void **state)
{
    (void)state;
    check_line(write_plain, "\"level\":\"error\",\"message\":\"bare\"}\n");
    check_line(write_nothing, "");
    check_line(write_fields,
               "\"level\":\"warn\",\"message\":\"mail \\\"sent\\\"\",\"to\":\"x\\ny\xef\xbf\xbd\","
               "\"n\":-9223372036854775808,\"span\":\"a\\u0000b\",\"none\":\"\"}\n");
}

static void test_levels(void **state)
{
    (void)state;
    struct ends p = make_pipe();
    assert_int_equal(log_start(p.write, RING), 0);
    for (int level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++) {
        log_set_level((enum log_level)level);
        log_debug("d");
        log_info("i");
        log_warn("w");
        log_error("e");
    }
    log_set_level(LOG_LEVEL_INFO);
    log_stop(FOREVER_MS);
    struct buf b = read_to_end(p);
    struct tally t = check_lines(&b);
    assert_int_equal(t.lines, 4 + 3 + 2 + 1);
    json_decref(t.last);
    buf_free(&b);
}

static size_t field_size;
static char field_text[16384];

static void write_field(void)
{
    log_info("m", LOG_SPAN("f", ((struct span){field_text, field_size})));
}

static size_t written_field(size_t size)
{
    field_size = size;
    char *text = one_line(write_field);
    const char *start = strstr(text, "\"f\":\"");
    size_t length = strlen(start) - strlen("\"f\":\"") - strlen("\"}\n");
    free(text);
    return length;
}

static void test_field_limit(void **state)
{
    (void)state;
    memset(field_text, 'x', sizeof(field_text));
    assert_int_equal(written_field(1023), 1023);
    assert_int_equal(written_field(1024), 1024);
    assert_int_equal(written_field(1025), 1024);
    memcpy(field_text + 1022, "\xe2\x82\xac", 3); /* a euro sign over the edge */
    assert_int_equal(written_field(1026), 1022);
    memset(field_text, 'x', sizeof(field_text));
    memcpy(field_text + 1021, "\xe2\x82\xac", 3); /* and just before it */
    assert_int_equal(written_field(1026), 1024);
}

static char message[9000];

static void write_message(void)
{
    log_info(message);
}

static void test_line_limit(void **state)
{
    (void)state;
    const size_t frame = strlen("{\"time\":\"2025-11-28T11:16:31.363902Z\",\"level\":\"info\","
                                "\"message\":\"\"}\n");
    for (size_t size = 8191; size <= 8193; size++) {
        memset(message, 'm', sizeof(message));
        message[size - frame] = '\0';
        char *text = one_line(write_message);
        bool replaced = strncmp(text,
                                "\"level\":\"info\",\"message\":\"a log line was too long\","
                                "\"line\":\"mmm",
                                60) == 0;
        assert_int_equal(replaced, size > 8192);
        assert_true(replaced || strlen(text) > 8100);
        free(text);
    }
}

static void test_direct_before_start_and_after_stop(void **state)
{
    (void)state;
    struct ends p = make_pipe();
    int saved = dup(STDERR_FILENO);
    assert_int_equal(dup2(p.write, STDERR_FILENO), STDERR_FILENO);
    log_info("before");
    assert_int_equal(log_start(p.write, RING), 0);
    log_info("between");
    log_stop(FOREVER_MS);
    log_info("after");
    log_stop(FOREVER_MS); /* does nothing */
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    (void)close(saved);
    struct buf b = read_to_end(p);
    struct tally t = check_lines(&b);
    assert_int_equal(t.lines, 3);
    assert_string_equal(json_string_value(json_object_get(t.last, "message")), "after");
    json_decref(t.last);
    buf_free(&b);
}

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void check_blocked(int extra_flags)
{
    enum { LINES = 20000 };
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC | extra_flags), 0);
    struct ends p = {fds[0], fds[1]};
    assert_int_equal(fcntl(p.read, F_SETFL, 0), 0);
    uint64_t before = log_dropped();
    assert_int_equal(log_start(p.write, RING), 0);
    for (int i = 0; i < LINES; i++) { /* hangs here when a blocked pipe blocks callers */
        log_info("a line that nobody reads", LOG_INT("i", i));
    }
    uint64_t dropped = log_dropped() - before;
    assert_true(dropped > LINES / 2);
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_all, &p), 0);
    log_stop(FOREVER_MS);
    (void)close(p.write);
    void *read = NULL;
    assert_int_equal(pthread_join(reader, &read), 0);
    (void)close(p.read);
    struct tally t = check_lines(read);
    assert_int_equal(log_dropped() - before, dropped);
    assert_int_equal(t.lines + dropped, LINES);
    assert_int_equal(t.told, dropped);
    json_decref(t.last);
    buf_free(read);
    free(read);
}

static void test_blocked_output_drops_and_tells(void **state)
{
    (void)state;
    check_blocked(0);
}

static void test_output_that_does_not_block(void **state)
{
    (void)state;
    check_blocked(O_NONBLOCK);
}

enum { THREADS = 4, EACH = 3000 };

static void *write_many(void *context)
{
    for (int i = 0; i < EACH; i++) {
        log_info("one of many", LOG_STR("thread", context), LOG_INT("i", i));
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct ends p = make_pipe();
    uint64_t before = log_dropped();
    assert_int_equal(log_start(p.write, 16 * 1024 * 1024), 0);
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_all, &p), 0);
    pthread_t threads[THREADS];
    static char names[THREADS][2] = {"a", "b", "c", "d"};
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, names[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    log_stop(FOREVER_MS);
    (void)close(p.write);
    void *read = NULL;
    assert_int_equal(pthread_join(reader, &read), 0);
    (void)close(p.read);
    struct tally t = check_lines(read);
    assert_int_equal(log_dropped(), before);
    assert_int_equal(t.lines, THREADS * EACH);
    json_decref(t.last);
    buf_free(read);
    free(read);
}

/* A datagram socket keeps each write apart, so they can be counted. */
static void test_many_lines_a_write(void **state)
{
    (void)state;
    enum { LINES = 400 };
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(log_start(fds[1], 256 * 1024), 0);
    for (int i = 0; i < LINES; i++) {
        log_info("one of many", LOG_INT("i", i));
    }
    log_stop(FOREVER_MS);
    static char datagram[512 * 1024];
    size_t writes = 0;
    size_t lines = 0;
    ssize_t n;
    while ((n = recv(fds[0], datagram, sizeof(datagram), MSG_DONTWAIT)) > 0) {
        writes++;
        for (ssize_t i = 0; i < n; i++) {
            lines += datagram[i] == '\n';
        }
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
    assert_int_equal(lines, LINES);
    assert_in_range(writes, 1, LINES / 10);
}

/* A line is not kept back until more come. */
static void test_a_single_line_comes_soon(void **state)
{
    (void)state;
    struct ends p = make_pipe();
    assert_int_equal(log_start(p.write, RING), 0);
    for (int i = 0; i < 20; i++) {
        log_info("single");
        assert_int_equal(poll(&(struct pollfd){.fd = p.read, .events = POLLIN}, 1, 10000), 1);
        char chunk[4096];
        assert_true(read(p.read, chunk, sizeof(chunk)) > 0);
    }
    log_stop(FOREVER_MS);
    (void)close(p.read);
    (void)close(p.write);
}

static void test_output_that_is_gone(void **state)
{
    (void)state;
    struct ends p = make_pipe();
    (void)close(p.read);
    uint64_t before = log_dropped();
    assert_int_equal(log_start(p.write, RING), 0);
    for (int i = 0; i < 10; i++) {
        log_info("to nobody");
    }
    log_stop(FOREVER_MS);
    assert_int_equal(log_dropped() - before, 10);
    (void)close(p.write);
    assert_int_equal(log_start(-1, RING), 0);
    log_info("to nobody");
    log_stop(FOREVER_MS);
    assert_int_equal(log_dropped() - before, 11);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    uint64_t before = log_dropped();
    for (long n = 1; n <= 2; n++) {
        alloc_fail_at(n);
        errno = 0;
        assert_int_equal(log_start(STDERR_FILENO, RING), -1);
        assert_int_equal(errno, ENOMEM);
    }
    alloc_fail_at(1);
    errno = ERANGE;
    log_error("lost");
    alloc_fail_at(0);
    assert_int_equal(errno, ERANGE);
    assert_int_equal(log_dropped() - before, 1);
}

static void test_started_twice(void **state)
{
    (void)state;
    struct ends p = make_pipe();
    assert_int_equal(log_start(p.write, 0), 0);
    assert_int_equal(log_start(p.write, RING), -1);
    assert_int_equal(errno, EBUSY);
    log_stop(FOREVER_MS);
    (void)close(p.read);
    (void)close(p.write);
}

/* The last test: the blocked thread stays behind until the process ends. */
static void test_stop_has_a_time_limit(void **state)
{
    (void)state;
    enum { LINES = 5000 };
    struct ends p = make_pipe();
    assert_in_range(fcntl(p.write, F_SETPIPE_SZ, 4096), 4096, RING / 4);
    uint64_t before = log_dropped();
    assert_int_equal(log_start(p.write, RING), 0);
    for (int i = 0; i < LINES; i++) {
        log_info("a line that nobody reads", LOG_INT("i", i));
    }
    int64_t start = now_ms();
    log_stop(50);
    assert_in_range(now_ms() - start, 49, 10000);
    uint64_t dropped = log_dropped();
    assert_in_range(dropped - before, LINES - RING / 2 / 80, LINES);
    log_info("the output is known to be blocked");
    assert_int_equal(log_dropped(), dropped + 1);
    log_stop(50); /* does nothing */
    assert_int_equal(log_start(p.write, RING), -1);
    assert_int_equal(errno, EBUSY);
    (void)close(p.read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_field_limit),
        cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_direct_before_start_and_after_stop),
        cmocka_unit_test(test_blocked_output_drops_and_tells),
        cmocka_unit_test(test_output_that_does_not_block),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_many_lines_a_write),
        cmocka_unit_test(test_a_single_line_comes_soon),
        cmocka_unit_test(test_output_that_is_gone),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_started_twice),
        cmocka_unit_test(test_stop_has_a_time_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
