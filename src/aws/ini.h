/* The file format of ~/.aws/config and ~/.aws/credentials.
 *
 *     [profile x]              # blanks inside are folded, quotes around the name dropped
 *     key = value              # keys in any case; " #" and " ;" begin a comment
 *     dynamodb =
 *       endpoint_url = …       # a nested setting: asked for as "dynamodb.endpoint_url"
 *
 * A section that comes twice is one section; of a key that comes twice the last counts. A line that
 * continues a value is ignored, since no setting here has one. Values hold secrets, so all memory
 * is wiped. */
#ifndef AWS_INI_H
#define AWS_INI_H

#include "base/span.h"

enum { INI_REASON_SIZE = 96, INI_MAX_BYTES = 1 << 20 };

struct ini;

/* Parses a copy of `text`. NULL with one line in `reason` ("line 3: …", or "out of memory"), and
 * errno ENOMEM or EINVAL. */
struct ini *ini_parse(struct span text, char reason[INI_REASON_SIZE]);

/* NULL: nothing. */
void ini_free(struct ini *ini);

/* The value of a key, or of a nested one ("parent.key"); NULL when it is not there. `section` is as
 * in the brackets, folded: "profile x". Valid as long as the ini. */
const char *ini_get(const struct ini *ini, const char *section, const char *key);

/* Whether there is such a section, even an empty one. */
bool ini_has(const struct ini *ini, const char *section);

#endif
