#include "api/api.h"

#include <stdatomic.h>

void health_live(struct http_request *r, void *api)
{
    (void)api;
    http_reply(r, &(struct http_reply){.status = 200, .body = SPAN("{\"status\":\"ok\"}")});
}

static bool is_draining(struct api *a)
{
    struct http_server *server = atomic_load(&a->server);
    return server != NULL && http_server_draining(server);
}

void health_ready(struct http_request *r, void *api)
{
    struct api *a = api;
    char reason[STORE_ERROR_SIZE] = "";
    if (is_draining(a)) {
        http_reply_error(r, 503, "draining");
    } else if (!store_ready(a->store, reason)) {
        http_reply_error(r, 503, reason);
    } else {
        http_reply(r, &(struct http_reply){.status = 200, .body = SPAN("{\"status\":\"ready\"}")});
    }
}
