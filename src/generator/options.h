/* request_generator's command line and its .env file. */
#ifndef GENERATOR_OPTIONS_H
#define GENERATOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTIONS_REASON_SIZE = 256 };

struct options {
    const char *url; /* argv's or owned_url; NULL with --print */
    char *owned_url; /* from .env */
    uint64_t count;
    uint64_t seed;
    size_t concurrency;
    double rate; /* per second; 0: as fast as answers come */
    int64_t timeout_ms;
    bool print; /* write the bodies to standard output instead of sending them */
    enum { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION } action;
};

/* Reads argv, and API_URL from the file `env_path` when no --url is given. 0, or -1 with one line
 * in `reason` that says what is wrong and what to do. Main thread, once (getopt_long). Free with
 * options_free() in either case. */
int options_read(struct options *o, int argc, char **argv, const char *env_path,
                 char reason[OPTIONS_REASON_SIZE]);
void options_free(struct options *o);

/* The text of --help. Static. */
const char *options_help(void);

#endif
