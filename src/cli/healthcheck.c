#include "cli/cli.h"
#include "cli/complain.h"
#include "net/net.h"
#include "options.h"

#include <stdio.h>

enum { URL_SIZE = 300, TIMEOUT_MS = 4000, REPLY_MAX = 4096 };

/* The address that reaches a service that listens on `listen`. A wildcard is reached over loopback,
 * the one of IPv6 too, because it takes IPv4 as well and many containers have no ::1. */
static void health_url(const char *listen, char url[URL_SIZE])
{
    const char *port = strrchr(listen, ':');
    size_t host_len = (size_t)(port - listen);
    const char *host = listen;
    if (host_len == 0 || (host_len == 7 && strncmp(listen, "0.0.0.0", 7) == 0) ||
        (host_len == 4 && strncmp(listen, "[::]", 4) == 0)) {
        host = "127.0.0.1";
        host_len = strlen(host);
    }
    snprintf(url, URL_SIZE, "http://%.*s%s/healthz", (int)host_len, host, port);
}

static int ask(const char *url)
{
    char reason[NET_REASON_SIZE];
    struct net_config config = {.user_agent = "reviewd"};
    struct transport *transport = net_start(&config, reason);
    if (transport == NULL) {
        return complain_failed("cannot start the network thread: %s", reason);
    }
    struct net_request request = {.method = "GET",
                                  .url = url,
                                  .timeout_ms = TIMEOUT_MS,
                                  .max_reply = REPLY_MAX,
                                  .direct = true}; /* no proxy leads back to this machine */
    struct net_result result = transport_wait(transport, &request, NULL);
    net_stop(transport);
    if (result.error != NET_OK) {
        return complain_failed("%s does not answer: %s", url, result.detail);
    }
    if (result.status != 200) {
        return complain_failed("%s answers %d", url, result.status);
    }
    return CLI_OK;
}

int cli_healthcheck(int argc, char **argv)
{
    struct settings *settings = NULL;
    int code = options_settings(
        argc, argv, "healthcheck",
        OPTIONS_HELP(
            "healthcheck",
            "Asks the service that listens where the settings say for /healthz; exit 0 or 1."),
        &settings);
    if (code >= 0) {
        return code;
    }
    char url[URL_SIZE];
    health_url(settings->listen, url);
    settings_free(settings);
    return ask(url);
}
