/* reviewd score: the arguments, or standard input line by line.
 *
 * A small input is scored by the main thread alone. When more than POOL_FROM bytes have been read,
 * the pool takes over and the main thread only reads. */
#include "base/num.h"
#include "cli/cli.h"
#include "cli/complain.h"
#include "options.h"
#include "score_input.h"
#include "score_output.h"
#include "score_pool.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS_MAX = 1024, POOL_FROM = 1024 * 1024 };

enum { OPTION_NDJSON = OPTIONS_OWN, OPTION_THREADS, OPTION_POSITIVE, OPTION_NEGATIVE };

static const char help[] =
    "usage: reviewd score [OPTION...] [--] TEXT...\n"
    "       reviewd score [OPTION...] < LINES\n"
    "\n"
    "Prints the polarity of each TEXT, or of each line of standard input, and the sentiment it\n"
    "means, with a tab between them.\n"
    "\n"
    "  --ndjson            each line is a JSON object with a string member \"review\"; it is\n"
    "                      written back with the members \"sentiment\" and \"polarity_score\"\n"
    "                      (both strings), replaced where they are there, else added at the\n"
    "                      end; all else stays as it is, byte for byte\n"
    "  --threads N         use N threads (default: one for each processor)\n"
    "  --positive-above X  a polarity above X is Positive (default: REVIEWD_POSITIVE_ABOVE, 0.1)\n"
    "  --negative-below X  a polarity below X is Negative (default: REVIEWD_NEGATIVE_BELOW, -0.1)\n"
    "  -h, --help, -V, --version\n"
    "                      print this, or the version\n"
    "\n"
    "The output has exactly as many lines as the input, in the same order. With --ndjson a line\n"
    "that cannot be scored (bad JSON, invalid UTF-8, no string \"review\", a name twice) comes out "
    "as\n"
    "an empty line and is reported on standard error by its number; a blank line comes out empty\n"
    "without a report. So does, in either mode and with a report, a line over 16 MiB. Memory use\n"
    "does not depend on the size of the input.\n"
    "\n"
    "Exit code: 0 all lines were scored, 1 some were not or reading or writing failed,\n"
    "2 wrong usage.\n";

struct arguments {
    struct score_options options;
    int threads;
    int exit_code; /* -1: go on */
};

static int count_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return CPU_COUNT(&set) < THREADS_MAX ? CPU_COUNT(&set) : THREADS_MAX;
    }
    return 1;
}

static void wrong_value(struct arguments *a, const char *name, const char *value,
                        const char *allowed)
{
    a->exit_code = complain_usage("score", "%s is '%s', but must be %s", name, value, allowed);
}

static void read_threshold(struct arguments *a, const char *name, const char *value, double *out)
{
    if (!num_parse_double(span_of(value), -1, 1, out)) {
        wrong_value(a, name, value, "a number from -1 to 1");
    }
}

static void read_variable(struct arguments *a, const char *name, double *out)
{
    const char *value = getenv(name);
    if (value != NULL && *value != '\0') {
        read_threshold(a, name, value, out);
    }
}

/* What no option has set is a variable's, or the default. The service's settings are not loaded for
 * this: a wrong one that has nothing to do with scoring must not stop a pipeline. As there, an
 * empty value counts as not set. */
static void fill_thresholds(struct arguments *a)
{
    const struct sentiment_thresholds defaults = SENTIMENT_THRESHOLDS_DEFAULT;
    struct sentiment_thresholds *t = &a->options.thresholds;
    if (isnan(t->positive_above)) {
        t->positive_above = defaults.positive_above;
        read_variable(a, "REVIEWD_POSITIVE_ABOVE", &t->positive_above);
    }
    if (isnan(t->negative_below)) {
        t->negative_below = defaults.negative_below;
        read_variable(a, "REVIEWD_NEGATIVE_BELOW", &t->negative_below);
    }
    if (a->exit_code < 0 && t->negative_below > t->positive_above) {
        a->exit_code =
            complain_usage("score", "the negative threshold %g is above the positive one %g",
                           t->negative_below, t->positive_above);
    }
}

static void read_option(struct arguments *a, int option)
{
    int64_t threads;
    switch (option) {
    case OPTION_NDJSON:
        a->options.ndjson = true;
        break;
    case OPTION_THREADS:
        if (num_parse_int(span_of(optarg), 1, THREADS_MAX, &threads)) {
            a->threads = (int)threads;
        } else {
            wrong_value(a, "--threads", optarg, "a number from 1 to 1024");
        }
        break;
    case OPTION_POSITIVE:
        read_threshold(a, "--positive-above", optarg, &a->options.thresholds.positive_above);
        break;
    default:
        read_threshold(a, "--negative-below", optarg, &a->options.thresholds.negative_below);
    }
}

