/* What the parts of a process share when they speak to other hosts: one network thread, and for AWS
 * one source of credentials, one signer and one client a service. Each is made when it is first
 * asked for, so a process that needs none starts none.
 *
 * Belongs to the main thread; what it hands out is used from any. */
#ifndef CLI_WIRE_AWS_H
#define CLI_WIRE_AWS_H

#include "aws/call.h"
#include "base/settings.h"

enum { WIRE_REASON_SIZE = 320, WIRE_AWS_CLIENTS = 4 };

struct wire_aws {
    const struct settings *settings;
    struct metrics *metrics;
    struct transport *transport; /* NULL: not asked for yet; the same below */
    struct credentials_source *credentials;
    struct sigv4_signer *signer;
    struct {
        const struct aws_service *service;
        struct call_client *client;
    } clients[WIRE_AWS_CLIENTS]; /* used from the front */
    unsigned max_attempts;       /* AWS_MAX_ATTEMPTS; 0: each service's own */
};

/* Starts nothing. Settings and metrics (may be NULL) must outlive it; it must not be moved
 * afterwards. */
void wire_aws_init(struct wire_aws *aws, const struct settings *settings, struct metrics *metrics);

/* AWS's own variables, from the environment or the env file. As long as the settings. */
struct aws_env wire_aws_env(const struct wire_aws *aws);

/* The network thread, with the authorities of REVIEWD_CA_FILE or AWS_CA_BUNDLE. NULL with one line
 * in `reason`. */
struct transport *wire_aws_transport(struct wire_aws *aws, char reason[WIRE_REASON_SIZE]);

/* The client of a service, at the address that AWS's settings name; the same one each time. It is
 * freed by wire_aws_close(), its user may stop it. NULL with one line in `reason`. */
struct call_client *wire_aws_client(struct wire_aws *aws, const struct aws_service *service,
                                    char reason[WIRE_REASON_SIZE]);

/* Ends the clients, the credentials, the network thread, in this order: whatever used them must
 * have been closed before. As after wire_aws_init(). */
void wire_aws_close(struct wire_aws *aws);

#endif
