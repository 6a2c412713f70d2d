/* SendEmail: its JSON, and the request that carries it. Pure functions. */
#ifndef NOTIFY_SES_BODY_H
#define NOTIFY_SES_BODY_H

#include "notify/ses.h"

enum { SES_DIGEST_MAX = 100, SES_DIGEST_BYTES = 512 * 1024 };

/* Whether `tags` has the form that ses_config wants; NULL has. */
bool ses_tags_valid(const char *tags);

/* Appends the request for one entry, with subject and text as the reference's, or for a digest of
 * more: its subject says how many, and each review has a line with its time and subject above it.
 * The caller checks buf_failed(). */
void ses_body(struct buf *out, const struct ses_config *config, const struct outbox_entry *entries,
              size_t count);

/* The call with that body, which stays the caller's; deadline and limits are the caller's to set.
 * It is not retried when throttled: that is a matter of the pace, and each try counts for SES. */
struct call_request ses_request(struct span body);

/* How many of the entries, from the front, go into one digest: at least 1. One that was tried
 * before goes alone, so that one bad review does not take others with it a second time. */
size_t ses_digest_fits(const struct outbox_entry *entries, size_t count);

#endif