/* Leaves optind at the first TEXT. */
static struct arguments read_arguments(int argc, char **argv)
{
    static const struct option known[] = {
        {"ndjson", no_argument, NULL, OPTION_NDJSON},
        {"threads", required_argument, NULL, OPTION_THREADS},
        {"positive-above", required_argument, NULL, OPTION_POSITIVE},
        {"negative-below", required_argument, NULL, OPTION_NEGATIVE},
        OPTIONS_COMMON};
    struct options o = {.command = "score", .help = help, .known = known};
    struct arguments a = {.exit_code = -1, .threads = count_processors()};
    struct sentiment_thresholds *thresholds = &a.options.thresholds;
    *thresholds = (struct sentiment_thresholds){NAN, NAN};
    int option;
    while (a.exit_code < 0 && (option = options_next(&o, argc, argv)) != -1) {
        read_option(&a, option);
    }
    if (a.exit_code < 0) {
        a.exit_code = o.code;
    }
    if (a.exit_code < 0) {
        fill_thresholds(&a);
    }
    if (a.exit_code < 0 && a.options.ndjson && optind < argc) {
        a.exit_code = complain_usage("score", "--ndjson reads standard input and takes no TEXT");
    }
    return a;
}

static int score_arguments(char *const texts[], const struct score_options *options)
{
    struct buf out = BUF_INIT;
    for (; *texts != NULL; texts++) {
        score_write_text(&out, span_of(*texts), options);
    }
    bool ok = !buf_failed(&out);
    if (!ok) {
        errno = ENOMEM;
    }
    ok = ok && score_write_all(STDOUT_FILENO, buf_span(&out)) == 0;
    if (!ok) {
        (void)complain_failed("cannot write to standard output: %s", strerror(errno));
    }
    buf_free(&out);
    return ok ? CLI_OK : CLI_FAILED;
}

/* Scores blocks in this thread until the input ends or fails, or more than `limit` bytes were read.
 */
static enum score_input_result score_here(struct score_input *in, struct score_output *out,
                                          const struct score_options *options, int64_t limit)
{
    enum score_input_result result = SCORE_INPUT_ERROR;
    struct score_json *json = malloc(sizeof *json);
    struct score_block block;
    errno = ENOMEM;
    if (score_block_init(&block) == 0 && json != NULL) {
        do {
            score_block_clear(&block);
            result = score_input_next(in, &block);
            if (result != SCORE_INPUT_BLOCK) {
                break;
            }
            score_block_process(&block, options, json);
            if (score_output_write(out, &block) != 0) {
                result = SCORE_INPUT_STOPPED;
            }
        } while (result == SCORE_INPUT_BLOCK && out->done < limit);
    }
    int error = errno;
    score_block_free(&block);
    free(json);
    errno = error;
    return result;
}

static void drain_pool(void *context)
{
    score_pool_drain(context);
}

static enum score_input_result score_in_pool(struct score_input *in, struct score_pool *pool)
{
    enum score_input_result result = SCORE_INPUT_STOPPED;
    struct score_block *block;
    in->stop_fd = score_pool_stop_fd(pool);
    in->before_growing = drain_pool;
    in->context = pool;
    while ((block = score_pool_take(pool)) != NULL) {
        result = score_input_next(in, block);
        if (result != SCORE_INPUT_BLOCK) {
            break;
        }
        score_pool_submit(pool);
        result = SCORE_INPUT_STOPPED;
    }
    int error = errno;
    score_pool_stop(pool);
    errno = error;
    return result;
}

static int score_input(const struct arguments *a)
{
    struct score_output out;
    struct score_input in;
    score_input_init(&in, STDIN_FILENO);
    score_output_init(&out, STDIN_FILENO, clock_system());
    int64_t limit = a->threads > 1 ? POOL_FROM : INT64_MAX;
    enum score_input_result result = score_here(&in, &out, &a->options, limit);
    if (result == SCORE_INPUT_BLOCK) {
        struct score_pool *pool = score_pool_start(a->threads, &a->options, &out);
        result =
            pool != NULL ? score_in_pool(&in, pool) : score_here(&in, &out, &a->options, INT64_MAX);
    }
    if (result == SCORE_INPUT_ERROR) {
        score_output_fail(&out, "cannot read standard input", errno);
    }
    bool ok = !out.failed && !out.faulty;
    score_output_free(&out);
    score_input_free(&in);
    return ok ? CLI_OK : CLI_FAILED;
}

int cli_score(int argc, char **argv)
{
    struct arguments a = read_arguments(argc, argv);
    if (a.exit_code >= 0) {
        return a.exit_code;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of write() */
    if (optind < argc) {
        return score_arguments(argv + optind, &a.options);
    }
    return score_input(&a);
}
