/* POST /reviews: parse, validate, hand over; the answer is given when the store says that it is
 * durable. */
#include "api/api.h"

#include "base/json.h"
#include "prefer.h"

#include <stdio.h>
#include <stdlib.h>

/* One post under way. Made by the handler; freed when the store is done with it, which may be after
 * the request has been answered by its deadline. */
struct post {
    struct submission submission;
    struct http_request *request; /* the reference of the deferral */
    bool representation;          /* Prefer: return=representation */
};

static struct post *post_of(struct submission *s)
{
    return (struct post *)((char *)s - offsetof(struct post, submission));
}

static void post_free(struct post *p)
{
    review_free(&p->submission.review);
    free(p);
}

/* Whether the client asks for the stored item (RFC 7240). */
static bool prefers_representation(const struct http_request *r)
{
    struct span fields[PREFER_FIELDS_MAX];
    size_t count = http_request_header_all(r, "Prefer", fields, PREFER_FIELDS_MAX);
    return prefer_has(fields, count, "return", "representation");
}

static void write_member(struct buf *out, const char *name, struct span value)
{
    buf_addf(out, "%c\"%s\":", out->len == 0 ? '{' : ',', name);
    json_write_string(out, value);
}

static void reply_processed(struct http_request *r, const struct submission *s)
{
    char body[96];
    int len = snprintf(body, sizeof body, "\"Processed as %s (Score: %.2f)\"",
                       sentiment_name(s->label), s->polarity);
    http_reply(r, &(struct http_reply){.status = 200, .body = {body, (size_t)len}});
}

static void reply_item(struct http_request *r, const struct submission *s)
{
    const struct item *item = &s->item;
    struct buf body = BUF_INIT;
    write_member(&body, "user_name", item->user_name);
    write_member(&body, "timestamp", item->timestamp);
    write_member(&body, "review", item->review);
    write_member(&body, "sentiment", item->sentiment);
    write_member(&body, "polarity_score", item->polarity_score);
    buf_add_char(&body, '}');
    if (buf_failed(&body)) { /* the review is stored, and a preference may be passed over */
        reply_processed(r, s);
    } else {
        http_reply(
            r, &(struct http_reply){.status = 200,
                                    .body = buf_span(&body),
                                    .headers = {{"Preference-Applied", "return=representation"}}});
    }
    buf_free(&body);
}

static void stored(struct submission *s, enum store_result result)
{
    struct post *p = post_of(s);
    if (result != STORE_OK) {
        http_reply_error(p->request, 503, NULL);
    } else if (p->representation) {
        reply_item(p->request, s);
    } else {
        reply_processed(p->request, s);
    }
    post_free(p);
}

static void refuse(struct api *a, struct http_request *r, enum review_result why,
                   const char *reason)
{
    if (why == REVIEW_NO_MEMORY) {
        http_reply_error(r, 503, NULL);
        return;
    }
    metric_add(a->invalid, 1);
    http_reply_error(r, 400, reason);
}

void reviews_post(struct http_request *r, void *api)
{
    struct api *a = api;
    char reason[JSON_REASON_SIZE];
    struct post *p = calloc(1, sizeof *p);
    if (p == NULL) {
        http_reply_error(r, 503, NULL);
        return;
    }
    enum review_result parsed = review_parse(&p->submission.review, http_request_body(r), reason);
    if (parsed != REVIEW_OK) {
        refuse(a, r, parsed, reason);
        free(p);
        return;
    }
    p->representation = prefers_representation(r);
    p->request = r;
    p->submission.done = stored;
    if (!http_request_defer(r)) {
        post_free(p);
        return;
    }
    if (pipeline_submit(a->pipeline, &p->submission) != STORE_OK) {
        http_reply_error(r, 503, NULL);
        post_free(p);
    }
}
