#include "api/api.h"

void health_live(struct http_request *r, void *api)
{
    (void)api;
    http_reply(r, &(struct http_reply){.status = 200, .body = SPAN("{\"status\":\"ok\"}")});
}

void health_ready(struct http_request *r, void *api)
{
    struct api *a = api;
    char reason[STORE_ERROR_SIZE] = "";
    if (http_request_draining(r)) {
        http_reply_error(r, 503, "draining");
    } else if (!store_ready(a->store, reason)) {
        http_reply_error(r, 503, reason);
    } else {
        http_reply(r, &(struct http_reply){.status = 200, .body = SPAN("{\"status\":\"ready\"}")});
    }
}
