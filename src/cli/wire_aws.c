#include "wire_aws.h"

#include "net/net.h"

#include <stdio.h>

void wire_aws_init(struct wire_aws *aws, const struct settings *settings, struct metrics *metrics)
{
    *aws = (struct wire_aws){.settings = settings, .metrics = metrics};
}

static const char *variable(void *context, const char *name)
{
    const struct wire_aws *aws = context;
    return settings_variable(aws->settings, name);
}

struct aws_env wire_aws_env(const struct wire_aws *aws)
{
    return (struct aws_env){variable, (void *)aws};
}

struct transport *wire_aws_transport(struct wire_aws *aws, char reason[WIRE_REASON_SIZE])
{
    char why[NET_REASON_SIZE];
    if (aws->transport != NULL) {
        return aws->transport;
    }
    const char *ca_file = aws->settings->ca_file;
    struct net_config config = {
        .metrics = aws->metrics,
        .ca_file = ca_file != NULL ? ca_file : aws_env_get(wire_aws_env(aws), "AWS_CA_BUNDLE"),
        .user_agent = "reviewd/" REVIEWD_VERSION};
    aws->transport = net_start(&config, why);
    if (aws->transport == NULL) {
        snprintf(reason, WIRE_REASON_SIZE, "cannot start the network thread: %s", why);
    }
    return aws->transport;
}

/* What all clients share. False with a reason. */
static bool open_shared(struct wire_aws *aws, char reason[WIRE_REASON_SIZE])
{
    char why[CALL_REASON_SIZE];
    if (!call_max_attempts(wire_aws_env(aws), &aws->max_attempts, why)) {
        snprintf(reason, WIRE_REASON_SIZE, "%s", why);
        return false;
    }
    if (wire_aws_transport(aws, reason) == NULL) {
        return false;
    }
    if (aws->credentials == NULL) {
        struct credentials_config config = {.transport = aws->transport,
                                            .clock = clock_system(),
                                            .metrics = aws->metrics,
                                            .env = wire_aws_env(aws)};
        aws->credentials = credentials_open(&config);
    }
    if (aws->signer == NULL) {
        aws->signer = sigv4_signer_new();
    }
    if (aws->credentials == NULL || aws->signer == NULL) {
        snprintf(reason, WIRE_REASON_SIZE, "cannot prepare calls to AWS: out of memory");
        return false;
    }
    return true;
}

/* The first place that is the service's or free. There are as many as services. */
static size_t place_of(const struct wire_aws *aws, const struct aws_service *service)
{
    size_t i = 0;
    while (i + 1 < WIRE_AWS_CLIENTS && aws->clients[i].client != NULL &&
           aws->clients[i].service != service) {
        i++;
    }
    return i;
}

struct call_client *wire_aws_client(struct wire_aws *aws, const struct aws_service *service,
                                    char reason[WIRE_REASON_SIZE])
{
    struct endpoint endpoint;
    size_t place = place_of(aws, service);
    if (aws->clients[place].client != NULL) {
        return aws->clients[place].client;
    }
    if (!endpoint_find(wire_aws_env(aws), service, &endpoint, reason) ||
        !open_shared(aws, reason)) {
        return NULL;
    }
    struct call_config config = {.service = service,
                                 .endpoint = &endpoint,
                                 .transport = aws->transport,
                                 .clock = clock_system(),
                                 .credentials = aws->credentials,
                                 .signer = aws->signer,
                                 .metrics = aws->metrics,
                                 .max_attempts = aws->max_attempts};
    struct call_client *client = call_client_new(&config);
    if (client == NULL) {
        snprintf(reason, WIRE_REASON_SIZE, "cannot prepare calls to AWS: out of memory");
    }
    aws->clients[place].service = service;
    aws->clients[place].client = client;
    return client;
}

void wire_aws_close(struct wire_aws *aws)
{
    for (size_t i = 0; i < WIRE_AWS_CLIENTS; i++) {
        call_client_stop(aws->clients[i].client);
    }
    for (size_t i = 0; i < WIRE_AWS_CLIENTS; i++) {
        call_client_free(aws->clients[i].client);
    }
    credentials_close(aws->credentials);
    net_stop(aws->transport);
    sigv4_signer_free(aws->signer);
    wire_aws_init(aws, aws->settings, aws->metrics);
}
