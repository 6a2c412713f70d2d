#include "options.h"

#include "base/env_file.h"
#include "base/num.h"
#include "base/option.h"
#include "net/net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { COUNT_DEFAULT = 30, CONCURRENCY_DEFAULT = 4, TIMEOUT_DEFAULT_MS = 30000 };
enum { COUNT_MAX = 1000000000, CONCURRENCY_MAX = 4096, RATE_MAX = 1000000, TIMEOUT_MAX_S = 3600 };

const char *options_help(void)
{
    return "usage: request_generator [--url URL] [options]\n"
           "\n"
           "Posts made-up reviews, a third of each sentiment, and sums up the answers. The URL is "
           "that of\n"
           "the reviews resource, as http://127.0.0.1:8080/reviews; without --url it is read as "
           "API_URL\n"
           "from the file .env in the current folder.\n"
           "\n"
           "  -u, --url URL          where to post\n"
           "  -n, --count N          how many reviews (30)\n"
           "  -s, --seed N           the same seed makes the same reviews (chosen by chance)\n"
           "  -c, --concurrency N    requests side by side (4)\n"
           "  -r, --rate N           requests a second; 0: as fast as answers come (0)\n"
           "  -t, --timeout SECONDS  for one request (30)\n"
           "  -p, --print            write the reviews to standard output, one JSON object a line, "
           "and\n"
           "                         send nothing\n"
           "  -h, --help             this text\n"
           "  -V, --version          the version\n"
           "\n"
           "Exit status: 0 all reviews were processed, 1 some failed, 2 wrong usage, 130 "
           "interrupted\n"
           "(the summary so far is printed).\n";
}

static const struct option known[] = {
    {"url", required_argument, NULL, 'u'},  {"count", required_argument, NULL, 'n'},
    {"seed", required_argument, NULL, 's'}, {"concurrency", required_argument, NULL, 'c'},
    {"rate", required_argument, NULL, 'r'}, {"timeout", required_argument, NULL, 't'},
    {"print", no_argument, NULL, 'p'},      {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},    {NULL, 0, NULL, 0},
};

struct range {
    const char *option;
    int64_t min;
    int64_t max;
};

static int read_whole(const struct range *range, int64_t *out, char reason[OPTIONS_REASON_SIZE])
{
    if (num_parse_int(span_of(optarg), range->min, range->max, out)) {
        return 0;
    }
    snprintf(reason, OPTIONS_REASON_SIZE, "%s %.40s: give a whole number from %lld to %lld",
             range->option, optarg, (long long)range->min, (long long)range->max);
    return -1;
}

static int read_rate(double *out, char reason[OPTIONS_REASON_SIZE])
{
    if (num_parse_double(span_of(optarg), 0, RATE_MAX, out)) {
        return 0;
    }
    snprintf(reason, OPTIONS_REASON_SIZE, "--rate %.40s: give a number from 0 to %d", optarg,
             RATE_MAX);
    return -1;
}

static int complain(int option, char **argv, char reason[OPTIONS_REASON_SIZE])
{
    char wrong[OPTION_WRONG_SIZE];
    option_wrong(option, argv, known, wrong);
    snprintf(reason, OPTIONS_REASON_SIZE, "%s; see --help", wrong);
    return -1;
}

static int take(struct options *o, int option, char **argv, char reason[OPTIONS_REASON_SIZE])
{
    int64_t number = 0;
    int result = 0;
    switch (option) {
    case 'u':
        o->url = optarg;
        break;
    case 'n':
        result = read_whole(&(struct range){"--count", 1, COUNT_MAX}, &number, reason);
        o->count = (uint64_t)number;
        break;
    case 's':
        result = read_whole(&(struct range){"--seed", 0, INT64_MAX}, &number, reason);
        o->seed = (uint64_t)number;
        break;
    case 'c':
        result = read_whole(&(struct range){"--concurrency", 1, CONCURRENCY_MAX}, &number, reason);
        o->concurrency = (size_t)number;
        break;
    case 'r':
        result = read_rate(&o->rate, reason);
        break;
    case 't':
        result = read_whole(&(struct range){"--timeout", 1, TIMEOUT_MAX_S}, &number, reason);
        o->timeout_ms = number * 1000;
        break;
    case 'p':
        o->print = true;
        break;
    case 'h':
        o->action = OPTIONS_HELP;
        break;
    case 'V':
        o->action = OPTIONS_VERSION;
        break;
    default:
        result = complain(option, argv, reason);
    }
    return result;
}

/* API_URL of the file, NULL when it has none. */
static int read_env(struct options *o, const char *path, char reason[OPTIONS_REASON_SIZE])
{
    struct env_file file = {0};
    char why[ENV_FILE_REASON_SIZE];
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return 0;
    }
    if (env_file_read(&file, path, why) != 0) {
        snprintf(reason, OPTIONS_REASON_SIZE, "%s", why);
        return -1;
    }
    const struct env_entry *entry = env_file_find(&file, "API_URL");
    int result = 0;
    if (entry != NULL && entry->value[0] != '\0') {
        o->owned_url = strdup(entry->value);
        o->url = o->owned_url;
        result = o->url != NULL ? 0 : -1;
        snprintf(reason, OPTIONS_REASON_SIZE, "out of memory");
    }
    env_file_free(&file);
    return result;
}

/* The URL from the command line, else from the file. */
static int find_url(struct options *o, const char *env_path, char reason[OPTIONS_REASON_SIZE])
{
    if (o->url == NULL && read_env(o, env_path, reason) != 0) {
        return -1;
    }
    if (o->url == NULL) {
        snprintf(reason, OPTIONS_REASON_SIZE,
                 "no URL: write API_URL=http://127.0.0.1:8080/reviews into %s, or give --url",
                 env_path);
        return -1;
    }
    if (!net_url_valid(o->url)) {
        snprintf(reason, OPTIONS_REASON_SIZE,
                 "%.120s: no URL of a web server, as http://127.0.0.1:8080/reviews", o->url);
        return -1;
    }
    return 0;
}

int options_read(struct options *o, int argc, char **argv, const char *env_path,
                 char reason[OPTIONS_REASON_SIZE])
{
    *o = (struct options){
        .count = COUNT_DEFAULT,
        .concurrency = CONCURRENCY_DEFAULT,
        .timeout_ms = TIMEOUT_DEFAULT_MS,
    };
    uint32_t chance = 1;
    if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) > 0) {
        o->seed = chance; /* 32 bits: short enough to be typed again */
    }
    optind = 0; /* 0, not 1: glibc then starts afresh, also in the middle of a cluster */
    opterr = 0;
    int option;
    while ((option = getopt_long(argc, argv, ":u:n:s:c:r:t:phV", known, NULL)) != -1) {
        if (take(o, option, argv, reason) != 0) {
            return -1;
        }
    }
    if (optind < argc) {
        snprintf(reason, OPTIONS_REASON_SIZE, "%.80s: no argument is expected; see --help",
                 argv[optind]);
        return -1;
    }
    bool needs_url = o->action == OPTIONS_RUN && !o->print;
    return needs_url ? find_url(o, env_path, reason) : 0;
}

void options_free(struct options *o)
{
    free(o->owned_url);
    o->owned_url = NULL;
}
