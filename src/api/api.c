#include "api/api.h"

void api_init(struct api *a, struct pipeline *pipeline, struct store *store,
              struct metrics *metrics)
{
    *a = (struct api){.pipeline = pipeline, .store = store, .metrics = metrics};
    a->invalid =
        metrics_counter(metrics, (struct metric_name){"reviewd_reviews_refused_total",
                                                      "Reviews refused as invalid.", NULL});
}

size_t api_routes(struct api *a, struct http_route *routes)
{
    const struct http_route all[] = {
        {"POST", "/reviews", reviews_post, a, false},
        {"GET", "/healthz", health_live, a, true},
        {"GET", "/readyz", health_ready, a, true},
        {"GET", "/metrics", metrics_get, a, true},
    };
    memcpy(routes, all, sizeof all);
    return sizeof all / sizeof all[0];
}
