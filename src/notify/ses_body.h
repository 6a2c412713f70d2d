/* The JSON of a SendEmail request. Pure functions. */
#ifndef NOTIFY_SES_BODY_H
#define NOTIFY_SES_BODY_H

#include "notify/ses.h"

enum { SES_DIGEST_MAX = 100, SES_DIGEST_BYTES = 512 * 1024 };

/* Whether `tags` has the form that ses_config wants; NULL has. */
bool ses_tags_valid(const char *tags);

/* One entry: subject and text as the reference's. More: a digest, which begins with their number.
 */
void ses_body(struct buf *out, const struct ses_config *config, const struct outbox_entry *entries,
              size_t count);

/* How many of the entries fit into one digest, at least 1. */
size_t ses_digest_fits(const struct outbox_entry *entries, size_t count);

#endif
