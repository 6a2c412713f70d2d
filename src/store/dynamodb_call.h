/* Calls of DynamoDB's operations. */
#ifndef STORE_DYNAMODB_CALL_H
#define STORE_DYNAMODB_CALL_H

#include "aws/call.h"

enum dynamodb_op {
    DYNAMODB_PUT_ITEM,
    DYNAMODB_BATCH_WRITE_ITEM,
    DYNAMODB_UPDATE_ITEM,
    DYNAMODB_GET_ITEM,
    DYNAMODB_QUERY,
    DYNAMODB_SCAN,
    DYNAMODB_DESCRIBE_TABLE,
    DYNAMODB_CREATE_TABLE,
    DYNAMODB_UPDATE_TABLE,
    DYNAMODB_UPDATE_CONTINUOUS_BACKUPS,
    DYNAMODB_OPS
};

/* "PutItem", …: as IAM calls it behind "dynamodb:". Static. */
const char *dynamodb_op_name(enum dynamodb_op op);

/* Starts one call, as call_start(); the body stays the caller's until `done`. */
struct dynamodb_request {
    enum dynamodb_op op;
    struct span body;
    int64_t deadline_us; /* mono */
};
bool dynamodb_call(struct call_client *client, const struct dynamodb_request *request,
                   call_done *done, void *context);

#endif
