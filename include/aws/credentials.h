/* AWS credentials: where they come from, and keeping them fresh.
 *
 * The place they come from is chosen once, from the configuration, in the order of AWS's C SDK, and
 * never changed afterwards:
 *
 *   1. environment        AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
 *   2. profile            AWS_PROFILE, or a [default] that names credentials, in
 *                         ~/.aws/credentials and ~/.aws/config (AWS_SHARED_CREDENTIALS_FILE,
 *                         AWS_CONFIG_FILE)
 *   3. web identity       AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN
 *   4. container          AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
 *   5. instance metadata  unless AWS_EC2_METADATA_DISABLED=true
 *
 * So a container role or a profile that fails is an error and never becomes the instance's role.
 * Files, tokens and variables are read again at each refresh.
 *
 * A snapshot of credentials never changes and lives while somebody holds a reference. One refresh
 * runs at a time, on the transport's thread, and starts before the expiry: min(15 minutes, half of
 * the lifetime) earlier, less up to a tenth of that by chance. While it runs, and when it fails,
 * the old credentials are handed out until they really expire; a failed refresh is tried again
 * after a second, doubling up to a minute, less up to a half of that by chance. */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include "aws/env.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "net/transport.h"

/* --- snapshots ------------------------------------------------------------------------------ */

/* Immutable; any thread may read it while it holds a reference. The memory is wiped when the last
 * one goes. */
struct credentials {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL: none */
    int64_t expires_us;        /* wall time; INT64_MAX: never */
};

/* One reference more; returns its argument. Any thread. */
struct credentials *credentials_ref(struct credentials *c);

/* One reference less. NULL: nothing. Any thread. */
void credentials_unref(struct credentials *c);

/* A snapshot from parts that are copied, with one reference. `parts->session_token` may be NULL or
 * empty. NULL: out of memory. For providers and tests. */
struct credentials *credentials_make(const struct credentials *parts);

/* --- the source ----------------------------------------------------------------------------- */

enum { CREDENTIALS_REASON_SIZE = 320 };

struct credentials_source;

struct credentials_config {
    struct transport *transport;
    struct clock *clock;
    struct metrics *metrics; /* may be NULL */
    struct aws_env env;
    /* For STS. NULL: AWS_REGION, AWS_DEFAULT_REGION, the profile's, us-east-1. */
    const char *region;
    const char *sts_url; /* NULL: AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL, the region's own */
    uint64_t (*random)(void *context); /* for jitter; NULL: the system's */
    void *random_context;
};

/* Chooses the provider and starts the first fetch, which ends later, on the transport's thread. The
 * strings are copied; transport, clock, metrics and env must stay until the transport was stopped,
 * which must be after credentials_close(). NULL: out of memory. Wrong configuration is not an error
 * here: it is what every credentials_get() then fails with. */
struct credentials_source *credentials_open(const struct credentials_config *config);

/* Ends what is under way and frees the source; a waiter that is still there is called with the
 * reason "closed", on this thread. Nobody may be in another call of this source. Not from a waiter.
 * Snapshots that were handed out stay valid. NULL: nothing. */
void credentials_close(struct credentials_source *s);

/* "environment", "profile", "web identity", "container", "instance metadata" or "none". Static. */
const char *credentials_source_name(const struct credentials_source *s);

/* Whoever wants to be told. It is the caller's memory, untouched by the caller until `ready` is
 * called or credentials_unwait() returned true. */
struct credentials_waiter {
    /* Called once, from the transport's thread (from another caller's when memory runs out), with
     * no lock held; it must not block and may call the source again. `c` is a reference that the
     * callee gives back, or NULL, and then `reason` is one line that says why. */
    void (*ready)(struct credentials_waiter *waiter, struct credentials *c, const char *reason);
    struct credentials_waiter *next; /* the source's */
};

enum credentials_answer {
    CREDENTIALS_READY,   /* *out is a reference that the caller gives back */
    CREDENTIALS_WAITING, /* none that can be used; `waiter` is called when the fetch has ended */
    CREDENTIALS_FAILED /* none, and the last fetch failed so recently that no new one is tried yet:
                          credentials_reason() says why */
};

/* The credentials to sign the next attempt with. Never blocks on I/O: a short lock only. Starts a
 * refresh when one is due. Without a waiter (NULL) the answer is CREDENTIALS_WAITING all the same,
 * and nobody is called. `ready` is never called from within. Any thread. */
enum credentials_answer credentials_get(struct credentials_source *s,
                                        struct credentials_waiter *waiter,
                                        struct credentials **out);

/* Takes a waiter back. False when it has been called already, or is being called just now. Any
 * thread. */
bool credentials_unwait(struct credentials_source *s, struct credentials_waiter *waiter);

/* AWS refused `used` (ExpiredToken, UnrecognizedClientException, …): fetch new ones. True when a
 * further attempt makes sense, because newer credentials are there already or are being fetched:
 * the next credentials_get() then gives or awaits those. False when a fetch was tried within the
 * last 5 s or is backing off. When the forced fetch fails, the old ones are handed out again until
 * they expire. Any thread. */
bool credentials_invalidate(struct credentials_source *s, const struct credentials *used);

/* Why the last fetch failed: one line for people, "" when it did not. Any thread. */
void credentials_reason(struct credentials_source *s, char out[CREDENTIALS_REASON_SIZE]);

#endif
