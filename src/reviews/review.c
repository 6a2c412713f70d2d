#include "reviews/review.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>

static bool refuse(char reason[JSON_REASON_SIZE], const char *text)
{
    snprintf(reason, JSON_REASON_SIZE, "%s", text);
    return false;
}

static bool has_c0(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20) {
            return true;
        }
    }
    return false;
}

static bool read_user_name(struct review *r, char reason[JSON_REASON_SIZE])
{
    if (json_object_get(r->document, "user_name") == NULL) {
        r->user_name = SPAN("Anonymous");
        return true;
    }
    r->user_name = json_string_member(r->document, "user_name");
    if (r->user_name.ptr == NULL) {
        return refuse(reason, "user_name must be a string");
    }
    if (r->user_name.len == 0) {
        return refuse(reason, "user_name must not be empty");
    }
    if (r->user_name.len > REVIEW_USER_NAME_MAX) {
        return refuse(reason, "user_name must not be longer than 2048 bytes");
    }
    /* It goes into the subject of a mail. */
    return !has_c0(r->user_name) || refuse(reason, "user_name must not contain control characters");
}

static bool read_review(struct review *r, char reason[JSON_REASON_SIZE])
{
    if (json_object_get(r->document, "review") == NULL) {
        return refuse(reason, "review is missing");
    }
    r->review = json_string_member(r->document, "review");
    if (r->review.ptr == NULL) {
        return refuse(reason, "review must be a string");
    }
    return !utf8_is_blank(r->review) || refuse(reason, "review must not be blank");
}

static bool read_members(struct review *r, char reason[JSON_REASON_SIZE])
{
    if (!json_is_object(r->document)) {
        return refuse(reason, "the body must be a JSON object");
    }
    return read_user_name(r, reason) && read_review(r, reason);
}

enum review_result review_parse(struct review *out, struct span body, char reason[JSON_REASON_SIZE])
{
    *out = (struct review){.document = json_parse(body, reason)};
    if (out->document == NULL) {
        return errno == ENOMEM ? REVIEW_NO_MEMORY : REVIEW_INVALID;
    }
    if (!read_members(out, reason)) {
        review_free(out);
        return REVIEW_INVALID;
    }
    return REVIEW_OK;
}

void review_free(struct review *r)
{
    json_decref(r->document);
    *r = (struct review){0};
}
