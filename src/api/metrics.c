#include "api/api.h"

void metrics_get(struct http_request *r, void *api)
{
    struct api *a = api;
    struct buf text = BUF_INIT;
    metrics_write(a->metrics, &text);
    if (buf_failed(&text)) {
        http_reply_error(r, 503, "out of memory");
    } else {
        http_reply(
            r, &(struct http_reply){.status = 200,
                                    .body = buf_span(&text),
                                    .content_type = "text/plain; version=0.0.4; charset=utf-8"});
    }
    buf_free(&text);
}
