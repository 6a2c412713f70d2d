#include "aws/service.h"

static const struct aws_error_rule dynamodb_rules[] = {
    {"ReplicatedWriteConflict", AWS_ERROR_TRANSIENT}, /* global tables */
    {NULL, AWS_ERROR_PERMANENT},
};

/* SES gives LimitExceeded for what is full, not for what is fast. */
static const struct aws_error_rule ses_rules[] = {
    {"LimitExceeded", AWS_ERROR_PERMANENT},
    {NULL, AWS_ERROR_PERMANENT},
};

static const struct aws_error_rule sts_rules[] = {
    {"IDPCommunicationError", AWS_ERROR_TRANSIENT},
    {NULL, AWS_ERROR_PERMANENT},
};

const struct aws_service aws_service_dynamodb = {
    .name = "dynamodb",
    .setting = "DYNAMODB",
    .host_prefix = "dynamodb",
    .signing_name = "dynamodb",
    .plain_gov_fips = true,
    .crc32 = true,
    .max_attempts = 4,
    .backoff_us = 25000,
    .rules = dynamodb_rules,
};

const struct aws_service aws_service_ses = {
    .name = "ses",
    .setting = "SESV2",
    .host_prefix = "email",
    .signing_name = "ses",
    .max_attempts = 3,
    .backoff_us = 50000,
    .rules = ses_rules,
};

const struct aws_service aws_service_sts = {
    .name = "sts",
    .setting = "STS",
    .host_prefix = "sts",
    .signing_name = "sts",
    .plain_gov_fips = true,
    .max_attempts = 3,
    .backoff_us = 50000,
    .rules = sts_rules,
};
