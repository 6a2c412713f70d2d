/* Posts made-up reviews over a transport, a number of them side by side, at a rate or as fast as
 * answers come.
 *
 * load_run() starts requests on the calling thread; without a rate, each answer starts the next one
 * from the transport's thread. Counts are kept under a lock. */
#ifndef GENERATOR_LOAD_H
#define GENERATOR_LOAD_H

#include "base/clock.h"
#include "net/transport.h"
#include "tally.h"

struct load_config {
    struct transport *transport; /* must outlive the load */
    struct clock *clock;         /* as must the clock */
    const char *url;             /* and this */
    uint64_t seed;
    uint64_t count;     /* reviews in all */
    size_t concurrency; /* requests under way at once, at least 1 */
    double
        rate; /* requests a second; 0: no limit. Latency then counts from when a request was due. */
    int64_t timeout_ms; /* of one request */
    int stop_fd;        /* ends the run when it becomes readable; -1: none */
};

struct load_progress {
    uint64_t count;
    uint64_t done; /* answered or failed */
    uint64_t failed;
    int64_t elapsed_us;
};

struct load;

/* NULL: out of memory or of file descriptors. */
struct load *load_new(const struct load_config *config);

/* Runs to the end. `progress` is called about ten times a second and once at the end, from the
 * calling thread. Returns 0 when all is done, 1 when stopped, -1 when it could not go on (errno).
 * Requests may still be under way then: stop the transport before load_tally() and load_free(). */
int load_run(struct load *l, void (*progress)(void *context, const struct load_progress *p),
             void *context);

/* What came back; after the run. Valid until load_free(). */
const struct tally *load_tally(const struct load *l);

void load_free(struct load *l); /* NULL: nothing */

#endif
