/* Runs the contract of all stores against a DynamoDB that AWS's variables name (AWS_ENDPOINT_URL,
 * AWS_REGION, keys): moto or DynamoDB Local. Each test has a table of its own. For
 * tests/integration/test_dynamodb_contract.py. */
#include "support/read_contract.h"

#include "aws/call.h"
#include "base/clock.h"
#include "net/net.h"
#include "store/dynamodb.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *environment(void *context, const char *name)
{
    (void)context;
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): nobody changes it */
}

static const struct aws_env process_env = {environment, NULL};
static struct transport *transport;
static struct credentials_source *credentials;
static struct sigv4_signer *signer;
static struct endpoint endpoint;

struct table {
    char name[64];
    struct call_client *client;
};

static void die(const char *why)
{
    (void)fprintf(stderr, "dynamodb_contract: %s\n", why);
    exit(1);
}

static struct call_client *make_client(struct clock *clock)
{
    struct call_config config = {.service = &aws_service_dynamodb,
                                 .endpoint = &endpoint,
                                 .transport = transport,
                                 .clock = clock,
                                 .credentials = credentials,
                                 .signer = signer};
    struct call_client *client = call_client_new(&config);
    if (client == NULL) {
        die("out of memory");
    }
    return client;
}

static void free_client(struct table *t)
{
    call_client_stop(t->client);
    call_client_free(t->client);
    t->client = NULL;
}

static void report(void *context, enum dynamodb_verdict verdict, const char *what,
                   const char *detail)
{
    (void)context;
    if (verdict == DYNAMODB_BAD) {
        (void)fprintf(stderr, "%s: %s\n", what, detail);
    }
}

static void *setup(void)
{
    static int number;
    struct table *t = calloc(1, sizeof *t);
    if (t == NULL) {
        die("out of memory");
    }
    (void)snprintf(t->name, sizeof t->name, "contract-%d-%d", (int)getpid(), number++);
    t->client = make_client(clock_system());
    struct dynamodb_table table = {.client = t->client,
                                   .clock = clock_system(),
                                   .name = t->name,
                                   .report = report,
                                   .wait_ms = 60000};
    if (!dynamodb_create(&table)) {
        die("the table cannot be made");
    }
    return t;
}

/* The client keeps the store's time, which the test scripts. */
static struct store *open_store(void *context, const struct store_config *config)
{
    struct table *t = context;
    char reason[STORE_ERROR_SIZE];
    free_client(t);
    t->client = make_client(config->clock);
    struct dynamodb_config dynamodb = {
        .client = t->client, .transport = transport, .table = t->name};
    struct store *store = store_dynamodb_open(&dynamodb, config, reason);
    if (store == NULL) {
        die(reason);
    }
    return store;
}

static void teardown(void *context)
{
    struct table *t = context;
    free_client(t);
    free(t);
}

int main(void)
{
    char reason[ENDPOINT_REASON_SIZE];
    struct net_config net = {.user_agent = "reviewd-test"};
    const struct store_contract contract = {
        .setup = setup, .open = open_store, .teardown = teardown, .replaces = true};
    transport = net_start(&net, reason);
    signer = sigv4_signer_new();
    if (transport == NULL || signer == NULL ||
        !endpoint_find(process_env, &aws_service_dynamodb, &endpoint, reason)) {
        die(reason);
    }
    struct credentials_config config = {
        .transport = transport, .clock = clock_system(), .env = process_env};
    credentials = credentials_open(&config);
    int failed = store_contract_run(&contract) + read_contract_run(&contract);
    credentials_close(credentials);
    net_stop(transport);
    sigv4_signer_free(signer);
    return failed == 0 ? 0 : 1;
}
