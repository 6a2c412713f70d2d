/* What went wrong with a call, as far as it matters for what to do next and for the counters. */
#ifndef STORE_DYNAMODB_FAULT_H
#define STORE_DYNAMODB_FAULT_H

#include "aws/call.h"

enum dynamodb_fault {
    DYNAMODB_FAULT_THROTTLED,
    DYNAMODB_FAULT_UNREACHABLE, /* also: the service has a fault */
    DYNAMODB_FAULT_DEADLINE,
    DYNAMODB_FAULT_CREDENTIALS,
    DYNAMODB_FAULT_TABLE,   /* there is none of that name */
    DYNAMODB_FAULT_SCHEMA,  /* it has other keys */
    DYNAMODB_FAULT_DENIED,  /* a permission is missing */
    DYNAMODB_FAULT_INVALID, /* the service cannot do this with this item */
    DYNAMODB_FAULT_REFUSED, /* any other no */
    DYNAMODB_FAULT_ANSWER,  /* 2xx, but not an answer of DynamoDB */
    DYNAMODB_FAULT_MEMORY,
    DYNAMODB_FAULT_CLOSED,
    DYNAMODB_FAULTS
};

/* "throttled", …: a label for metrics. Static. */
const char *dynamodb_fault_name(enum dynamodb_fault fault);

/* The fault of a call that did not end CALL_OK. `code` is the service's, or "". */
enum dynamodb_fault dynamodb_fault_of(enum call_outcome outcome, const char *code);

/* What a person can do about it; "" when there is nothing but waiting. Static. */
const char *dynamodb_fault_remedy(enum dynamodb_fault fault);

#endif
