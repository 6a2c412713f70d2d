/* Signing requests that are written as JSON, for known answers and for the comparison with
 * botocore. */
#ifndef SUPPORT_SIGV4_CASE_H
#define SUPPORT_SIGV4_CASE_H

#include "aws/sigv4.h"
#include "base/json.h"

/* Signs what `line` describes:
 * {"method","host","path","params":[[name,value]…],"headers":[[name,value]…],"body" (null: not
 * signed), "region","service","key","secret","token" (or null),"time" (seconds),"s3"}. Returns the
 * object (the signature points into it), or NULL when the line is none. */
json_t *sigv4_case_sign(struct sigv4_signer *signer, struct span line, struct sigv4_signature *out,
                        enum sigv4_result *result);

#endif
