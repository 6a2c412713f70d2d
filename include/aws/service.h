/* The AWS services that are called, as data: how they are addressed, signed for, and which errors
 * they give. A new service is a new row in service.c. */
#ifndef AWS_SERVICE_H
#define AWS_SERVICE_H

#include "aws/sigv4.h"

/* What an error means for the call that got it. */
enum aws_error_class {
    AWS_ERROR_PERMANENT,   /* the same request would fail again */
    AWS_ERROR_THROTTLE,    /* too much: slow down, then again */
    AWS_ERROR_TRANSIENT,   /* a fault of the service or of the way there: again soon */
    AWS_ERROR_CLOCK,       /* the signature's time may be the reason */
    AWS_ERROR_CREDENTIALS, /* the credentials are not, or no longer, known: again with fresh ones */
    AWS_ERROR_CLASSES
};

/* Codes without a closing "Exception": AWS gives some with and without. */
struct aws_error_rule {
    const char *code;
    enum aws_error_class what;
};

struct aws_service {
    const char *name;         /* for logs and metrics: "dynamodb" */
    const char *setting;      /* as in AWS_ENDPOINT_URL_DYNAMODB */
    const char *host_prefix;  /* of {prefix}.{region}.amazonaws.com */
    const char *signing_name; /* in the signature's scope */
    enum sigv4_style style;
    bool plain_gov_fips;                /* in GovCloud the plain host is the FIPS one */
    bool crc32;                         /* answers carry x-amz-crc32 */
    unsigned max_attempts;              /* of one call, the first included */
    int64_t backoff_us;                 /* first back-off after anything but throttling */
    const struct aws_error_rule *rules; /* before the common ones; ends with code NULL */
};

extern const struct aws_service aws_service_dynamodb;
extern const struct aws_service aws_service_ses; /* SES v2 */
extern const struct aws_service aws_service_sts;

#endif
