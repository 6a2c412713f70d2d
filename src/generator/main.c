/* request_generator: fills the service with made-up reviews and sums up what it said. */
#include "load.h"
#include "maker.h"
#include "net/net.h"
#include "options.h"
#include "report.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

static int complain(const char *what)
{
    fprintf(stderr, "request_generator: %s\n", what);
    return EXIT_FAILED;
}

/* What standard output still holds goes out. EXIT_FAILED with one line when it, or what was written
 * before, could not be. */
static int end_output(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return 0;
    }
    fprintf(stderr, "request_generator: cannot write to standard output: %s\n", strerror(errno));
    return EXIT_FAILED;
}

/* Writes the buffer; 0, or EXIT_FAILED with one line. */
static int write_out(const struct buf *b)
{
    if (buf_failed(b)) {
        return complain("out of memory");
    }
    return fwrite(b->data, 1, b->len, stdout) == b->len ? 0 : end_output();
}

static int print_reviews(const struct options *o)
{
    struct buf line = BUF_INIT;
    struct buf scratch = BUF_INIT;
    int result = 0;
    for (uint64_t i = 0; i < o->count && result == 0; i++) {
        buf_clear(&line);
        maker_body(&line, &scratch, o->seed, i);
        buf_add_char(&line, '\n');
        result = write_out(&line);
    }
    buf_free(&line);
    buf_free(&scratch);
    return result == 0 ? end_output() : result;
}

/* Makes SIGINT and SIGTERM readable instead of deadly; before any thread is made, so that all
 * inherit it. */
static int catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int print_summary(const struct tally *tally, const struct report_run *run)
{
    struct buf summary = BUF_INIT;
    report_summary(&summary, tally, run);
    int told = write_out(&summary);
    told = told == 0 ? end_output() : told;
    buf_free(&summary);
    if (run->interrupted) {
        return EXIT_INTERRUPTED;
    }
    return tally->failed == 0 ? told : EXIT_FAILED;
}

/* Runs the load to its end, or to the stop, and stops the transport. */
static int run_load(struct load *load, struct transport *transport, uint64_t seed)
{
    struct report_progress progress = {.terminal = isatty(STDERR_FILENO) == 1};
    int64_t start_us = clock_mono_us(clock_system());
    int end = load_run(load, report_progress, &progress);
    int error = errno;
    struct report_run run = {
        .seed = seed,
        .elapsed_us = clock_mono_us(clock_system()) - start_us,
        .interrupted = end > 0,
    };
    report_progress_end(&progress);
    net_stop(transport);
    int result = print_summary(load_tally(load), &run);
    return end < 0 ? complain(strerror(error)) : result;
}

static int post_reviews(const struct options *o)
{
    char reason[NET_REASON_SIZE] = "out of memory or of file descriptors";
    int stop_fd = catch_signals();
    struct net_config net = {
        .user_agent = "request_generator/" REVIEWD_VERSION,
        .max_host_connections = o->concurrency,
        .max_in_flight = o->concurrency,
    };
    struct transport *transport = stop_fd >= 0 ? net_start(&net, reason) : NULL;
    struct load_config config = {
        .transport = transport,
        .clock = clock_system(),
        .url = o->url,
        .seed = o->seed,
        .count = o->count,
        .concurrency = o->concurrency,
        .rate = o->rate,
        .timeout_ms = o->timeout_ms,
        .stop_fd = stop_fd,
    };
    struct load *load = transport != NULL ? load_new(&config) : NULL;
    int result;
    if (load != NULL) {
        result = run_load(load, transport, o->seed);
    } else {
        net_stop(transport);
        result = complain(reason);
    }
    load_free(load);
    if (stop_fd >= 0) {
        close(stop_fd);
    }
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    char reason[OPTIONS_REASON_SIZE];
    if (options_read(&options, argc, argv, ".env", reason) != 0) {
        complain(reason);
        options_free(&options);
        return EXIT_USAGE;
    }
    int result = 0;
    if (options.action == OPTIONS_HELP) {
        fputs(options_help(), stdout);
        result = end_output();
    } else if (options.action == OPTIONS_VERSION) {
        printf("request_generator " REVIEWD_VERSION " (%s)\n", net_version());
        result = end_output();
    } else if (options.print) {
        result = print_reviews(&options);
    } else {
        result = post_reviews(&options);
    }
    options_free(&options);
    return result;
}
