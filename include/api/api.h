/* The resources that the service answers, and what they work on. Handlers of http/server.h: the
 * context of each is the struct api. */
#ifndef API_API_H
#define API_API_H

#include "http/server.h"
#include "reviews/pipeline.h"

struct api {
    struct pipeline *pipeline;
    struct store *store;
    struct metrics *metrics;
    struct metric *invalid; /* bodies refused */
};

/* What is passed must outlive the api; metrics may be NULL. */
void api_init(struct api *a, struct pipeline *pipeline, struct store *store,
              struct metrics *metrics);

/* Fills `routes` (room for HTTP_ROUTES_MAX) and returns how many. */
size_t api_routes(struct api *a, struct http_route *routes);

/* POST /reviews: contract in docs/API.md. */
void reviews_post(struct http_request *r, void *api);

/* GET /healthz: 200 while the process lives. GET /readyz: 503 while draining or when the store
 * cannot write. GET /metrics: Prometheus text. */
void health_live(struct http_request *r, void *api);
void health_ready(struct http_request *r, void *api);
void metrics_get(struct http_request *r, void *api);

#endif
